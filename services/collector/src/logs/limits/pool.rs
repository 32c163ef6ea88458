//! Numbers of logs of each node and of all together, and the wait for several of them at once.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::Nodes;

/// Who holds something and waits for more gives it back after so long.
pub(super) const HOLDING_WAIT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Pool {
    all: Arc<Semaphore>,
    all_max: usize,
    node_max: usize,
    /// Those of nodes that are being read.
    pub(super) nodes: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// What a call was granted of a pool.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) nodes: BTreeMap<String, Portion>,
    pub(super) all: Portion,
}

/// How many logs there are, and what is held for them: one each, or all that there is.
#[derive(Debug)]
pub(super) struct Portion {
    logs: usize,
    permit: OwnedSemaphorePermit,
}

impl Share {
    /// Of the permits that were wanted of a pool.
    pub(super) fn of(logs: &Nodes, permits: &mut impl Iterator<Item = OwnedSemaphorePermit>) -> Self {
        let names = logs.iter().zip(&mut *permits);
        let nodes = names.map(|((name, logs), permit)| (name.clone(), Portion { logs: *logs, permit })).collect();
        let permit = permits.next().expect("one for all comes behind those of the nodes");
        Self { nodes, all: Portion { logs: logs.values().sum(), permit } }
    }
}

impl Portion {
    pub(super) fn leave(&mut self) {
        self.logs = self.logs.saturating_sub(1);
        while self.permit.num_permits() > self.logs {
            drop(self.permit.split(1));
        }
    }
}

impl Pool {
    pub(super) fn new(all_max: usize, node_max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all_max)), all_max, node_max, nodes: Mutex::default() }
    }

    /// The nodes by their names, then all.
    pub(super) fn wanted(&self, logs: &Nodes) -> Vec<Wanted> {
        let nodes = logs.iter().map(|(name, logs)| (self.node(name), (*logs).min(self.node_max)));
        nodes.chain([(self.all.clone(), logs.values().sum::<usize>().min(self.all_max))]).collect()
    }

    pub(super) fn nothing(&self) -> Share {
        let permit = self.all.clone().try_acquire_many_owned(0).expect("there is always room for none");
        Share { nodes: BTreeMap::new(), all: Portion { logs: 0, permit } }
    }

    pub(super) fn join(&self, share: &mut Share, name: &str, logs: usize) -> bool {
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

    pub(super) fn node(&self, name: &str) -> Arc<Semaphore> {
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

/// So many permits of a semaphore.
pub(super) type Wanted = (Arc<Semaphore>, usize);

/// Waits until there are permits of all. Whoever has waited in vain for one of them gives back what it holds of others, and waits for that
/// one alone before it waits for the others anew: first for those that are scarce as well, with more patience than before, and for all
/// others last, for a moment. So nobody is kept for long from what another one holds and does not use, no two wait for each other
/// without end, and who needs several that are scarce has them in the end.
pub(super) async fn acquire_all(wanted: &[Wanted]) -> Vec<OwnedSemaphorePermit> {
    let mut order: Vec<_> = (0..wanted.len()).collect();
    let mut patience = vec![HOLDING_WAIT; wanted.len()];
    loop {
        let mut permits: Vec<_> = wanted.iter().map(|_| None).collect();
        let mut in_vain = None;
        for (position, &index) in order.iter().enumerate() {
            let (semaphore, number) = &wanted[index];
            let (begun, acquired) = (Instant::now(), acquire(semaphore, *number));
            let acquired = match position {
                // Nobody waits for what is not held.
                0 => Ok(acquired.await),
                _ => timeout(patience[index], acquired).await,
            };
            let Ok(permit) = acquired else {
                in_vain = Some(position);
                break;
            };
            permits[index] = Some(permit);
            if patience[index] > HOLDING_WAIT {
                patience[index] = patience[index].max(begun.elapsed());
            }
        }
        let Some(position) = in_vain else { return permits.into_iter().flatten().collect() };
        let index = order.remove(position);
        order.insert(0, index);
        patience[index] *= 2;
    }
}

pub(super) async fn acquire(semaphore: &Arc<Semaphore>, permits: usize) -> OwnedSemaphorePermit {
    let permits = u32::try_from(permits).unwrap_or(u32::MAX);
    semaphore.clone().acquire_many_owned(permits).await.expect("nobody closes this semaphore")
}
