//! The state of the cluster at each of its resource versions, as etcd keeps it until it is compacted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::shop::Shop;

/// The version of the state that a replay starts with: behind those of all recorded objects, as a server's is.
const FIRST_VERSION: u64 = 1_000_000;

#[derive(Debug)]
pub(super) struct Store {
    history: Mutex<BTreeMap<u64, Arc<Shop>>>,
    changed: watch::Sender<()>,
}

impl Store {
    pub(super) fn new(shop: Shop) -> Self {
        let history = BTreeMap::from([(FIRST_VERSION, Arc::new(shop))]);
        Self { history: Mutex::new(history), changed: watch::Sender::new(()) }
    }

    /// The newest state and its version.
    pub(super) fn current(&self) -> (u64, Arc<Shop>) {
        let history = self.history();
        let (version, shop) = history.last_key_value().expect("the newest state is never dropped");
        (*version, Arc::clone(shop))
    }

    /// The state at a version, unless it was compacted or is yet to come.
    pub(super) fn at(&self, version: u64) -> Option<Arc<Shop>> {
        self.history().range(..=version).next_back().map(|(_, shop)| Arc::clone(shop))
    }

    /// Makes a new version.
    pub(super) fn change(&self, change: impl FnOnce(&mut Shop)) {
        let (version, shop) = self.current();
        let mut shop = Shop::clone(&shop);
        change(&mut shop);
        self.history().insert(version + 1, Arc::new(shop));
        self.changed.send_replace(());
    }

    /// Tells of every new version.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Makes a new version without a change, and forgets all older ones.
    pub(super) fn compact(&self) {
        self.change(|_| ());
        let mut history = self.history();
        let newest = history.pop_last();
        history.clear();
        history.extend(newest);
    }

    fn history(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Shop>>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
