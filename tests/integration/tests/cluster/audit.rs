//! What the API server wrote down: that the collector's account made reads and nothing else, under ids that its own log has.

use std::collections::BTreeSet;

use gumshoe_integration::dynamic;
use gumshoe_proto::collector::v1::{GetPodRequest, ListEventsRequest, ListPodsRequest, ReadLogsRequest};
use serde_json::Value;
use tonic::{IntoRequest, Request};

use crate::support::{Collector, Release, audit::Asked, audit::asked_by, audit::asked_under, on_the_bench, pod_of};

/// The agent of every read.
const USER_AGENT: &str = concat!("gumshoe-collector/", env!("CARGO_PKG_VERSION"));

/// What a request is for, if it is for anything that the collector may do.
fn purpose(asked: &Asked) -> Option<String> {
    let path: Vec<_> = asked.path().trim_start_matches('/').split('/').collect();
    match (asked.verb.as_str(), &path[..]) {
        ("get", ["version"]) => return Some("version".to_owned()),
        ("create", ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"]) => {
            return Some("review".to_owned());
        }
        _ => {}
    }
    let rest = match path[..] {
        ["api", "v1", ref rest @ ..] | ["apis", _, _, ref rest @ ..] => rest,
        _ => return None,
    };
    let plural = match (asked.verb.as_str(), rest) {
        ("get", ["namespaces", _, "pods", _, "log"]) => return Some("get log".to_owned()),
        // Whether a namespace whose list was empty exists: tried, and denied where the chart does not allow it.
        ("get", ["namespaces", _]) if asked.code == 403 => return Some("denied: get namespaces".to_owned()),
        ("list", ["namespaces", _, plural] | [plural]) => plural,
        ("get", ["namespaces", _, plural, _] | [plural, _]) => plural,
        _ => return None,
    };
    let lists = dynamic::methods().filter_map(|method| Some(method.name().strip_prefix("List")?.to_ascii_lowercase()));
    let served: Vec<_> = lists.collect();
    served.iter().any(|kind| kind == plural).then(|| format!("{} {plural}", asked.verb))
}

fn under<T>(id: &str, request: T) -> Request<T> {
    let mut request = request.into_request();
    request.metadata_mut().insert("x-request-id", id.parse().unwrap());
    request
}

/// A call of each way to read, under an id of its own; and a list of a namespace that has nothing.
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
    while pages.message().await.unwrap().is_some() {}
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
            ("audit-get", "get pods"),
            ("audit-list", "list pods"),
            ("audit-empty", "list pods"),
            ("audit-empty", "get namespaces"),
            ("audit-events", "list events"),
            ("audit-logs", "get pods"),
            ("audit-logs", "get log"),
        ];
        assert_eq!(joined, expected.map(|(id, purpose)| (id, Some(purpose.to_owned()))).into());

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
