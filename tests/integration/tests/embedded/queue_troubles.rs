//! Queues that somebody must repair, and such as pass by themselves: the bridge says so once, tries again, and answers without a restart.

use futures::future::join_all;
use gumshoe_devstack::processes::{BridgeOptions, Running};
use gumshoe_devstack::sqs::{Action, Calls, Fault};
use gumshoe_devstack::stack::{COMMANDS, Stack};
use gumshoe_integration::Results;
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::envelope::encode_command;
use http::StatusCode;
use serde_json::Value;

use crate::support::{answer, command, expected_names, list_pods, mk_shop, names, send};

const PODS: usize = 3;

/// An error of SQS, and whether somebody must repair something.
type Trouble = (&'static str, StatusCode, bool);

const TROUBLES: [Trouble; 9] = [
    ("RequestThrottled", StatusCode::BAD_REQUEST, false),
    ("ServiceUnavailable", StatusCode::SERVICE_UNAVAILABLE, false),
    ("AccessDenied", StatusCode::FORBIDDEN, true),
    ("AWS.SimpleQueueService.NonExistentQueue", StatusCode::BAD_REQUEST, true),
    ("KMS.AccessDeniedException", StatusCode::BAD_REQUEST, true),
    ("KMS.DisabledException", StatusCode::BAD_REQUEST, true),
    ("RequestTimeTooSkewed", StatusCode::FORBIDDEN, true),
    ("SignatureDoesNotMatch", StatusCode::FORBIDDEN, true),
    ("ExpiredToken", StatusCode::FORBIDDEN, true),
];

/// A bridge with queues of its own, beside the others of a stack.
struct Beside<'s> {
    stack: &'s Stack,
    commands: String,
    results: String,
    bridge: Running,
}

impl<'s> Beside<'s> {
    async fn start(stack: &'s Stack, number: usize) -> Self {
        let (commands, results) = (format!("commands-{number}"), format!("results-{number}"));
        for queue in [&commands, &results] {
            stack.sqs.create_queue(queue, []).await.unwrap();
        }
        let options = BridgeOptions {
            command_queue: stack.sqs.queue_url(&commands),
            result_queues: vec![("main".to_owned(), stack.sqs.queue_url(&results))],
            ..stack.bridge_options.clone()
        };
        let mut bridge = options.start(&stack.binaries).unwrap();
        bridge.ready().await.unwrap();
        Self { stack, commands, results, bridge }
    }

    async fn is_answered(&self) {
        let command = encode_command(&command("cmd", vec![list_pods("pods", &[])]), jiff::Timestamp::now());
        self.stack.sqs.send(&self.commands, command).await.unwrap();
        let sqs = &self.stack.sqs;
        let results = Results { client: sqs.client().clone(), url: sqs.queue_url(&self.results) };
        let answer = gumshoe_integration::answer(&results, "cmd").await;
        assert_eq!((answer.status(), answer.runs), (EndStatus::Succeeded, 1));
        assert_eq!(names(&answer.pods("pods")), expected_names(PODS));
        sqs.drained(&self.commands).await.unwrap();
    }

    /// It was told once, however often it was tried, and it is over.
    async fn is_over(&mut self, (code, _, needs_repair): Trouble) {
        self.bridge.ready().await.unwrap();
        let log = self.bridge.log();
        let about = |line: &&Value| line["error"].as_str().is_some_and(|error| error.contains(code));
        let told: Vec<_> = log.iter().filter(|line| line["level"] != "DEBUG").filter(about).collect();
        assert!(told.len() == 1, "{told:#?}");
        assert_eq!(told[0]["level"], if needs_repair { "ERROR" } else { "WARN" });
        let unready = |line: &Value| line["message"] == "not ready" && line["why"].as_str().unwrap().contains(code);
        assert_eq!(log.iter().filter(|line| unready(line)).count(), usize::from(needs_repair), "{code}");
    }
}

async fn of_each(test: impl AsyncFn(Beside<'_>, Trouble)) {
    let stack = Stack::of(mk_shop(PODS)).start_without_bridge().await.unwrap();
    let each = TROUBLES.into_iter().enumerate();
    join_all(each.map(async |(number, trouble)| test(Beside::start(&stack, number).await, trouble).await)).await;
}

#[tokio::test]
async fn what_is_wrong_with_receiving_is_told_once_and_over_when_it_is_repaired() {
    of_each(async |mut beside, (code, status, needs_repair)| {
        let matching = Calls::of("ReceiveMessage").on_queue(&beside.commands);
        // Half a minute lies between two tries where somebody must repair something, so one has to do.
        let times = if needs_repair { 1 } else { 3 };
        let action = Action::Error { status, code };
        let failed = beside.stack.sqs.faults().push(Fault { matching, times, action });
        failed.times(times).await.unwrap();
        beside.is_answered().await;
        beside.is_over((code, status, needs_repair)).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_sending_is_told_once_and_over_when_it_is_repaired() {
    of_each(async |mut beside, (code, status, needs_repair)| {
        let matching = Calls::of("SendMessageBatch").on_queue(&beside.results);
        // The SDK tries what passes by itself three times before we hear of it.
        let times = if needs_repair { 4 } else { 7 };
        let failed = beside.stack.sqs.faults().push(Fault { matching, times, action: Action::Error { status, code } });
        beside.is_answered().await;
        assert_eq!(failed.count(), times);
        beside.is_over((code, status, needs_repair)).await;
    })
    .await;
}

/// SQS loses sight of a long poll: no answer ever comes, and none is to be waited for.
#[tokio::test]
async fn a_poll_that_hangs_is_replaced() {
    let stack = Stack::of(mk_shop(PODS)).start().await.unwrap();
    let never = gumshoe_devstack::faults::Gate::closed();
    let matching = Calls::of("ReceiveMessage").on_queue(COMMANDS);
    let hanging = stack.sqs.faults().push(Fault { matching, times: 1, action: Action::Stall(never) });
    hanging.times(1).await.unwrap();
    send(&stack, &command("cmd", vec![list_pods("pods", &[])])).await;
    assert_eq!(names(&answer(&stack, "cmd").await.pods("pods")), expected_names(PODS));
    let timed_out = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains("TimedOut"));
    stack.bridge.as_ref().unwrap().logged("that the poll timed out", timed_out).await.unwrap();
}
