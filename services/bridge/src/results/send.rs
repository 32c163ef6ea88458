//! Sends the messages of one run: `Accepted` at once, pages as they come, `End` when all of those were acknowledged.
//!
//! A message goes out as soon as a call is free, alone if there is no other; while all calls are busy, messages gather, and the next
//! batch is fuller. So nothing waits for a batch to fill, and a queue under load gets full ones.

mod batch;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use gumshoe_proto::{
    bridge::v1::{Accepted, End, Progress, Query, result::Kind},
    envelope::{self, result_id},
    json,
    run::{PageDigest, RunDigest},
};
use gumshoe_queue::BATCH;
use jiff::Timestamp;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    ByteBudget, PageLimits, RunId,
    encode::{encode_page, result},
    end,
    writer::Handed,
};
use crate::{
    metrics::Metrics,
    queue::{FailedEntry, Fifo, Outgoing, QueueError, ResultQueue, Troubles},
    stop::{Counts, Stop},
    turns::Turns,
};
pub(crate) use batch::SendError;
use batch::{Batch, Message};

/// Calls of one run that are under way at one time: enough that a page does not wait for the one before it to be acknowledged.
const CALLS: usize = 4;

/// A result queue; clones share it.
#[derive(Clone)]
pub(crate) struct Outlet {
    name: Arc<str>,
    queue: Arc<dyn ResultQueue>,
    limits: PageLimits,
    budget: ByteBudget,
    turns: Turns,
    is_fifo: bool,
    batch_bytes: Arc<AtomicUsize>,
    /// How the readiness calls sends to this queue.
    operation: Arc<str>,
    troubles: Troubles,
}

/// How a command's progress is told.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    /// So often.
    pub interval: Duration,
    /// Counts it.
    pub stop: Stop,
}

/// Sends the results of one run.
pub(crate) struct Sender {
    run: RunId,
    outlet: Outlet,
    metrics: Metrics,
    /// Until when a failed message is tried again.
    give_up: Instant,
    digest: RunDigest,
}

impl Outlet {
    /// A queue that takes messages of so many bytes.
    #[must_use]
    pub(crate) fn new(name: &str, queue: Arc<dyn ResultQueue>, maximum_message_size: usize, is_fifo: bool) -> Self {
        let limits = PageLimits::of_queue(maximum_message_size);
        let batch_bytes = Arc::new(AtomicUsize::new(batch::BATCH_BYTES));
        let (budget, turns, troubles) = (ByteBudget::default(), Turns::default(), Troubles::default());
        let operation = format!("SendMessageBatch to {name}").into();
        Self { name: name.into(), queue, limits, budget, turns, is_fifo, batch_bytes, operation, troubles }
    }

    /// The same queue, which notes there what is wrong with it.
    #[must_use]
    pub(crate) fn with_troubles(self, troubles: Troubles) -> Self {
        Self { troubles, ..self }
    }

    /// The same queue, for which so many queries are asked at one time.
    #[must_use]
    pub(crate) fn with_turns(self, turns: Turns) -> Self {
        Self { turns, ..self }
    }

    /// Who is asked for it. A queue that is slow holds up those who answer to it, and no others.
    #[must_use]
    pub(crate) fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// The same queue, with another number of bytes that may wait for it.
    #[must_use]
    pub(crate) fn with_budget(self, budget: ByteBudget) -> Self {
        Self { budget, ..self }
    }

    /// What commands call it.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How large a message may be.
    #[must_use]
    pub(crate) fn limits(&self) -> PageLimits {
        self.limits
    }

    /// The bytes that may wait for it.
    #[must_use]
    pub(crate) fn budget(&self) -> ByteBudget {
        self.budget.clone()
    }

    /// Takes note of how a call went that was made then. What is wrong with the call itself says nothing of the queue; a call of which
    /// SQS has taken no message has failed.
    fn note(&self, made: Instant, messages: usize, called: &Result<Vec<FailedEntry>, QueueError>) {
        let of_entry;
        let error = match called {
            Ok(failed) if failed.len() < messages => return self.troubles.works(&self.operation),
            Ok(failed) => {
                of_entry = QueueError::of_entry("SendMessageBatch", &failed[0]);
                &of_entry
            }
            Err(error) => error,
        };
        if error.kind.retryable() {
            self.troubles.failed(&self.operation, made, error, "results cannot be sent");
        }
    }

    /// What a batch may hold in all.
    fn batch_bytes(&self) -> usize {
        self.batch_bytes.load(Ordering::Relaxed)
    }

    /// Remembers that the queue's server is not AWS and counts the bytes of a batch against the limit of one message.
    fn batch_was_too_long(&self) {
        self.batch_bytes.store(self.limits.message, Ordering::Relaxed);
    }
}

impl Sender {
    /// A sender that tries until `give_up`.
    #[must_use]
    pub(crate) fn new(run: RunId, outlet: Outlet, metrics: Metrics, give_up: Instant) -> Self {
        Self { run, outlet, metrics, give_up, digest: RunDigest::default() }
    }

    /// Sends `Accepted` and every page that is handed over, until nobody can hand over any more and SQS has acknowledged all.
    ///
    /// # Errors
    /// A message cannot be sent; the run cannot become whole.
    pub(crate) async fn send_pages(
        &mut self,
        accepted: Accepted,
        mut handed: mpsc::Receiver<Handed>,
        telling: Option<Telling>,
    ) -> Result<(), SendError> {
        let calls = if self.outlet.is_fifo { 1 } else { CALLS };
        let mut waiting = VecDeque::from([self.accepted(accepted)]);
        let mut sending = FuturesUnordered::new();
        let mut open = true;
        let mut told = 0;
        let mut tell_at = telling.as_ref().map(|telling| Instant::now() + telling.interval);
        loop {
            while waiting.len() < BATCH
                && let Ok(page) = handed.try_recv()
            {
                waiting.push_back(self.page(page));
            }
            while sending.len() < calls && !waiting.is_empty() {
                let batch = Batch::take(&mut waiting, self.outlet.batch_bytes());
                sending.push(batch.send(self.outlet.clone(), self.metrics.clone(), self.give_up));
            }
            tokio::select! {
                page = handed.recv(), if open && waiting.len() < BATCH => match page {
                    Some(page) => waiting.push_back(self.page(page)),
                    None => open = false,
                },
                () = sleep_until(tell_at.unwrap_or(self.give_up)), if open && tell_at.is_some() && waiting.is_empty() => {
                    tell_at = telling.as_ref().map(|telling| Instant::now() + telling.interval);
                    told += 1;
                    waiting.extend(telling.as_ref().map(|telling| self.progress(told, telling.stop.counts())));
                }
                Some(sent) = sending.next() => sent?,
                else => return Ok(()),
            }
        }
    }

    /// Sends the end. What it says of pages, bytes and hash is filled in here.
    ///
    /// # Errors
    /// It cannot be sent; the command must not be deleted.
    pub(crate) async fn send_end(self, end: End) -> Result<(), SendError> {
        let (pages, bytes, sha256) = (self.digest.pages(), self.digest.bytes(), self.digest.sha256());
        let end = End { pages, bytes, sha256: sha256.to_vec().into(), ..end };
        let encode = |end: &End| self.message(pages + 1, Kind::End(end.clone()));
        let message = end::fit(end, self.outlet.limits.message, encode, |message| message.outgoing.body.len());
        Batch::one(message).send(self.outlet, self.metrics, self.give_up).await
    }

    /// Gives a page its place in the run. From here on it must be sent, or the run cannot become whole.
    fn page(&mut self, handed: Handed) -> Message {
        let Handed { header, content, share } = handed;
        let seq = self.digest.pages() + 1;
        let body = encode_page(&self.run, seq, &header, &content, Timestamp::now());
        self.digest.add(&PageDigest::of(&body));
        let RunId { command_id, run, .. } = &self.run;
        Message { outgoing: self.outgoing(format!("{command_id}.{run}.{seq}"), body), _share: Some(share) }
    }

    fn progress(&self, seq: u32, counts: Counts) -> Message {
        let Counts { bytes, items, log_lines, queries_done, matches: _ } = counts;
        let pages = self.digest.pages();
        self.message(seq, Kind::Progress(Progress { pages, items, bytes, log_lines, queries_done }))
    }

    /// Says less of what words mean, where all of it would not fit into a message.
    fn accepted(&self, mut accepted: Accepted) -> Message {
        loop {
            let message = self.message(0, Kind::Accepted(accepted.clone()));
            let over = message.outgoing.body.len().saturating_sub(self.outlet.limits.message);
            if over == 0 || accepted.queries.is_empty() {
                return message;
            }
            drop_longest(&mut accepted.queries, over);
        }
    }

    fn message(&self, seq: u32, kind: Kind) -> Message {
        let result = result(&self.run, seq, kind);
        let body = envelope::encode_result(&result, Timestamp::now());
        Message { outgoing: self.outgoing(result_id(&result), body), _share: None }
    }

    fn outgoing(&self, deduplication_id: String, body: String) -> Outgoing {
        let RunId { command_id, investigation_id, .. } = &self.run;
        let group = if investigation_id.is_empty() { command_id } else { investigation_id };
        let fifo = || Fifo { group: group.clone(), deduplication_id };
        Outgoing { body, fifo: self.outlet.is_fifo.then(fifo) }
    }
}

/// Drops the longest queries, until so many bytes are dropped: one that fills a message by itself must not keep the others out of it.
fn drop_longest(queries: &mut Vec<Query>, mut over: usize) {
    let lengths: Vec<_> = queries.iter().map(|query| json::to_string(query).len()).collect();
    let mut longest: Vec<_> = (0..queries.len()).collect();
    longest.sort_by_key(|index| Reverse(lengths[*index]));
    let needed = |index: &usize| {
        let more = over > 0;
        over = over.saturating_sub(lengths[*index]);
        more
    };
    let dropped: BTreeSet<_> = longest.into_iter().take_while(needed).collect();
    let mut index = 0..;
    queries.retain(|_| index.next().is_none_or(|index| !dropped.contains(&index)));
}

#[cfg(test)]
mod tests;
