//! An executor for hyper whose tasks end with their owner. hyper spawns a task a call (server) or a connection (client);
//! on tokio's own executor they would be detached.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::task::JoinSet;

/// Owns tasks; they are aborted when the last clone is dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    /// Spawns onto these tasks without keeping them alive: what hyper holds would otherwise own its own owner.
    pub(crate) fn executor(&self) -> Executor {
        Executor(Arc::downgrade(&self.0))
    }
}

/// Spawns onto `Tasks`; once those are gone, it drops what it is given.
#[derive(Clone, Debug)]
pub(crate) struct Executor(Weak<Mutex<JoinSet<()>>>);

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
{
    fn execute(&self, task: F) {
        let Some(tasks) = self.0.upgrade() else { return };
        let mut tasks = tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that ended are let go here, so at most as many are held as ever ran at one time.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            task.await;
        });
    }
}
