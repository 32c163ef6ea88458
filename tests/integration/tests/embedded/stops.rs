//! What stops a command before the ends of its queries, and how it goes on.

use gumshoe_devstack::replay::Shop;
use gumshoe_devstack::sqs::Call;
use gumshoe_devstack::stack::{COMMANDS, Stack};
use gumshoe_proto::bridge::v1::{Budget, Cancel, Command, EndStatus, Query, StopCause, cancel::Target, query::Request};
use gumshoe_proto::collector::v1::{GapReason, ListPodsRequest, ReadLogsRequest};

use crate::support::{answer, command, expected_names, list_pods, mk_shop, names, read_logs, send};

const PODS: usize = 400;

fn mk_cancel(id: &str, target: Target) -> Command {
    Command { cancel: Some(Cancel { target: Some(target) }), ..command(id, vec![]) }
}

/// What a bridge sends of a command.
fn sent<'a>(command: &'a str, what: &'a str) -> impl Fn(&Call) -> bool + 'a {
    move |call| {
        let input = call.input.to_string();
        call.operation == "SendMessageBatch" && input.contains(&format!("{command}.")) && input.contains(what)
    }
}

#[tokio::test]
async fn what_a_budget_leaves_out_comes_by_the_token_without_a_gap_or_a_repeat() {
    let stack = Stack::of(mk_shop(PODS)).start().await.unwrap();
    let mut got = Vec::new();
    let mut page_token = String::new();
    for (number, max_items) in [150, 1, 100, 0].into_iter().enumerate() {
        let request = ListPodsRequest { page_token: page_token.clone(), ..ListPodsRequest::default() };
        let query = Query { id: "pods".into(), request: Some(Request::ListPods(request)), ..Query::default() };
        let id = format!("cmd-{number}");
        let budget = Some(Budget { max_items, ..Budget::default() });
        send(&stack, &Command { budget, ..command(&id, vec![query]) }).await;
        let answer = answer(&stack, &id).await;
        let pods = names(&answer.pods("pods"));
        let completeness = answer.completeness("pods");
        page_token.clone_from(&completeness.resume_token);
        if max_items > 0 {
            assert_eq!((answer.end().stop_cause(), pods.len() as u64), (StopCause::Items, max_items));
            assert_eq!((answer.status(), completeness.gaps[0].reason()), (EndStatus::Incomplete, GapReason::Stopped));
        } else {
            assert_eq!((answer.end().stop_cause(), answer.status()), (StopCause::Unspecified, EndStatus::Succeeded));
        }
        got.extend(pods);
    }
    assert_eq!(got, expected_names(PODS));
}

#[tokio::test]
async fn a_long_follow_is_seen_alive_until_a_cancel_ends_it_and_both_are_answered() {
    let shop = Shop::recorded().unwrap();
    let crashed = Shop::recorded_crash().unwrap();
    let stack = Stack::of(shop).start().await.unwrap();
    let follow = ReadLogsRequest {
        namespace: crashed.namespace.clone(),
        pod: "cart-0".into(),
        follow: true,
        ..ReadLogsRequest::default()
    };
    let progress_interval = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    let followed = command("follow", vec![read_logs("log", follow), list_pods("pods", &["payments"])]);
    send(&stack, &Command { progress_interval, ..followed }).await;
    stack.sqs.saw("the bridge tells that it is alive", sent("follow", "\\\"progress\\\"")).await.unwrap();
    send(&stack, &mk_cancel("stop", Target::InvestigationId("inv-1".into()))).await;
    let ended = answer(&stack, "follow").await;
    assert_eq!((ended.end().stop_cause(), ended.status()), (StopCause::Cancel, EndStatus::Incomplete));
    assert!(ended.completeness("pods").complete, "it was there before");
    assert_eq!(ended.completeness("log").gaps[0].reason(), GapReason::Stopped);
    assert!(!ended.completeness("log").resume_token.is_empty());
    // It comes behind its cancel, and is stopped too.
    send(&stack, &command("late", vec![list_pods("pods", &[])])).await;
    let late = answer(&stack, "late").await;
    assert_eq!((late.end().stop_cause(), late.pods("pods").len()), (StopCause::Cancel, 0));
    stack.sqs.drained(COMMANDS).await.unwrap();
}

#[tokio::test]
async fn a_user_waits_for_a_line_and_stops_what_others_began() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    let crashed = Shop::recorded_crash().unwrap();
    let query = format!("logs {} -n {} -c {} -f", crashed.pod, crashed.namespace, crashed.container);
    let found = stack.cli().run(&["run", "--query", &query, "--stop-when", "^panic: "]).await.unwrap();
    assert_eq!(found.status.code(), Some(3), "{}", found.stderr);
    assert!(found.stderr.contains("stopped by 1 line that matched"), "{}", found.stderr);
    assert!(found.stdout.contains("panic: "), "{}", found.stdout);
    let cancelled = stack.cli().run(&["run", "--cancel", "gone", "--timeout", "5s"]).await.unwrap();
    assert_eq!(cancelled.status.code(), Some(0), "{}", cancelled.stderr);
    assert!(cancelled.stderr.contains("cancelled: none is in work"), "{}", cancelled.stderr);
}
