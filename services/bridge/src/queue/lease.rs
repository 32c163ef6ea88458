//! Leases: a message that is worked on stays hidden from other bridges for as long as this one is alive, and not longer.
//!
//! One task extends all leases in batches. A lease that cannot be extended any more is lost: somebody else may work on the message
//! by now, so its work here is to end.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use gumshoe_runtime::chain::Chain;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{CommandQueue, QueueError, QueueErrorKind};

/// What one ChangeMessageVisibilityBatch takes (SQS API reference).
const BATCH: usize = 10;

/// The leases of a process; clones share one state.
#[derive(Clone)]
pub struct Leases {
    queue: Arc<dyn CommandQueue>,
    visibility: Duration,
    held: Arc<Held>,
}

#[derive(Default)]
struct Held {
    next_id: AtomicU64,
    leases: Mutex<BTreeMap<u64, Entry>>,
    /// Held while leases are extended, so that one that ends can wait for an extension of it that is on its way.
    extending: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Entry {
    receipt_handle: String,
    lost: CancellationToken,
    /// When the message comes back, as far as is known.
    expires: Instant,
}

/// The lease of one message. It is extended until it is released, given back or dropped.
pub struct Lease {
    id: u64,
    receipt_handle: String,
    lost: CancellationToken,
    leases: Leases,
}

impl Leases {
    /// Leases of `visibility` each, which are extended every third of it: two extensions may fail and none is lost.
    #[must_use]
    pub fn new(queue: Arc<dyn CommandQueue>, visibility: Duration) -> Self {
        Self { queue, visibility, held: Arc::default() }
    }

    /// Begins to hold a message that was received at `received` or later.
    #[must_use]
    pub fn hold(&self, receipt_handle: &str, received: Instant) -> Lease {
        let (receipt_handle, lost) = (receipt_handle.to_owned(), CancellationToken::new());
        let entry =
            Entry { receipt_handle: receipt_handle.clone(), lost: lost.clone(), expires: received + self.visibility };
        let id = self.held.next_id.fetch_add(1, Ordering::Relaxed);
        self.held.lock().insert(id, entry);
        Lease { id, receipt_handle, lost, leases: self.clone() }
    }

    /// Extends all leases until it is dropped, and takes note when one runs out all the same.
    pub async fn keep(&self) {
        let mut ticks = interval(self.visibility / 3);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = ticks.tick() => self.extend_all().await,
                () = self.held.first_expiry() => {}
            }
            self.held.lose_expired();
        }
    }

    async fn extend_all(&self) {
        let _extending = self.held.extending.lock().await;
        let entries: Vec<_> = self.held.lock().iter().map(|(id, entry)| (*id, entry.clone())).collect();
        join_all(entries.chunks(BATCH).map(|batch| self.extend(batch))).await;
    }

    async fn extend(&self, batch: &[(u64, Entry)]) {
        let asked = Instant::now();
        let handles: Vec<_> = batch.iter().map(|(_, entry)| entry.receipt_handle.clone()).collect();
        let failed = match self.queue.change_visibility(&handles, self.visibility).await {
            Ok(failed) => failed,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "leases could not be extended");
                return;
            }
        };
        for (index, (id, _)) in batch.iter().enumerate() {
            match failed.iter().find(|failed| failed.index == index) {
                None => self.held.extended(*id, asked + self.visibility),
                Some(failed) if failed.sender_fault => self.held.lose(*id, &failed.code),
                Some(failed) => tracing::warn!(code = failed.code, "a lease could not be extended"),
            }
        }
    }
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        // Each change under the lock is a single one, so a panic elsewhere leaves nothing half done.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn extended(&self, id: u64, expires: Instant) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.expires = expires;
        }
    }

    /// Returns when the lease runs out that runs out first.
    async fn first_expiry(&self) {
        let first = self.lock().values().map(|entry| entry.expires).min();
        match first {
            Some(expires) => sleep_until(expires).await,
            None => std::future::pending().await,
        }
    }

    /// Takes for lost what could not be extended in time.
    fn lose_expired(&self) {
        let now = Instant::now();
        let expired: Vec<_> = self.lock().iter().filter(|(_, entry)| entry.expires <= now).map(|(id, _)| *id).collect();
        expired.into_iter().for_each(|id| self.lose(id, "expired"));
    }

    fn lose(&self, id: u64, why: &str) {
        if let Some(entry) = self.lock().remove(&id) {
            tracing::warn!(why, "a lease is lost: its command is left to whoever has it now");
            entry.lost.cancel();
        }
    }
}

impl Lease {
    /// Returns when the lease is lost.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Deletes the message: it is done.
    ///
    /// # Errors
    /// SQS did not confirm; the message may come again.
    pub async fn delete(self) -> Result<(), QueueError> {
        self.stop().await;
        match self.leases.queue.delete(&self.receipt_handle).await {
            // Deleted already, or expired on a FIFO queue: then it comes again, and its second run is whole too.
            Err(error) if error.kind == QueueErrorKind::ReceiptLost => Ok(()),
            other => other,
        }
    }

    /// Gives the message back: SQS hands it out again after `after`. If that fails, the lease just runs out.
    pub async fn give_back(self, after: Duration) {
        self.stop().await;
        let handles = std::slice::from_ref(&self.receipt_handle);
        match self.leases.queue.change_visibility(handles, after).await {
            Ok(failed) if failed.is_empty() => {}
            Ok(failed) => tracing::warn!(code = failed[0].code, "a command could not be given back at once"),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a command could not be given back at once");
            }
        }
    }

    /// Ends the extensions, the one on its way included: it must not come after what is to be done to the message.
    async fn stop(&self) {
        self.leases.held.lock().remove(&self.id);
        let _none_on_its_way = self.leases.held.extending.lock().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.held.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests;
