//! A Kubernetes API in memory with one pod, whose logs it gives as the kubelet does: from CRI records, `tailLines` before
//! `sinceTime`, a timestamp in front of the first record of a line only.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use gumshoe_collector::kubernetes::api::KubernetesApi;
use gumshoe_proto::collector::v1::{ContainerState, Pod};
use http::{Request, Response, Uri, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use jiff::{Timestamp, tz::Offset};
use kube::client::Body;
use prost::Message as _;
use tokio::sync::watch;
use tower::service_fn;

pub const LOG_PATH: &str = "/api/v1/namespaces/shop/pods/web-0/log";
const POD_PATH: &str = "/api/v1/namespaces/shop/pods/web-0";

/// What has not come by then will not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One record of a CRI log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub moment: Timestamp,
    pub text: Vec<u8>,
    /// Whether the line goes on in the next record.
    pub partial: bool,
}

/// What a request for a log is answered instead, or what is wrong with the answer.
#[derive(Debug, Clone)]
pub enum Fault {
    None,
    /// The log was rotated just before, and these lines are new.
    Rotated(Vec<Record>),
    Status(u16, &'static str),
    NoContent,
    /// Something of this type and encoding.
    Other(&'static str, &'static str),
    /// The connection breaks after so many bytes.
    CutAfter(usize),
    /// The kubelet's connection breaks after so many bytes, so that the API server ends the answer neatly.
    EndAfter(usize),
    /// Nothing comes after so many bytes.
    StallAfter(usize),
    /// The log ends with this.
    Append(&'static str),
    /// The same, after lines that are new.
    Grown(Vec<Record>, &'static str),
    /// The container was restarted just before: the pod of now, and the lines of the new run.
    Restarted(Box<Pod>, Vec<Record>),
    /// This has become of the pod just before.
    Changed(Box<Pod>),
    /// No answer begins.
    Silence,
}

#[derive(Clone)]
pub struct FakeKubelet(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    pod: Option<Pod>,
    pod_requests: usize,
    logs: HashMap<(String, bool), Log>,
    faults: VecDeque<Fault>,
    look_faults: VecDeque<Fault>,
    requests: Vec<String>,
    /// Requests for the newest line.
    looks: usize,
    /// The bytes in each piece of a body, in turn; all in one where there are none.
    pieces: Vec<usize>,
    /// Bodies of reads that were read to their end or given up.
    closed: usize,
    /// Connections of an earlier age are broken.
    age: u64,
}

#[derive(Debug, Clone, Default)]
struct Log {
    records: Vec<Record>,
    ended: bool,
}

impl State {
    /// Whether the log asked for is that of the earlier run, or why there is none: as the kubelet has it (pkg/kubelet/kubelet_pods.go,
    /// validateContainerLogStatus).
    fn is_earlier(&self, container: &str, previous: bool) -> Result<bool, (u16, String)> {
        let Some(pod) = &self.pod else { return Err((404, "pods \"web-0\" not found".into())) };
        let container_in = format!("container \"{container}\" in pod \"web-0\"");
        let statuses = pod.status.iter().flat_map(|status| &status.container_statuses);
        let Some(status) = statuses.into_iter().find(|status| status.name == container) else {
            return Err((400, format!("{container_in} is not available")));
        };
        let has_ended = |state: &Option<ContainerState>| state.as_ref().is_some_and(|state| state.terminated.is_some());
        let runs = status.state.as_ref().is_some_and(|state| state.running.is_some());
        match (runs || has_ended(&status.state), has_ended(&status.last_state)) {
            (false, true) => Ok(false),
            (false, false) if !previous => Err((400, format!("{container_in} is waiting to start: ContainerCreating"))),
            _ if previous && !self.logs.contains_key(&(container.to_owned(), true)) => {
                Err((400, format!("previous terminated {container_in} not found")))
            }
            _ => Ok(previous),
        }
    }

    fn restart(&mut self, container: &str, pod: Pod, records: Vec<Record>) {
        let log = Log { records, ended: false };
        let before = self.logs.insert((container.to_owned(), false), log).unwrap_or_default();
        self.logs.insert((container.to_owned(), true), Log { ended: true, ..before });
        self.pod = Some(pod);
        self.age += 1;
    }
}

impl FakeKubelet {
    pub fn new(pod: Pod) -> Self {
        let state = State { pod: Some(pod), ..State::default() };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: watch::Sender::new(0) }))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.0.state.lock().unwrap());
        self.0.changed.send_modify(|version| *version += 1);
        result
    }

    pub fn pod(&self) -> Option<Pod> {
        self.0.state.lock().unwrap().pod.clone()
    }

    pub fn set_pod(&self, pod: Option<Pod>) {
        self.change(|state| state.pod = pod);
    }

    pub fn with_pieces(self, pieces: Vec<usize>) -> Self {
        self.change(|state| state.pieces = pieces);
        self
    }

    pub fn with_log(self, container: &str, records: impl IntoIterator<Item = Record>) -> Self {
        self.append(container, records);
        self
    }

    pub fn append(&self, container: &str, records: impl IntoIterator<Item = Record>) {
        self.change(|state| {
            state.logs.entry((container.to_owned(), false)).or_default().records.extend(records);
        });
    }

    pub fn with_previous(self, container: &str, records: impl IntoIterator<Item = Record>) -> Self {
        let log = Log { records: records.into_iter().collect(), ended: true };
        self.change(|state| state.logs.insert((container.to_owned(), true), log));
        self
    }

    /// The container has ended: so do the reads that follow its log.
    pub fn end(&self, container: &str) {
        self.change(|state| state.logs.entry((container.to_owned(), false)).or_default().ended = true);
    }

    /// A new run begins, with these lines; the one before becomes the earlier one.
    pub fn restart(&self, container: &str, pod: Pod, records: impl IntoIterator<Item = Record>) {
        self.change(|state| state.restart(container, pod, records.into_iter().collect()));
    }

    /// The node no longer has the log of the earlier run.
    pub fn forget_previous(&self, container: &str) {
        self.change(|state| state.logs.remove(&(container.to_owned(), true)));
    }

    /// Drops what was logged so far, as a rotation does.
    pub fn rotate(&self, container: &str) {
        self.change(|state| state.logs.entry((container.to_owned(), false)).or_default().records.clear());
    }

    /// The next requests for the newest line have these faults, one each.
    pub fn fault_look(&self, fault: Fault) {
        self.change(|state| state.look_faults.push_back(fault));
    }

    /// Resolves once the newest line was asked for so often.
    pub async fn looked(&self, times: usize) {
        let mut changed = self.0.changed.subscribe();
        let looked = changed.wait_for(|_| self.looks() >= times);
        tokio::time::timeout(PATIENCE, looked).await.expect("the newest line should be asked for").unwrap();
    }

    /// How often the newest line was asked for.
    pub fn looks(&self) -> usize {
        self.0.state.lock().unwrap().looks
    }

    /// The next reads of logs have these faults, one each.
    pub fn fault(&self, fault: Fault) {
        self.change(|state| state.faults.push_back(fault));
    }

    /// Breaks all connections.
    pub fn break_connections(&self) {
        self.change(|state| state.age += 1);
    }

    /// The requests for logs so far, but for those that only look where a log ends.
    pub fn requests(&self) -> Vec<String> {
        self.0.state.lock().unwrap().requests.clone()
    }

    /// Resolves once there were so many requests for logs.
    pub async fn requested(&self, times: usize) {
        let mut changed = self.0.changed.subscribe();
        let requested = changed.wait_for(|_| self.requests().len() >= times);
        tokio::time::timeout(PATIENCE, requested).await.expect("so many requests should come").unwrap();
    }

    /// Resolves once so many bodies were read to their end or given up.
    pub async fn closed(&self, times: usize) {
        let mut changed = self.0.changed.subscribe();
        let closed = changed.wait_for(|_| self.0.state.lock().unwrap().closed >= times);
        tokio::time::timeout(PATIENCE, closed).await.expect("so many bodies should be closed").unwrap();
    }

    pub fn connect(&self) -> KubernetesApi {
        let fake = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let answer = fake.answer(request.uri());
            async move {
                if answer.extensions().get::<Silent>().is_some() {
                    std::future::pending::<()>().await;
                }
                Ok::<_, Infallible>(answer)
            }
        });
        KubernetesApi::from_client(kube::Client::new(service, "default"))
    }

    pub fn answer(&self, uri: &Uri) -> Response<FakeBody> {
        let query = Query::of(uri.query().unwrap_or_default());
        match uri.path() {
            POD_PATH => self.change(|state| {
                state.pod_requests += 1;
                match &state.pod {
                    Some(pod) => respond(200, "application/vnd.kubernetes.protobuf", envelope(pod)),
                    None => respond(404, "text/plain", "pods \"web-0\" not found".into()),
                }
            }),
            LOG_PATH => {
                let fault = self.change(|state| {
                    if query.is_look() {
                        state.looks += 1;
                        return state.look_faults.pop_front();
                    }
                    state.requests.push(uri.to_string());
                    state.faults.pop_front()
                });
                self.log(&query, fault)
            }
            path => panic!("nobody should ask for {path}"),
        }
    }

    fn log(&self, query: &Query, fault: Option<Fault>) -> Response<FakeBody> {
        assert_eq!(query.get("limitBytes"), None, "limitBytes keeps the oldest bytes");
        assert_eq!(query.get("timestamps"), Some("true"));
        let container = query.get("container").unwrap().to_owned();
        let previous = query.get("previous") == Some("true");
        let mut key = (container, previous);
        let mut state = self.0.state.lock().unwrap();
        let mut stop = None;
        let mut append = "";
        match fault {
            Some(Fault::Status(code, message)) => return respond(code, "text/plain", message.into()),
            Some(Fault::NoContent) => return respond(204, "", Vec::new()),
            Some(Fault::Other(content_type, encoding)) => {
                let mut answer = respond(200, content_type, "<html>please log in</html>".into());
                if !encoding.is_empty() {
                    answer.headers_mut().insert(http::header::CONTENT_ENCODING, encoding.parse().unwrap());
                }
                return answer;
            }
            Some(Fault::CutAfter(bytes)) => stop = Some((bytes, Stop::Break)),
            Some(Fault::EndAfter(bytes)) => stop = Some((bytes, Stop::End)),
            Some(Fault::StallAfter(bytes)) => stop = Some((bytes, Stop::Stall)),
            Some(Fault::Append(text)) => append = text,
            Some(Fault::Grown(records, text)) => {
                state.logs.entry(key.clone()).or_default().records.extend(records);
                append = text;
            }
            Some(Fault::Restarted(pod, records)) => state.restart(&key.0, *pod, records),
            Some(Fault::Changed(pod)) => state.pod = Some(*pod),
            Some(Fault::Silence) => {
                let mut answer = respond(200, "", Vec::new());
                answer.extensions_mut().insert(Silent);
                return answer;
            }
            Some(Fault::Rotated(records)) => {
                state.logs.insert(key.clone(), Log { records, ended: false });
            }
            Some(Fault::None) | None => {}
        }
        match state.is_earlier(&key.0, previous) {
            Ok(earlier) => key.1 = earlier,
            Err((code, message)) => return respond(code, "text/plain", message.into()),
        }
        let records = state.logs.get(&key).map_or(0, |log| log.records.len());
        let tail: Option<usize> = query.get("tailLines").map(|lines| lines.parse().unwrap());
        let reading = Reading {
            key,
            next: records.saturating_sub(tail.unwrap_or(usize::MAX)),
            new_line: true,
            since: query.get("sinceTime").map(|since| since.parse().unwrap()),
            // With an error the log ends.
            follow: query.get("follow") == Some("true") && append.is_empty(),
            age: state.age,
        };
        let pieces = state.pieces.clone();
        drop(state);
        let appended = stream::iter((!append.is_empty()).then(|| Ok(append.as_bytes().to_vec())));
        let open = (!query.is_look()).then(|| Open(self.clone()));
        let body = cut(pieces, stop, self.clone().read(reading).chain(appended));
        let body = body.inspect(move |_| {
            let _open = &open;
        });
        let body = StreamBody::new(body.map(|piece| piece.map(Frame::data)));
        Response::builder().header(CONTENT_TYPE, "text/plain").body(body.boxed_unsync()).unwrap()
    }

    /// The bytes of a log as they come.
    fn read(self, reading: Reading) -> impl Stream<Item = Result<Vec<u8>, io::Error>> + Send {
        let changed = self.0.changed.subscribe();
        stream::unfold((self, reading, changed), |(fake, mut reading, mut changed)| async move {
            loop {
                changed.mark_unchanged();
                let (bytes, ended, age) = {
                    let state = fake.0.state.lock().unwrap();
                    let log = state.logs.get(&reading.key).cloned().unwrap_or_default();
                    (reading.render(&log), log.ended, state.age)
                };
                if age > reading.age {
                    return Some((Err(io::ErrorKind::ConnectionReset.into()), (fake, reading, changed)));
                }
                if !bytes.is_empty() {
                    return Some((Ok(bytes), (fake, reading, changed)));
                }
                if ended || !reading.follow {
                    return None;
                }
                changed.changed().await.ok()?;
            }
        })
    }
}

/// A body that somebody reads.
struct Open(FakeKubelet);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.change(|state| state.closed += 1);
    }
}

struct Reading {
    key: (String, bool),
    next: usize,
    new_line: bool,
    since: Option<Timestamp>,
    follow: bool,
    age: u64,
}

impl Reading {
    /// cri-client, `pkg/logs/logs.go`.
    fn render(&mut self, log: &Log) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in log.records.get(self.next..).unwrap_or_default() {
            if self.since.is_none_or(|since| record.moment >= since) {
                if self.new_line {
                    bytes.extend(stamp(record.moment).as_bytes());
                    bytes.push(b' ');
                }
                bytes.extend(&record.text);
                if !record.partial {
                    bytes.push(b'\n');
                }
            }
            self.new_line = !record.partial;
        }
        self.next = log.records.len().max(self.next);
        bytes
    }
}

/// As Go's `RFC3339NanoFixed`, with the offset of a node in India.
pub fn stamp(moment: Timestamp) -> String {
    let printer = jiff::fmt::temporal::DateTimePrinter::new().precision(Some(9));
    printer.timestamp_with_offset_to_string(&moment, Offset::from_seconds(19_800).unwrap())
}

/// What becomes of a body that stops.
#[derive(Clone, Copy)]
enum Stop {
    Break,
    End,
    Stall,
}

/// Cuts a body into pieces, and stops it.
fn cut(
    pieces: Vec<usize>,
    stop: Option<(usize, Stop)>,
    body: impl Stream<Item = Result<Vec<u8>, io::Error>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, io::Error>> + Send {
    let mut sizes = pieces.into_iter().cycle();
    let mut left = stop.map_or(usize::MAX, |(bytes, _)| bytes);
    let body = body.flat_map(move |bytes| {
        let mut out = Vec::new();
        match bytes {
            Err(error) => out.push(Err(error)),
            Ok(bytes) => {
                let mut rest = &bytes[..bytes.len().min(left)];
                left -= rest.len();
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
                    out.push(Ok(Bytes::copy_from_slice(piece)));
                    rest = after;
                }
            }
        }
        stream::iter(out)
    });
    let end = stream::once(async move {
        match stop {
            None | Some((_, Stop::End)) => None,
            Some((_, Stop::Break)) => Some(Err(io::ErrorKind::ConnectionReset.into())),
            Some((_, Stop::Stall)) => std::future::pending().await,
        }
    });
    body.chain(end.filter_map(std::future::ready))
}

/// Marks an answer that never begins.
#[derive(Clone)]
pub struct Silent;

pub type FakeBody = UnsyncBoxBody<Bytes, io::Error>;

pub fn respond(code: u16, content_type: &str, body: Vec<u8>) -> Response<FakeBody> {
    let mut response = Response::builder().status(code);
    if !content_type.is_empty() {
        response = response.header(CONTENT_TYPE, content_type);
    }
    let body = http_body_util::Full::new(Bytes::from(body)).map_err(|never| match never {});
    response.body(body.boxed_unsync()).unwrap()
}

fn envelope(pod: &Pod) -> Vec<u8> {
    envelope_of(&pod.encode_to_vec())
}

pub fn envelope_of(raw: &[u8]) -> Vec<u8> {
    let mut body = b"k8s\0\x0a\x00\x12".to_vec();
    prost::encoding::encode_varint(raw.len() as u64, &mut body);
    body.extend_from_slice(raw);
    body
}

pub struct Query(HashMap<String, String>);

impl Query {
    pub fn of(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
        Self(pairs.map(|(name, value)| (decode(name), decode(value))).collect())
    }

    /// Whether it only looks where the log ends: for the last two records, or 8 or 64 times as many.
    fn is_look(&self) -> bool {
        let alone = self.get("sinceTime").is_none() && self.get("follow") != Some("true");
        alone && self.get("tailLines").is_some_and(|lines| ["2", "16", "128", "1024"].contains(&lines))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
