//! What `gumshoe logs` prints, byte for byte, of the logs that are awkward on purpose.

use super::{assert_same, cut, our_timed, read, timed, whole};
use crate::support::{kubectl_logs, on_the_bench, pod_of};
use gumshoe_proto::collector::v1::ReadLogsRequest;
use jiff::Timestamp;

/// Complete, and something is missing.
const COMPLETE: i32 = 0;
const INCOMPLETE: i32 = 3;

#[test]
fn the_command_line_prints_the_bytes_that_kubectl_prints() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        for (app, container) in
            [("worker", "orders"), ("worker", "metrics"), ("worker", "wait-for-queue"), ("cart", "cart")]
        {
            let pod = pod_of(bench, app).await;
            let theirs = kubectl_logs(bench, &["-n", "shop", &pod, "-c", container]).await.unwrap();
            let (code, ours, said) = collector.bytes(&["logs", &pod, "-n", "shop", "-c", container, "--whole"]).await;
            assert_eq!(code, Some(COMPLETE), "{said}");
            assert_same(&ours, &cut(&theirs), container);
        }
    });
}

#[test]
fn the_run_before_is_the_one_that_kubectl_prints() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        for app in ["api", "cart"] {
            let pod = pod_of(bench, app).await;
            let theirs = kubectl_logs(bench, &["-n", "shop", &pod, "--previous"]).await.unwrap();
            assert!(!theirs.is_empty());
            let (code, ours, said) = collector.bytes(&["logs", &pod, "-n", "shop", "--previous"]).await;
            assert_eq!(code, Some(COMPLETE), "{said}");
            assert_same(&ours, &theirs, app);
        }
    });
}

/// The worker's default container is named by an annotation.
#[test]
fn the_default_container_is_that_of_kubectl() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        for app in ["worker", "web", "search"] {
            let pod = pod_of(bench, app).await;
            let theirs = kubectl_logs(bench, &["-n", "shop", &pod]).await;
            let (code, ours, said) = collector.bytes(&["logs", &pod, "-n", "shop", "--whole"]).await;
            match theirs {
                Ok(theirs) => assert_same(&ours, &cut(&theirs), &format!("{app}: {said}")),
                Err(theirs) => {
                    let waits = "waiting to start";
                    assert!(theirs.contains(waits) && said.contains(waits), "{theirs} {said}");
                    assert_eq!((code, ours.len()), (Some(COMPLETE), 0), "{said}");
                }
            }
        }
    });
}

/// A node's clock may be in another zone: it is the same moment.
#[test]
fn timestamps_are_those_of_kubectl_to_the_nanosecond() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let pod = pod_of(bench, "worker").await;
        let arguments = ["-n", "shop", &pod, "-c", "metrics", "--timestamps"];
        let theirs = kubectl_logs(bench, &arguments).await.unwrap();
        assert!(String::from_utf8(theirs.clone()).unwrap().lines().all(|line| line.contains("+05:30 ")));
        let ours = read(&collector, whole("shop", &pod, "metrics")).await;
        assert_eq!(our_timed(&ours.lines), timed(&theirs));

        let (_, ours, _) = collector.bytes(&[&["logs"], &arguments[..]].concat()).await;
        let theirs =
            timed(&theirs).into_iter().map(|(time, text)| [format!("{time:.9} ").as_bytes(), &text, b"\n"].concat());
        assert_same(&ours, &theirs.flatten().collect::<Vec<_>>(), "metrics");
    });
}

#[test]
fn all_containers_are_merged_in_the_order_of_time_and_none_lacks_a_line() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let pod = pod_of(bench, "worker").await;
        let request = ReadLogsRequest { all_containers: true, containers: Vec::new(), ..whole("shop", &pod, "") };
        let ours = read(&collector, request).await;
        assert!(ours.completeness.complete, "{:?}", ours.completeness);
        let ours = ours.lines;
        assert!(our_timed(&ours).is_sorted_by_key(|(time, _)| *time));
        let all = kubectl_logs(bench, &["-n", "shop", &pod, "--all-containers", "--timestamps"]).await.unwrap();
        assert_eq!(ours.len(), timed(&all).len());
        for container in ["wait-for-queue", "log-shipper", "orders", "metrics"] {
            let theirs = kubectl_logs(bench, &["-n", "shop", &pod, "-c", container, "--timestamps"]).await.unwrap();
            let theirs: Vec<_> =
                timed(&theirs).into_iter().map(|(time, text)| (time, cut(&[&text, &b"\n"[..]].concat()))).collect();
            let ours: Vec<_> = ours.iter().filter(|line| line.container == container).cloned().collect();
            let ours: Vec<(Timestamp, _)> =
                our_timed(&ours).into_iter().map(|(time, text)| (time, [&text, &b"\n"[..]].concat())).collect();
            assert!(ours == theirs, "{container}");
        }
    });
}

#[test]
fn a_node_that_is_gone_and_a_container_that_is_forgotten_are_told_apart_from_an_empty_log() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        for (namespace, pod, status, code) in [
            ("payments", "ledger", "NODE_UNREACHABLE", INCOMPLETE),
            ("backoffice", "forgotten", "RUNTIME_ERROR", INCOMPLETE),
            ("backoffice", "config-error", "NOT_STARTED", COMPLETE),
            ("backoffice", "exit-code", "READ", COMPLETE),
        ] {
            let (ended, log, said) = collector.bytes(&["logs", pod, "-n", namespace]).await;
            assert_eq!((ended, log.len()), (Some(code), 0), "{said}");
            let (ended, log, _) = collector.bytes(&["logs", pod, "-n", namespace, "-o", "json"]).await;
            let log = String::from_utf8(log).unwrap();
            assert_eq!(ended, Some(code), "{log}");
            assert!(log.contains(&format!("\"CONTAINER_LOG_STATUS_{status}\"")), "{log}");
        }
    });
}
