//! The turns to open connections: so few of a node are opened at the same moment, in all calls, where all are opened again.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::pool::{Pool, acquire};

/// One of the turns that all calls share is not waited for any longer than this.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// The turns of a call.
#[derive(Debug, Clone)]
pub struct Turns<'limits> {
    pub(super) shared: &'limits Pool,
    pub(super) own: Arc<Pool>,
}

/// Its turns of one node.
#[derive(Debug, Clone)]
pub struct NodeTurns {
    /// Those that all calls share.
    shared: Arc<Semaphore>,
    /// Whoever holds one of these is polled whenever somebody waits for it, so it comes back.
    own: Arc<Semaphore>,
}

impl Turns<'_> {
    /// Those of a node.
    pub fn of(&self, node: &str) -> NodeTurns {
        NodeTurns { shared: self.shared.node(node), own: self.own.node(node) }
    }
}

impl NodeTurns {
    /// Waits for a turn. One of another call may not come back while that waits for its caller.
    pub async fn acquire(&self) -> OwnedSemaphorePermit {
        match timeout(TURN_WAIT, acquire(&self.shared, 1)).await {
            Ok(turn) => turn,
            Err(_) => acquire(&self.own, 1).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::logs::limits::{LogLimits, READS_PER_NODE};

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_does_not_come_back_is_not_waited_for_without_end() {
        let limits = LogLimits::default();
        let (one, other) = (limits.turns().of("a"), limits.turns().of("a"));
        let mut held = Vec::new();
        for _ in 0..READS_PER_NODE {
            held.push(one.acquire().await);
        }
        // One of a call that is not polled any more is next in the line.
        let mut forgotten = Box::pin(one.acquire());
        assert!((&mut forgotten).now_or_never().is_none());
        held.pop();
        let mut own = Vec::new();
        for _ in 0..READS_PER_NODE {
            own.push(timeout(TURN_WAIT * 2, other.acquire()).await.unwrap());
        }
        assert!(timeout(TURN_WAIT * 3, other.acquire()).await.is_err(), "a call has so many of its own");
        own.pop();
        assert!(timeout(TURN_WAIT * 2, other.acquire()).await.is_ok());
    }
}
