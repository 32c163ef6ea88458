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
use gumshoe_queue::BATCH;
use gumshoe_runtime::{admin::ReadinessGate, chain::Chain};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{CommandQueue, QueueError, QueueErrorKind, SLOW_WAIT, Troubles};

/// Between tries to extend leases that failed, however long the leases are: so it is soon known that somebody has repaired it.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Without them, messages can be neither kept nor deleted.
const NEEDED: [&str; 2] = [EXTEND, DELETE];
const EXTEND: &str = "ChangeMessageVisibilityBatch";
const DELETE: &str = "DeleteMessage";

/// The leases of a process; clones share one state.
#[derive(Clone)]
pub(crate) struct Leases {
    queue: Arc<dyn CommandQueue>,
    visibility: Duration,
    held: Arc<Held>,
    troubles: Troubles,
}

#[derive(Default)]
struct Held {
    next_id: AtomicU64,
    leases: Mutex<BTreeMap<u64, Entry>>,
    /// A lease was not there when it was to be extended, and is there again.
    due: Notify,
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
pub(crate) struct Lease {
    id: u64,
    receipt_handle: String,
    lost: CancellationToken,
    leases: Leases,
}

impl Leases {
    /// Leases of `visibility` each, which are extended every third of it, and sooner again where that failed: several extensions may
    /// fail and none is lost.
    #[must_use]
    pub(crate) fn new(queue: Arc<dyn CommandQueue>, visibility: Duration) -> Self {
        Self { queue, visibility, held: Arc::default(), troubles: Troubles::default() }
    }

    /// The same leases, which close the gate while somebody must repair permissions or the queue.
    #[must_use]
    pub(crate) fn with_gate(self, gate: ReadinessGate) -> Self {
        Self { troubles: Troubles::with_gate(gate), ..self }
    }

    /// What is wrong with the calls of the process: with these, and with those that are noted beside.
    #[must_use]
    pub(crate) fn troubles(&self) -> Troubles {
        self.troubles.clone()
    }

    /// When it is worth a try again to receive commands: a while after messages could not be kept or deleted for want of a permission.
    #[must_use]
    pub(crate) fn pause(&self) -> Option<Instant> {
        let last = self.troubles.last_needing_repair(&NEEDED);
        last.map(|last| last + SLOW_WAIT).filter(|until| *until > Instant::now())
    }

    /// Begins to hold a message whose receipt was answered at `received`. SQS has hidden it a little before: extensions come with two
    /// thirds of the time left.
    #[must_use]
    pub(crate) fn hold(&self, receipt_handle: &str, received: Instant) -> Lease {
        let (receipt_handle, lost) = (receipt_handle.to_owned(), CancellationToken::new());
        let entry =
            Entry { receipt_handle: receipt_handle.clone(), lost: lost.clone(), expires: received + self.visibility };
        let id = self.held.next_id.fetch_add(1, Ordering::Relaxed);
        self.held.lock().insert(id, entry);
        Lease { id, receipt_handle, lost, leases: self.clone() }
    }

    /// Extends all leases until it is dropped, and takes note when one runs out all the same.
    pub(crate) async fn keep(&self) {
        let extending = async {
            let mut ticks = interval(self.third());
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = self.held.due.notified() => {}
                }
                if !self.extend_all().await {
                    ticks.reset_after(RETRY_MAX.min(self.third() / 4));
                }
            }
        };
        // Beside it: a lease runs out whatever becomes of the call that was to extend it.
        let losing = async {
            loop {
                self.held.first_expiry(self.third()).await;
                self.held.lose_expired();
            }
        };
        tokio::select! {
            () = extending => {}
            () = losing => {}
            () = self.troubles.forget() => {}
        }
    }

    fn third(&self) -> Duration {
        self.visibility / 3
    }

    /// Says whether all could be extended that are still ours.
    async fn extend_all(&self) -> bool {
        let _extending = self.held.extending.lock().await;
        let entries: Vec<_> = self.held.lock().iter().map(|(id, entry)| (*id, entry.clone())).collect();
        join_all(entries.chunks(BATCH).map(|batch| self.extend(batch))).await.into_iter().all(|extended| extended)
    }

    async fn extend(&self, batch: &[(u64, Entry)]) -> bool {
        let asked = Instant::now();
        let handles: Vec<_> = batch.iter().map(|(_, entry)| entry.receipt_handle.clone()).collect();
        let called = timeout(self.third(), self.queue.change_visibility(&handles, self.visibility)).await;
        let failed = match called {
            Ok(Ok(failed)) => failed,
            Ok(Err(error)) => {
                self.troubles.failed(
                    EXTEND,
                    asked,
                    &error,
                    "leases cannot be extended and commands may be worked on twice",
                );
                return false;
            }
            Err(_elapsed) => {
                tracing::warn!("leases could not be extended in time");
                return false;
            }
        };
        self.troubles.works(EXTEND);
        for (index, (id, _)) in batch.iter().enumerate() {
            match failed.iter().find(|failed| failed.index == index) {
                None => self.held.extended(*id, asked + self.visibility),
                Some(failed) if failed.sender_fault => self.held.lose(*id, &failed.code),
                Some(failed) => tracing::warn!(code = failed.code, "a lease could not be extended"),
            }
        }
        failed.iter().all(|failed| failed.sender_fault)
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

    /// Returns when the lease runs out that runs out first; after `most` in any case, to look at those that came meanwhile.
    async fn first_expiry(&self, most: Duration) {
        let first = self.lock().values().map(|entry| entry.expires).min();
        let most = Instant::now() + most;
        sleep_until(first.map_or(most, |first| first.min(most))).await;
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
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Deletes the message: it is done.
    ///
    /// # Errors
    /// SQS did not confirm; the message stays hidden, and this can be tried again.
    pub(crate) async fn delete(&self) -> Result<(), QueueError> {
        let entry = self.stop().await;
        let made = Instant::now();
        match self.leases.queue.delete(&self.receipt_handle).await {
            Ok(()) => {
                self.leases.troubles.works(DELETE);
                Ok(())
            }
            // Deleted already, or expired on a FIFO queue: then it comes again, and its second run is whole too. The call was allowed.
            Err(error) if error.kind == QueueErrorKind::ReceiptLost => {
                self.leases.troubles.works(DELETE);
                Ok(())
            }
            Err(error) => {
                // What is wrong with the call itself says nothing of the queue.
                if error.kind.retryable() {
                    let consequence = "answered commands cannot be deleted and may be worked on twice";
                    self.leases.troubles.failed(DELETE, made, &error, consequence);
                }
                entry.into_iter().for_each(|entry| self.resume(entry));
                Err(error)
            }
        }
    }

    /// Gives the message back: SQS hands it out again after `after`. If that fails, the lease just runs out.
    pub(crate) async fn give_back(self, after: Duration) {
        self.stop().await;
        let handles = std::slice::from_ref(&self.receipt_handle);
        match self.leases.queue.change_visibility(handles, after).await {
            Ok(failed) => {
                self.leases.troubles.works(EXTEND);
                for failed in failed {
                    tracing::warn!(code = failed.code, "a command could not be given back at once");
                }
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a command could not be given back at once");
            }
        }
    }

    /// Ends the extensions, the one on its way included: it must not come after what is to be done to the message.
    async fn stop(&self) -> Option<Entry> {
        let entry = self.leases.held.lock().remove(&self.id);
        let _none_on_its_way = self.leases.held.extending.lock().await;
        entry
    }

    /// Begins the extensions again. Those of all leases may fall into one try to delete after the other, where each takes long; so one
    /// that is due is made up for at once.
    fn resume(&self, entry: Entry) {
        let Leases { visibility, held, .. } = &self.leases;
        let is_due = entry.expires < Instant::now() + *visibility - self.leases.third();
        held.lock().insert(self.id, entry);
        // Only now: who is woken extends what is held then.
        if is_due {
            held.due.notify_one();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.held.lock().remove(&self.id);
    }
}

#[cfg(test)]
mod tests;
