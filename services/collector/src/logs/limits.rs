//! How many logs are read at one time. The API server does not protect a kubelet from log readers (`pods/log` is exempt from
//! priority and fairness), so we do.

mod pool;
mod turns;

use std::{collections::BTreeMap, sync::Arc};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use self::pool::{HOLDING_WAIT, Pool, Share, acquire, acquire_all};
pub use self::turns::{NodeTurns, Turns};

/// Logs that are read at one time.
const READS: usize = 24;
/// Of those, on one node: a kubelet that is in trouble already must not get more of it by being looked at.
const READS_PER_NODE: usize = 4;
/// Logs that are followed at one time. They are counted apart: they last for long and cost a kubelet little.
const FOLLOWED: usize = 64;
/// Of those, on one node.
const FOLLOWED_PER_NODE: usize = 16;
/// Calls that filter at one time: what their searches remember takes a MiB each at most, to their end.
const FILTERS: usize = 48;
/// What all calls may hold together of newest lines.
const HELD_BYTES: usize = 64 << 20;
/// The unit in which bytes are counted.
const HELD_UNIT: usize = 1 << 10;

/// The bounds of one process.
#[derive(Debug)]
pub struct LogLimits {
    reads: Pool,
    followed: Pool,
    turns: Pool,
    filters: Arc<Semaphore>,
    held: Arc<Semaphore>,
}

/// How many logs a call reads of each node.
pub type Nodes = BTreeMap<String, usize>;

/// What a call was granted; given back when it is dropped.
#[derive(Debug)]
pub struct Grant {
    /// None once nothing is read any more.
    reads: Option<Share>,
    #[allow(dead_code, reason = "held, not read")]
    held: OwnedSemaphorePermit,
}

/// What a call was granted that follows logs, which come and go.
#[derive(Debug)]
pub struct Followed(Share);

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            reads: Pool::new(READS, READS_PER_NODE),
            followed: Pool::new(FOLLOWED, FOLLOWED_PER_NODE),
            turns: Pool::new(READS, READS_PER_NODE),
            filters: Arc::new(Semaphore::new(FILTERS)),
            held: Arc::new(Semaphore::new(HELD_BYTES / HELD_UNIT)),
        }
    }
}

impl LogLimits {
    /// Waits until a call may read so many logs, and hold so many bytes of them. A call that needs more of a node, or in all, than there
    /// is gets all of it, and has more open: to merge logs, all have to be open. What protects the kubelet then is that the call is the only
    /// one there, opens few at the same time, and takes from one log after the other.
    pub async fn read(&self, logs: &Nodes, held: usize) -> Grant {
        let mut wanted = self.reads.wanted(logs);
        wanted.push((self.held.clone(), held.div_ceil(HELD_UNIT).min(HELD_BYTES / HELD_UNIT)));
        let mut permits = acquire_all(&wanted).await.into_iter();
        let reads = Some(Share::of(logs, &mut permits));
        Grant { reads, held: permits.next().expect("the last one that was wanted") }
    }

    /// Waits a little until a call may filter lines; None where there is no room. It is held to the end of the call, whatever that waits for.
    pub async fn filter(&self) -> Option<OwnedSemaphorePermit> {
        timeout(HOLDING_WAIT, acquire(&self.filters, 1)).await.ok()
    }

    /// Follows nothing yet; see `join`.
    pub fn follow_none(&self) -> Followed {
        Followed(self.followed.nothing())
    }

    /// Waits until a call may follow so many logs, in the same way.
    pub async fn follow(&self, logs: &Nodes) -> Followed {
        let permits = acquire_all(&self.followed.wanted(logs)).await;
        Followed(Share::of(logs, &mut permits.into_iter()))
    }

    /// Whether a call that follows logs may follow so many more of a node. It does not wait: it holds what others may wait for.
    pub fn join(&self, followed: &mut Followed, node: &str, logs: usize) -> bool {
        logs == 0 || self.followed.join(&mut followed.0, node, logs)
    }

    /// The turns of a call: whoever follows a log has one of its node while he opens its connection. All of them are opened again when the
    /// API server comes back, or when nothing was written for long.
    pub fn turns(&self) -> Turns<'_> {
        Turns { shared: &self.turns, own: Arc::new(Pool::new(READS, READS_PER_NODE)) }
    }

    /// Whether a call could hold so many bytes at all.
    #[must_use]
    pub fn can_hold(bytes: usize) -> bool {
        bytes <= HELD_BYTES
    }
}

impl Grant {
    /// Nothing is read any more; what was read is still held.
    pub fn reads_ended(&mut self) {
        self.reads = None;
    }
}

impl Followed {
    /// A log is not followed any more.
    pub fn leave(&mut self, node: &str) {
        if let Some(portion) = self.0.nodes.get_mut(node) {
            portion.leave();
        }
        self.0.all.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    fn mk_nodes(nodes: &[(&str, usize)]) -> Nodes {
        nodes.iter().map(|(name, logs)| ((*name).to_owned(), *logs)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_read_by_no_more_than_its_share() {
        let limits = LogLimits::default();
        let first = limits.read(&mk_nodes(&[("a", 3)]), 0).now_or_never().unwrap();
        assert!(limits.read(&mk_nodes(&[("a", 2)]), 0).now_or_never().is_none());
        assert!(limits.read(&mk_nodes(&[("a", 1)]), 0).now_or_never().is_some());
        assert!(limits.read(&mk_nodes(&[("b", 4)]), 0).now_or_never().is_some());
        assert!(limits.follow(&mk_nodes(&[("a", 16)])).now_or_never().is_some(), "followed logs are counted apart");
        drop(first);
        assert!(limits.read(&mk_nodes(&[("a", 4)]), 0).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn all_nodes_together_have_a_bound_too() {
        let limits = LogLimits::default();
        let grants: Vec<_> =
            (0..6).map(|node| limits.read(&mk_nodes(&[(&node.to_string(), 4)]), 0).now_or_never().unwrap()).collect();
        assert!(limits.read(&mk_nodes(&[("7", 1)]), 0).now_or_never().is_none());
        drop(grants);
        assert!(limits.read(&mk_nodes(&[("7", 1)]), 0).now_or_never().is_some());
        assert_eq!(limits.reads.nodes.lock().unwrap().len(), 1, "nodes that are not read are forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn who_needs_more_than_there_is_gets_all_of_it() {
        let limits = LogLimits::default();
        let grant = limits.read(&mk_nodes(&[("a", 40)]), HELD_BYTES).now_or_never().unwrap();
        assert!(limits.read(&mk_nodes(&[("b", 1)]), 1).now_or_never().is_none());
        drop(grant);
        assert!(limits.read(&mk_nodes(&[("b", 1)]), 1).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_node_does_not_keep_others_from_those_before_it() {
        let limits = LogLimits::default();
        let full = limits.read(&mk_nodes(&[("b", 4)]), 0).await;
        let (ab, a) = (mk_nodes(&[("a", 4), ("b", 1)]), mk_nodes(&[("a", 1)]));
        let (waits, begun) = (limits.read(&ab, 0), Instant::now());
        let others = async {
            tokio::task::yield_now().await;
            drop(limits.read(&a, 0).await);
            assert_eq!(begun.elapsed(), HOLDING_WAIT);
            drop(full);
        };
        let (grant, ()) = tokio::join!(waits, others);
        assert!(limits.read(&a, 0).now_or_never().is_none());
        drop(grant);
    }

    #[tokio::test(start_paused = true)]
    async fn who_needs_several_nodes_is_served_though_others_read_each_of_them_all_the_time() {
        let limits = LogLimits::default();
        let busy = async |node: &str, begin: u64| {
            tokio::time::sleep(Duration::from_secs(begin)).await;
            loop {
                let grant = limits.read(&mk_nodes(&[(node, 1)]), 0).await;
                tokio::time::sleep(Duration::from_secs(9)).await;
                drop(grant);
            }
        };
        let several = async {
            tokio::time::sleep(Duration::from_secs(20)).await;
            limits.read(&mk_nodes(&[("a", 4), ("b", 4)]), 0).await;
        };
        let others = (0..10).map(|index| busy(["a", "b"][index % 2], index as u64));
        tokio::select! {
            waited = timeout(Duration::from_secs(180), several) => assert!(waited.is_ok()),
            _ = futures::future::join_all(others) => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_nodes_that_are_busy_for_long_does_not_keep_one_that_is_not() {
        let limits = LogLimits::default();
        let busy = async |node: &str| loop {
            let grant = limits.read(&mk_nodes(&[(node, 1)]), 0).await;
            tokio::time::sleep(Duration::from_secs(50)).await;
            drop(grant);
        };
        let longest = async {
            let mut longest = Duration::ZERO;
            for _ in 0..200 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let begun = Instant::now();
                drop(limits.read(&mk_nodes(&[("healthy", 1)]), 0).await);
                longest = longest.max(begun.elapsed());
            }
            longest
        };
        let several = async {
            loop {
                drop(limits.read(&mk_nodes(&[("healthy", 4), ("x", 1), ("y", 1)]), 0).await);
            }
        };
        tokio::select! {
            longest = longest => assert!(longest <= HOLDING_WAIT, "{longest:?}"),
            () = several => {}
            _ = futures::future::join_all((0..12).map(|index| busy(["x", "y"][index % 2]))) => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_filter_are_bounded_and_one_more_is_refused_soon() {
        let limits = LogLimits::default();
        let filters: Vec<_> = (0..FILTERS).map(|_| limits.filter().now_or_never().flatten().unwrap()).collect();
        assert!(limits.filter().await.is_none());
        drop(filters);
        assert!(limits.filter().await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_read_the_same_nodes_wait_for_them_in_the_same_order() {
        let limits = LogLimits::default();
        let first = limits.read(&mk_nodes(&[("b", 4)]), 0).now_or_never().unwrap();
        let (ab, ba) = (mk_nodes(&[("a", 4), ("b", 4)]), mk_nodes(&[("b", 1), ("a", 1)]));
        let mut second = Box::pin(limits.read(&ab, 0));
        assert!((&mut second).now_or_never().is_none());
        let mut third = Box::pin(limits.read(&ba, 0));
        assert!((&mut third).now_or_never().is_none(), "it waits for the first node, and holds none");
        drop(first);
        let second = second.now_or_never().unwrap();
        assert!((&mut third).now_or_never().is_none());
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_read_to_its_end_is_given_back_and_what_is_held_is_not() {
        let limits = LogLimits::default();
        let mut grant = limits.read(&mk_nodes(&[("a", 4)]), HELD_BYTES).now_or_never().unwrap();
        grant.reads_ended();
        assert!(limits.read(&mk_nodes(&[("a", 4)]), 0).now_or_never().is_some());
        assert!(limits.read(&mk_nodes(&[("a", 4)]), 1).now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_ends_makes_room_for_another() {
        let limits = LogLimits::default();
        let mut first = limits.follow(&mk_nodes(&[("a", 15)])).now_or_never().unwrap();
        let mut second = limits.follow(&mk_nodes(&[("b", 1)])).now_or_never().unwrap();
        assert!(limits.join(&mut second, "a", 1));
        assert!(!limits.join(&mut second, "a", 1) && limits.join(&mut second, "b", 1));
        first.leave("a");
        assert!(limits.join(&mut second, "a", 1));
        // Who holds all that there is may follow more.
        drop((first, second));
        let mut all = limits.follow(&mk_nodes(&[("a", 20)])).now_or_never().unwrap();
        assert!(limits.join(&mut all, "a", 1));
        (0..5).for_each(|_| all.leave("a"));
        assert!(limits.follow(&mk_nodes(&[("a", 1)])).now_or_never().is_none(), "16 are left");
        all.leave("a");
        assert!(limits.follow(&mk_nodes(&[("a", 1)])).now_or_never().is_some());
    }
}
