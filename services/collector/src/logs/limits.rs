//! How many logs are read at one time. The API server does not protect a kubelet from log readers (`pods/log` is exempt from
//! priority and fairness), so we do.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Logs that are read at one time.
const READS: usize = 24;
/// Of those, on one node: a kubelet that is in trouble already must not get more of it by being looked at.
const READS_PER_NODE: usize = 4;
/// Logs that are followed at one time. They are counted apart: they last for long and cost a kubelet little.
const FOLLOWED: usize = 64;
/// Of those, on one node.
const FOLLOWED_PER_NODE: usize = 16;
/// Calls that filter at one time: what their searches remember takes two MiB each at most.
const FILTERS: usize = 16;
/// What all calls may hold together of newest lines.
const HELD_BYTES: usize = 64 << 20;
/// A call that waits for a node gives those back after so long that it holds already.
const HOLDING_WAIT: Duration = Duration::from_secs(5);
/// The unit in which that is counted.
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

/// What a call was granted of a pool.
#[derive(Debug)]
struct Share {
    nodes: BTreeMap<String, Portion>,
    all: Portion,
}

/// How many logs there are, and what is held for them: one each, or all that there is.
#[derive(Debug)]
struct Portion {
    logs: usize,
    permit: OwnedSemaphorePermit,
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
    /// Waits until a call may read so many logs, and hold so many bytes of them. It waits for all at once, in one order, which is the
    /// same for every call: node after node by their names, then for its share of all, then for the bytes. So no two calls
    /// wait for each other. A call that needs more of a node, or in all, than there is gets
    /// all of it, and has more open: to merge logs, all have to be open. What protects the kubelet then is that the call is the only one
    /// there, opens few at the same time, and takes from one log after the other.
    pub async fn read(&self, logs: &Nodes, held: usize) -> Grant {
        let units = held.div_ceil(HELD_UNIT).min(HELD_BYTES / HELD_UNIT);
        loop {
            let reads = Some(self.reads.acquire(logs).await);
            if let Ok(held) = timeout(HOLDING_WAIT, acquire(&self.held, units)).await {
                return Grant { reads, held };
            }
            drop(reads);
            drop(acquire(&self.held, units).await);
        }
    }

    /// Waits until a call may filter lines.
    pub async fn filter(&self) -> OwnedSemaphorePermit {
        acquire(&self.filters, 1).await
    }

    /// Follows nothing yet; see `join`.
    pub fn follow_none(&self) -> Followed {
        Followed(self.followed.nothing())
    }

    /// Waits until a call may follow so many logs, in the same way.
    pub async fn follow(&self, logs: &Nodes) -> Followed {
        Followed(self.followed.acquire(logs).await)
    }

    /// Whether a call that follows logs may follow so many more of a node. It does not wait: it holds what others may wait for.
    pub fn join(&self, followed: &mut Followed, node: &str, logs: usize) -> bool {
        logs == 0 || self.followed.join(&mut followed.0, node, logs)
    }

    /// The turns of a node: whoever follows a log has one while he opens its connection. All of them are opened again when the API server
    /// comes back, or when nothing was written for long.
    pub fn turns(&self, node: &str) -> Arc<Semaphore> {
        self.turns.node(node)
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

impl Portion {
    async fn acquire(semaphore: &Arc<Semaphore>, logs: usize, max: usize) -> Self {
        Self { logs, permit: acquire(semaphore, logs.min(max)).await }
    }

    fn leave(&mut self) {
        self.logs = self.logs.saturating_sub(1);
        while self.permit.num_permits() > self.logs {
            drop(self.permit.split(1));
        }
    }
}

#[derive(Debug)]
struct Pool {
    all: Arc<Semaphore>,
    all_max: usize,
    node_max: usize,
    /// Those of nodes that are being read.
    nodes: Mutex<HashMap<String, Weak<Semaphore>>>,
}

impl Pool {
    fn new(all_max: usize, node_max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all_max)), all_max, node_max, nodes: Mutex::default() }
    }

    /// Whoever has waited in vain for a node gives back what it holds of others, and waits for that one alone before it begins anew: nobody
    /// is kept from the logs of a node for long by somebody who does not read them.
    async fn acquire(&self, logs: &Nodes) -> Share {
        loop {
            match self.acquire_soon(logs).await {
                Ok(share) => return share,
                Err((semaphore, permits)) => drop(acquire(&semaphore, permits).await),
            }
        }
    }

    /// The nodes first: whoever waits for a node must not keep others from theirs. An error is what there was no room for.
    async fn acquire_soon(&self, logs: &Nodes) -> Result<Share, (Arc<Semaphore>, usize)> {
        let mut nodes = BTreeMap::new();
        let soon = async |semaphore: Arc<Semaphore>, logs: usize, max: usize| {
            let portion = timeout(HOLDING_WAIT, Portion::acquire(&semaphore, logs, max)).await;
            portion.map_err(|_| (semaphore, logs.min(max)))
        };
        for (name, logs) in logs {
            let node = self.node(name);
            let portion = match nodes.is_empty() {
                // Nobody waits for what is not held.
                true => Portion::acquire(&node, *logs, self.node_max).await,
                false => soon(node, *logs, self.node_max).await?,
            };
            nodes.insert(name.clone(), portion);
        }
        let all = soon(self.all.clone(), logs.values().sum(), self.all_max).await?;
        Ok(Share { nodes, all })
    }

    fn nothing(&self) -> Share {
        let permit = self.all.clone().try_acquire_many_owned(0).expect("there is always room for none");
        Share { nodes: BTreeMap::new(), all: Portion { logs: 0, permit } }
    }

    fn join(&self, share: &mut Share, name: &str, logs: usize) -> bool {
        let more = |semaphore: &Arc<Semaphore>, held: usize, max: usize| {
            let permits = u32::try_from(max.saturating_sub(held).min(logs)).unwrap_or(u32::MAX);
            semaphore.clone().try_acquire_many_owned(permits).ok()
        };
        let node = self.node(name);
        let held = share.nodes.get(name).map_or(0, |portion| portion.permit.num_permits());
        let Some(of_node) = more(&node, held, self.node_max) else { return false };
        let Some(of_all) = more(&self.all, share.all.permit.num_permits(), self.all_max) else { return false };
        share.all.logs += logs;
        share.all.permit.merge(of_all);
        match share.nodes.get_mut(name) {
            Some(portion) => {
                portion.logs += logs;
                portion.permit.merge(of_node);
            }
            None => {
                share.nodes.insert(name.to_owned(), Portion { logs, permit: of_node });
            }
        }
        true
    }

    fn node(&self, name: &str) -> Arc<Semaphore> {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.get(name).and_then(Weak::upgrade) {
            return node;
        }
        nodes.retain(|_, node| node.strong_count() > 0);
        let node = Arc::new(Semaphore::new(self.node_max));
        nodes.insert(name.to_owned(), Arc::downgrade(&node));
        node
    }
}

async fn acquire(semaphore: &Arc<Semaphore>, permits: usize) -> OwnedSemaphorePermit {
    let permits = u32::try_from(permits).unwrap_or(u32::MAX);
    semaphore.clone().acquire_many_owned(permits).await.expect("nobody closes this semaphore")
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

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
        let (waits, begun) = (limits.read(&ab, 0), tokio::time::Instant::now());
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
