//! Lists of pods and events over a Kubernetes API that misbehaves, in memory.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod fake_api;

use std::time::Duration;

use fake_api::{Answer, FakeApi, mk_event, mk_pod, mk_pod_of_size};
use futures::StreamExt as _;
use gumshoe_collector::{
    kinds::{event::Events, pod::Pods},
    kubernetes::names::Namespace,
    lists::{Reader, scope::Scope, stream::PageStream},
};
use gumshoe_proto::collector::v1::{
    Completeness, Gap, GapReason, GetPodRequest, ListEventsRequest, ListEventsResponse, ListPodsRequest,
    ListPodsResponse, event_service_server::EventService as _, pod_service_server::PodService as _,
};
use gumshoe_runtime::deadline::Deadline;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

fn mk_request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Deadline::after(Duration::from_secs(120)));
    request
}

async fn mk_reader(api: &FakeApi, namespaces: &[&str]) -> Reader {
    let scope = Scope::of(namespaces.iter().map(|name| Namespace::parse("namespaces", name).unwrap()));
    Reader { api: api.connect().await, scope }
}

/// The names in all pages, the pages themselves, and the end.
struct Pages<R> {
    names: Vec<String>,
    pages: Vec<R>,
    end: Completeness,
}

async fn collect(mut stream: PageStream<ListPodsResponse>) -> Result<Pages<ListPodsResponse>, Status> {
    let mut pages = Vec::new();
    while let Some(page) = stream.next().await {
        pages.push(page?);
    }
    let name = |item: &gumshoe_proto::collector::v1::Pod| item.metadata.clone().unwrap().name;
    let names = pages.iter().flat_map(|page| page.items.iter().map(name)).collect();
    let end = pages.last().and_then(|page| page.completeness.clone()).expect("the last message says how it ended");
    Ok(Pages { names, pages, end })
}

async fn collect_events(mut stream: PageStream<ListEventsResponse>) -> Result<Pages<ListEventsResponse>, Status> {
    let mut pages = Vec::new();
    while let Some(page) = stream.next().await {
        pages.push(page?);
    }
    let name = |item: &gumshoe_proto::collector::v1::Event| item.metadata.clone().unwrap().name;
    let names = pages.iter().flat_map(|page| page.items.iter().map(name)).collect();
    let end = pages.last().and_then(|page| page.completeness.clone()).expect("the last message says how it ended");
    Ok(Pages { names, pages, end })
}

async fn list(api: &FakeApi, request: ListPodsRequest) -> Result<Pages<ListPodsResponse>, Status> {
    list_within(api, &[], request).await
}

async fn list_within(
    api: &FakeApi,
    scope: &[&str],
    request: ListPodsRequest,
) -> Result<Pages<ListPodsResponse>, Status> {
    let pods = Pods(mk_reader(api, scope).await);
    collect(pods.list_pods(mk_request(request)).await?.into_inner()).await
}

async fn list_events(api: &FakeApi, request: ListEventsRequest) -> Result<Pages<ListEventsResponse>, Status> {
    let events = Events(mk_reader(api, &[]).await);
    collect_events(events.list_events(mk_request(request)).await?.into_inner()).await
}

fn reasons(end: &Completeness) -> Vec<GapReason> {
    end.gaps.iter().map(Gap::reason).collect()
}

fn mk_namespaces(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn mk_shop(number: usize) -> FakeApi {
    FakeApi::new((0..number).map(|index| mk_pod("shop", &format!("web-{index:04}"))).collect())
}

#[tokio::test]
async fn a_whole_list_comes_in_pages_and_says_so() {
    let pages = list(&mk_shop(25), ListPodsRequest { page_size: 10, ..Default::default() }).await.unwrap();
    assert_eq!(pages.pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [10, 10, 5]);
    assert!(pages.end.complete && pages.end.consistent);
    assert_eq!(pages.end.items, 25);
    assert_eq!(pages.end.resume_token, "");
}

#[tokio::test]
async fn each_page_token_brings_exactly_what_comes_behind_it() {
    let api = mk_shop(25);
    let request = ListPodsRequest { page_size: 10, ..Default::default() };
    let all = list(&api, request.clone()).await.unwrap();
    for (index, page) in all.pages.iter().enumerate().take(2) {
        api.add_pod(mk_pod("shop", "zzz-new"));
        let request = ListPodsRequest { page_token: page.next_page_token.clone(), ..request.clone() };
        let rest = list(&api, request).await.unwrap();
        assert_eq!(rest.names, all.names[10 * (index + 1)..], "the old set: what came later is not in it");
        assert!(rest.end.complete && rest.end.consistent);
    }
}

#[tokio::test]
async fn a_token_whose_snapshot_is_gone_goes_on_and_says_that_it_is_inconsistent() {
    let api = mk_shop(25);
    let all = list(&api, ListPodsRequest { page_size: 10, ..Default::default() }).await.unwrap();
    api.compact();
    let request = ListPodsRequest { page_token: all.pages[0].next_page_token.clone(), ..Default::default() };
    let rest = list(&api, request).await.unwrap();
    assert_eq!(rest.names, all.names[10..]);
    assert!(rest.end.complete && !rest.end.consistent);
}

#[tokio::test]
async fn a_token_with_another_selector_is_refused() {
    let api = mk_shop(25);
    let all = list(&api, ListPodsRequest { page_size: 10, ..Default::default() }).await.unwrap();
    let request = ListPodsRequest {
        page_token: all.pages[0].next_page_token.clone(),
        label_selector: "app=web".into(),
        ..Default::default()
    };
    let status = list(&api, request).await.err().unwrap();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, "page_token");
}

#[tokio::test]
async fn a_limit_that_cuts_is_a_gap_with_a_token_and_one_that_does_not_is_none() {
    let api = mk_shop(5);
    let cut = list(&api, ListPodsRequest { limit: 3, ..Default::default() }).await.unwrap();
    assert_eq!((cut.names.len(), reasons(&cut.end)), (3, vec![GapReason::Limit]));
    let rest = list(&api, ListPodsRequest { page_token: cut.end.resume_token, ..Default::default() }).await.unwrap();
    assert_eq!(rest.names.len(), 2);
    let exact = list(&api, ListPodsRequest { limit: 5, ..Default::default() }).await.unwrap();
    assert!(exact.end.complete);
}

#[tokio::test]
async fn a_body_that_is_cut_is_taken_up_again_behind_the_last_object() {
    let api = mk_shop(30);
    api.fault("/api/v1/pods", Answer::CutAfter(2000));
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names.len(), 30);
    assert!(pages.names.is_sorted_by(|a, b| a < b), "nothing twice");
    assert!(pages.end.complete && pages.end.consistent);
    let second = &api.requests("/api/v1/pods")[1];
    assert!(second.contains("resourceVersionMatch=Exact"), "{second}");
}

#[tokio::test]
async fn a_body_that_is_cut_again_and_again_ends_in_a_gap_with_a_token() {
    let api = mk_shop(30);
    for _ in 0..3 {
        api.fault("/api/v1/pods", Answer::CutAfter(2000));
    }
    let cut = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(reasons(&cut.end), [GapReason::ReadInterrupted]);
    assert!(cut.end.gaps[0].resumable);
    let rest = list(&api, ListPodsRequest { page_token: cut.end.resume_token, ..Default::default() }).await.unwrap();
    assert_eq!(cut.names.len() + rest.names.len(), 30);
    assert!(rest.end.complete);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_not_waited_for_for_ever() {
    let api = mk_shop(30);
    for _ in 0..3 {
        api.fault("/api/v1/pods", Answer::StallAfter(2000));
    }
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(reasons(&pages.end), [GapReason::ReadInterrupted]);
    assert!(!pages.names.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_does_not_read_gets_a_resumable_gap_and_the_api_server_is_let_go() {
    let api =
        FakeApi::new((0..40).map(|index| mk_pod_of_size("shop", &format!("web-{index:04}"), 512 << 10)).collect());
    let pods = Pods(mk_reader(&api, &[]).await);
    let stream = pods.list_pods(mk_request(ListPodsRequest::default())).await.unwrap().into_inner();
    tokio::time::timeout(Duration::from_secs(60), api.body_dropped()).await.expect("the read has ended");
    let first = collect(stream).await.unwrap();
    assert_eq!(reasons(&first.end), [GapReason::SlowCaller]);
    let request = ListPodsRequest { page_token: first.end.resume_token, ..Default::default() };
    let rest = collect(pods.list_pods(mk_request(request)).await.unwrap().into_inner()).await.unwrap();
    assert_eq!(first.names.len() + rest.names.len(), 40);
    assert!(rest.end.complete);
}

#[tokio::test]
async fn a_denied_namespace_among_several_is_a_gap_and_alone_an_error() {
    let api = FakeApi::new(vec![mk_pod("a", "one"), mk_pod("b", "two"), mk_pod("c", "three")]);
    api.deny("b");
    let request = |names: &[&str]| ListPodsRequest { namespaces: mk_namespaces(names), ..Default::default() };
    let pages = list(&api, request(&["a", "b", "c"])).await.unwrap();
    assert_eq!(pages.names, ["one", "three"]);
    assert_eq!(reasons(&pages.end), [GapReason::NamespaceDenied]);
    assert_eq!(pages.end.gaps[0].namespace, "b");
    let status = list(&api, request(&["b"])).await.err().unwrap();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn an_absent_namespace_among_several_is_a_gap() {
    let api = FakeApi::new(vec![mk_pod("a", "one")]);
    let request = ListPodsRequest { namespaces: mk_namespaces(&["a", "nowhere"]), ..Default::default() };
    let pages = list(&api, request).await.unwrap();
    assert_eq!(reasons(&pages.end), [GapReason::NamespaceNotFound]);
}

#[tokio::test]
async fn a_denied_list_of_the_whole_cluster_names_the_flag() {
    let api = mk_shop(1);
    api.fault("/api/v1/pods", Answer::Status(403));
    let status = list(&api, ListPodsRequest::default()).await.err().unwrap();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("--namespaces"), "{}", status.message());
}

#[tokio::test]
async fn nothing_outside_the_flag_is_read() {
    let api = FakeApi::new(vec![mk_pod("a", "one"), mk_pod("secret", "two")]);
    let pages = list_within(&api, &["a"], ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names, ["one"]);
    let request = ListPodsRequest { namespaces: mk_namespaces(&["secret"]), ..Default::default() };
    assert_eq!(list_within(&api, &["a"], request).await.err().unwrap().code(), Code::PermissionDenied);
    let pods = Pods(mk_reader(&api, &["a"]).await);
    let status = pods.get_pod(mk_request(GetPodRequest { namespace: "secret".into(), name: "two".into() })).await;
    assert_eq!(status.err().unwrap().code(), Code::PermissionDenied);
    assert!(api.all_requests().iter().all(|request| !request.contains("secret")));
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_as_the_server_asks() {
    let api = mk_shop(3);
    api.fault("/api/v1/pods", Answer::Throttle(7));
    let begin = tokio::time::Instant::now();
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert!(pages.end.complete);
    assert!(begin.elapsed() >= Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn throttling_without_end_is_unavailable_with_the_time_to_wait() {
    let api = mk_shop(3);
    for _ in 0..3 {
        api.fault("/api/v1/pods", Answer::Throttle(2));
    }
    let status = list(&api, ListPodsRequest::default()).await.err().unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    let retry = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
    assert_eq!(retry, Some(Duration::from_secs(2)));
    assert_eq!(api.requests("/api/v1/pods").len(), 3);
}

#[tokio::test]
async fn an_object_that_is_too_large_is_a_named_gap() {
    let mut pods = vec![mk_pod("shop", "a"), mk_pod_of_size("shop", "huge", 4 << 20), mk_pod("shop", "z")];
    pods.sort_by_key(|pod| pod.metadata.clone().unwrap().name);
    let pages = list(&FakeApi::new(pods), ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names, ["a", "z"]);
    let gap = &pages.end.gaps[0];
    assert_eq!((gap.reason(), gap.name.as_str()), (GapReason::ItemTooLarge, "huge"));
}

#[tokio::test]
async fn an_older_server_is_asked_page_by_page_and_a_410_in_the_middle_is_told() {
    let api = mk_shop(1200).with_version("32");
    api.fault_continue(1, Answer::Expired);
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names.len(), 1200);
    assert!(pages.end.complete && !pages.end.consistent);
    assert!(api.requests("/api/v1/pods")[0].contains("limit=500"));
}

#[tokio::test]
async fn get_says_not_found_with_the_name() {
    let pods = Pods(mk_reader(&mk_shop(1), &[]).await);
    let status = pods.get_pod(mk_request(GetPodRequest { namespace: "shop".into(), name: "gone".into() })).await;
    let status = status.err().unwrap();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.get_error_details().resource_info().unwrap().resource_name, "shop/gone");
}

#[tokio::test]
async fn every_request_carries_its_deadline_and_the_id_of_the_call() {
    let api = mk_shop(1);
    list(&api, ListPodsRequest::default()).await.unwrap();
    assert!(api.requests("/api/v1/pods")[0].contains("timeout="));
    let headers = api.last_headers();
    assert!(headers.contains_key("audit-id"));
    assert!(!headers.contains_key("accept-encoding"));
}

#[tokio::test]
async fn events_come_newest_first_and_what_the_limit_leaves_out_is_counted() {
    let api = FakeApi::with_events(
        (0..1500).map(|index| mk_event("shop", &format!("e-{index:04}"), (index * 7) % 1500)).collect(),
    );
    let pages = list_events(&api, ListEventsRequest { limit: 600, ..Default::default() }).await.unwrap();
    assert_eq!(pages.names.len(), 600);
    let times: Vec<_> = pages
        .pages
        .iter()
        .flat_map(|page| page.items.iter().map(|event| event.columns.as_ref().unwrap().last_seen.unwrap().seconds))
        .collect();
    assert_eq!(times, (900..1500).rev().collect::<Vec<i64>>());
    assert_eq!((reasons(&pages.end), pages.end.gaps[0].items), (vec![GapReason::Limit], Some(900)));
    let request = ListEventsRequest { limit: 600, page_token: pages.end.resume_token, ..Default::default() };
    let next = list_events(&api, request).await.unwrap();
    assert_eq!(next.end.gaps[0].items, Some(300));
    assert!(next.names.iter().all(|name| !pages.names.contains(name)));
}

#[tokio::test]
async fn events_are_listed_afresh_when_their_snapshot_expires_in_the_middle() {
    let api = FakeApi::with_events((0..1200).map(|index| mk_event("shop", &format!("e-{index:04}"), index)).collect());
    api.fault_continue(1, Answer::Expired);
    let pages = list_events(&api, ListEventsRequest { limit: 5000, ..Default::default() }).await.unwrap();
    assert_eq!(pages.names.len(), 1200, "none twice");
    assert!(pages.end.complete && pages.end.consistent);
}

#[tokio::test]
async fn events_go_on_inconsistently_when_it_expires_twice() {
    let api = FakeApi::with_events((0..1200).map(|index| mk_event("shop", &format!("e-{index:04}"), index)).collect());
    api.fault_continue(1, Answer::Expired);
    api.fault_continue(2, Answer::Expired);
    let pages = list_events(&api, ListEventsRequest { limit: 5000, ..Default::default() }).await.unwrap();
    assert_eq!(pages.names.len(), 1200);
    assert!(pages.end.complete && !pages.end.consistent);
}
