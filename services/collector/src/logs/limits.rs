//! How many logs are read at one time. The API server does not protect a kubelet from log readers (`pods/log` is exempt from
//! priority and fairness), so we do.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Logs that are read at one time.
const READS: usize = 24;
/// Of those, on one node: a kubelet that is in trouble already must not get more of it by being looked at.
const READS_PER_NODE: usize = 4;
/// Logs that are followed at one time. They are counted apart: they last for long and cost a kubelet little.
const FOLLOWED: usize = 64;
/// Of those, on one node.
const FOLLOWED_PER_NODE: usize = 16;
/// What all calls may hold together of newest lines.
const HELD_BYTES: usize = 64 << 20;
/// The unit in which that is counted.
const HELD_UNIT: usize = 1 << 10;

/// The bounds of one process.
#[derive(Debug)]
pub struct LogLimits {
    reads: Pool,
    followed: Pool,
    held: Arc<Semaphore>,
}

/// What a call was granted; given back when it is dropped.
#[derive(Debug)]
pub struct Grant(#[allow(dead_code, reason = "held, not read")] Vec<OwnedSemaphorePermit>);

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            reads: Pool::new(READS, READS_PER_NODE),
            followed: Pool::new(FOLLOWED, FOLLOWED_PER_NODE),
            held: Arc::new(Semaphore::new(HELD_BYTES / HELD_UNIT)),
        }
    }
}

impl LogLimits {
    /// Waits until a call may read the logs of so many containers of one node, and hold so many bytes of them. A call waits
    /// for all at once, in one order: two calls that waited for each other would wait for ever. One that needs more than
    /// there is gets all of it: to merge logs, all have to be open.
    pub async fn read(&self, node: &str, containers: usize, held: usize) -> Grant {
        let mut grant = self.reads.acquire(node, containers).await;
        let units = held.div_ceil(HELD_UNIT).min(HELD_BYTES / HELD_UNIT);
        grant.push(acquire(&self.held, units).await);
        Grant(grant)
    }

    /// Waits until a call may follow the logs of so many containers of one node.
    pub async fn follow(&self, node: &str, containers: usize) -> Grant {
        Grant(self.followed.acquire(node, containers).await)
    }

    /// Whether a call could hold so many bytes at all.
    #[must_use]
    pub fn can_hold(bytes: usize) -> bool {
        bytes <= HELD_BYTES
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

    async fn acquire(&self, node: &str, reads: usize) -> Vec<OwnedSemaphorePermit> {
        let node = self.node(node);
        // The node's first: whoever waits for a node must not keep others from theirs.
        let of_node = acquire(&node, reads.min(self.node_max)).await;
        vec![of_node, acquire(&self.all, reads.min(self.all_max)).await]
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

    #[test]
    fn a_node_is_read_by_no_more_than_its_share() {
        let limits = LogLimits::default();
        let first = limits.read("a", 3, 0).now_or_never().unwrap();
        assert!(limits.read("a", 2, 0).now_or_never().is_none());
        assert!(limits.read("a", 1, 0).now_or_never().is_some());
        assert!(limits.read("b", 4, 0).now_or_never().is_some());
        assert!(limits.follow("a", 16).now_or_never().is_some(), "followed logs are counted apart");
        drop(first);
        assert!(limits.read("a", 4, 0).now_or_never().is_some());
    }

    #[test]
    fn all_nodes_together_have_a_bound_too() {
        let limits = LogLimits::default();
        let grants: Vec<_> = (0..6).map(|node| limits.read(&node.to_string(), 4, 0).now_or_never().unwrap()).collect();
        assert!(limits.read("7", 1, 0).now_or_never().is_none());
        drop(grants);
        assert!(limits.read("7", 1, 0).now_or_never().is_some());
        assert_eq!(limits.reads.nodes.lock().unwrap().len(), 1, "nodes that are not read are forgotten");
    }

    #[test]
    fn who_needs_more_than_there_is_gets_all_of_it() {
        let limits = LogLimits::default();
        let grant = limits.read("a", 40, HELD_BYTES).now_or_never().unwrap();
        assert!(limits.read("b", 1, 1).now_or_never().is_none());
        drop(grant);
        assert!(limits.read("b", 1, 1).now_or_never().is_some());
    }
}
