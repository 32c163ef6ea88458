//! SIGTERM: not ready first, then what was begun is finished, then the end.

use gumshoe_devstack::eventually;
use gumshoe_devstack::faults::Gate;
use gumshoe_devstack::processes::Running;
use gumshoe_devstack::replay::{Action, ContainerId, Fault, Requests, Resource, synthetic};
use gumshoe_devstack::sqs::Sqs;
use gumshoe_devstack::stack::{COMMANDS, RESULTS, Stack};
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::{GetPodRequest, ReadLogsRequest};
use gumshoe_proto::envelope::decode_command;
use gumshoe_proto::run::Reader;
use http::StatusCode;
use tonic::Code;

use crate::support::{answer, client_of, command, expected_names, list_pods, mk_shop, names, read_logs, send};

async fn not_ready(process: &mut Running) {
    eventually("not ready", async || match process.admin("/readyz").await {
        Ok((StatusCode::SERVICE_UNAVAILABLE, _)) => Some(()),
        Ok(_) | Err(_) => None,
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_collector_is_unready_at_once_and_finishes_the_streams_it_has() {
    let id = ContainerId::new("shop", "web-00000", "app");
    let shop = mk_shop(1).log(id.clone(), synthetic::log_line(0, "one"));
    let mut stack = Stack::of(shop).start_without_bridge().await.unwrap();
    let mut client = client_of(&stack);
    let request = ReadLogsRequest {
        namespace: "shop".into(),
        pod: "web-00000".into(),
        follow: true,
        ..ReadLogsRequest::default()
    };
    let mut lines = client.logs.read_logs(request).await.unwrap().into_inner();
    let mut next = async || loop {
        let page = gumshoe_devstack::within("a page", lines.message()).await.unwrap().unwrap().unwrap();
        if let Some(line) = page.lines.first() {
            return line.text.clone();
        }
    };
    assert_eq!(next().await, "one");

    let mut collector = stack.collector.take().unwrap();
    collector.terminate().unwrap();
    not_ready(&mut collector).await;
    stack.replay.append_log(&id, &synthetic::log_line(1, "two"));
    assert_eq!(next().await, "two");
    // Nobody new is let in.
    let refused = client_of(&stack).pods.get_pod(GetPodRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    drop(lines);
    drop(client);
    assert!(collector.ended().await.unwrap().success());
    stack.replay.idle().await.unwrap();
}

#[tokio::test]
async fn a_bridge_is_unready_at_once_and_finishes_the_commands_it_has() {
    let mut stack = Stack::of(mk_shop(300)).start().await.unwrap();
    let gate = Gate::closed();
    let action = Action::StallBody { after: 500_000, until: gate.clone() };
    let stalled = stack.replay.faults().push(Fault { matching: Requests::lists(Resource::PODS), times: 1, action });
    send(&stack, &command("cmd", vec![list_pods("pods", &[])])).await;
    stalled.times(1).await.unwrap();

    let mut bridge = stack.bridge.take().unwrap();
    bridge.terminate().unwrap();
    not_ready(&mut bridge).await;
    gate.open();
    let answer = answer(&stack, "cmd").await;
    assert_eq!(answer.status(), EndStatus::Succeeded);
    assert_eq!((names(&answer.pods("pods")), answer.runs), (expected_names(300), 1));
    assert!(bridge.ended().await.unwrap().success());
    stack.sqs.drained(COMMANDS).await.unwrap();
}

/// Everything that a queue hands out at once; it stays hidden then.
async fn visible(sqs: &Sqs, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let call = sqs.client().receive_message().queue_url(sqs.queue_url(queue)).max_number_of_messages(10);
        let messages = call.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            return bodies;
        }
        bodies.extend(messages.into_iter().filter_map(|message| message.body));
    }
}

#[tokio::test]
async fn a_bridge_that_is_told_to_end_under_load_answers_a_command_or_leaves_it_to_others_at_once() {
    const COMMANDS_IN_ALL: usize = 60;
    const LEASE: i64 = 45;
    let log = ContainerId::new("shop", "web-00000", "app");
    let shop = mk_shop(100).log(log, synthetic::log_line(0, "one"));
    // What follows a log is not done before its deadline of two minutes: the drain ends in the middle of it.
    let arguments = ["--drain-timeout", "2s", "--visibility-timeout", &LEASE.to_string()];
    let mut stack = Stack::of(shop).bridge_arguments(&arguments).start().await.unwrap();
    let follow = ReadLogsRequest {
        namespace: "shop".into(),
        pod: "web-00000".into(),
        follow: true,
        ..ReadLogsRequest::default()
    };
    for number in 0..COMMANDS_IN_ALL {
        let query = if number < 4 { read_logs("log", follow.clone()) } else { list_pods("pods", &[]) };
        send(&stack, &command(&format!("cmd-{number}"), vec![query])).await;
    }
    eventually("some commands are done", async || {
        let calls = stack.sqs.calls();
        let deleted = calls.iter().filter(|call| call.operation == "DeleteMessage" && call.queue == COMMANDS);
        (deleted.count() > 5).then_some(())
    })
    .await
    .unwrap();

    let mut bridge = stack.bridge.take().unwrap();
    bridge.terminate().unwrap();
    assert!(bridge.ended().await.unwrap().success());

    let held = stack.sqs.holds(COMMANDS).await.unwrap();
    let left: Vec<_> =
        visible(&stack.sqs, COMMANDS).await.iter().map(|body| decode_command(body).unwrap().id).collect();
    assert_eq!(left.len() as u64, held, "none is hidden from others");
    assert!((4..COMMANDS_IN_ALL).contains(&left.len()), "{left:?}");
    let mut reader = Reader::default();
    for body in visible(&stack.sqs, RESULTS).await {
        reader.feed(&body).unwrap();
    }
    for number in 0..COMMANDS_IN_ALL {
        let id = format!("cmd-{number}");
        let is_answered = reader.complete(&id).is_some();
        assert!(is_answered || left.contains(&id), "{id} is gone without an answer");
        assert!(number >= 4 || left.contains(&id), "{id} cannot be done");
    }
    // Nor would one have been hidden for longer, had the process died instead.
    for call in stack.sqs.calls().iter().filter(|call| call.queue == COMMANDS) {
        let entries = call.input["Entries"].as_array().into_iter().flatten();
        for times in entries.chain([&call.input]).filter_map(|entry| entry["VisibilityTimeout"].as_i64()) {
            assert!(times <= LEASE, "{call:?}");
        }
    }
}
