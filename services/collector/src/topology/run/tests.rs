use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use gumshoe_proto::{
    collector::v1::{Deployment, Pod, ReplicaSet, TopologyNode, topology_element::Element},
    json,
};
use gumshoe_runtime::deadline::Deadline;
use http::{Request, Response};
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
}

impl Fake {
    fn answering(mut self, path: &'static str, object: &impl prost::Message) -> Self {
        self.objects.insert(path, object.encode_to_vec());
        self
    }

    /// A list of one object.
    fn listing(mut self, path: &'static str, object: &impl prost::Message) -> Self {
        let mut list = Vec::new();
        prost::encoding::message::encode(1, &(), &mut list);
        prost::encoding::bytes::encode(2, &object.encode_to_vec(), &mut list);
        self.objects.insert(path, list);
        self
    }

    async fn answer(self, path: String) -> Vec<u8> {
        if self.silent.iter().any(|end| path.ends_with(end)) {
            return std::future::pending().await;
        }
        let (now, most) = &*self.lists;
        most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(self.lists_take)).await;
        now.fetch_sub(1, Ordering::Relaxed);
        // What is not said is an empty list.
        let raw = self.objects.get(path.as_str()).cloned().unwrap_or_else(|| vec![0x0a, 0]);
        // Where metadata is asked for, only a body that says it is metadata is taken.
        let is_list = ["/configmaps", "/secrets"].iter().any(|end| path.ends_with(end));
        let kind = format!("PartialObjectMetadata{}", if is_list { "List" } else { "" });
        let mut type_meta = Vec::new();
        prost::encoding::string::encode(2, &kind, &mut type_meta);
        let mut body = b"k8s\0".to_vec();
        prost::encoding::bytes::encode(1, &type_meta, &mut body);
        prost::encoding::bytes::encode(2, &raw, &mut body);
        body
    }

    fn topology(&self) -> Topology {
        let fake = self.clone();
        let client = service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move {
                let body = fake.answer(request.uri().path().to_owned()).await;
                let response = Response::builder().header("content-type", "application/vnd.kubernetes.protobuf");
                Ok::<_, Infallible>(response.body(Body::from(body)).unwrap())
            }
        });
        let api = KubernetesApi::from_client(kube::Client::new(client, "default"));
        Topology::new(Reader::new(api, Scope::default()), WalkedKind::ALL.into())
    }
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
async fn collect(mut stream: PageStream) -> Result<(Vec<TopologyNode>, Vec<GapReason>), tonic::Status> {
    let (mut nodes, mut gaps) = (Vec::new(), Vec::new());
    while let Some(page) = stream.next().await {
        let Encoded(page) = page?;
        let page = DiscoverTopologyResponse::decode(page).unwrap();
        gaps.extend(page.completeness.iter().flat_map(|end| &end.gaps).map(Gap::reason));
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

#[tokio::test(start_paused = true)]
async fn whoever_takes_nothing_keeps_nobody_from_walking_for_long() {
    let volume = |index: usize| {
        let name = format!("{index:0>250}");
        json!({"name": name, "volumeSource": {"configMap": {"localObjectReference": {"name": name}}}})
    };
    let volumes: Vec<_> = (0..1900).map(volume).collect();
    let metadata = json!({"namespace": "shop", "name": "web", "uid": "p"});
    let pod: Pod = json::from_value(json!({"metadata": metadata, "spec": {"volumes": volumes}})).unwrap();
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
