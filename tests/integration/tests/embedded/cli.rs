//! The shipped `gumshoe`: what it prints, beside what kubectl printed of the same cluster, and how it ends.

use aws_sdk_sqs::types::QueueAttributeName;
use gumshoe_devstack::replay::{LogAnswer, Shop};
use gumshoe_devstack::stack::{RESULTS, Stack};
use serde_json::Value;

/// What kubectl printed when the shop was recorded.
const KUBECTL_PODS: &str = include_str!("../../../fixtures/recorded/kubectl-get-pods.txt");

/// As scripts tell them apart.
const COMPLETE: i32 = 0;
const INCOMPLETE: i32 = 3;
const NOT_FOUND: i32 = 4;
const USAGE: i32 = 2;

/// The rows of a table without its head, cut into cells where two spaces or more are.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().skip(1).map(|row| row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect()
}

#[tokio::test]
async fn pods_are_printed_as_kubectl_prints_them() {
    let stack = Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap();
    let output = stack.cli().run(&["get", "pods", "-A"]).await.unwrap();
    assert_eq!(output.status.code(), Some(COMPLETE), "{}", output.stderr);
    // NAMESPACE, NAME, READY, STATUS; behind them stands how long ago something was, and time goes on.
    let columns = |rows: Vec<Vec<&str>>| rows.iter().map(|row| row[..4].join(" ")).collect::<Vec<_>>();
    assert_eq!(columns(rows(&output.stdout)), columns(rows(KUBECTL_PODS)));
    assert!(output.stderr.contains("complete"), "{}", output.stderr);
}

#[tokio::test]
async fn what_is_said_beside_an_object_stands_below_its_table() {
    let stack = Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap();
    let crashed = Shop::recorded_crash().unwrap();
    for (arguments, expected) in [
        (
            &["get", "pod", &crashed.pod, "-n", &crashed.namespace][..],
            &["waiting: CrashLoopBackOff", "condition Ready"][..],
        ),
        (&["get", "ingress", "balanced", "-n", "odd"], &["exists", "no service"]),
        (&["get", "ingresses", "-A", "--with-backends"], &["exist, and", "no service"]),
        (&["get", "endpoints", "cart", "-n", "shop"], &["backends are ready"]),
    ] {
        let output = stack.cli().run(arguments).await.unwrap();
        assert_eq!(output.status.code(), Some(COMPLETE), "{}", output.stderr);
        let missing = expected.iter().find(|text| !output.stdout.contains(**text));
        assert_eq!(missing, None, "{arguments:?}: {}", output.stdout);
    }
}

#[tokio::test]
async fn a_log_is_printed_to_the_byte() {
    let shop = Shop::recorded().unwrap();
    let id = Shop::recorded_crash().unwrap();
    let stack = Stack::of(shop.clone()).start_without_bridge().await.unwrap();
    let arguments = ["logs", &id.pod, "-n", &id.namespace, "-c", &id.container];
    let output = stack.cli().run(&arguments).await.unwrap();
    let Some(LogAnswer::Lines(log)) = shop.logs().get(&id) else { panic!("no log of {id:?}") };
    let log = String::from_utf8(log.to_vec()).unwrap();
    let expected: String = log.split_inclusive('\n').filter_map(|line| Some(line.split_once(' ')?.1)).collect();
    assert_eq!((output.status.code(), output.stdout), (Some(COMPLETE), expected), "{}", output.stderr);
}

#[tokio::test]
async fn a_run_prints_its_result_and_leaves_the_messages_of_others() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    for _ in 0..12 {
        stack.sqs.send(RESULTS, "somebody else's").await.unwrap();
    }
    let output = stack.cli().run(&["run", "--query", "get pods -n payments", "-o", "json"]).await.unwrap();
    assert_eq!(output.status.code(), Some(COMPLETE), "{}", output.stderr);
    assert!(output.stderr.contains("warning") && output.stderr.contains("others"), "{}", output.stderr);
    let results: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
    assert!(results.iter().any(|result| result["end"]["status"] == "END_STATUS_SUCCEEDED"), "{results:?}");
    assert!(results.iter().any(|result| result["page"]["listPods"]["items"].is_array()), "{results:?}");
    assert_eq!(stack.sqs.holds(RESULTS).await.unwrap(), 12);
    let given_back = stack.sqs.calls().into_iter().filter(|call| call.operation == "ChangeMessageVisibilityBatch");
    let entries = given_back.flat_map(|call| call.input["Entries"].as_array().cloned().unwrap_or_default());
    assert_eq!(entries.filter(|entry| entry["VisibilityTimeout"] == 0).count(), 12, "all are visible again");
}

#[tokio::test]
async fn a_run_goes_through_fifo_queues_too() {
    let mut stack = Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap();
    let urls = ["commands.fifo", "results.fifo"].map(|name| stack.sqs.queue_url(name));
    for name in ["commands.fifo", "results.fifo"] {
        let fifo = (QueueAttributeName::FifoQueue, "true".to_owned());
        stack.sqs.create_queue(name, [fifo]).await.unwrap();
    }
    let [commands, results] = urls.each_ref().map(String::as_str);
    stack.bridge_options.command_queue = commands.to_owned();
    stack.bridge_options.result_queues[0].1 = results.to_owned();
    stack.start_bridge().await.unwrap();
    let arguments = ["run", "--command-queue", commands, "--result-queue", results, "--query", "get pods -n payments"];
    let output = stack.cli().run(&arguments).await.unwrap();
    assert_eq!(output.status.code(), Some(COMPLETE), "{}", output.stderr);
    for queue in ["commands.fifo", "results.fifo"] {
        stack.sqs.drained(queue).await.unwrap();
    }
}

#[tokio::test]
async fn a_compressed_result_says_the_same_in_fewer_bytes() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    let run = ["run", "--query", "get pods -A", "--query", "get cm -A", "--query", "get events -A --limit 9000"];
    let mut bytes = 0..0;
    let mut outputs = Vec::new();
    for arguments in [run.to_vec(), [&run[..], &["--gzip"]].concat()] {
        let output = stack.cli().run(&arguments).await.unwrap();
        assert_eq!(output.status.code(), Some(COMPLETE), "{}", output.stderr);
        // The ages in it go on.
        outputs.push(rows(&output.stdout).into_iter().map(|row| row[..row.len().min(2)].join(" ")).collect::<Vec<_>>());
        let sent = stack.sqs.calls().into_iter().filter(|call| call.operation == "SendMessageBatch");
        bytes = bytes.end..sent.map(|call| call.input.to_string().len()).sum();
    }
    assert!(outputs[0].len() > 100 && outputs[0] == outputs[1], "{outputs:?}");
    let (plain, compressed) = (bytes.start, bytes.end - bytes.start);
    assert!(compressed * 3 < plain, "{plain} bytes, compressed {compressed}");
}

#[tokio::test]
async fn a_queue_that_the_bridge_would_refuse_is_refused() {
    let cli = Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap().cli();
    let query = ["--query", "get pods -n shop"];
    for (commands, results, why) in [
        ("ftp://localhost/0/q", "http://localhost/0/r", "must be https"),
        ("http://queue.example/0/q", "http://localhost/0/r", "must be https"),
        ("http://localhost/0/q", "http://LocalHost:80/0/q/", "--result-queue is the command queue"),
    ] {
        let queues = ["run", "--command-queue", commands, "--result-queue", results];
        let output = cli.run(&[&queues[..], &query].concat()).await.unwrap();
        assert_eq!(output.status.code(), Some(USAGE), "{}", output.stderr);
        assert!(output.stderr.contains(why), "{}", output.stderr);
    }
}

#[tokio::test]
async fn the_exit_code_tells_what_is_missing() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    stack.replay.deny_namespace("payments");
    for (arguments, code, word) in [
        (&["get", "pods", "nobody", "-n", "shop"][..], NOT_FOUND, "shop/nobody"),
        (&["get", "pods", "-n", "shop,payments"], INCOMPLETE, "NAMESPACE_DENIED payments"),
        (&["run", "--query", "get events -n payments,shop"], INCOMPLETE, "NAMESPACE_DENIED payments"),
        (&["get", "pods", "-n", "gone,shop"], INCOMPLETE, "NAMESPACE_NOT_FOUND gone"),
    ] {
        let output = stack.cli().run(arguments).await.unwrap();
        let said = output.stdout + &output.stderr;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}
