//! The Kubernetes API fails, and the result is whole all the same, or says what is missing.

use std::time::{Duration, Instant};

use gumshoe_devstack::faults::Gate;
use gumshoe_devstack::replay::{Action, ContainerId, Fault, Requests, Resource, Shop, synthetic};
use gumshoe_devstack::stack::Stack;
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::{
    ContainerLog, ContainerLogStatus, Gap, GapReason, ListEventsRequest, ReadLogsRequest,
};
use http::StatusCode;

use crate::support::{
    Answer, answer, command, expected_names, list_events, list_pods, mk_shop, names, read_logs, send,
};

/// Pods that fill more than two pages of the API server (limit 500), and several MiB.
const PODS: usize = 1300;

async fn list_all(stack: &Stack) -> Answer {
    send(stack, &command("cmd", vec![list_pods("pods", &[])])).await;
    answer(stack, "cmd").await
}

/// Nothing is missing, nothing is there twice, and one run sufficed.
fn assert_whole(answer: &Answer) {
    assert_eq!(answer.status(), EndStatus::Succeeded, "{:?}", answer.end());
    assert_eq!(names(&answer.pods("pods")), expected_names(PODS));
    assert_eq!(answer.completeness("pods").items, PODS as u64);
    assert_eq!(answer.runs, 1);
}

/// A server before 1.33, which the collector lists page by page.
fn mk_paginating_shop() -> Shop {
    mk_shop(PODS).server_version(1, 30)
}

#[tokio::test]
async fn throttling_is_waited_for_as_long_as_the_server_asks() {
    let stack = Stack::of(mk_shop(PODS)).start().await.unwrap();
    let matching = Requests::lists(Resource::PODS);
    let fault = Fault { matching, times: 2, action: Action::TooManyRequests { retry_after: 1 } };
    let throttled = stack.replay.faults().push(fault);
    let started = Instant::now();
    assert_whole(&list_all(&stack).await);
    assert_eq!(throttled.count(), 2);
    assert!(started.elapsed() >= Duration::from_secs(2), "the server asked for 1 s twice");
}

/// Pods go out as they come, so what has gone out cannot begin again.
#[tokio::test]
async fn a_list_of_pods_that_expires_goes_on_and_says_that_it_is_of_two_moments() {
    for times in [1, 2] {
        let stack = Stack::of(mk_paginating_shop()).start().await.unwrap();
        let matching = Requests::lists(Resource::PODS).continued();
        let expired = stack.replay.faults().push(Fault { matching, times, action: Action::Expired });
        let answer = list_all(&stack).await;
        assert_whole(&answer);
        assert!(!answer.completeness("pods").consistent);
        assert_eq!(expired.count(), times);
    }
}

/// Events go out only when all were seen, so the list can begin again, once.
#[tokio::test]
async fn a_list_of_events_that_expires_begins_again_and_is_of_one_moment() {
    const EVENTS: usize = 1200;
    for (times, consistent) in [(1, true), (2, false)] {
        let shop = (0..EVENTS).fold(Shop::default(), |shop, number| {
            let name = format!("event-{number:05}");
            shop.event(&synthetic::event("shop", &name, "web-0", "BackOff", 1)).unwrap()
        });
        let stack = Stack::of(shop).start().await.unwrap();
        let matching = Requests::lists(Resource::EVENTS).continued();
        let expired = stack.replay.faults().push(Fault { matching, times, action: Action::Expired });
        let request = ListEventsRequest { limit: 50_000, ..ListEventsRequest::default() };
        send(&stack, &command("cmd", vec![list_events("events", request)])).await;
        let answer = answer(&stack, "cmd").await;
        let completeness = answer.completeness("events");
        assert_eq!((completeness.complete, completeness.consistent), (true, consistent), "{completeness:?}");
        assert_eq!((answer.events("events").len(), expired.count()), (EVENTS, times));
    }
}

#[tokio::test]
async fn a_list_whose_body_is_cut_goes_on_where_it_was_cut() {
    for shop in [mk_shop(PODS), mk_paginating_shop()] {
        let stack = Stack::of(shop).start().await.unwrap();
        let matching = Requests::lists(Resource::PODS);
        let fault = Fault { matching, times: 2, action: Action::CutBody { after: 700_000 } };
        let cut = stack.replay.faults().push(fault);
        assert_whole(&list_all(&stack).await);
        assert_eq!(cut.count(), 2);
    }
}

#[tokio::test]
async fn a_list_whose_body_stalls_goes_on_with_another_request() {
    let stack = Stack::of(mk_shop(PODS)).start().await.unwrap();
    let action = Action::StallBody { after: 700_000, until: Gate::closed() };
    let stalled = stack.replay.faults().push(Fault { matching: Requests::lists(Resource::PODS), times: 1, action });
    assert_whole(&list_all(&stack).await);
    assert_eq!(stalled.count(), 1);
}

#[tokio::test]
async fn a_server_that_stumbles_is_asked_again() {
    let stack = Stack::of(mk_shop(PODS)).start().await.unwrap();
    let push =
        |action| stack.replay.faults().push(Fault { matching: Requests::lists(Resource::PODS), times: 1, action });
    let (code, reason) = (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");
    let stumbled = push(Action::Status { code, reason, message: "apiserver is shutting down" });
    let hung_up = push(Action::Disconnect);
    assert_whole(&list_all(&stack).await);
    assert_eq!((stumbled.count(), hung_up.count()), (1, 1));
}

#[tokio::test]
async fn what_may_not_be_read_and_what_is_not_there_are_named_and_the_rest_is_given() {
    let shop = ["back", "front", "vault"]
        .into_iter()
        .fold(Shop::default(), |shop, namespace| shop.pod(&synthetic::pod(namespace, "web-0")).unwrap());
    let stack = Stack::of(shop).start().await.unwrap();
    stack.replay.deny_namespace("vault");
    send(&stack, &command("cmd", vec![list_pods("pods", &["front", "vault", "back", "gone"])])).await;
    let answer = answer(&stack, "cmd").await;
    assert_eq!(answer.status(), EndStatus::Incomplete);
    assert_eq!(names(&answer.pods("pods")), ["back/web-0", "front/web-0"]);
    let gaps = answer.completeness("pods").gaps.iter().map(|gap| (gap.namespace.as_str(), gap.reason()));
    let mut gaps: Vec<_> = gaps.collect();
    gaps.sort_unstable_by_key(|(namespace, _)| *namespace);
    assert_eq!(gaps, [("gone", GapReason::NamespaceNotFound), ("vault", GapReason::NamespaceDenied)]);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_says_why() {
    let id = |pod| ContainerId::new("shop", pod, "app");
    let log = synthetic::log_lines(["one", "two", "three"]);
    let pods = ["unreachable", "broken", "half", "proxied"];
    let shop = pods
        .into_iter()
        .fold(Shop::default(), |shop, pod| shop.pod(&synthetic::pod("shop", pod)).unwrap().log(id(pod), log.clone()));
    let stack = Stack::of(shop.pod(&synthetic::unscheduled_pod("shop", "late")).unwrap()).start().await.unwrap();
    let push = |pod: &str, action| {
        let matching = Requests::logs().named(pod);
        stack.replay.faults().push(Fault { matching, times: usize::MAX, action });
    };
    push("unreachable", Action::NodeUnreachable);
    push("broken", Action::LogErrorInBand { after_lines: 0 });
    push("half", Action::LogErrorInBand { after_lines: 2 });
    push("proxied", Action::ProxyPage(StatusCode::FORBIDDEN));
    let request =
        |pod: &str| ReadLogsRequest { namespace: "shop".into(), pod: pod.into(), ..ReadLogsRequest::default() };
    let queries = pods.into_iter().chain(["late"]).map(|pod| read_logs(pod, request(pod)));
    send(&stack, &command("cmd", queries.collect())).await;
    let answer = answer(&stack, "cmd").await;

    assert_eq!(answer.status(), EndStatus::Incomplete);
    for (pod, status, lines) in [
        ("unreachable", ContainerLogStatus::NodeUnreachable, 0),
        ("broken", ContainerLogStatus::RuntimeError, 0),
        ("half", ContainerLogStatus::RuntimeError, 2),
        ("proxied", ContainerLogStatus::Interrupted, 0),
        ("late", ContainerLogStatus::NotScheduled, 0),
    ] {
        assert_eq!(
            answer.logs(pod).first().map(ContainerLog::status),
            Some(status),
            "{pod}: {:?}",
            answer.outcome(pod)
        );
        assert_eq!(answer.lines(pod).len(), lines, "{pod}");
        let gaps: Vec<_> = answer.completeness(pod).gaps.iter().map(Gap::reason).collect();
        assert_eq!(answer.completeness(pod).complete, gaps.is_empty(), "{pod}");
        if pod != "late" {
            assert!(!gaps.is_empty(), "{pod}");
        }
    }
}
