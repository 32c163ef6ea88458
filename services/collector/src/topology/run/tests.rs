use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use gumshoe_proto::{
    collector::v1::{
        DaemonSet, Deployment, Node, Pod, ReplicaSet, Service, TopologyHealth, TopologyNode, topology_element::Element,
    },
    json,
};
use gumshoe_runtime::deadline::Deadline;
use http::{Request, Response, StatusCode};
use kube::client::Body;
use serde_json::json;
use tower::service_fn;

use super::*;
use crate::{kubernetes::api::KubernetesApi, lists::scope::Scope, pages::page::Encoded};

pub(in crate::topology) fn mk_call(seconds: u64) -> Call {
    let mut request = tonic::Request::new(());
    request.extensions_mut().insert(Deadline::after(Duration::from_secs(seconds)));
    Call::of(&request)
}

/// What a path answers with.
#[derive(Debug, Clone, Default)]
struct Fake {
    objects: BTreeMap<&'static str, Vec<u8>>,
    /// Paths that end so never answer.
    silent: BTreeSet<&'static str>,
    /// Seconds before a list is answered.
    lists_take: u64,
    lists: Arc<(AtomicUsize, AtomicUsize)>,
    /// Nodes may not be read.
    denies_nodes: bool,
    nodes: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Fake {
    fn answering(mut self, path: &'static str, object: &impl prost::Message) -> Self {
        self.objects.insert(path, object.encode_to_vec());
        self
    }

    /// A list of one object.
    fn listing(self, path: &'static str, object: &impl prost::Message) -> Self {
        self.listing_all(path, [object.encode_to_vec()])
    }

    fn listing_all(mut self, path: &'static str, objects: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut list = Vec::new();
        prost::encoding::message::encode(1, &(), &mut list);
        objects.into_iter().for_each(|object| prost::encoding::bytes::encode(2, &object, &mut list));
        self.objects.insert(path, list);
        self
    }

    async fn answer(self, path: String) -> (StatusCode, Vec<u8>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if self.silent.iter().any(|end| path.ends_with(end)) {
            return std::future::pending().await;
        }
        if let Some(name) = path.strip_prefix("/api/v1/nodes/") {
            self.nodes.fetch_add(1, Ordering::Relaxed);
            let node: Node = json::from_value(json!({"metadata": {"name": name}})).unwrap();
            let status = if self.denies_nodes { StatusCode::FORBIDDEN } else { StatusCode::OK };
            return (status, mk_body(&path, &node.encode_to_vec()));
        }
        let (now, most) = &*self.lists;
        most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(self.lists_take)).await;
        now.fetch_sub(1, Ordering::Relaxed);
        // What is not said is an empty list.
        let raw = self.objects.get(path.as_str()).cloned().unwrap_or_else(|| vec![0x0a, 0]);
        (StatusCode::OK, mk_body(&path, &raw))
    }

    fn topology(&self) -> Topology {
        let fake = self.clone();
        let client = service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move {
                let (status, body) = fake.answer(request.uri().path().to_owned()).await;
                let response =
                    Response::builder().status(status).header("content-type", "application/vnd.kubernetes.protobuf");
                Ok::<_, Infallible>(response.body(Body::from(body)).unwrap())
            }
        });
        let api = KubernetesApi::from_client(kube::Client::new(client, "default"));
        Topology::new(Reader::new(api, Scope::default()), WalkedKind::ALL.into())
    }
}

fn mk_body(path: &str, raw: &[u8]) -> Vec<u8> {
    // Where metadata is asked for, only a body that says it is metadata is taken.
    let is_list = ["/configmaps", "/secrets"].iter().any(|end| path.ends_with(end));
    let kind = format!("PartialObjectMetadata{}", if is_list { "List" } else { "" });
    let mut type_meta = Vec::new();
    prost::encoding::string::encode(2, &kind, &mut type_meta);
    let mut body = b"k8s\0".to_vec();
    prost::encoding::bytes::encode(1, &type_meta, &mut body);
    prost::encoding::bytes::encode(2, &raw.to_vec(), &mut body);
    body
}

fn start(topology: &Topology, kind: &str, name: &str, seconds: u64) -> PageStream {
    let request = DiscoverTopologyRequest {
        namespace: "shop".into(),
        kind: kind.into(),
        name: name.into(),
        max_nodes: 2000,
        ..Default::default()
    };
    topology.discover(mk_call(seconds), &request).unwrap()
}

/// What was found, and why there is no more.
async fn collect(stream: PageStream) -> Result<(Vec<TopologyNode>, Vec<GapReason>), tonic::Status> {
    let (nodes, gaps) = collect_gaps(stream).await?;
    Ok((nodes, gaps.iter().map(Gap::reason).collect()))
}

async fn collect_gaps(mut stream: PageStream) -> Result<(Vec<TopologyNode>, Vec<Gap>), tonic::Status> {
    let (mut nodes, mut gaps) = (Vec::new(), Vec::new());
    while let Some(page) = stream.next().await {
        let Encoded(page) = page?;
        let page = DiscoverTopologyResponse::decode(page).unwrap();
        gaps.extend(page.completeness.into_iter().flat_map(|end| end.gaps));
        nodes.extend(page.elements.into_iter().filter_map(|element| match element.element {
            Some(Element::Node(node)) => Some(node),
            _ => None,
        }));
    }
    Ok((nodes, gaps))
}

fn mk_web() -> Fake {
    let metadata = json!({"namespace": "shop", "name": "web", "uid": "d"});
    let deployment: Deployment = json::from_value(json!({"metadata": metadata})).unwrap();
    let owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d"});
    let metadata = json!({"namespace": "shop", "name": "web-1", "uid": "r", "ownerReferences": [owner]});
    let set: ReplicaSet = json::from_value(json!({"metadata": metadata})).unwrap();
    Fake::default()
        .answering("/apis/apps/v1/namespaces/shop/deployments/web", &deployment)
        .listing("/apis/apps/v1/namespaces/shop/replicasets", &set)
}

#[tokio::test(start_paused = true)]
async fn a_list_that_does_not_come_in_time_does_not_keep_the_others_back() {
    let fake = Fake { silent: ["/pods"].into(), ..mk_web() };
    let (nodes, gaps) = collect(start(&fake.topology(), "Deployment", "web", 5)).await.unwrap();
    let names: Vec<_> = nodes.iter().map(|node| (node.kind.as_str(), node.name.as_str())).collect();
    assert_eq!(names, [("Deployment", "web"), ("ReplicaSet", "web-1")]);
    assert_eq!(gaps.first(), Some(&GapReason::Deadline), "{gaps:?}");
}

/// A pod that takes more than a mebibyte of what a walk may hold.
fn mk_large_pod(name: &str) -> Pod {
    let volume = |index: usize| {
        let name = format!("{index:0>250}");
        json!({"name": name, "volumeSource": {"configMap": {"localObjectReference": {"name": name}}}})
    };
    let volumes: Vec<_> = (0..1900).map(volume).collect();
    let metadata = json!({"namespace": "shop", "name": name, "uid": name});
    json::from_value(json!({"metadata": metadata, "spec": {"volumes": volumes}})).unwrap()
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_nothing_keeps_nobody_from_walking_for_long() {
    let pod = mk_large_pod("web");
    let topology = mk_web().answering("/api/v1/namespaces/shop/pods/web", &pod).topology();
    let began = Instant::now();
    let slow: Vec<_> = (0..WALKS).map(|_| start(&topology, "Pod", "web", 3600)).collect();
    let (nodes, _) = collect(start(&topology, "Deployment", "web", 3600)).await.unwrap();
    assert_eq!(nodes.len(), 2);
    assert!(began.elapsed() <= TAKEN_WITHIN + Duration::from_secs(1), "{:?}", began.elapsed());
    drop(slow);
}

#[tokio::test(start_paused = true)]
async fn the_lists_of_walks_are_among_those_that_are_read_at_one_time() {
    let fake = Fake { lists_take: 1, ..mk_web() };
    let topology = fake.topology();
    let walks = (0..WALKS).map(|_| collect(start(&topology, "Deployment", "web", 3600)));
    for walk in futures::future::join_all(walks).await {
        assert_eq!(walk.unwrap().0.len(), 2);
    }
    let most = fake.lists.1.load(Ordering::Relaxed);
    assert!((10..=16).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn another_object_than_the_one_that_was_asked_for_is_unread_and_not_missing() {
    let garbage = Pod::default();
    let fake = Fake::default().answering("/api/v1/namespaces/shop/configmaps/config", &garbage);
    let refused = collect(start(&fake.topology(), "ConfigMap", "config", 5)).await.unwrap_err();
    assert!(refused.message().contains("another object"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn of_items_that_cannot_be_read_the_first_are_named_and_the_others_told_as_one() {
    let mut fake = mk_web();
    let list = [&[0x0a, 0][..], &[0x12, 0].repeat(5000)].concat();
    fake.objects.insert("/api/v1/namespaces/shop/pods", list);
    let (nodes, gaps) = collect(start(&fake.topology(), "Deployment", "web", 5)).await.unwrap();
    assert_eq!(nodes.len(), 2);
    assert!(
        (2..200).contains(&gaps.len()) && gaps.iter().all(|gap| *gap == GapReason::ItemUnreadable),
        "{}",
        gaps.len()
    );
}

/// A daemon set with a pod on each of so many nodes.
fn mk_agents(nodes: usize) -> Fake {
    let set: DaemonSet =
        json::from_value(json!({"metadata": {"namespace": "shop", "name": "agent", "uid": "a"}})).unwrap();
    let owner = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "a"});
    let pod = |index: usize| {
        let metadata = json!({"namespace": "shop", "name": format!("agent-{index:03}"), "uid": format!("{index}"), "ownerReferences": [owner]});
        let spec = json!({"nodeName": format!("node-{index:03}")});
        json::from_value::<Pod>(json!({"metadata": metadata, "spec": spec})).unwrap().encode_to_vec()
    };
    Fake::default()
        .answering("/apis/apps/v1/namespaces/shop/daemonsets/agent", &set)
        .listing_all("/api/v1/namespaces/shop/pods", (0..nodes).map(pod))
}

#[tokio::test(start_paused = true)]
async fn a_walk_makes_no_more_than_its_requests_and_says_how_many_it_left_out() {
    let fake = mk_agents(400);
    let (nodes, gaps) = collect_gaps(start(&fake.topology(), "DaemonSet", "agent", 60)).await.unwrap();
    assert_eq!(fake.requests.load(Ordering::Relaxed), REQUESTS_MAX);
    let read = fake.nodes.load(Ordering::Relaxed) as u64;
    let limits: Vec<_> = gaps.iter().map(|gap| (gap.reason(), gap.items)).collect();
    assert_eq!(limits, [(GapReason::Limit, Some(400 - read))]);
    let unread = nodes.iter().filter(|node| node.health() == TopologyHealth::NotRead).count() as u64;
    assert_eq!((nodes.len(), unread), (801, 400 - read));
}

#[tokio::test(start_paused = true)]
async fn nodes_that_may_not_be_read_are_told_once_and_not_asked_for_each() {
    let fake = Fake { denies_nodes: true, ..mk_agents(200) };
    let (nodes, gaps) = collect_gaps(start(&fake.topology(), "DaemonSet", "agent", 60)).await.unwrap();
    let told: Vec<_> = gaps.iter().map(|gap| (gap.reason(), gap.name.as_str())).collect();
    assert_eq!(told, [(GapReason::KindNotRead, "")]);
    assert!(fake.nodes.load(Ordering::Relaxed) <= SIDE_BY_SIDE);
    let unread: Vec<_> = nodes.iter().filter(|node| node.health() == TopologyHealth::NotRead).collect();
    assert_eq!(unread.len(), 200);
    assert!(unread.iter().all(|node| node.status == "the collector may not get nodes"), "{:?}", unread[199]);
}

#[tokio::test(start_paused = true)]
async fn what_a_walk_may_hold_is_bounded_and_what_leads_to_pods_has_room_beside_them() {
    let pods = (0..20).map(|index| mk_large_pod(&format!("web-{index:02}")).encode_to_vec());
    let service = json!({"metadata": {"namespace": "shop", "name": "web", "uid": "s"}});
    let service: Service = json::from_value(service).unwrap();
    let fake = mk_web()
        .listing_all("/api/v1/namespaces/shop/pods", pods)
        .listing("/api/v1/namespaces/shop/services", &service);
    let source = Source::new(fake.topology().reader, mk_call(60));
    let list = |kind| Read::List { kind, namespace: "shop".to_owned() };
    let pods = source.read(&list(WalkedKind::Pod)).await.unwrap();
    assert!((2..8).contains(&pods.objects.len()), "{}", pods.objects.len());
    assert_eq!(pods.gaps.iter().map(Gap::reason).collect::<Vec<_>>(), [GapReason::Overloaded]);
    let services = source.read(&list(WalkedKind::Service)).await.unwrap();
    assert_eq!((services.objects.len(), services.gaps), (1, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_walk_beyond_those_at_one_time_waits_for_its_deadline_and_no_longer() {
    let fake = Fake { silent: ["/pods"].into(), ..mk_web() };
    let topology = fake.topology();
    let walking: Vec<_> = (0..WALKS).map(|_| start(&topology, "Deployment", "web", 3600)).collect();
    let began = Instant::now();
    let refused = collect(start(&topology, "Deployment", "web", 5)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused:?}");
    assert!((4..=5).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    drop(walking);
    assert_eq!(collect(start(&topology, "Deployment", "web", 5)).await.unwrap().0.len(), 2);
}
