//! A bound on what all peers have together, and on what one of them has of it: half, so that no single certificate can lock
//! the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Peer;

/// What is shared, and who has how much of it.
#[derive(Debug)]
pub(super) struct Shares {
    all: Arc<Semaphore>,
    one_peer: usize,
    taken: Mutex<HashMap<Arc<str>, usize>>,
}

/// One peer's one. It goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    peer: Arc<str>,
    _permit: OwnedSemaphorePermit,
}

impl Shares {
    /// At most so many at one time; a peer has at most half of them, and always one.
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { all: Arc::new(Semaphore::new(max)), one_peer: max.div_ceil(2), taken: Mutex::default() })
    }

    /// One more for this peer; None where there is no room for it.
    pub(super) fn take(self: &Arc<Self>, peer: &Peer) -> Option<Share> {
        let permit = self.all.clone().try_acquire_owned().ok()?;
        let peer = peer.shared_name();
        let mut taken = self.taken();
        let count = taken.entry(peer.clone()).or_default();
        if *count >= self.one_peer {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Share { shares: self.clone(), peer, _permit: permit })
    }

    /// Nothing that is done under the lock panics.
    fn taken(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        // A peer that has nothing is forgotten: names are the callers', and there is no end of them.
        if let Some(count) = taken.get_mut(&self.peer).filter(|count| **count > 1) {
            *count -= 1;
        } else {
            taken.remove(&self.peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;

    fn mk_peer(name: &str) -> Peer {
        Peer::new(name, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)))
    }

    #[test]
    fn one_peer_has_half_and_leaves_the_rest_to_others() {
        let shares = Shares::new(4);
        let (a, b, c) = (mk_peer("a"), mk_peer("b"), mk_peer("c"));
        let of_a = [shares.take(&a), shares.take(&a)].map(Option::unwrap);
        assert!(shares.take(&a).is_none());
        let of_b = [shares.take(&b), shares.take(&b)].map(Option::unwrap);
        assert!(shares.take(&c).is_none(), "all are taken");
        drop(of_a);
        assert!(shares.take(&a).is_some() && shares.take(&c).is_some());
        drop(of_b);
        assert!(shares.taken().is_empty(), "who has nothing is forgotten");
    }

    #[test]
    fn where_there_is_one_it_can_be_had() {
        let shares = Shares::new(1);
        assert!(shares.take(&mk_peer("a")).is_some());
    }
}
