//! Logs, byte for byte beside `kubectl logs`.

mod awkward;
mod every;
mod follow;
mod newest;
mod several;
mod window;

use gumshoe_integration::{bytes, joined};
use gumshoe_proto::collector::v1::{Completeness, ContainerLog, LogLine, ReadLogsRequest};
use jiff::Timestamp;

use crate::support::Collector;

/// The collector cuts a longer line, and says so.
const LONGEST_LINE: usize = 64 << 10;

/// A log as the collector gives it.
struct Log {
    lines: Vec<LogLine>,
    logs: Vec<ContainerLog>,
    completeness: Completeness,
}

async fn read(collector: &Collector, request: ReadLogsRequest) -> Log {
    let pages = collector.client.clone().read_logs(request).await.unwrap();
    let end = pages.last().unwrap().clone();
    let lines = pages.into_iter().flat_map(|page| page.lines).collect();
    Log { lines, logs: end.logs, completeness: end.completeness.unwrap() }
}

/// The whole log of one container.
fn whole(namespace: &str, pod: &str, container: &str) -> ReadLogsRequest {
    ReadLogsRequest {
        namespace: namespace.to_owned(),
        pod: pod.to_owned(),
        containers: vec![container.to_owned()],
        whole_log: true,
        ..ReadLogsRequest::default()
    }
}

fn timestamp(line: &LogLine) -> Timestamp {
    let timestamp = line.timestamp.unwrap();
    Timestamp::new(timestamp.seconds, timestamp.nanos).unwrap()
}

/// A log as kubectl printed it, line by line; every line of ours ends.
fn lines_of(log: &[u8]) -> Vec<&[u8]> {
    assert!(log.is_empty() || log.ends_with(b"\n"), "{:?}", String::from_utf8_lossy(log));
    log.split_inclusive(|byte| *byte == b'\n').map(|line| &line[..line.len() - 1]).collect()
}

/// A log as kubectl printed it, with longer lines cut as the collector cuts them.
fn cut(log: &[u8]) -> Vec<u8> {
    lines_of(log).into_iter().flat_map(|line| [&line[..line.len().min(LONGEST_LINE)], b"\n"].concat()).collect()
}

/// A log that kubectl printed with `--timestamps`: times and texts.
fn timed(log: &[u8]) -> Vec<(Timestamp, Vec<u8>)> {
    let timed = lines_of(log).into_iter().map(|line| {
        let space = line.iter().position(|byte| *byte == b' ').unwrap();
        (std::str::from_utf8(&line[..space]).unwrap().parse().unwrap(), line[space + 1..].to_vec())
    });
    timed.collect()
}

/// The same of a log of ours.
fn our_timed(lines: &[LogLine]) -> Vec<(Timestamp, Vec<u8>)> {
    lines.iter().map(|line| (timestamp(line), bytes(line).to_vec())).collect()
}

/// Compares logs without filling the screen.
#[track_caller]
fn assert_same(ours: &[u8], kubectl: &[u8], what: &str) {
    let at =
        ours.iter().zip(kubectl).position(|(ours, theirs)| ours != theirs).unwrap_or(ours.len().min(kubectl.len()));
    let near = |log: &[u8]| String::from_utf8_lossy(&log[at.saturating_sub(20)..log.len().min(at + 60)]).into_owned();
    assert!(
        ours == kubectl,
        "{what}: ours has {} bytes and kubectl's {}; from byte {at} on: {:?}, {:?}",
        ours.len(),
        kubectl.len(),
        near(ours),
        near(kubectl)
    );
}
