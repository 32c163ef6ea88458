//! One SendMessageBatch, tried until every entry of it was acknowledged.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use gumshoe_queue::BATCH;
use gumshoe_runtime::backoff::Backoff;
use tokio::time::{Instant, sleep, timeout_at};

use super::Outlet;
use crate::{
    metrics::Metrics,
    queue::{FailedEntry, Outgoing, QueueError, QueueErrorKind},
    results::budget::Share,
};

/// The bytes that one SendMessageBatch takes (SQS API reference).
pub(super) const BATCH_BYTES: usize = 1024 * 1024;

/// Between tries: SQS throttles by the second, and a run waits for its messages.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// So long, permissions that are missing may come back; then the command is given back, rather than hold its place until its deadline.
const REPAIR_TIME: Duration = Duration::from_secs(60);

/// A message that waits to be sent.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) outgoing: Outgoing,
    /// Its share of the byte budget, which goes back when it was acknowledged.
    pub(super) _share: Option<Arc<Share>>,
}

/// Messages of one call.
#[derive(Debug)]
pub(super) struct Batch(Vec<Message>);

/// Why a run cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// SQS says that the message itself is wrong.
    #[error("the result queue refused a message ({0})")]
    Refused(String),
    /// The call failed, and the same one would fail again.
    #[error("a message cannot be sent")]
    Call(#[source] QueueError),
    /// It failed again and again until it was of no use to go on.
    #[error("messages were not taken in time ({0})")]
    GaveUp(String),
}

impl SendError {
    /// Whether somebody must repair permissions or the queue.
    pub(crate) fn needs_repair(&self) -> bool {
        matches!(self, Self::Call(error) if error.kind == QueueErrorKind::Misconfigured)
    }

    /// What is to be said when it is of no use to go on after this error.
    fn after(error: QueueError) -> Self {
        if error.kind == QueueErrorKind::Misconfigured { Self::Call(error) } else { Self::GaveUp(error.code) }
    }
}

impl Batch {
    pub(super) fn one(message: Message) -> Self {
        Self(vec![message])
    }

    /// Takes as many messages as fit into a call, in their order; one at least.
    pub(super) fn take(waiting: &mut VecDeque<Message>, bytes: usize) -> Self {
        let mut batch = Vec::new();
        let mut left = bytes;
        while let Some(message) = waiting.front() {
            let length = message.outgoing.body.len();
            if !batch.is_empty() && (length > left || batch.len() == BATCH) {
                break;
            }
            left = left.saturating_sub(length);
            batch.extend(waiting.pop_front());
        }
        Self(batch)
    }

    /// Sends all of it.
    pub(super) async fn send(self, outlet: Outlet, metrics: Metrics, give_up: Instant) -> Result<(), SendError> {
        let mut parts = vec![self.0];
        let (mut backoff, mut refused_since) = (BACKOFF, None);
        while let Some(part) = parts.pop() {
            let messages: Vec<_> = part.iter().map(|message| &message.outgoing).collect();
            let made = Instant::now();
            let called = timeout_at(give_up, outlet.queue.send(&messages)).await;
            let is_refused = matches!(&called, Ok(Err(error)) if error.kind == QueueErrorKind::Misconfigured);
            refused_since = if is_refused { refused_since.or_else(|| Some(Instant::now())) } else { None };
            if let Ok(called) = &called {
                outlet.note(made, messages.len(), called);
            }
            let why = match called {
                Err(_elapsed) => return Err(SendError::GaveUp("TimedOut".into())),
                Ok(Ok(failed)) => match rest(part, &failed, &metrics)? {
                    None => continue,
                    Some(rest) => {
                        parts.push(rest);
                        SendError::GaveUp(failed[0].code.clone())
                    }
                },
                Ok(Err(error)) if error.kind == QueueErrorKind::BatchTooLong && part.len() > 1 => {
                    outlet.batch_was_too_long();
                    parts.extend(recut(part, outlet.limits.message));
                    continue;
                }
                Ok(Err(error)) if !error.kind.retryable() => return Err(SendError::Call(error)),
                Ok(Err(error)) if refused_since.is_some_and(|since| since.elapsed() > REPAIR_TIME) => {
                    return Err(SendError::Call(error));
                }
                Ok(Err(error)) => {
                    parts.push(part);
                    SendError::after(error)
                }
            };
            metrics.send_errors.inc();
            let wait = backoff.next_wait();
            if Instant::now() + wait >= give_up {
                return Err(why);
            }
            sleep(wait).await;
        }
        Ok(())
    }
}

/// What of a batch failed and is to be tried again. The others are acknowledged: they are counted and let go.
fn rest(batch: Vec<Message>, failed: &[FailedEntry], metrics: &Metrics) -> Result<Option<Vec<Message>>, SendError> {
    if let Some(refused) = failed.iter().find(|failed| failed.sender_fault) {
        return Err(SendError::Refused(refused.code.clone()));
    }
    let is_failed = |index: usize| failed.iter().any(|failed| failed.index == index);
    let mut rest = Vec::new();
    for (index, message) in batch.into_iter().enumerate() {
        if is_failed(index) {
            rest.push(message);
        } else {
            metrics.messages_sent.inc();
            metrics.bytes_sent.inc_by(message.outgoing.body.len() as u64);
        }
    }
    Ok(if rest.is_empty() { None } else { Some(rest) })
}

/// Cuts a batch that was too long, by the limit of one message at most, and into two parts at least. The first part comes last,
/// since parts are taken from the end.
fn recut(batch: Vec<Message>, message_size: usize) -> Vec<Vec<Message>> {
    let total: usize = batch.iter().map(|message| message.outgoing.body.len()).sum();
    let mut waiting = VecDeque::from(batch);
    let mut parts = Vec::new();
    while !waiting.is_empty() {
        parts.push(Batch::take(&mut waiting, message_size.min(total / 2)).0);
    }
    parts.reverse();
    parts
}
