//! A Kubernetes API in memory, as far as lists need one: snapshots, pages, faults, and a record of what was asked.

#![allow(clippy::needless_pass_by_value, clippy::result_large_err)]

mod respond;

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use gumshoe_collector::kubernetes::api::{Call, KubernetesApi};
use gumshoe_proto::collector::v1::{Event, ObjectMeta, Pod};
use gumshoe_runtime::request_id::RequestId;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use prost::Message;
use prost_types::Timestamp;
use tokio::{sync::Notify, time::Instant};
use tower::service_fn;

use self::respond::{FakeBody, Query, envelope, html, list_of, respond, respond_status, response, throttle};

/// What a fault answers instead.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    CutAfter(usize),
    StallAfter(usize),
    Status(u16),
    /// As a proxy answers.
    Html(u16),
    /// A status whose body does not come.
    Stalled(u16),
    /// JSON of this text.
    Body(&'static str),
    /// The true answer, so many seconds late.
    Late(u64),
    Throttle(u64),
    Expired,
}

#[derive(Clone)]
pub struct FakeApi {
    state: Arc<Mutex<State>>,
    body_dropped: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// One set of encoded objects a snapshot: the resource version is the index.
    snapshots: Vec<Vec<Object>>,
    compacted: bool,
    plural: &'static str,
    minor: String,
    denied: HashSet<String>,
    namespaces_forbidden: bool,
    version_status: Option<u16>,
    warnings: Vec<(String, &'static str)>,
    faults: VecDeque<(String, Answer)>,
    /// Faults of requests that go on, by how many such have been seen.
    continue_faults: Vec<(usize, Answer)>,
    continues: usize,
    requests: Vec<String>,
    headers: HeaderMap,
}

#[derive(Debug, Clone)]
struct Object {
    namespace: String,
    name: String,
    encoded: Vec<u8>,
}

pub fn mk_pod(namespace: &str, name: &str) -> Pod {
    mk_pod_of_size(namespace, name, 100)
}

pub fn mk_pod_of_size(namespace: &str, name: &str, bytes: usize) -> Pod {
    let annotations = [("size".to_owned(), "x".repeat(bytes))].into();
    let metadata = ObjectMeta { name: name.into(), namespace: namespace.into(), annotations, ..ObjectMeta::default() };
    Pod { metadata: Some(metadata), ..Pod::default() }
}

pub fn mk_event(namespace: &str, name: &str, seconds: i64) -> Event {
    let metadata = ObjectMeta {
        name: name.into(),
        namespace: namespace.into(),
        resource_version: "0".into(),
        ..ObjectMeta::default()
    };
    Event {
        metadata: Some(metadata),
        // Second 0 as such is Kubernetes' null.
        last_timestamp: Some(Timestamp { seconds, nanos: 1 }),
        message: "Back-off restarting failed container".into(),
        ..Event::default()
    }
}

fn object<M: Message>(metadata: Option<&ObjectMeta>, message: &M) -> Object {
    let metadata = metadata.cloned().unwrap_or_default();
    Object { namespace: metadata.namespace, name: metadata.name, encoded: message.encode_to_vec() }
}

impl FakeApi {
    pub fn new(pods: Vec<Pod>) -> Self {
        Self::of("pods", pods.iter().map(|pod| object(pod.metadata.as_ref(), pod)).collect())
    }

    pub fn with_events(events: Vec<Event>) -> Self {
        Self::of("events", events.iter().map(|event| object(event.metadata.as_ref(), event)).collect())
    }

    /// One that has Secrets and gives them in protobuf, whatever it is asked for.
    pub fn of_secrets() -> Self {
        Self::of("secrets", Vec::new())
    }

    fn of(plural: &'static str, objects: Vec<Object>) -> Self {
        let state = State { snapshots: vec![objects], plural, minor: "36".into(), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), body_dropped: Arc::default() }
    }

    pub fn with_version(self, minor: &str) -> Self {
        self.state.lock().unwrap().minor = minor.into();
        self
    }

    /// Adds a pod in a new snapshot.
    pub fn add_pod(&self, pod: Pod) {
        self.state.lock().unwrap().put(object(pod.metadata.as_ref(), &pod));
    }

    /// Adds an event, or writes it anew, in a new snapshot.
    pub fn put_event(&self, mut event: Event) {
        let mut state = self.state.lock().unwrap();
        event.metadata.as_mut().unwrap().resource_version = state.snapshots.len().to_string();
        state.put(object(event.metadata.as_ref(), &event));
    }

    /// Makes the texts of an object invalid UTF-8 wherever they have an "x".
    pub fn spoil(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        let objects = state.snapshots.iter_mut().flatten().filter(|object| object.name == name);
        objects.flat_map(|object| &mut object.encoded).filter(|byte| **byte == b'x').for_each(|byte| *byte = 0xff);
    }

    /// Forgets all snapshots but the newest.
    pub fn compact(&self) {
        self.state.lock().unwrap().compacted = true;
    }

    pub fn deny(&self, namespace: &str) {
        self.state.lock().unwrap().denied.insert(namespace.into());
    }

    /// Whether a namespace exists may not be asked from now on.
    pub fn forbid_namespaces(&self) {
        self.state.lock().unwrap().namespaces_forbidden = true;
    }

    /// The version is answered with this status.
    pub fn refuse_version(&self, status: u16) {
        self.state.lock().unwrap().version_status = Some(status);
    }

    /// Answers of this path carry this warning from now on.
    pub fn warn(&self, path: &str, warning: &'static str) {
        self.state.lock().unwrap().warnings.push((path.into(), warning));
    }

    /// The next request of this path is answered so.
    pub fn fault(&self, path: &str, answer: Answer) {
        self.state.lock().unwrap().faults.push_back((path.into(), answer));
    }

    /// The n-th request with a continue token (1 is the first) is answered so.
    pub fn fault_continue(&self, n: usize, answer: Answer) {
        self.state.lock().unwrap().continue_faults.push((n, answer));
    }

    pub fn requests(&self, path: &str) -> Vec<String> {
        self.all_requests().into_iter().filter(|request| request.split('?').next() == Some(path)).collect()
    }

    pub fn all_requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    pub fn last_headers(&self) -> HeaderMap {
        self.state.lock().unwrap().headers.clone()
    }

    /// Resolves when a body was given up.
    pub async fn body_dropped(&self) {
        self.body_dropped.notified().await;
    }

    /// A client of this API that has not asked anything yet.
    pub fn client(&self) -> KubernetesApi {
        let fake = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let (late, answer) = fake.answer(&request);
            async move {
                if let Some(late) = late {
                    tokio::time::sleep(late).await;
                }
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        KubernetesApi::from_client(kube::Client::new(service, "default"))
    }

    pub async fn connect(&self) -> KubernetesApi {
        let api = self.client();
        let call = Call { deadline: Instant::now() + Duration::from_secs(10), request_id: RequestId::fresh() };
        api.discover(&call).await.unwrap();
        api
    }

    fn answer(&self, request: &Request<Body>) -> (Option<Duration>, Response<FakeBody>) {
        let mut state = self.state.lock().unwrap();
        let uri = request.uri();
        let (path, query) = (uri.path().to_owned(), Query::of(uri.query().unwrap_or_default()));
        if path == "/version" {
            let body = format!(r#"{{"major":"1","minor":"{}"}}"#, state.minor);
            let refused = state.version_status.map(|status| respond_status(status, "Refused", ""));
            return (None, refused.unwrap_or_else(|| respond(200, "application/json", body.into())));
        }
        state.requests.push(uri.to_string());
        state.headers = request.headers().clone();
        let mut fault = None;
        if state.faults.front().is_some_and(|(of, _)| *of == path) {
            fault = state.faults.pop_front().map(|(_, answer)| answer);
        }
        if query.get("continue").is_some() {
            state.continues += 1;
            let seen = state.continues;
            fault = fault.or(state.continue_faults.iter().find(|(n, _)| *n == seen).map(|(_, answer)| *answer));
        }
        let late = fault.and_then(|fault| if let Answer::Late(seconds) = fault { Some(seconds) } else { None });
        let mut answer = match fault {
            Some(Answer::Status(code)) => respond_status(code, "Forbidden", ""),
            Some(Answer::Html(code)) => html(code),
            Some(Answer::Stalled(code)) => {
                response(code, "text/plain", StreamBody::new(stream::pending()).boxed_unsync())
            }
            Some(Answer::Body(text)) => respond(200, "application/json", text.into()),
            Some(Answer::Throttle(seconds)) => throttle(seconds),
            Some(Answer::Expired) => {
                respond_status(410, "Expired", &format!("inconsistent:{}", query.get("continue").unwrap_or_default()))
            }
            Some(Answer::CutAfter(bytes)) => self.respond_body(state.list(&path, &query), Some(bytes), false),
            Some(Answer::StallAfter(bytes)) => self.respond_body(state.list(&path, &query), Some(bytes), true),
            Some(Answer::Late(_)) | None => self.respond_body(state.list(&path, &query), None, false),
        };
        for (_, warning) in state.warnings.iter().filter(|(of, _)| *of == path) {
            answer.headers_mut().append("warning", format!("299 - \"{warning}\"").parse().unwrap());
        }
        (late.map(Duration::from_secs), answer)
    }

    fn respond_body(
        &self,
        listed: Result<Vec<u8>, Response<FakeBody>>,
        stop: Option<usize>,
        stall: bool,
    ) -> Response<FakeBody> {
        let body = match listed {
            Ok(body) => body,
            Err(response) => return response,
        };
        let end = stop.unwrap_or(body.len()).min(body.len());
        let chunks: Vec<_> =
            body[..end].chunks(1000).map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
        let guard = NotifyOnDrop(self.body_dropped.clone());
        let frames = stream::iter(chunks).map(move |frame| {
            let _held = &guard;
            frame
        });
        let body = if stall {
            StreamBody::new(frames.chain(stream::pending())).boxed_unsync()
        } else {
            StreamBody::new(frames).boxed_unsync()
        };
        response(200, "application/vnd.kubernetes.protobuf", body)
    }
}

struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl State {
    /// A new snapshot in which this object is as given.
    fn put(&mut self, object: Object) {
        let mut objects = self.snapshots.last().cloned().unwrap_or_default();
        objects.retain(|other| (&other.namespace, &other.name) != (&object.namespace, &object.name));
        objects.push(object);
        self.snapshots.push(objects);
    }

    /// The body of a list, or of one object.
    fn list(&self, path: &str, query: &Query) -> Result<Vec<u8>, Response<FakeBody>> {
        let newest = self.snapshots.len() - 1;
        let parts: Vec<_> = path.trim_start_matches("/api/v1/").split('/').collect();
        let (namespace, name) = match parts.as_slice() {
            [_plural] => (None, None),
            ["namespaces", _] if self.namespaces_forbidden => return Err(respond_status(403, "Forbidden", "")),
            ["namespaces", namespace] => {
                let exists = self.snapshots[newest].iter().any(|object| object.namespace == *namespace);
                return if exists { Ok(envelope(&[])) } else { Err(respond_status(404, "NotFound", "")) };
            }
            ["namespaces", namespace, _plural] => (Some(*namespace), None),
            ["namespaces", namespace, _plural, name] => (Some(*namespace), Some(*name)),
            _ => return Err(respond_status(404, "NotFound", "")),
        };
        assert!(path.contains(self.plural), "{path}");
        if namespace.is_some_and(|namespace| self.denied.contains(namespace)) {
            return Err(respond_status(403, "Forbidden", ""));
        }
        let token = query.get("continue").unwrap_or_default();
        let (version, start): (usize, usize) = match token.split(':').collect::<Vec<_>>().as_slice() {
            ["inconsistent", _, start] => (newest, start.parse().unwrap()),
            [version, start] => (version.parse().unwrap(), start.parse().unwrap()),
            _ => (query.get("resourceVersion").map_or(newest, |version| version.parse().unwrap()), 0),
        };
        if self.compacted && query.get("resourceVersion").is_some() {
            return Err(respond_status(410, "Expired", ""));
        }
        let here = |object: &&Object| namespace.is_none_or(|namespace| object.namespace == namespace);
        let objects: Vec<_> = self.snapshots[version].iter().filter(here).collect();
        if let Some(name) = name {
            let found = objects.iter().find(|object| object.name == name);
            return found.map(|object| envelope(&object.encoded)).ok_or_else(|| respond_status(404, "NotFound", ""));
        }
        let limit = query.get("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
        let end = objects.len().min(start.saturating_add(limit));
        let next = if end < objects.len() { format!("{version}:{end}") } else { String::new() };
        Ok(envelope(&list_of(&version.to_string(), &next, &objects[start..end])))
    }
}
