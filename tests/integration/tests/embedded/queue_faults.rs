//! SQS fails, and every result arrives all the same.

use gumshoe_devstack::sqs::{Action, Calls, Fault};
use gumshoe_devstack::stack::{COMMANDS, RESULTS, Stack};
use gumshoe_proto::bridge::v1::EndStatus;
use http::StatusCode;

use crate::support::{answer, command, expected_names, list_pods, mk_shop, names, send};

/// Pods that fill several messages.
const PODS: usize = 400;

/// What goes wrong with the calls of the bridge; the test's own calls come first, or are of another operation.
async fn whole_despite(faults: Vec<(Calls, usize, Action)>) {
    let stack = Stack::of(mk_shop(PODS)).start().await.unwrap();
    send(&stack, &command("cmd-0", vec![list_pods("pods", &["nowhere"])])).await;
    answer(&stack, "cmd-0").await;
    stack.sqs.drained(COMMANDS).await.unwrap();
    let command = command("cmd", vec![list_pods("pods", &[])]);
    let fired: Vec<_> = faults
        .into_iter()
        .map(|(matching, times, action)| (stack.sqs.faults().push(Fault { matching, times, action }), times))
        .collect();
    send(&stack, &command).await;
    let answer = answer(&stack, "cmd").await;
    assert_eq!(answer.status(), EndStatus::Succeeded);
    assert_eq!(names(&answer.pods("pods")), expected_names(PODS));
    // The command is deleted behind the end of the answer.
    stack.sqs.drained(COMMANDS).await.unwrap();
    for (fired, times) in fired {
        assert_eq!(fired.count(), times);
    }
}

#[tokio::test]
async fn throttled_calls_are_made_again() {
    whole_despite(vec![
        (Calls::of("SendMessageBatch").on_queue(RESULTS), 3, Action::Throttle),
        (Calls::of("ReceiveMessage").on_queue(COMMANDS), 2, Action::Throttle),
        (Calls::of("DeleteMessage").on_queue(COMMANDS), 1, Action::Throttle),
    ])
    .await;
}

#[tokio::test]
async fn entries_that_failed_are_sent_again_and_those_beside_them_are_not() {
    let fail = |first| Action::FailEntries { first, sender_fault: false, code: "InternalError" };
    let batches = || Calls::of("SendMessageBatch").on_queue(RESULTS);
    whole_despite(vec![(batches(), 2, fail(1)), (batches(), 1, fail(10))]).await;
}

#[tokio::test]
async fn a_lost_answer_repeats_messages_and_loses_none() {
    whole_despite(vec![(Calls::of("SendMessageBatch").on_queue(RESULTS), 2, Action::SwallowAnswer)]).await;
}

#[tokio::test]
async fn a_queue_that_cannot_be_read_makes_the_bridge_unready_until_it_can() {
    let mut stack = Stack::of(mk_shop(1)).start().await.unwrap();
    let denied = Action::Error { status: StatusCode::FORBIDDEN, code: "AccessDenied" };
    let matching = Calls::of("ReceiveMessage").on_queue(COMMANDS);
    let refused = stack.sqs.faults().push(Fault { matching, times: 1, action: denied });
    refused.times(1).await.unwrap();
    let bridge = stack.bridge.as_mut().unwrap();
    let (status, why) = gumshoe_devstack::eventually("the bridge is not ready", async || {
        bridge.admin("/readyz").await.ok().filter(|(status, _)| *status != StatusCode::OK)
    })
    .await
    .unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{why}");
    assert!(why.contains("commands"), "{why}");
}

/// What SQS refuses for good is not sent again: the run ends without an end, and the next one is whole.
#[tokio::test]
async fn a_message_that_is_refused_for_good_ends_the_run_and_not_the_command() {
    whole_despite(vec![(
        Calls::of("SendMessageBatch").on_queue(RESULTS),
        1,
        Action::FailEntries { first: 10, sender_fault: true, code: "InvalidMessageContents" },
    )])
    .await;
}
