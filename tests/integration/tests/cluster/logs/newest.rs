//! The newest bytes of a log that is longer than what is read by default.

use gumshoe_proto::collector::v1::{GapReason, ReadLogsRequest};

use super::{assert_same, joined, read, whole};
use crate::support::{kubectl_logs, on_the_bench};

/// The newest whole lines that fit.
fn end_of(log: &[u8], bytes: usize) -> &[u8] {
    let from = log.len().saturating_sub(bytes);
    if from == 0 {
        return log;
    }
    let line = log[from - 1..].iter().position(|byte| *byte == b'\n').map_or(log.len(), |at| from + at);
    &log[line..]
}

#[test]
fn the_newest_bytes_are_the_end_of_what_kubectl_prints() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let log = &bench.long_log;
        let theirs = kubectl_logs(bench, &["-n", log.namespace, log.pod]).await.unwrap();
        assert_eq!(theirs.iter().filter(|byte| **byte == b'\n').count(), log.lines);
        let request = whole(log.namespace, log.pod, log.container);
        let ours = read(&collector, request.clone()).await;
        assert_same(&joined(&ours.lines), &theirs, "the whole log");
        for bytes in [1, 100, 1000, 65_536, 1 << 20, 1_500_000, theirs.len() - 1, theirs.len(), theirs.len() + 1] {
            let newest_bytes = Some(i64::try_from(bytes).unwrap());
            let ours = read(&collector, ReadLogsRequest { newest_bytes, whole_log: false, ..request.clone() }).await;
            assert_same(&joined(&ours.lines), end_of(&theirs, bytes), &format!("the newest {bytes} bytes"));
            assert_eq!(ours.completeness.complete, bytes >= theirs.len(), "{bytes}: {:?}", ours.completeness);
        }
    });
}

#[test]
fn where_no_window_is_asked_for_it_is_the_newest_mebibyte_and_what_was_left_out_is_named() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let log = &bench.long_log;
        let theirs = kubectl_logs(bench, &["-n", log.namespace, log.pod]).await.unwrap();
        let request = whole(log.namespace, log.pod, log.container);
        let ours = read(&collector, ReadLogsRequest { whole_log: false, ..request }).await;
        assert_same(&joined(&ours.lines), end_of(&theirs, 1 << 20), "no window");
        let [gap] = &ours.completeness.gaps[..] else { panic!("{:?}", ours.completeness) };
        assert_eq!(gap.reason(), GapReason::LogCutOlder, "{gap:?}");
        assert_eq!(ours.logs[0].older_lines_exist, Some(true));
    });
}
