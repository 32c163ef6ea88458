//! Receiving commands: room first, then a long poll, and never an end of it that could lose sight of a message.

use std::{sync::Arc, time::Duration};

use gumshoe_queue::BATCH;
use gumshoe_runtime::{admin::ReadinessGate, backoff::Backoff, chain::Chain};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{CommandQueue, Leases, QueueError, QueueErrorKind, Received, Troubles};
use crate::metrics::Metrics;

/// Between failed polls: long enough to spare a service in trouble, short enough to be back half a minute after it is.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// Where somebody must repair permissions or the queue, this is often enough to notice that it was done.
pub(crate) const SLOW_WAIT: Duration = Duration::from_secs(30);

const OPERATION: &str = "ReceiveMessage";

/// What polling needs.
pub(crate) struct Poll {
    /// Where commands come from.
    pub queue: Arc<dyn CommandQueue>,
    /// Nothing is received while messages cannot be kept or deleted.
    pub leases: Leases,
    /// How long a poll waits for a message.
    pub wait: Duration,
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// One permit a command that may be in work.
    pub room: Arc<Semaphore>,
    /// Open while polls succeed.
    pub gate: ReadinessGate,
    /// Counts failures.
    pub metrics: Metrics,
}

/// Receives messages and hands each to `deliver` with the room it takes, until the shutdown.
///
/// The poll that is under way then is not broken off, since SQS may hand messages to it for as long as it waits; what it still
/// brings is given back at once.
pub(crate) async fn poll(
    poll: &Poll,
    shutdown: &CancellationToken,
    mut deliver: impl FnMut(Received, OwnedSemaphorePermit),
) {
    let (mut backoff, troubles) = (BACKOFF, Troubles::default());
    // The first poll does not wait: it shows whether polling works, which readiness depends on.
    let mut wait = Duration::ZERO;
    while let Some(room) = shutdown.run_until_cancelled(poll.room()).await {
        if let Some(until) = poll.leases.pause() {
            shutdown.run_until_cancelled(tokio::time::sleep_until(until)).await;
            continue;
        }
        let made = Instant::now();
        match poll.queue.receive(room.len(), wait, poll.visibility).await {
            Ok(messages) if shutdown.is_cancelled() => return poll.give_back(messages).await,
            Ok(messages) => {
                troubles.works(OPERATION);
                poll.gate.ready();
                backoff.reset();
                wait = poll.wait;
                messages.into_iter().zip(room).for_each(|(message, room)| deliver(message, room));
            }
            Err(error) => {
                drop(room);
                wait = Duration::ZERO;
                troubles.failed(OPERATION, made, &error, "commands cannot be received");
                let pause = poll.pause_after(&error, &mut backoff);
                shutdown.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
        }
    }
}

impl Poll {
    /// Waits for room for one command, and takes what there is for more.
    async fn room(&self) -> Vec<OwnedSemaphorePermit> {
        let first = self.room.clone().acquire_owned().await;
        let more = std::iter::from_fn(|| self.room.clone().try_acquire_owned().ok());
        first.into_iter().chain(more.take(BATCH - 1)).collect()
    }

    /// How long to wait after a failure.
    fn pause_after(&self, error: &QueueError, backoff: &mut Backoff) -> Duration {
        self.metrics.receive_errors.inc();
        if error.kind == QueueErrorKind::Misconfigured {
            self.gate.not_ready(format!("receiving commands: {}", error.code));
            return SLOW_WAIT;
        }
        backoff.next_wait()
    }

    async fn give_back(&self, messages: Vec<Received>) {
        let handles: Vec<_> = messages.into_iter().map(|message| message.receipt_handle).collect();
        if handles.is_empty() {
            return;
        }
        if let Err(error) = self.queue.change_visibility(&handles, Duration::ZERO).await {
            tracing::warn!(error = %Chain(&error), "commands could not be given back at once");
        }
    }
}

#[cfg(test)]
mod tests;
