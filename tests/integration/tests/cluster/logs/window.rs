//! Windows by lines and by time.

use gumshoe_proto::collector::v1::ReadLogsRequest;
use jiff::Timestamp;

use super::{assert_same, cut, joined, our_timed, read, timed, whole};
use crate::support::{kubectl_logs, on_the_bench, pod_of};

/// The newest lines and chunks of lines: `orders` has 13 lines in 19 chunks, and a chunk counts as one.
#[test]
fn the_newest_lines_are_those_of_kubectl() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let pod = pod_of(bench, "worker").await;
        for (container, most) in [("orders", 21), ("metrics", 4)] {
            for lines in (0..most).chain([1_000_000]) {
                let tail = format!("--tail={lines}");
                let theirs = kubectl_logs(bench, &["-n", "shop", &pod, "-c", container, &tail]).await.unwrap();
                let request =
                    ReadLogsRequest { tail_lines: Some(lines), whole_log: false, ..whole("shop", &pod, container) };
                let ours = read(&collector, request).await;
                assert_same(&joined(&ours.lines), &cut(&theirs), &format!("{container} {tail}"));
            }
        }
    });
}

#[test]
fn the_lines_since_a_moment_are_those_of_kubectl() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let pod = pod_of(bench, "worker").await;
        for container in ["orders", "metrics"] {
            let all =
                timed(&kubectl_logs(bench, &["-n", "shop", &pod, "-c", container, "--timestamps"]).await.unwrap());
            for (second, _) in &all {
                let second = Timestamp::from_second(second.as_second()).unwrap();
                let since = format!("--since-time={second}");
                let theirs = kubectl_logs(bench, &["-n", "shop", &pod, "-c", container, &since]).await.unwrap();
                let (_, ours, said) = collector.bytes(&["logs", &pod, "-n", "shop", "-c", container, &since]).await;
                assert_same(&ours, &cut(&theirs), &format!("{container} {since} {said}"));
            }
        }
    });
}

/// kubectl and the kubelet know whole seconds only.
#[test]
fn a_moment_within_a_second_is_kept_to_the_nanosecond() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let pod = pod_of(bench, "worker").await;
        let all = timed(&kubectl_logs(bench, &["-n", "shop", &pod, "-c", "metrics", "--timestamps"]).await.unwrap());
        for nanoseconds in [-1, 0, 1] {
            let (moment, _) = &all[1];
            let moment = *moment + jiff::SignedDuration::from_nanos(nanoseconds);
            let since = prost_types::Timestamp { seconds: moment.as_second(), nanos: moment.subsec_nanosecond() };
            let request =
                ReadLogsRequest { since_time: Some(since), whole_log: false, ..whole("shop", &pod, "metrics") };
            let ours = read(&collector, request).await;
            let theirs: Vec<_> = all.iter().filter(|(time, _)| *time >= moment).cloned().collect();
            assert_eq!(our_timed(&ours.lines), theirs, "{nanoseconds}");
            assert_eq!(ours.lines.len(), if nanoseconds > 0 { 1 } else { 2 });
        }
    });
}

#[test]
fn a_window_by_lines_and_time_is_that_of_kubectl() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let pod = pod_of(bench, "worker").await;
        for window in [["--tail=3", "--since=1h"], ["--tail=12", "--since=20m"], ["--tail=100", "--since=1s"]] {
            let arguments = [&["-n", "shop", &pod, "-c", "orders"], &window[..]].concat();
            let theirs = kubectl_logs(bench, &arguments).await.unwrap();
            let (_, ours, said) = collector.bytes(&[&["logs"], &arguments[..]].concat()).await;
            assert_same(&ours, &cut(&theirs), &format!("{window:?} {said}"));
        }
    });
}
