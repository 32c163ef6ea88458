//! The bytes of results that wait for a result queue, in all commands together. While they are used up, nobody who answers to that
//! queue reads from the collectors: a slow queue slows its readers, costs no memory, and is no affair of the other queues.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a queue may hold up where nothing else is said: four batches of 1 MiB under way, and as much that waits for them.
const DEFAULT_MEBIBYTES: u32 = 8;

/// A number of bytes that is shared out; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ByteBudget {
    bytes: u32,
    left: Arc<Semaphore>,
}

/// A share of the budget; it goes back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    _permit: OwnedSemaphorePermit,
}

impl ByteBudget {
    /// A budget of so many MiB.
    #[must_use]
    pub(crate) fn of_mebibytes(mebibytes: u32) -> Self {
        Self::of_bytes(mebibytes.saturating_mul(1024 * 1024))
    }

    /// A budget of so many bytes.
    #[must_use]
    pub(crate) fn of_bytes(bytes: u32) -> Self {
        Self { bytes, left: Arc::new(Semaphore::new(bytes as usize)) }
    }

    /// The bytes that are shared out.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.bytes as usize - self.left.available_permits()
    }

    /// Waits for so many bytes. What is larger than the whole budget takes the whole.
    pub(crate) async fn take(&self, bytes: usize) -> Share {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bytes);
        let permit = self.left.clone().acquire_many_owned(bytes).await;
        Share { _permit: permit.expect("nobody closes this semaphore") }
    }
}

impl Default for ByteBudget {
    fn default() -> Self {
        Self::of_mebibytes(DEFAULT_MEBIBYTES)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn bytes_are_there_again_when_a_share_is_dropped() {
        let budget = ByteBudget::of_mebibytes(1);
        let share = budget.take(1024 * 1024).await;
        assert!(budget.take(1).now_or_never().is_none());
        drop(share);
        assert!(budget.take(1).now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_is_larger_than_the_budget_still_gets_through() {
        let budget = ByteBudget::of_mebibytes(1);
        assert!(budget.take(usize::MAX).now_or_never().is_some());
    }
}
