//! The embedded SQS server, used with AWS's own client.

use std::time::{Duration, Instant};

use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{Message, QueueAttributeName, SendMessageBatchRequestEntry};
use gumshoe_devstack::faults::Gate;
use gumshoe_devstack::sqs::{Action, Calls, Fault, Sqs};
use gumshoe_devstack::within;
use http::StatusCode;

async fn receive(sqs: &Sqs, queue: &str, wait: i32) -> Vec<Message> {
    let call = sqs.client().receive_message().queue_url(sqs.queue_url(queue)).max_number_of_messages(10);
    within("an answer", call.wait_time_seconds(wait).send()).await.unwrap().unwrap().messages.unwrap_or_default()
}

async fn send_batch(sqs: &Sqs, bodies: &[&str]) -> SendMessageBatchOutput {
    let entries = bodies.iter().enumerate().map(|(at, body)| {
        SendMessageBatchRequestEntry::builder().id(format!("e{at}")).message_body(*body).build().unwrap()
    });
    let call = sqs.client().send_message_batch().queue_url(sqs.queue_url("results"));
    call.set_entries(Some(entries.collect())).send().await.unwrap()
}

async fn delete(sqs: &Sqs, queue: &str, message: &Message) {
    let call = sqs.client().delete_message().queue_url(sqs.queue_url(queue));
    call.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
}

#[tokio::test]
async fn a_waiting_poll_wakes_at_once() {
    let sqs = Sqs::start(&["commands"]).await.unwrap();
    let poll = receive(&sqs, "commands", 20);
    let (messages, woken) = tokio::join!(async { (poll.await, Instant::now()) }, async {
        sqs.saw("the poll", |call| call.operation == "ReceiveMessage").await.unwrap();
        sqs.send("commands", "do it").await.unwrap();
        Instant::now()
    });
    let (messages, answered) = messages;
    assert_eq!(messages[0].body(), Some("do it"));
    assert!(answered.duration_since(woken) < Duration::from_secs(1));
}

#[tokio::test]
async fn a_message_comes_again_until_it_is_deleted() {
    let sqs = Sqs::start(&["commands"]).await.unwrap();
    sqs.send("commands", "do it").await.unwrap();
    assert_eq!(receive(&sqs, "commands", 0).await.len(), 1);
    assert!(receive(&sqs, "commands", 0).await.is_empty());
    sqs.expire_visibility().await.unwrap();
    let again = receive(&sqs, "commands", 0).await;
    assert_eq!(again.len(), 1);
    assert_eq!(sqs.holds("commands").await.unwrap(), 1);
    delete(&sqs, "commands", &again[0]).await;
    sqs.drained("commands").await.unwrap();
}

#[tokio::test]
async fn a_message_that_fails_too_often_goes_to_the_dead_letter_queue() {
    let sqs = Sqs::start(&["dead"]).await.unwrap();
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":2}"#;
    sqs.create_queue("commands", [(QueueAttributeName::RedrivePolicy, policy.to_owned())]).await.unwrap();
    sqs.send("commands", "poison").await.unwrap();
    for _ in 0..2 {
        assert_eq!(receive(&sqs, "commands", 1).await.len(), 1);
        sqs.expire_visibility().await.unwrap();
    }
    assert!(receive(&sqs, "commands", 0).await.is_empty());
    assert_eq!(receive(&sqs, "dead", 5).await[0].body(), Some("poison"));
}

#[tokio::test]
async fn what_sqs_refuses_is_refused_entry_by_entry() {
    let sqs = Sqs::start(&["results"]).await.unwrap();
    let output = send_batch(&sqs, &["fine", "\u{fffe}", "fine too"]).await;
    assert_eq!(output.successful().len(), 2);
    let failed = &output.failed()[0];
    assert_eq!((failed.id(), failed.code(), failed.sender_fault()), ("e1", "InvalidMessageContents", true));
    let call = sqs.client().send_message().queue_url(sqs.queue_url("results")).message_body("\u{ffff}");
    assert!(call.send().await.unwrap_err().as_service_error().unwrap().is_invalid_message_contents());
    let long = "x".repeat(250_000);
    let entry = |at| SendMessageBatchRequestEntry::builder().id(format!("e{at}")).message_body(&long).build().unwrap();
    let call = sqs.client().send_message_batch().queue_url(sqs.queue_url("results"));
    let error = call.set_entries(Some((0..5).map(entry).collect())).send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_batch_request_too_long());
}

#[tokio::test]
async fn a_batch_fails_in_part_on_demand() {
    let sqs = Sqs::start(&["results"]).await.unwrap();
    let action = Action::FailEntries { first: 1, sender_fault: false, code: "InternalError" };
    let matching = Calls::of("SendMessageBatch").on_queue("results");
    let fired = sqs.faults().push(Fault { matching, times: 1, action });
    let output = send_batch(&sqs, &["a", "b"]).await;
    assert_eq!((output.failed().len(), output.successful().len(), fired.count()), (1, 1, 1));
    assert!(!output.failed()[0].sender_fault());
    assert_eq!(receive(&sqs, "results", 0).await[0].body(), Some("b"));
    assert!(send_batch(&sqs, &["c"]).await.failed().is_empty());
}

#[tokio::test]
async fn throttling_and_lost_answers_are_what_the_client_sees() {
    let sqs = Sqs::start(&["commands"]).await.unwrap();
    let push = |times, action| sqs.faults().push(Fault { matching: Calls::of("SendMessage"), times, action });
    let call = || sqs.client().send_message().queue_url(sqs.queue_url("commands")).message_body("x");
    push(3, Action::Throttle);
    let error = call().send().await.unwrap_err();
    assert_eq!(error.code(), Some("RequestThrottled"));
    push(3, Action::Error { status: StatusCode::FORBIDDEN, code: "AccessDenied" });
    assert_eq!(call().send().await.unwrap_err().code(), Some("AccessDenied"));
    sqs.faults().clear();
    let swallowed = push(1, Action::SwallowAnswer);
    call().send().await.unwrap();
    assert_eq!((swallowed.count(), sqs.holds("commands").await.unwrap()), (1, 2));
}

#[tokio::test]
async fn a_poll_that_hangs_and_is_given_up_takes_no_message() {
    let sqs = Sqs::start(&["commands"]).await.unwrap();
    let gate = Gate::closed();
    let matching = Calls::of("ReceiveMessage");
    let stalled = sqs.faults().push(Fault { matching, times: 1, action: Action::Stall(gate.clone()) });
    let call = sqs.client().receive_message().queue_url(sqs.queue_url("commands"));
    tokio::select! {
        _ = call.send() => panic!("a stalled call was answered"),
        fired = stalled.times(1) => fired.unwrap(),
    }
    sqs.send("commands", "do it").await.unwrap();
    gate.open();
    assert_eq!(receive(&sqs, "commands", 5).await.len(), 1);
}
