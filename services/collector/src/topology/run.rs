//! One call: reads what the walk wants, side by side, and sends what it finds, as it finds it.

use std::{collections::BTreeSet, sync::Arc};

use futures::{StreamExt as _, stream};
use gumshoe_proto::collector::v1::{
    DiscoverTopologyRequest, DiscoverTopologyResponse, Gap, GapReason, TopologyElement,
};
use prost::Message as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::{
    known::{Answer, Read},
    object::{Key, WalkedKind},
    read::Source,
    request::Question,
    walk::{Readable, Step, Walk},
};
use crate::{
    error::ReadError,
    kubernetes::api::Call,
    lists::Reader,
    pages::{
        page::PageBuilder,
        report::Report,
        stream::{PageSender, PageStream, TAKEN_WITHIN},
    },
};

/// Walks at one time: each may hold 8 MiB of what it has read.
const WALKS: usize = 4;
/// Requests of a walk at one time: all lists of a namespace that a walk wants, so that none waits for another.
const SIDE_BY_SIDE: usize = 10;
/// Requests of a walk in all. Within a namespace it needs some ten, and one a node.
const REQUESTS_MAX: usize = 300;
/// Elements in a page: they have some 150 bytes each.
const PAGE_SIZE: usize = 500;

/// Serves walks.
#[derive(Clone)]
pub struct Topology {
    reader: Reader,
    kinds: BTreeSet<WalkedKind>,
    walks: Arc<Semaphore>,
}

impl Topology {
    /// Walks over these kinds; one for all calls of the process, whose bound on walks it holds.
    #[must_use]
    pub fn new(reader: Reader, kinds: BTreeSet<WalkedKind>) -> Self {
        Self { reader, kinds, walks: Arc::new(Semaphore::new(WALKS)) }
    }

    /// Starts a walk. What is wrong with the request is an error at once; all else comes with the stream.
    ///
    /// # Errors
    /// `InvalidArgument`; `Denied` where the namespace is outside `--namespaces`, or the kind is not served.
    pub fn discover(&self, call: Call, request: &DiscoverTopologyRequest) -> Result<PageStream, ReadError> {
        let question = Question::of(request)?;
        if let Some(namespace) = &question.namespace {
            self.reader.scope.permits(namespace)?;
        }
        let kind = question.seed.walked().filter(|kind| !self.kinds.contains(kind));
        if let Some(kind) = kind {
            let plural = kind.resource().plural;
            return Err(ReadError::Denied(format!("read {plural}: they are not among its --kinds")));
        }
        let run = Run::new(self, call, question);
        let (walks, deadline) = (self.walks.clone(), run.deadline);
        Ok(PageStream::start(async move |pages| match timeout_at(deadline, walks.acquire_owned()).await {
            Ok(Ok(permit)) => run.run(pages, permit).await,
            _ => Err(ReadError::Overloaded),
        }))
    }

    fn readable(&self) -> Readable {
        let namespaces = match self.reader.scope.namespaces() {
            Some(namespaces) => namespaces.map(|namespace| Some(namespace.to_string())).collect(),
            None => vec![None],
        };
        Readable { kinds: self.kinds.clone(), cluster: self.reader.scope.namespaces().is_none(), namespaces }
    }
}

struct Run {
    walk: Walk,
    seed: Key,
    source: Source,
    /// Whether the seed itself may be read: of a node, a collector with `--namespaces` sees the pods alone.
    seed_is_read: bool,
    requests: usize,
    /// That nodes may not be read is told.
    nodes_are_told: bool,
    page: PageBuilder<DiscoverTopologyResponse>,
    report: Report,
    deadline: Instant,
}

impl Run {
    fn new(topology: &Topology, call: Call, question: Question) -> Self {
        let Question { seed, bounds, .. } = question;
        let readable = topology.readable();
        let seed_is_read = readable.cluster || seed.walked().is_none_or(|kind| kind.resource().namespaced);
        Self {
            seed: seed.clone(),
            walk: Walk::new(seed, bounds, readable),
            deadline: call.deadline,
            source: Source::new(topology.reader.clone(), call),
            seed_is_read,
            requests: 0,
            nodes_are_told: false,
            page: PageBuilder::new(PAGE_SIZE),
            report: Report::default(),
        }
    }

    async fn run(
        mut self,
        pages: PageSender,
        permit: OwnedSemaphorePermit,
    ) -> Result<Option<OwnedSemaphorePermit>, ReadError> {
        if self.seed_is_read {
            self.read_seed().await?;
        }
        let end = loop {
            let step = self.walk.step();
            let found = self.walk.take();
            if let Some(gap) = self.send(found, &pages).await {
                break Some(gap);
            }
            match step {
                Step::Done => break None,
                Step::More if Instant::now() >= self.deadline => break Some(ReadError::Deadline.gap()),
                Step::More => tokio::task::yield_now().await,
                Step::Read(reads) => {
                    if let Some(gap) = self.read(reads).await {
                        self.give_what_came(&pages).await;
                        break Some(gap);
                    }
                }
            }
        };
        // Whoever does not take what was found keeps nobody else from walking.
        let is_slow = end.as_ref().is_some_and(|gap| gap.reason() == GapReason::SlowCaller);
        self.finish(end, &pages);
        Ok(Some(permit).filter(|_| !is_slow))
    }

    /// Sends what can be told by what came before the time was over.
    async fn give_what_came(&mut self, pages: &PageSender) {
        loop {
            let step = self.walk.step();
            let found = self.walk.take();
            if self.send(found, pages).await.is_some() || step != Step::More {
                return;
            }
        }
    }

    /// The seed has to be there: else there is nothing to tell.
    async fn read_seed(&mut self) -> Result<(), ReadError> {
        let read = Read::Get(self.seed.clone());
        let answer = self.source.read(&read).await?;
        self.requests += 1;
        if answer.objects.is_empty() {
            let kind = self.seed.walked().map_or("Object", |kind| kind.resource().kind);
            let parts = [&self.seed.namespace, &self.seed.name].into_iter().filter(|part| !part.is_empty());
            let name = parts.map(String::as_str).collect::<Vec<_>>().join("/");
            return Err(ReadError::NotFound { kind, name });
        }
        self.walk.learn(read, answer);
        Ok(())
    }

    /// Makes the requests that the walk waits for; a gap where it cannot go on.
    async fn read(&mut self, mut reads: Vec<Read>) -> Option<Gap> {
        let beyond = reads.split_off(reads.len().min(REQUESTS_MAX - self.requests));
        self.requests += reads.len();
        let source = &self.source;
        let answers = stream::iter(reads).map(async |read| {
            let answer = source.read(&read).await;
            (read, answer)
        });
        let answers: Vec<_> = answers.buffer_unordered(SIDE_BY_SIDE).collect().await;
        let mut late = None;
        for (read, answer) in answers {
            match answer {
                Ok(answer) => self.walk.learn(read, answer),
                Err(error) => {
                    // One gap stands for all nodes, where none may be read.
                    let stands_for_nodes = matches!(&read, Read::Get(key) if key.namespace.is_empty())
                        && matches!(error, ReadError::Denied(_));
                    if stands_for_nodes && std::mem::replace(&mut self.nodes_are_told, true) {
                        self.walk.learn_unread(read, error.gap());
                    } else {
                        let gap = if stands_for_nodes { error.gap() } else { gap_of(&read, &error) };
                        self.walk.learn(read, Answer::not_read(gap));
                    }
                    late = late.or(matches!(error, ReadError::Deadline).then_some(error));
                }
            }
        }
        // One gap stands for all.
        let items = (!beyond.is_empty()).then_some(beyond.len() as u64);
        let message = format!("{REQUESTS_MAX} requests were made, and one walk makes no more");
        let gap = Gap { reason: GapReason::Limit.into(), message, items, ..Gap::default() };
        for (index, read) in beyond.into_iter().enumerate() {
            match index {
                0 => self.walk.learn(read, Answer::not_read(gap.clone())),
                _ => self.walk.learn_unread(read, gap.clone()),
            }
        }
        late.map(|error| error.gap())
    }

    /// Sends what was found; a gap where the caller does not take it.
    async fn send(&mut self, found: Vec<TopologyElement>, pages: &PageSender) -> Option<Gap> {
        for element in found {
            let length = element.encoded_len();
            if !self.page.fits(length)
                && let Some(gap) = self.flush(pages).await
            {
                return Some(gap);
            }
            self.page.push(&element, length);
        }
        if self.page.is_empty() { None } else { self.flush(pages).await }
    }

    async fn flush(&mut self, pages: &PageSender) -> Option<Gap> {
        // Nothing is open at the API server meanwhile; but what was read is held, and others wait to walk.
        let until = self.deadline.min(Instant::now() + TAKEN_WITHIN);
        let Ok(room) = timeout_at(until, pages.reserve(self.page.bytes())).await else {
            self.page.clear();
            if until == self.deadline {
                return Some(ReadError::Deadline.gap());
            }
            let message = ReadError::SlowCaller.to_string();
            return Some(Gap { reason: GapReason::SlowCaller.into(), message, ..Gap::default() });
        };
        self.report.count(self.page.items(), self.page.item_bytes());
        pages.send(self.page.take_with(String::new(), None), room);
        None
    }

    fn finish(mut self, end: Option<Gap>, pages: &PageSender) {
        self.walk.take_gaps().into_iter().for_each(|gap| self.report.gap(gap));
        if let Some(gap) = end {
            self.report.ends_with(gap);
        }
        self.report.warnings(self.source.take_warnings());
        let at_depth = self.walk.at_depth();
        self.report.note((at_depth > 0).then(|| {
            let objects = if at_depth == 1 { "object is" } else { "objects are" };
            format!(
                "{at_depth} {objects} as far as max_depth allows; what is connected with them only was not looked for"
            )
        }));
        let completeness = self.report.finish(String::new());
        pages.send_last(self.page.take_with(String::new(), Some(completeness)));
    }
}

/// Where a request reads, for the gap that it leaves.
fn place_of(read: &Read) -> Gap {
    let (namespace, name) = match read {
        Read::Get(key) => (key.namespace.clone(), key.name.clone()),
        Read::List { namespace, .. } => (namespace.clone(), String::new()),
        Read::OnNode { namespace, .. } => (namespace.clone().unwrap_or_default(), String::new()),
    };
    Gap { namespace, name, ..Gap::default() }
}

/// What an error means for the answer: what could not be read is not missing.
fn gap_of(read: &Read, error: &ReadError) -> Gap {
    let Gap { namespace, name, .. } = place_of(read);
    Gap { namespace, name, ..error.gap() }
}

#[cfg(test)]
pub(super) mod tests;
