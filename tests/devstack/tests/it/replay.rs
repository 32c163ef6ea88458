//! The embedded Kubernetes API, read with kube's client.

use bytes::Bytes;
use futures::StreamExt;
use gumshoe_devstack::faults::Gate;
use gumshoe_devstack::replay::{Action, ContainerId, Fault, LogAnswer, Replay, Requests, Resource, Shop, synthetic};
use gumshoe_devstack::within;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use k8s_pb::api::core::v1::PodList;
use k8s_pb::apimachinery::pkg::apis::meta::v1::Status;
use k8s_pb::apimachinery::pkg::runtime::Unknown;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use prost::Message;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf, application/json;q=0.9";

struct Bench {
    replay: Replay,
    client: kube::Client,
}

impl Bench {
    async fn of(shop: Shop) -> Self {
        let replay = Replay::of(shop).token("let-me-in").start().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let kubeconfig = Kubeconfig::read_from(replay.write_kubeconfig(directory.path()).unwrap()).unwrap();
        let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.default_retry = false;
        Self { replay, client: kube::Client::try_from(config).unwrap() }
    }

    async fn send(&self, path: &str) -> kube::Result<Response<Body>> {
        let request = Request::get(path).header("Accept", PROTOBUF).body(Body::empty()).unwrap();
        within("an answer", self.client.send(request)).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, Bytes) {
        let (parts, body) = self.send(path).await.unwrap().into_parts();
        (parts.status, body.collect().await.unwrap().to_bytes())
    }

    async fn pods(&self, path: &str) -> PodList {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK);
        PodList::decode(&*raw(&body)).unwrap()
    }

    async fn failure(&self, path: &str) -> (StatusCode, Status) {
        let (code, body) = self.get(path).await;
        (code, Status::decode(&*raw(&body)).unwrap())
    }

    async fn log(&self, query: &str) -> String {
        let (status, body) = self.get(&format!("/api/v1/namespaces/shop/pods/web-0/log?{query}")).await;
        assert_eq!(status, StatusCode::OK);
        String::from_utf8(body.to_vec()).unwrap()
    }
}

/// A list of anything.
#[derive(Clone, PartialEq, Message)]
struct RawList {
    #[prost(bytes = "bytes", repeated, tag = "2")]
    items: Vec<Bytes>,
}

fn raw(body: &[u8]) -> Vec<u8> {
    Unknown::decode(body.strip_prefix(b"k8s\0").unwrap()).unwrap().raw.unwrap()
}

fn names(list: &PodList) -> Vec<String> {
    list.items.iter().map(|pod| pod.metadata.as_ref().unwrap().name.clone().unwrap()).collect()
}

fn resume(list: &PodList) -> String {
    list.metadata.as_ref().unwrap().r#continue.clone().unwrap()
}

fn mk_shop(pods: usize) -> Shop {
    (0..pods).fold(Shop::default(), |shop, number| shop.pod(&synthetic::pod("shop", &format!("web-{number}"))).unwrap())
}

#[tokio::test]
async fn the_recording_is_served_as_it_was_recorded() {
    let shop = Shop::recorded().unwrap();
    let bench = Bench::of(shop.clone()).await;
    let mut pods = bench.pods("/api/v1/pods").await.items;
    assert!(pods.len() > 10);
    assert_eq!(pods, shop.pods());
    pods.retain(|pod| pod.metadata.as_ref().unwrap().namespace.as_deref() == Some("shop"));
    assert_eq!(bench.pods("/api/v1/namespaces/shop/pods").await.items, pods);
    let (_, body) = bench.get("/api/v1/events").await;
    // Not decoded: the message of one is not UTF-8.
    let events = RawList::decode(&*raw(&body)).unwrap().items;
    assert!(events.iter().eq(shop.items(Resource::EVENTS)));
    let (_, version) = bench.get("/version").await;
    assert!(String::from_utf8_lossy(&version).contains("v1.36"));
}

#[tokio::test]
async fn every_recorded_log_is_served_as_it_was_recorded() {
    let shop = Shop::recorded().unwrap();
    let bench = Bench::of(shop.clone()).await;
    for (id, answer) in shop.logs() {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}/log?container={}&previous={}&timestamps=true",
            id.namespace, id.pod, id.container, id.previous
        );
        let (status, body) = bench.get(&path).await;
        match answer {
            // A pod on no node has no log, and the recording cannot tell that from an empty one.
            LogAnswer::Lines(lines) => assert_eq!((status.is_success(), &body), (true, lines), "{path}"),
            LogAnswer::Error { code, message, .. } => {
                assert_eq!(status, *code, "{path}");
                assert_eq!(Status::decode(&*raw(&body)).unwrap().message.as_ref(), Some(message));
            }
        }
    }
}

#[tokio::test]
async fn pages_together_are_the_list_as_it_was_at_the_first_page() {
    let bench = Bench::of(mk_shop(10)).await;
    let mut page = bench.pods("/api/v1/pods?limit=4").await;
    assert_eq!(page.metadata.as_ref().unwrap().remaining_item_count, Some(6));
    let mut seen = names(&page);
    bench.replay.change(|shop| shop.remove(Resource::PODS, "shop", "web-9"));
    while !resume(&page).is_empty() {
        page = bench.pods(&format!("/api/v1/pods?limit=4&continue={}", resume(&page))).await;
        seen.extend(names(&page));
    }
    assert_eq!(seen, (0..10).map(|number| format!("web-{number}")).collect::<Vec<_>>());
    let now = bench.pods("/api/v1/pods").await;
    assert_eq!(now.items.len(), 9);
    let version: u64 = now.metadata.unwrap().resource_version.unwrap().parse().unwrap();
    let exact = format!("/api/v1/pods?resourceVersion={}&resourceVersionMatch=Exact", version - 1);
    assert_eq!(bench.pods(&exact).await.items.len(), 10);
}

#[tokio::test]
async fn a_compacted_list_is_expired_and_says_how_to_go_on() {
    let bench = Bench::of(mk_shop(4)).await;
    let first = bench.pods("/api/v1/pods?limit=3").await;
    bench.replay.compact();
    let (code, status) = bench.failure(&format!("/api/v1/pods?limit=3&continue={}", resume(&first))).await;
    assert_eq!((code, status.reason.as_deref()), (StatusCode::GONE, Some("Expired")));
    let token = status.metadata.unwrap().r#continue.unwrap();
    assert_eq!(names(&bench.pods(&format!("/api/v1/pods?limit=3&continue={token}")).await), ["web-3"]);
    let version = first.metadata.unwrap().resource_version.unwrap();
    let (code, _) = bench.failure(&format!("/api/v1/pods?resourceVersion={version}&resourceVersionMatch=Exact")).await;
    assert_eq!(code, StatusCode::GONE);
}

#[tokio::test]
async fn selectors_select_and_a_page_may_hold_none() {
    let mut shop = mk_shop(3);
    for name in ["db-0", "db-1"] {
        shop = shop.pod(&synthetic::pod("back", name)).unwrap();
    }
    let bench = Bench::of(shop.pod(&synthetic::unscheduled_pod("shop", "web-3")).unwrap()).await;
    let list = bench.pods("/api/v1/pods?labelSelector=app%20in%20(db)").await;
    assert_eq!(names(&list), ["db-0", "db-1"]);
    let list = bench.pods("/api/v1/pods?fieldSelector=status.phase%3DPending,metadata.namespace%3Dshop").await;
    assert_eq!(names(&list), ["web-3"]);
    let page = bench.pods("/api/v1/pods?labelSelector=app%3Dweb&limit=2").await;
    assert!(page.items.is_empty() && !resume(&page).is_empty());
    let (code, status) = bench.failure("/api/v1/pods?fieldSelector=spec.color%3Dred").await;
    assert_eq!(
        (code, status.message.as_deref()),
        (StatusCode::BAD_REQUEST, Some("field label not supported: spec.color"))
    );
}

#[tokio::test]
async fn what_may_not_be_read_is_forbidden_and_what_is_not_there_not_found() {
    let bench = Bench::of(mk_shop(1).namespace("back")).await;
    bench.replay.deny_namespace("back");
    bench.replay.deny_whole_cluster();
    for path in ["/api/v1/pods", "/api/v1/namespaces/back/pods", "/api/v1/namespaces/back/pods/db-0/log"] {
        let (code, status) = bench.failure(path).await;
        assert_eq!((code, status.reason.as_deref()), (StatusCode::FORBIDDEN, Some("Forbidden")), "{path}");
    }
    for path in ["/api/v1/namespaces/shop/pods/web-9", "/api/v1/namespaces/gone", "/api/v1/secrets"] {
        let (code, status) = bench.failure(path).await;
        assert_eq!((code, status.reason.as_deref()), (StatusCode::NOT_FOUND, Some("NotFound")), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_every_request_is_on_record() {
    let bench = Bench::of(mk_shop(1)).await;
    let request = Request::get("/api/v1/pods?limit=7&timeout=5s").body(Body::empty()).unwrap();
    assert_eq!(bench.client.send(request).await.unwrap().status(), StatusCode::NOT_ACCEPTABLE);
    let seen = bench.replay.saw("the list", |request| request.path == "/api/v1/pods").await.unwrap();
    assert_eq!((seen.query.get("limit"), seen.query.get("timeout")), ("7", "5s"));
    assert_eq!(seen.header("authorization"), "Bearer let-me-in");

    let strict = Replay::of(mk_shop(1)).token("another").start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = strict.write_kubeconfig(directory.path()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap().replace("another", "guessed");
    std::fs::write(&path, text).unwrap();
    let config = Kubeconfig::read_from(&path).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    let request = Request::get("/version").body(Body::empty()).unwrap();
    let answer = kube::Client::try_from(config).unwrap().send(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_log_has_the_window_that_was_asked_for() {
    let log = synthetic::log_lines(["one", "two", "three"]);
    let bench = Bench::of(mk_shop(1).log(ContainerId::new("shop", "web-0", "app"), log.clone())).await;
    assert_eq!(bench.log("timestamps=true").await, log);
    assert_eq!(bench.log("tailLines=1").await, "three\n");
    assert_eq!(bench.log("tailLines=2&limitBytes=5").await, "two\nt");
    assert_eq!(bench.log("sinceTime=2030-01-01T00:00:00Z").await, "");
    let (code, status) = bench.failure("/api/v1/namespaces/shop/pods/web-0/log?tailLines=-1").await;
    assert_eq!((code, status.reason.as_deref()), (StatusCode::UNPROCESSABLE_ENTITY, Some("Invalid")));
}

#[tokio::test]
async fn a_missing_log_says_why_as_the_kubelet_does() {
    let shop = mk_shop(1)
        .pod(&synthetic::unscheduled_pod("shop", "late"))
        .unwrap()
        .pod(&synthetic::crashing_pod("shop", "crashing", 3))
        .unwrap();
    let bench = Bench::of(shop).await;
    let (code, _) = bench.get("/api/v1/namespaces/shop/pods/late/log").await;
    assert_eq!(code, StatusCode::NO_CONTENT);
    let (code, _) = bench.get("/api/v1/namespaces/shop/pods/crashing/log?previous=true").await;
    assert_eq!(code, StatusCode::OK);
    for (query, message) in [
        ("previous=true", "previous terminated container \"app\" in pod \"web-0\" not found"),
        ("container=other", "container other is not valid for pod web-0"),
    ] {
        let (code, status) = bench.failure(&format!("/api/v1/namespaces/shop/pods/web-0/log?{query}")).await;
        assert_eq!((code, status.message.as_deref()), (StatusCode::BAD_REQUEST, Some(message)));
    }
}

#[tokio::test]
async fn a_followed_log_goes_on_until_the_pod_is_gone() {
    let id = ContainerId::new("shop", "web-0", "app");
    let bench = Bench::of(mk_shop(1).log(id.clone(), synthetic::log_line(0, "one"))).await;
    let answer = bench.send("/api/v1/namespaces/shop/pods/web-0/log?follow=true&tailLines=1").await.unwrap();
    let mut chunks = answer.into_body().into_data_stream();
    assert_eq!(within("the first line", chunks.next()).await.unwrap().unwrap().unwrap(), "one\n");
    bench.replay.append_log(&id, &synthetic::log_line(1, "two"));
    assert_eq!(within("the next line", chunks.next()).await.unwrap().unwrap().unwrap(), "two\n");
    bench.replay.change(|shop| shop.remove(Resource::PODS, "shop", "web-0"));
    assert!(within("the end", chunks.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_fault_strikes_as_often_as_it_should_and_only_where_it_should() {
    let bench = Bench::of(mk_shop(2)).await;
    let push = |matching, times, action| bench.replay.faults().push(Fault { matching, times, action });
    let throttled = push(Requests::lists(Resource::PODS), 2, Action::TooManyRequests { retry_after: 1 });
    let broken = push(Requests::gets(Resource::PODS).named("web-1"), 1, Action::Disconnect);
    assert_eq!(bench.get("/api/v1/namespaces/shop/pods/web-0").await.0, StatusCode::OK);
    for expected in [StatusCode::TOO_MANY_REQUESTS, StatusCode::TOO_MANY_REQUESTS, StatusCode::OK] {
        assert_eq!(bench.send("/api/v1/pods").await.unwrap().status(), expected);
    }
    assert!(bench.send("/api/v1/namespaces/shop/pods/web-1").await.is_err());
    assert_eq!((throttled.count(), broken.count()), (2, 1));
    push(Requests::logs(), 1, Action::LogErrorInBand { after_lines: 0 });
    assert!(bench.log("").await.starts_with("unable to retrieve container logs for containerd://"));
    push(Requests::any(), 1, Action::ProxyPage(StatusCode::BAD_GATEWAY));
    assert_eq!(bench.get("/version").await.0, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_cut_body_ends_in_an_error_after_the_bytes_before_it() {
    let bench = Bench::of(mk_shop(500)).await;
    let matching = Requests::lists(Resource::PODS);
    bench.replay.faults().push(Fault { matching, times: 1, action: Action::CutBody { after: 100_000 } });
    let mut chunks = bench.send("/api/v1/pods").await.unwrap().into_body().into_data_stream();
    let mut received = 0;
    loop {
        match within("a chunk", chunks.next()).await.unwrap() {
            Some(Ok(bytes)) => received += bytes.len(),
            Some(Err(_)) => break,
            None => panic!("a cut body looks whole"),
        }
    }
    assert_eq!(received, 100_000);
}

#[tokio::test]
async fn a_stalled_body_goes_on_when_the_gate_opens() {
    let bench = Bench::of(mk_shop(500)).await;
    let gate = Gate::closed();
    let action = Action::StallBody { after: 1000, until: gate.clone() };
    let stalled = bench.replay.faults().push(Fault { matching: Requests::any(), times: 1, action });
    let mut chunks = bench.send("/api/v1/pods").await.unwrap().into_body().into_data_stream();
    let mut received = 0;
    while received < 1000 {
        received += within("a chunk", chunks.next()).await.unwrap().unwrap().unwrap().len();
    }
    stalled.times(1).await.unwrap();
    assert_eq!(received, 1000);
    gate.open();
    while let Some(chunk) = within("a chunk", chunks.next()).await.unwrap() {
        received += chunk.unwrap().len();
    }
    assert!(received > 100_000);
}

#[tokio::test]
async fn a_read_that_was_given_up_is_noticed() {
    let bench = Bench::of(mk_shop(1)).await;
    let answer = bench.send("/api/v1/namespaces/shop/pods/web-0/log?follow=true").await.unwrap();
    drop(answer);
    bench.replay.idle().await.unwrap();
}
