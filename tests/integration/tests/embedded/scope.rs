//! `--namespaces` bounds what is read: the proof is what the Kubernetes API was asked.

use gumshoe_devstack::replay::Shop;
use gumshoe_devstack::stack::Stack;
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::{GapReason, ListEventsRequest, ReadLogsRequest};

use crate::support::{answer, command, get_pod, list_events, list_pods, read_logs, send};

const ALLOWED: [&str; 2] = ["payments", "shop"];

#[tokio::test]
async fn nothing_outside_the_namespaces_of_the_flag_is_ever_asked_for() {
    let shop = Shop::recorded().unwrap();
    let crashed = Shop::recorded_crash().unwrap();
    let stack = Stack::of(shop.clone()).namespaces(&ALLOWED).start().await.unwrap();
    let log = |namespace: &str, pod: &str| ReadLogsRequest {
        namespace: namespace.into(),
        pod: pod.into(),
        all_containers: true,
        ..ReadLogsRequest::default()
    };
    let queries = vec![
        list_pods("all-pods", &[]),
        list_events("all-events", ListEventsRequest::default()),
        list_pods("both", &["shop", "backoffice"]),
        list_pods("outside", &["kube-system"]),
        get_pod("pod-outside", "backoffice", "evicted"),
        read_logs("log", log(&crashed.namespace, &crashed.pod)),
        read_logs("log-outside", log("backoffice", "exit-code")),
    ];
    send(&stack, &command("cmd", queries)).await;
    let answer = answer(&stack, "cmd").await;

    assert_eq!(answer.status(), EndStatus::Incomplete);
    let inside = shop.pods().into_iter().filter(|pod| {
        let namespace = pod.metadata.as_ref().and_then(|metadata| metadata.namespace.as_deref());
        ALLOWED.contains(&namespace.unwrap_or_default())
    });
    assert_eq!(answer.pods("all-pods").len(), inside.count());
    assert!(answer.completeness("all-pods").complete && answer.completeness("all-events").complete);
    let events = answer.events("all-events");
    assert!(!events.is_empty());
    let namespace = |event: &gumshoe_proto::collector::v1::Event| event.metadata.clone().unwrap_or_default().namespace;
    assert!(events.iter().all(|event| ALLOWED.contains(&namespace(event).as_str())));
    let gap = &answer.completeness("both").gaps[0];
    assert_eq!((gap.namespace.as_str(), gap.reason()), ("backoffice", GapReason::NamespaceDenied));
    for query in ["outside", "pod-outside", "log-outside"] {
        let error = answer.outcome(query).error.clone().unwrap_or_default();
        assert_eq!(error.code, "PERMISSION_DENIED", "{query}: {error:?}");
        assert!(error.message.contains("--namespaces"), "{query}: {error:?}");
    }
    assert!(!answer.lines("log").is_empty());

    for request in stack.replay.requests() {
        let path = request.path.as_str();
        let inside = ALLOWED.iter().any(|namespace| path.starts_with(&format!("/api/v1/namespaces/{namespace}/")));
        let no_read = path == "/version" || path.ends_with("/selfsubjectaccessreviews");
        assert!(inside || no_read, "{} {path}", request.method);
    }
}

#[tokio::test]
async fn without_the_right_to_the_whole_cluster_the_flag_is_named() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    stack.replay.deny_whole_cluster();
    send(&stack, &command("cmd", vec![list_pods("pods", &[]), list_pods("shop", &["shop"])])).await;
    let answer = answer(&stack, "cmd").await;
    let error = answer.outcome("pods").error.clone().unwrap_or_default();
    assert_eq!(error.code, "PERMISSION_DENIED", "{error:?}");
    assert!(error.message.contains("--namespaces"), "{error:?}");
    assert!(answer.completeness("shop").complete);
}
