//! Several pods, each with a kubelet of its own, and the objects that select them.

use std::{
    collections::{BTreeMap, HashSet},
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use gumshoe_collector::kubernetes::api::KubernetesApi;
use gumshoe_proto::collector::v1::Pod;
use http::{Request, Response, Uri};
use kube::client::Body;
use prost::Message;
use tower::service_fn;

use crate::{
    kubelet::{FakeBody, FakeKubelet, LOG_PATH, Query, Silent, envelope_of, respond},
    support::mk_pod,
};

const NAMESPACE: &str = "/api/v1/namespaces/shop";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

#[derive(Clone, Default)]
pub struct FakeCluster(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    pods: BTreeMap<String, FakeKubelet>,
    objects: BTreeMap<String, Vec<u8>>,
    denied: HashSet<String>,
    lists: usize,
    requests: usize,
    /// So long it takes until a pod or its log is answered for, and how many such requests there are now, and were at most.
    slow: Option<Duration>,
    in_flight: usize,
    most_in_flight: usize,
}

/// A pod with labels, on a node of its own.
pub fn mk_named_pod(name: &str, containers: &[&str], labels: &[(&str, &str)]) -> Pod {
    let mut pod = mk_pod(containers);
    let metadata = pod.metadata.as_mut().unwrap();
    metadata.name = name.into();
    metadata.uid = format!("uid-of-{name}");
    metadata.labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    pod.spec.as_mut().unwrap().node_name = format!("node-of-{name}");
    pod
}

impl FakeCluster {
    /// Adds a pod, with what its kubelet has of its logs.
    pub fn with(self, pod: Pod, logs: impl FnOnce(FakeKubelet) -> FakeKubelet) -> Self {
        self.add(pod, logs);
        self
    }

    pub fn add(&self, pod: Pod, logs: impl FnOnce(FakeKubelet) -> FakeKubelet) -> FakeKubelet {
        let name = pod.metadata.as_ref().unwrap().name.clone();
        let kubelet = logs(FakeKubelet::new(pod));
        self.0.lock().unwrap().pods.insert(name, kubelet.clone());
        kubelet
    }

    /// Adds an object by its path behind the namespace's, or behind `/apis/`.
    pub fn with_object(self, path: &str, object: &impl Message) -> Self {
        self.0.lock().unwrap().objects.insert(path.to_owned(), object.encode_to_vec());
        self
    }

    pub fn delete_object(&self, path: &str) {
        self.0.lock().unwrap().objects.remove(path).unwrap();
    }

    /// The collector may not read this path.
    pub fn deny(self, path: &str) -> Self {
        self.0.lock().unwrap().denied.insert(path.to_owned());
        self
    }

    pub fn pod(&self, name: &str) -> FakeKubelet {
        self.0.lock().unwrap().pods[name].clone()
    }

    pub fn delete(&self, name: &str) {
        self.0.lock().unwrap().pods.remove(name).unwrap().set_pod(None);
    }

    /// How often the pods were listed.
    pub fn lists(&self) -> usize {
        self.0.lock().unwrap().lists
    }

    /// From now on it takes so long until a pod or its log is answered for.
    pub fn slow_down(&self, by: Duration) {
        self.0.lock().unwrap().slow = Some(by);
    }

    /// How many such requests there were at most at the same moment, since then.
    pub fn most_in_flight(&self) -> usize {
        self.0.lock().unwrap().most_in_flight
    }

    async fn while_in_flight(&self, path: &str) {
        let slow = self.0.lock().unwrap().slow.filter(|_| path.contains("/pods/"));
        let Some(slow) = slow else { return };
        let change = |by: isize| {
            let mut state = self.0.lock().unwrap();
            state.in_flight = state.in_flight.saturating_add_signed(by);
            state.most_in_flight = state.most_in_flight.max(state.in_flight);
        };
        change(1);
        tokio::time::sleep(slow).await;
        change(-1);
    }

    pub fn connect(&self) -> KubernetesApi {
        let fake = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let answer = fake.answer(request.uri());
            let (state, path) = (fake.clone(), request.uri().path().to_owned());
            async move {
                if answer.extensions().get::<Silent>().is_some() {
                    std::future::pending::<()>().await;
                }
                state.while_in_flight(&path).await;
                Ok::<_, Infallible>(answer)
            }
        });
        KubernetesApi::from_client(kube::Client::new(service, "default"))
    }

    fn answer(&self, uri: &Uri) -> Response<FakeBody> {
        let path = uri.path().to_owned();
        let mut state = self.0.lock().unwrap();
        state.requests += 1;
        if state.denied.contains(&path) {
            return respond(403, "text/plain", "forbidden".into());
        }
        if let Some(pods) = path.strip_prefix(&format!("{NAMESPACE}/pods")) {
            let Some(pod) = pods.strip_prefix('/') else {
                state.lists += 1;
                let query = Query::of(uri.query().unwrap_or_default());
                let selector = query.get("labelSelector").expect("pods are never listed without a selector");
                let pods = state.pods.values().filter_map(FakeKubelet::pod);
                let chosen = pods.filter(|pod| matches(selector, pod)).map(|pod| pod.encode_to_vec());
                return respond(200, PROTOBUF, list(chosen));
            };
            let (name, log) = pod.split_once('/').map_or((pod, ""), |(name, _)| (name, "/log"));
            let Some(kubelet) = state.pods.get(name).cloned() else {
                return respond(404, "text/plain", format!("pods \"{name}\" not found").into());
            };
            drop(state);
            let query = uri.query().unwrap_or_default();
            let path = format!("{}{log}?{query}", LOG_PATH.strip_suffix("/log").unwrap());
            return kubelet.answer(&path.parse().unwrap());
        }
        let found = state.objects.get(&path).cloned();
        let prefix = format!("{path}/");
        let of_collection = state.objects.iter().filter(|(object, _)| object.starts_with(&prefix));
        let items: Vec<_> = of_collection.map(|(_, object)| object.clone()).collect();
        match found {
            Some(object) => respond(200, PROTOBUF, envelope_of(&object)),
            None if path.ends_with("/jobs") => respond(200, PROTOBUF, list(items.into_iter())),
            None if path == NAMESPACE => respond(403, "text/plain", "forbidden".into()),
            None => respond(404, "text/plain", "not found".into()),
        }
    }
}

fn list(items: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    // metadata.resourceVersion = "1"
    let mut raw = vec![0x0a, 3, 0x12, 1, b'1'];
    for item in items {
        raw.push(0x12);
        prost::encoding::encode_varint(item.len() as u64, &mut raw);
        raw.extend(item);
    }
    envelope_of(&raw)
}

/// `key=value` and `key in (a,b)`, no more.
fn matches(selector: &str, pod: &Pod) -> bool {
    let labels = &pod.metadata.as_ref().unwrap().labels;
    if let Some((key, values)) = selector.split_once(" in ") {
        let values = values.trim_matches(['(', ')']);
        return labels.get(key).is_some_and(|label| values.split(',').any(|value| value == label));
    }
    selector.split(',').all(|requirement| {
        let (key, value) = requirement.split_once('=').unwrap();
        labels.get(key).is_some_and(|label| label == value)
    })
}
