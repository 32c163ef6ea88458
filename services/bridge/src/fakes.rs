//! Queues and a collector that live in memory and fail as they are told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt as _, stream, stream::BoxStream};
use gumshoe_proto::{
    collector::v1::{
        Completeness, GetPodRequest, GetPodResponse, ListPodsRequest, ListPodsResponse, ObjectMeta, Pod,
        ReadLogsRequest, ReadLogsResponse,
        log_service_server::{LogService, LogServiceServer},
        pod_service_server::{PodService, PodServiceServer},
    },
    run::Reader,
};
use tokio::{sync::Notify, time::sleep};
use tonic::{Request, Response, Status, body::Body, metadata::MetadataMap, service::Routes};
use tower::{ServiceExt, util::BoxCloneSyncService};

use crate::{
    dispatch::Channel,
    queue::{CALL_TIMEOUT, CommandQueue, FailedEntry, Outgoing, QueueError, QueueErrorKind, Received, ResultQueue},
};

/// How a call to a queue goes.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// All of it fails.
    Fails(QueueErrorKind),
    /// These entries fail.
    FailsFor(Vec<usize>, &'static str),
    /// These entries are refused for what they are.
    Refuses(Vec<usize>),
    /// It does not come back.
    Hangs,
    /// It does not come back until the client breaks it off.
    TimesOut,
}

/// The fates of the next calls; calls beyond them succeed.
#[derive(Debug, Default)]
pub(crate) struct Fates(Mutex<VecDeque<Option<Fate>>>);

impl Fates {
    pub(crate) fn then(&self, fate: Fate) -> &Self {
        self.0.lock().unwrap().push_back(Some(fate));
        self
    }

    pub(crate) fn then_success(&self) -> &Self {
        self.0.lock().unwrap().push_back(None);
        self
    }

    async fn next(&self, operation: &'static str) -> Result<Vec<FailedEntry>, QueueError> {
        let entries = |indices: Vec<usize>, sender_fault, code: &str| {
            indices.into_iter().map(|index| FailedEntry { index, sender_fault, code: code.into() }).collect()
        };
        let fate = self.0.lock().unwrap().pop_front().flatten();
        match fate {
            None => Ok(Vec::new()),
            Some(Fate::FailsFor(indices, code)) => Ok(entries(indices, false, code)),
            Some(Fate::Refuses(indices)) => Ok(entries(indices, true, "Refused")),
            Some(Fate::Fails(kind)) => Err(QueueError { operation, kind, code: format!("{kind:?}"), source: None }),
            Some(Fate::Hangs) => std::future::pending().await,
            Some(Fate::TimesOut) => {
                sleep(CALL_TIMEOUT).await;
                Err(QueueError { operation, kind: QueueErrorKind::Transient, code: "TimedOut".into(), source: None })
            }
        }
    }
}

/// A result queue that keeps what it acknowledged.
#[derive(Debug, Default)]
pub(crate) struct RecordingQueue {
    pub(crate) fates: Fates,
    latency: Duration,
    /// The bytes that one batch may hold; 0 means any.
    batch_limit: usize,
    calls: Mutex<Vec<Vec<Outgoing>>>,
    acknowledged: Mutex<Vec<String>>,
    changed: Notify,
}

impl RecordingQueue {
    /// A queue whose calls take so many seconds.
    pub(crate) fn slow(seconds: u64) -> Self {
        Self { latency: Duration::from_secs(seconds), ..Self::default() }
    }

    /// The same queue, which takes no more in one batch.
    pub(crate) fn with_batch_limit(self, batch_limit: usize) -> Self {
        Self { batch_limit, ..self }
    }

    /// The messages of each call, whatever became of them.
    pub(crate) fn calls(&self) -> Vec<Vec<Outgoing>> {
        self.calls.lock().unwrap().clone()
    }

    /// The bodies that were acknowledged.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// What a reader makes of them.
    pub(crate) fn reader(&self) -> Reader {
        let mut reader = Reader::default();
        for body in self.bodies() {
            reader.feed(&body).unwrap();
        }
        reader
    }

    /// Waits until so many were acknowledged.
    pub(crate) async fn acknowledged(&self, count: usize) {
        while self.bodies().len() < count {
            self.changed.notified().await;
        }
    }
}

#[async_trait]
impl ResultQueue for RecordingQueue {
    async fn send(&self, messages: &[&Outgoing]) -> Result<Vec<FailedEntry>, QueueError> {
        self.calls.lock().unwrap().push(messages.iter().map(|message| (*message).clone()).collect());
        sleep(self.latency).await;
        let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
        if self.batch_limit > 0 && bytes > self.batch_limit {
            let kind = QueueErrorKind::BatchTooLong;
            return Err(QueueError { operation: "SendMessageBatch", kind, code: "TooLong".into(), source: None });
        }
        let failed = self.fates.next("SendMessageBatch").await?;
        let is_failed = |index| failed.iter().any(|failed| failed.index == index);
        let taken = messages.iter().enumerate().filter(|(index, _)| !is_failed(*index));
        self.acknowledged.lock().unwrap().extend(taken.map(|(_, message)| message.body.clone()));
        self.changed.notify_one();
        Ok(failed)
    }
}

/// A command queue that hands out what it is given and keeps what is done to it.
#[derive(Debug, Default)]
pub(crate) struct FakeCommands {
    pub(crate) receives: Fates,
    pub(crate) changes: Fates,
    pub(crate) deletes: Fates,
    inbox: Mutex<VecDeque<Received>>,
    arrived: Notify,
    seen: Mutex<Vec<Seen>>,
    changed: Notify,
}

/// What was done to a command queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Receive { max: usize, wait: Duration },
    Visibility { handles: Vec<String>, visibility: Duration },
    Delete(String),
}

impl FakeCommands {
    /// Puts a message into the queue.
    pub(crate) fn put(&self, handle: &str, body: &str) {
        let message = Received {
            message_id: format!("message-{handle}"),
            receipt_handle: handle.into(),
            body: body.into(),
            receive_count: 1,
        };
        self.inbox.lock().unwrap().push_back(message);
        self.arrived.notify_one();
    }

    /// All that was done to the queue.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many things were done to it.
    pub(crate) async fn seen_so_many(&self, count: usize) -> Vec<Seen> {
        while self.seen().len() < count {
            self.changed.notified().await;
        }
        self.seen()
    }

    fn note(&self, seen: Seen) {
        self.seen.lock().unwrap().push(seen);
        self.changed.notify_one();
    }
}

#[async_trait]
impl CommandQueue for FakeCommands {
    async fn receive(&self, max: usize, wait: Duration, _: Duration) -> Result<Vec<Received>, QueueError> {
        self.note(Seen::Receive { max, wait });
        self.receives.next("ReceiveMessage").await?;
        if self.inbox.lock().unwrap().is_empty() {
            let _ = tokio::time::timeout(wait, self.arrived.notified()).await;
        }
        let mut inbox = self.inbox.lock().unwrap();
        let count = max.min(inbox.len());
        Ok(inbox.drain(..count).collect())
    }

    async fn change_visibility(
        &self,
        receipt_handles: &[String],
        visibility: Duration,
    ) -> Result<Vec<FailedEntry>, QueueError> {
        self.note(Seen::Visibility { handles: receipt_handles.to_vec(), visibility });
        self.changes.next("ChangeMessageVisibilityBatch").await
    }

    async fn delete(&self, receipt_handle: &str) -> Result<(), QueueError> {
        self.note(Seen::Delete(receipt_handle.into()));
        self.deletes.next("DeleteMessage").await.map(drop)
    }
}

/// One thing that happens in a stream.
pub(crate) enum Step<T> {
    Response(T),
    /// For so long, nothing.
    Waits(Duration),
    Breaks(Status),
    Hangs,
}

/// A collector that answers each call with the next script, and keeps the requests.
#[derive(Clone, Default)]
pub(crate) struct FakeCollector {
    lists: Scripts<ListPodsRequest, ListPodsResponse>,
    logs: Scripts<ReadLogsRequest, ReadLogsResponse>,
    gets: Scripts<GetPodRequest, GetPodResponse>,
}

type MkScript<R> = Box<dyn Fn() -> Vec<Step<R>> + Send>;

struct Scripts<Q, R> {
    scripts: Arc<Mutex<VecDeque<Vec<Step<R>>>>>,
    /// Makes a script where there is no other.
    otherwise: Arc<Mutex<Option<MkScript<R>>>>,
    requests: Arc<Mutex<Vec<(Q, MetadataMap)>>>,
}

impl<Q, R> Clone for Scripts<Q, R> {
    fn clone(&self) -> Self {
        Self { scripts: self.scripts.clone(), otherwise: self.otherwise.clone(), requests: self.requests.clone() }
    }
}

impl<Q, R> Default for Scripts<Q, R> {
    fn default() -> Self {
        Self { scripts: Arc::default(), otherwise: Arc::default(), requests: Arc::default() }
    }
}

impl<Q, R: Send + 'static> Scripts<Q, R> {
    fn next(&self, request: Request<Q>) -> Result<BoxStream<'static, Result<R, Status>>, Status> {
        let (metadata, _, request) = request.into_parts();
        self.requests.lock().unwrap().push((request, metadata));
        let script = self.scripts.lock().unwrap().pop_front();
        let script = script.or_else(|| self.otherwise.lock().unwrap().as_ref().map(|mk_script| mk_script()));
        let script = script.ok_or_else(|| Status::unavailable("no script"))?;
        let mut steps = script.into_iter().peekable();
        if let Some(Step::Breaks(_)) = steps.peek() {
            let Some(Step::Breaks(status)) = steps.next() else { unreachable!() };
            return Err(status);
        }
        let happen = |step| async {
            match step {
                Step::Response(response) => Some(Ok(response)),
                Step::Waits(time) => {
                    sleep(time).await;
                    None
                }
                Step::Breaks(status) => Some(Err(status)),
                Step::Hangs => std::future::pending().await,
            }
        };
        Ok(stream::iter(steps).filter_map(happen).boxed())
    }
}

impl FakeCollector {
    pub(crate) fn list(&self, script: Vec<Step<ListPodsResponse>>) -> &Self {
        self.lists.scripts.lock().unwrap().push_back(script);
        self
    }

    /// What is done with lists that have no script.
    pub(crate) fn lists_otherwise(&self, mk_script: impl Fn() -> Vec<Step<ListPodsResponse>> + Send + 'static) {
        *self.lists.otherwise.lock().unwrap() = Some(Box::new(mk_script));
    }

    pub(crate) fn log(&self, script: Vec<Step<ReadLogsResponse>>) -> &Self {
        self.logs.scripts.lock().unwrap().push_back(script);
        self
    }

    pub(crate) fn get(&self, script: Vec<Step<GetPodResponse>>) -> &Self {
        self.gets.scripts.lock().unwrap().push_back(script);
        self
    }

    pub(crate) fn list_requests(&self) -> Vec<(ListPodsRequest, MetadataMap)> {
        self.lists.requests.lock().unwrap().clone()
    }

    pub(crate) fn get_requests(&self) -> usize {
        self.gets.requests.lock().unwrap().len()
    }

    /// The way to it.
    pub(crate) fn channel(&self) -> Channel {
        let routes = Routes::new(PodServiceServer::new(self.clone())).add_service(LogServiceServer::new(self.clone()));
        let service = ServiceExt::<http::Request<Body>>::map_err(routes.prepare(), |never| match never {});
        BoxCloneSyncService::new(service)
    }
}

#[async_trait]
impl PodService for FakeCollector {
    type ListPodsStream = BoxStream<'static, Result<ListPodsResponse, Status>>;

    async fn get_pod(&self, request: Request<GetPodRequest>) -> Result<Response<GetPodResponse>, Status> {
        let mut responses = self.gets.next(request)?;
        responses.next().await.unwrap_or_else(|| Err(Status::internal("empty script"))).map(Response::new)
    }

    async fn list_pods(&self, request: Request<ListPodsRequest>) -> Result<Response<Self::ListPodsStream>, Status> {
        self.lists.next(request).map(Response::new)
    }
}

#[async_trait]
impl LogService for FakeCollector {
    type ReadLogsStream = BoxStream<'static, Result<ReadLogsResponse, Status>>;

    async fn read_logs(&self, request: Request<ReadLogsRequest>) -> Result<Response<Self::ReadLogsStream>, Status> {
        self.logs.next(request).map(Response::new)
    }
}

/// A pod of that name.
pub(crate) fn mk_pod(name: &str) -> Pod {
    Pod { metadata: Some(ObjectMeta { name: name.into(), ..ObjectMeta::default() }), ..Pod::default() }
}

/// A page of pods.
pub(crate) fn mk_page(names: &[&str], token: &str) -> ListPodsResponse {
    ListPodsResponse {
        items: names.iter().map(|name| mk_pod(name)).collect(),
        next_page_token: token.into(),
        completeness: None,
    }
}

/// A complete answer of so many items.
pub(crate) fn mk_complete(items: u64) -> Completeness {
    Completeness { complete: true, items, bytes: items, consistent: true, ..Completeness::default() }
}
