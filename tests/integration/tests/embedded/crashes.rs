//! Processes die in the middle of their work, and the result is whole.

use gumshoe_devstack::faults::Gate;
use gumshoe_devstack::replay::{Action, ContainerId, Fault, Requests, Resource, synthetic};
use gumshoe_devstack::sqs::Call;
use gumshoe_devstack::stack::{COMMANDS, Stack};
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::ReadLogsRequest;

use crate::support::{Answer, answer, command, expected_names, list_pods, mk_shop, names, read_logs, send};

const PODS: usize = 1000;
/// Lines of 5 MB in all.
const LINES: usize = 50_000;

fn log_texts() -> impl Iterator<Item = String> {
    (0..LINES).map(|number| format!("line {number} {}", "x".repeat(80)))
}

/// Starts a command and holds it up in the middle of its streams: pages of both have gone out, more are to come.
async fn half_done() -> (Stack, Gate) {
    let log = synthetic::log_lines(log_texts());
    let shop = mk_shop(PODS).log(ContainerId::new("shop", "web-00000", "app"), log);
    let stack = Stack::of(shop).start().await.unwrap();
    let gate = Gate::closed();
    let stall = |matching, times| {
        let action = Action::StallBody { after: 2_500_000, until: gate.clone() };
        stack.replay.faults().push(Fault { matching, times, action })
    };
    // Of the two requests for a log, the first asks for its newest line only.
    let stalled = [stall(Requests::lists(Resource::PODS), 1), stall(Requests::logs(), 2)];
    let log = ReadLogsRequest {
        namespace: "shop".into(),
        pod: "web-00000".into(),
        whole_log: true,
        ..ReadLogsRequest::default()
    };
    send(&stack, &command("cmd", vec![list_pods("pods", &[]), read_logs("log", log)])).await;
    for (stalled, kind) in stalled.iter().zip(["listPods", "readLogs"]) {
        stalled.times(1).await.unwrap();
        let page_sent = |call: &Call| call.operation == "SendMessageBatch" && call.input.to_string().contains(kind);
        stack.sqs.saw("a page in the result queue", page_sent).await.unwrap();
    }
    (stack, gate)
}

fn assert_whole(answer: &Answer) {
    assert_eq!(answer.status(), EndStatus::Succeeded, "{:?}", answer.end());
    assert_eq!(names(&answer.pods("pods")), expected_names(PODS));
    assert!(answer.lines("log").iter().map(|line| line.text.clone()).eq(log_texts()), "{:?}", answer.outcome("log"));
}

#[tokio::test]
async fn a_collector_that_is_killed_in_the_middle_of_a_stream_costs_nothing() {
    let (mut stack, gate) = half_done().await;
    stack.kill_collector().await.unwrap();
    gate.open();
    stack.start_collector().await.unwrap();
    let answer = answer(&stack, "cmd").await;
    assert_whole(&answer);
    assert_eq!(answer.runs, 1, "resumed in the same run");
    stack.sqs.drained(COMMANDS).await.unwrap();
}

#[tokio::test]
async fn a_bridge_that_is_killed_leaves_the_command_to_the_next_one() {
    let (mut stack, gate) = half_done().await;
    stack.kill_bridge().await.unwrap();
    gate.open();
    // What the dead bridge had is visible again after its visibility time-out; nobody waits for that here.
    stack.sqs.expire_visibility().await.unwrap();
    stack.start_bridge().await.unwrap();
    let answer = answer(&stack, "cmd").await;
    assert_whole(&answer);
    assert_eq!(answer.runs, 2, "the first run has pages and no end");
    stack.sqs.drained(COMMANDS).await.unwrap();
}

#[tokio::test]
async fn a_collector_that_is_down_for_a_while_is_waited_for() {
    let mut stack = Stack::of(mk_shop(PODS)).start().await.unwrap();
    stack.kill_collector().await.unwrap();
    send(&stack, &command("cmd", vec![list_pods("pods", &[])])).await;
    let accepted = |call: &Call| call.input.to_string().contains("accepted");
    stack.sqs.saw("the command is accepted", accepted).await.unwrap();
    stack.start_collector().await.unwrap();
    let answer = answer(&stack, "cmd").await;
    assert_eq!((answer.status(), names(&answer.pods("pods"))), (EndStatus::Succeeded, expected_names(PODS)));
}
