//! A bound on what all peers have together, and on what one of them has of it: half, so that no single certificate can lock
//! the others out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::Peer;

/// What is shared, and who has how much of it.
#[derive(Debug)]
pub(super) struct Shares {
    max: usize,
    taken: Mutex<Taken>,
    /// Told whenever a share goes back.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<Arc<str>, usize>,
}

/// One peer's one. It goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    peer: Arc<str>,
}

impl Shares {
    /// At most so many at one time; a peer has at most half of them, and always one.
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, taken: Mutex::default(), freed: Notify::new() })
    }

    /// One more for this peer; None where there is no room for it.
    pub(super) fn take(self: &Arc<Self>, peer: &Peer) -> Option<Share> {
        let peer = peer.shared_name();
        let mut taken = self.taken();
        let of_peer = taken.by_peer.get(&peer).copied().unwrap_or_default();
        if taken.all >= self.max || of_peer >= self.max.div_ceil(2) {
            return None;
        }
        taken.all += 1;
        taken.by_peer.insert(peer.clone(), of_peer + 1);
        drop(taken);
        Some(Share { shares: self.clone(), peer })
    }

    /// One more for this peer, as soon as there is room for it; None where there is none by then.
    pub(super) async fn wait(self: &Arc<Self>, peer: &Peer, until: Instant) -> Option<Share> {
        let free = async {
            loop {
                // Listened for before looking, so that nothing that goes back between the two is missed.
                let mut freed = std::pin::pin!(self.freed.notified());
                freed.as_mut().enable();
                if let Some(share) = self.take(peer) {
                    return share;
                }
                freed.await;
            }
        };
        timeout_at(until, free).await.ok()
    }

    /// Nothing that is done under the lock panics.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.shares.taken();
        taken.all -= 1;
        // A peer that has nothing is forgotten: names are the callers', and there is no end of them.
        if let Some(count) = taken.by_peer.get_mut(&self.peer).filter(|count| **count > 1) {
            *count -= 1;
        } else {
            taken.by_peer.remove(&self.peer);
        }
        drop(taken);
        self.shares.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Duration;

    use futures::FutureExt as _;

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
        assert!(shares.taken().by_peer.is_empty(), "who has nothing is forgotten");
    }

    #[test]
    fn where_there_is_one_it_can_be_had() {
        let shares = Shares::new(1);
        assert!(shares.take(&mk_peer("a")).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_what_goes_back_in_time() {
        let shares = Shares::new(4);
        let a = mk_peer("a");
        let [first, _second] = [shares.take(&a), shares.take(&a)].map(Option::unwrap);
        let until = Instant::now() + Duration::from_secs(5);
        let mut waiting = [Box::pin(shares.wait(&a, until)), Box::pin(shares.wait(&a, until))];
        assert!(waiting.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        drop(first);
        let [one, other] = waiting;
        let one = one.await;
        assert!(one.is_some() && other.await.is_none(), "there is room for one of them");
        assert_eq!(Instant::now(), until);
    }
}
