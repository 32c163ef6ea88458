//! SQS as the bridge uses it: the operations it needs, their errors, and what it does with them: polling, leases, the check of
//! the queues at start. Knows nothing of commands and results but their bodies.
//!
//! The traits are the seam for tests of waiting and failing under tokio's paused time; [`sqs`] is the real thing.

mod check;
mod lease;
mod poll;
mod sqs;
mod trouble;

use std::time::Duration;

use async_trait::async_trait;

#[cfg(test)]
pub(crate) use check::LEAST_MESSAGE_SIZE;
pub(crate) use check::{CheckError, Checked, all_advice, check, check_urls};
pub use gumshoe_queue::{QueueUrl, QueueUrlError};
pub(crate) use lease::{Lease, Leases};
pub(crate) use poll::{Poll, SLOW_WAIT, poll};
#[cfg(test)]
pub(crate) use sqs::CALL_TIMEOUT;
pub(crate) use sqs::{Connection, connect};
pub(crate) use trouble::Troubles;

/// A message as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// SQS's own id of the message.
    pub message_id: String,
    /// What names this receipt of it: the newest one counts.
    pub receipt_handle: String,
    /// The text.
    pub body: String,
    /// How often it was received, this time included.
    pub receive_count: u32,
}

/// The queue that commands come from.
#[async_trait]
pub(crate) trait CommandQueue: Send + Sync {
    /// Waits up to `wait` for at most `max` messages (1 to 10), which are then hidden from others for `visibility`. Tries once.
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError>;

    /// Hides messages, at most 10, for `visibility` from now. Gives what failed, by the index of the receipt handle.
    async fn change_visibility(
        &self,
        receipt_handles: &[String],
        visibility: Duration,
    ) -> Result<Vec<FailedEntry>, QueueError>;

    /// Deletes a message.
    async fn delete(&self, receipt_handle: &str) -> Result<(), QueueError>;
}

/// A queue that results go to.
#[async_trait]
pub(crate) trait ResultQueue: Send + Sync {
    /// Sends messages, at most 10, together at most 1 MiB. Gives what failed, by the index of the message.
    async fn send(&self, messages: &[&Outgoing]) -> Result<Vec<FailedEntry>, QueueError>;
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The text.
    pub body: String,
    /// Where the queue keeps an order: what it keeps in order, and what tells a repeated message.
    pub fifo: Option<Fifo>,
}

/// What a FIFO queue wants to know of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fifo {
    /// Messages of one group stay in order.
    pub group: String,
    /// A second message of this id within five minutes is dropped.
    pub deduplication_id: String,
}

/// One entry of a batch that failed while the call as a whole did not: SQS answers 200 for those, and no SDK retries them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailedEntry {
    /// The place of the entry in the batch.
    pub index: usize,
    /// Whether the entry itself is wrong; if so, trying it again is of no use.
    pub sender_fault: bool,
    /// SQS's own code.
    pub code: String,
}

/// Why a call to SQS failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed ({code})")]
pub(crate) struct QueueError {
    /// The operation of the SQS API.
    pub operation: &'static str,
    /// What it means for what to do next.
    pub kind: QueueErrorKind,
    /// SQS's own code, or what happened where SQS was not reached.
    pub code: String,
    /// What the SDK says.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl QueueError {
    /// Of a batch that was taken, an entry that was not.
    pub(crate) fn of_entry(operation: &'static str, entry: &FailedEntry) -> Self {
        let kind = if entry.sender_fault { QueueErrorKind::Refused } else { QueueErrorKind::Transient };
        Self { operation, kind, code: entry.code.clone(), source: None }
    }
}

/// What a failed call means for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueErrorKind {
    /// Somebody must change permissions, a key or a queue: credentials refused, access denied, no such queue.
    Misconfigured,
    /// The endpoint would be spoken to in plain text over a network; nothing was sent.
    Plaintext,
    /// The receipt handle names no message in flight any more.
    ReceiptLost,
    /// The batch is larger in all than the server takes.
    BatchTooLong,
    /// The request itself is wrong, and the same one will be refused again.
    Refused,
    /// Throttled, unreachable, timed out, or an error of the server.
    Transient,
}

impl QueueErrorKind {
    /// Whether the same call may succeed later without anybody doing anything.
    #[must_use]
    pub(crate) fn retryable(self) -> bool {
        match self {
            // Permissions come back too, when somebody repairs them: a command in work waits for that until its deadline.
            Self::Transient | Self::Misconfigured => true,
            Self::Plaintext | Self::ReceiptLost | Self::BatchTooLong | Self::Refused => false,
        }
    }
}
