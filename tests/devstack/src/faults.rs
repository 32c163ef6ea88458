//! Faults on demand: what goes wrong, with which request, how often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A fault: `action` befalls the next `times` requests that are `matching`.
#[derive(Debug, Clone)]
pub struct Fault<M, A> {
    /// Which requests.
    pub matching: M,
    /// How many of them; `usize::MAX` for all.
    pub times: usize,
    /// What befalls them.
    pub action: A,
}

/// The faults to come; the first that matches strikes.
#[derive(Debug)]
pub struct Faults<M, A>(Arc<Mutex<Vec<Pending<M, A>>>>);

#[derive(Debug)]
struct Pending<M, A> {
    fault: Fault<M, A>,
    fired: watch::Sender<usize>,
}

impl<M, A> Default for Faults<M, A> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<M, A: Clone> Faults<M, A> {
    /// Adds a fault behind those that are still to strike.
    pub fn push(&self, fault: Fault<M, A>) -> Fired {
        let (fired, receiver) = watch::channel(0);
        self.pending().push(Pending { fault, fired });
        Fired(receiver)
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.pending().clear();
    }

    /// The fault that strikes a request. Whoever takes it reports when it has: a stalled body strikes when it stalls.
    pub(crate) fn take(&self, matches: impl Fn(&M) -> bool) -> Option<(A, Struck)> {
        let mut pending = self.pending();
        let found = pending.iter().position(|pending| matches(&pending.fault.matching))?;
        let entry = &mut pending[found];
        let taken = (entry.fault.action.clone(), Struck(entry.fired.clone()));
        entry.fault.times = entry.fault.times.saturating_sub(1);
        if entry.fault.times == 0 {
            pending.remove(found);
        }
        Some(taken)
    }

    fn pending(&self) -> MutexGuard<'_, Vec<Pending<M, A>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells how often a fault has struck.
#[derive(Debug, Clone)]
pub struct Fired(watch::Receiver<usize>);

impl Fired {
    /// How often so far.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Awaits the moment when it has struck so often.
    ///
    /// # Errors
    /// It did not within 20 seconds.
    pub async fn times(&self, times: usize) -> anyhow::Result<()> {
        let mut count = self.0.clone();
        let what = format!("the fault strikes {times} times (so far {})", self.count());
        // The sender is gone once all its times are over; the last count stays.
        crate::within(&what, count.wait_for(|count| *count >= times))
            .await?
            .map(drop)
            .or_else(|error| if self.count() >= times { Ok(()) } else { Err(error.into()) })
    }
}

/// Counts that a fault has struck.
#[derive(Debug)]
pub(crate) struct Struck(watch::Sender<usize>);

impl Struck {
    pub(crate) fn report(&self) {
        self.0.send_modify(|count| *count += 1);
    }
}

/// Holds something back until a test opens it; it stays open.
#[derive(Debug, Clone, Default)]
pub struct Gate(CancellationToken);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn closed() -> Self {
        Self::default()
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.cancel();
    }

    pub(crate) async fn opened(&self) {
        self.0.cancelled().await;
    }
}
