//! Commands that are not run: each is answered with why, and gone from the queue.

use std::time::{Duration, SystemTime};

use gumshoe_devstack::sqs::Sqs;
use gumshoe_devstack::stack::{COMMANDS, RESULTS, Stack};
use gumshoe_proto::bridge::v1::{Command, EndStatus};
use gumshoe_proto::envelope::encode_command;
use serde_json::{Value, json};

use crate::support::{command, list_pods, mk_shop, raw_answer};

/// A valid command whose envelope is changed.
fn mk_body(change: impl FnOnce(&mut Value)) -> String {
    let body = encode_command(&command("cmd", vec![list_pods("pods", &[])]), jiff::Timestamp::now());
    let mut body = serde_json::from_str(&body).unwrap();
    change(&mut body);
    body.to_string()
}

fn mk_expired() -> String {
    let deadline = Some((SystemTime::now() - Duration::from_secs(1)).into());
    let command = Command { deadline, ..command("cmd", vec![list_pods("pods", &[])]) };
    encode_command(&command, jiff::Timestamp::now())
}

#[tokio::test]
async fn what_is_no_command_is_answered_with_what_is_wrong_and_deleted() {
    let stack = Stack::of(mk_shop(1)).start().await.unwrap();
    // What is sent; the status, the reason and a word of the message that are to come back.
    let refused: Vec<(String, EndStatus, &str, &str)> = vec![
        ("hello".into(), EndStatus::Failed, "NOT_JSON", ""),
        ("{}".into(), EndStatus::Failed, "NOT_A_CLOUD_EVENT", "specversion"),
        (mk_body(|body| body["data"]["queries"] = json!([])), EndStatus::Failed, "", "quer"),
        (mk_body(|body| body["data"]["deadline"] = Value::Null), EndStatus::Failed, "MISSING_DEADLINE", "deadline"),
        (mk_body(|body| body["data"]["dryRun"] = json!(true)), EndStatus::Failed, "", "dryRun"),
        (
            mk_body(|body| body["data"]["queries"][0]["listPods"]["namspaces"] = json!(["shop"])),
            EndStatus::Failed,
            "",
            "namspaces",
        ),
        (mk_body(|body| body["data"]["replyTo"] = json!("nobody")), EndStatus::Failed, "UNKNOWN_REPLY_TO", "nobody"),
        (mk_expired(), EndStatus::Expired, "DEADLINE", "deadline"),
    ];
    for (body, status, reason, word) in refused {
        let message_id = stack.sqs.send(COMMANDS, &body).await.unwrap();
        let (command_id, end) = raw_answer(&stack, RESULTS).await;
        let error = end.error.clone().unwrap_or_default();
        assert_eq!(end.status(), status, "{body}: {end:?}");
        assert!(error.reason.contains(reason) && error.message.contains(word), "{body}: {error:?}");
        // A command that could not be read far enough to have an id is answered under that of its message.
        let id = if body.contains("\"cmd\"") { "cmd" } else { message_id.as_str() };
        assert_eq!((command_id.as_str(), end.pages), (id, 0), "{body}");
        stack.sqs.drained(COMMANDS).await.unwrap();
    }
    let read = stack.replay.requests().into_iter().find(|request| request.path.contains("/pods"));
    assert!(read.is_none(), "{read:?}");
}

#[tokio::test]
async fn the_answer_goes_where_the_command_says_by_its_name() {
    let mut stack = Stack::of(mk_shop(1)).start_without_bridge().await.unwrap();
    stack.sqs.create_queue("other-results", []).await.unwrap();
    let other = ("other".to_owned(), stack.sqs.queue_url("other-results"));
    stack.bridge_options.result_queues.push(other);
    stack.start_bridge().await.unwrap();
    let command = Command { reply_to: "other".into(), ..command("cmd", vec![list_pods("pods", &[])]) };
    send_to(&stack.sqs, &command).await;
    let (command_id, end) = raw_answer(&stack, "other-results").await;
    assert_eq!((command_id.as_str(), end.status()), ("cmd", EndStatus::Succeeded));
    assert_eq!(stack.sqs.holds(RESULTS).await.unwrap(), 0);
}

/// One bad query does not spoil the others.
#[tokio::test]
async fn a_query_that_is_refused_says_so_beside_those_that_are_answered() {
    let stack = Stack::of(mk_shop(3)).start().await.unwrap();
    let queries = vec![list_pods("good", &[]), list_pods("bad", &["../secrets"])];
    send_to(&stack.sqs, &command("cmd", queries)).await;
    let answer = crate::support::answer(&stack, "cmd").await;
    assert_eq!(answer.status(), EndStatus::Incomplete);
    assert_eq!(answer.pods("good").len(), 3);
    let error = answer.outcome("bad").error.clone().unwrap_or_default();
    assert_eq!((error.code.as_str(), error.reason.as_str()), ("INVALID_ARGUMENT", "INVALID_FIELD"), "{error:?}");
    assert!(error.message.contains("namespaces"), "{error:?}");
}

async fn send_to(sqs: &Sqs, command: &Command) {
    sqs.send(COMMANDS, encode_command(command, jiff::Timestamp::now())).await.unwrap();
}
