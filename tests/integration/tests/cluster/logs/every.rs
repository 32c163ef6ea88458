//! Every container of every pod: its log, the one before, or why there is none.

use gumshoe_proto::collector::v1::{ContainerLogStatus, ReadLogsRequest};
use serde_json::Value;

use super::{LONGEST_LINE, assert_same, cut, joined, lines_of, read, whole};
use crate::support::{Bench, Collector, FOLLOWED, kubectl, kubectl_logs, on_the_bench};

/// Namespace, pod, container.
async fn containers(bench: &Bench) -> Vec<[String; 3]> {
    let pods: Value = serde_json::from_str(&kubectl(bench, &["get", "pods", "-A", "-o", "json"]).await).unwrap();
    let mut containers = Vec::new();
    for pod in pods["items"].as_array().unwrap() {
        let [namespace, name] = ["namespace", "name"].map(|field| pod["metadata"][field].as_str().unwrap());
        for field in ["initContainers", "containers", "ephemeralContainers"] {
            for container in pod["spec"][field].as_array().into_iter().flatten() {
                let container = container["name"].as_str().unwrap();
                containers.push([namespace, name, container].map(str::to_owned));
            }
        }
    }
    // Another test writes to this log.
    containers.retain(|[namespace, ..]| namespace != FOLLOWED.0);
    containers
}

/// Compares one log, and says what became of it.
async fn compare(
    bench: &Bench,
    collector: &Collector,
    [namespace, pod, container]: &[String; 3],
    previous: bool,
) -> ContainerLogStatus {
    let what = format!("{namespace}/{pod}/{container} previous={previous}");
    let flags: &[&str] = if previous { &["--previous"] } else { &[] };
    let theirs = kubectl_logs(bench, &[&["-n", namespace, pod, "-c", container], flags].concat()).await;
    let request = ReadLogsRequest { previous, ..whole(namespace, pod, container) };
    let ours = read(collector, request).await;
    let [log] = &ours.logs[..] else { panic!("{what}: {:?}", ours.logs) };
    match (theirs, log.status()) {
        (Ok(theirs), ContainerLogStatus::Read) => {
            assert_same(&joined(&ours.lines), &cut(&theirs), &what);
            for (ours, theirs) in ours.lines.iter().zip(lines_of(&theirs)) {
                let length = (theirs.len() > LONGEST_LINE).then_some(theirs.len() as u64);
                assert_eq!(ours.cut_from, length, "{what}");
            }
            assert!(ours.completeness.complete, "{what}: {:?}", ours.completeness);
        }
        // kubectl prints nothing, and says nothing of it.
        (Ok(theirs), ContainerLogStatus::NotScheduled) => {
            assert_eq!((theirs.len(), ours.lines.len()), (0, 0), "{what}")
        }
        (Ok(theirs), ContainerLogStatus::RuntimeError) => {
            assert!(theirs.starts_with(b"unable to retrieve container logs for "), "{what}: {log:?}");
            assert!(ours.lines.is_empty() && !ours.completeness.complete, "{what}: {log:?}");
        }
        (Err(theirs), status) => {
            // Where there is no log, none is missing.
            let (words, complete) = match status {
                ContainerLogStatus::NotStarted => (["is waiting to start: ", "is not available"], true),
                ContainerLogStatus::NoPrevious => (["previous terminated container ", "is not available"], true),
                ContainerLogStatus::NodeUnreachable => (["dial tcp ", "dial tcp "], false),
                status => panic!("{what}: {status:?} {theirs}"),
            };
            assert!(words.iter().any(|words| theirs.contains(words)), "{what}: {status:?} {theirs}");
            assert_eq!((ours.lines.len(), ours.completeness.complete), (0, complete), "{what}: {log:?}");
        }
        (Ok(theirs), status) => panic!("{what}: {status:?} {}", String::from_utf8_lossy(&theirs)),
    }
    log.status()
}

#[test]
fn every_log_and_the_one_before_is_that_of_kubectl_or_says_why_there_is_none() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let mut became = Vec::new();
        for container in containers(bench).await {
            for previous in [false, true] {
                became.push(compare(bench, &collector, &container, previous).await);
            }
        }
        // The shop has each of these on purpose.
        for (status, at_least) in [
            (ContainerLogStatus::Read, 40),
            (ContainerLogStatus::NotStarted, 8),
            (ContainerLogStatus::NoPrevious, 20),
            (ContainerLogStatus::NotScheduled, 2),
            (ContainerLogStatus::NodeUnreachable, 2),
            (ContainerLogStatus::RuntimeError, 1),
        ] {
            let number = became.iter().filter(|became| **became == status).count();
            assert!(number >= at_least, "{number} {status:?}");
        }
    });
}
