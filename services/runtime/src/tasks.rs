//! Tasks that end with their owner, in the two forms that the crate needs.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::task::{AbortHandle, JoinSet};

/// So many tasks at most; a further one takes the place of the oldest, which is the likeliest never to end. So a flood of
/// strangers that stall cannot lock out those who do not.
#[derive(Debug)]
pub(crate) struct Bounded<K, T> {
    tasks: JoinSet<(K, T)>,
    oldest_first: VecDeque<(K, AbortHandle)>,
    max: usize,
}

impl<K: Copy + Send + 'static, T: Send + 'static> Bounded<K, T> {
    pub(crate) fn new(max: usize) -> Self {
        Self { tasks: JoinSet::new(), oldest_first: VecDeque::new(), max }
    }

    /// Begins a task; gives the key of the one that had to end for it, if any.
    pub(crate) fn begin(&mut self, key: K, task: impl Future<Output = T> + Send + 'static) -> Option<K> {
        self.oldest_first.retain(|(_, task)| !task.is_finished());
        let evicted = if self.oldest_first.len() < self.max { None } else { self.oldest_first.pop_front() };
        let task = self.tasks.spawn(async move { (key, task.await) });
        self.oldest_first.push_back((key, task));
        evicted.map(|(key, oldest)| {
            oldest.abort();
            key
        })
    }

    /// The next task to end by itself, with its key; none when none is under way. A task that panicked has ended too, but
    /// has nothing to give: the panic hook has told of it.
    pub(crate) async fn next(&mut self) -> Option<(K, T)> {
        loop {
            if let Ok(ended) = self.tasks.join_next().await? {
                return Some(ended);
            }
        }
    }
}

/// Owns tasks; they are aborted when the last clone is dropped. hyper spawns a task a call (server) or a connection
/// (client), which on tokio's own executor would be detached.
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
