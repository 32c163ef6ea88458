//! What the API server wrote down: that the collector's account made reads and nothing else, under ids that its own log has.

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::{GetPodRequest, ListEventsRequest, ListPodsRequest, ReadLogsRequest};
use serde_json::Value;
use tonic::{IntoRequest, Request};

use crate::support::{Collector, Release, audit::Asked, audit::asked_by, audit::asked_under, on_the_bench, pod_of};

/// The agent of every read.
const USER_AGENT: &str = concat!("gumshoe-collector/", env!("CARGO_PKG_VERSION"));

/// What a request of the collector is for; None where it is none of those it may make.
fn purpose(asked: &Asked) -> Option<&'static str> {
    let path: Vec<_> = asked.path().trim_start_matches('/').split('/').collect();
    match (asked.verb.as_str(), &path[..]) {
        ("get", ["version"]) => Some("version"),
        ("create", ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]) => Some("review"),
        ("list", ["api", "v1", "pods"] | ["api", "v1", "namespaces", _, "pods"]) => Some("list pods"),
        ("get", ["api", "v1", "namespaces", _, "pods", _]) => Some("get pod"),
        ("get", ["api", "v1", "namespaces", _, "pods", _, "log"]) => Some("get log"),
        ("list", ["api", "v1", "events"] | ["api", "v1", "namespaces", _, "events"]) => Some("list events"),
        // Whether a namespace whose list was empty exists: tried, and denied, since the chart does not allow it.
        ("get", ["api", "v1", "namespaces", _]) if asked.code == 403 => Some("denied: get namespace"),
        _ => None,
    }
}

fn under<T>(id: &str, request: T) -> Request<T> {
    let mut request = request.into_request();
    request.metadata_mut().insert("x-request-id", id.parse().unwrap());
    request
}

/// One call of each method, under an id of its own; and a list of a namespace that has nothing.
async fn reads(collector: &mut Collector, pod: &str) -> [&'static str; 5] {
    let (namespace, name) = ("shop".to_owned(), pod.to_owned());
    let client = &mut collector.client;
    client
        .pods
        .get_pod(under("audit-get", GetPodRequest { namespace: namespace.clone(), name, ..Default::default() }))
        .await
        .unwrap();
    let mut pages = client.pods.list_pods(under("audit-list", ListPodsRequest::default())).await.unwrap().into_inner();
    while pages.message().await.unwrap().is_some() {}
    let request = ListPodsRequest { namespaces: vec!["kube-public".to_owned()], ..ListPodsRequest::default() };
    let mut pages = client.pods.list_pods(under("audit-empty", request)).await.unwrap().into_inner();
    let mut last = None;
    while let Some(page) = pages.message().await.unwrap() {
        last = page.completeness;
    }
    let warnings = last.unwrap().warnings;
    assert!(warnings[0].contains("kube-public"), "{warnings:?}");
    let request = ListEventsRequest::default();
    let mut pages = client.events.list_events(under("audit-events", request)).await.unwrap().into_inner();
    while pages.message().await.unwrap().is_some() {}
    let request =
        ReadLogsRequest { namespace, pod: pod.to_owned(), all_containers: true, ..ReadLogsRequest::default() };
    let mut pages = client.logs.read_logs(under("audit-logs", request)).await.unwrap().into_inner();
    while pages.message().await.unwrap().is_some() {}
    ["audit-get", "audit-list", "audit-empty", "audit-events", "audit-logs"]
}

#[test]
fn the_api_server_saw_nothing_but_the_reads_and_under_the_ids_of_our_log() {
    on_the_bench(async |bench| {
        let mut collector = bench.collector().await;
        let worker = pod_of(bench, "worker").await;
        let ids = reads(&mut collector, &worker).await;
        let user = Release::WIDE.user();
        let mut joined = BTreeSet::new();
        for id in ids {
            let is_it = |line: &Value| line.to_string().contains(&format!("\"request_id\":\"{id}\""));
            collector.process.logged(&format!("it logs {id}"), is_it).await.unwrap();
            for asked in asked_under(bench, &user, id).await {
                joined.insert((id, purpose(&asked)));
            }
        }
        let expected = [
            ("audit-get", "get pod"),
            ("audit-list", "list pods"),
            ("audit-empty", "list pods"),
            ("audit-empty", "denied: get namespace"),
            ("audit-events", "list events"),
            ("audit-logs", "get pod"),
            ("audit-logs", "get log"),
        ];
        assert_eq!(joined, expected.map(|(id, purpose)| (id, Some(purpose))).into());

        // The tests beside this one have asked too.
        for release in [Release::WIDE, Release::NARROW] {
            let asked = asked_by(bench, &release.user());
            for asked in &asked {
                assert!(purpose(asked).is_some(), "{asked:?}");
                assert_eq!(asked.user_agent, USER_AGENT, "{asked:?}");
            }
        }
        let purposes: BTreeSet<_> = asked_by(bench, &user).iter().filter_map(purpose).collect();
        assert!(purposes.contains("version"), "{purposes:?}");
    });
}
