//! Memory that calls hold for as long as they run, shared out by one bound for the whole process.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// What is shared out at a time: most calls need no more.
pub const UNIT: usize = 1 << 20;

/// So many units of memory; clones share them.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Semaphore>);

impl Memory {
    /// So many bytes in whole units.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }

    /// Waits for a first unit. Nobody waits for a further one: two calls that waited for each other's would wait for ever.
    pub async fn share(&self) -> Share {
        Share(self.0.clone().acquire_owned().await.expect("nobody closes this semaphore"))
    }
}

/// What one call holds; given back when it is dropped.
#[derive(Debug)]
pub struct Share(OwnedSemaphorePermit);

impl Share {
    /// How much it is.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.num_permits() * UNIT
    }

    /// Gives back what so many bytes do not need; one unit stays.
    pub fn shrink_to(&mut self, bytes: usize) {
        let needed = bytes.div_ceil(UNIT).max(1);
        drop(self.0.split(self.0.num_permits().saturating_sub(needed)));
    }

    /// Takes one more unit; false where all are taken.
    pub fn grow(&mut self) -> bool {
        match self.0.semaphore().clone().try_acquire_owned() {
            Ok(more) => self.0.merge(more),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn shares_grow_to_the_bound_together_and_give_back_what_they_took() {
        let memory = Memory::of(3 * UNIT);
        let mut one = memory.share().now_or_never().unwrap();
        let mut other = memory.share().now_or_never().unwrap();
        assert!(one.grow() && !other.grow() && !one.grow());
        assert_eq!((one.bytes(), other.bytes()), (2 * UNIT, UNIT));
        assert!(memory.share().now_or_never().is_none());
        drop(one);
        assert!(memory.share().now_or_never().is_some());
        assert!(other.grow() && other.grow() && !other.grow());
    }

    #[test]
    fn a_share_that_shrinks_leaves_the_rest_to_others() {
        let memory = Memory::of(3 * UNIT);
        let mut one = memory.share().now_or_never().unwrap();
        assert!(one.grow() && one.grow() && memory.share().now_or_never().is_none());
        one.shrink_to(UNIT + 1);
        assert_eq!(one.bytes(), 2 * UNIT);
        assert!(memory.share().now_or_never().is_some());
        one.shrink_to(3 * UNIT);
        assert_eq!(one.bytes(), 2 * UNIT);
        one.shrink_to(0);
        assert_eq!(one.bytes(), UNIT);
    }
}
