//! Following a log to the deadline of the call.

use std::io::Write;
use std::time::Duration;

use gumshoe_proto::collector::v1::ReadLogsRequest;
use jiff::Timestamp;
use tokio::time::Instant;
use tonic::Request;

use super::whole;
use crate::support::{Bench, FOLLOWED, on_the_bench};

/// Long enough for a line to come through on a machine that is busy with other tests.
const DEADLINE: Duration = Duration::from_secs(10);

/// Writes a line as a container runtime does.
fn write_line(bench: &Bench, text: &str) {
    let (namespace, pod, container) = FOLLOWED;
    let directory = bench.cluster.logs().unwrap().join(namespace).join(pod).join(container);
    std::fs::create_dir_all(&directory).unwrap();
    let mut log = std::fs::File::options().create(true).append(true).open(directory.join("0.log")).unwrap();
    // In one write: the kubelet may read at any time.
    log.write_all(format!("{:.9} stdout F {text}\n", Timestamp::now()).as_bytes()).unwrap();
}

#[test]
fn a_followed_log_brings_new_lines_and_ends_at_the_deadline() {
    on_the_bench(async |bench| {
        let mut collector = bench.collector().await;
        write_line(bench, "before");
        let (namespace, pod, container) = FOLLOWED;
        let follow = ReadLogsRequest { follow: true, whole_log: false, ..whole(namespace, pod, container) };
        let mut request = Request::new(follow);
        request.set_timeout(DEADLINE);
        let started = Instant::now();
        let mut pages = collector.client.logs.read_logs(request).await.unwrap().into_inner();
        let mut texts = Vec::new();
        let mut end = None;
        while let Some(page) = pages.message().await.unwrap() {
            for line in page.lines {
                // Each line is written when the one before has come.
                match line.text.as_str() {
                    "before" => write_line(bench, "while followed"),
                    "while followed" => write_line(bench, "once more"),
                    _ => {}
                }
                texts.push(line.text);
            }
            end = page.completeness;
        }
        assert_eq!(texts, ["before", "while followed", "once more"]);
        let took = started.elapsed();
        assert!((DEADLINE - Duration::from_secs(1)..DEADLINE + Duration::from_secs(1)).contains(&took), "{took:?}");
        let end = end.unwrap();
        assert!(end.complete && end.items == 3, "{end:?}");
    });
}
