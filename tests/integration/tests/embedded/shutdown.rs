//! SIGTERM: not ready first, then what was begun is finished, then the end.

use gumshoe_devstack::eventually;
use gumshoe_devstack::faults::Gate;
use gumshoe_devstack::processes::Running;
use gumshoe_devstack::replay::{Action, ContainerId, Fault, Requests, Resource, synthetic};
use gumshoe_devstack::stack::{COMMANDS, Stack};
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::{GetPodRequest, ReadLogsRequest};
use http::StatusCode;
use tonic::Code;

use crate::support::{answer, client_of, command, expected_names, list_pods, mk_shop, names, send};

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
