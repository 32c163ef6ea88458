//! What the parts of a process tell the admin port: whether they are ready, and their metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::registry::Registry;

use crate::metrics;
use crate::shutdown::Shutdown;

/// Readiness and metrics of the process; clones share one state.
#[derive(Clone)]
pub struct AdminHandle {
    shared: Arc<Shared>,
}

struct Shared {
    shutdown: Shutdown,
    registry: Mutex<Registry>,
    /// The gates that are not ready, each with the reason.
    closed: Mutex<BTreeMap<&'static str, String>>,
    /// What somebody should change, though the process is ready all the same.
    advice: Mutex<Vec<String>>,
}

impl AdminHandle {
    /// A handle with no gate and the metrics of this crate; never ready once `shutdown` began.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        let mut registry = Registry::default();
        metrics::register(&mut registry);
        Self {
            shared: Arc::new(Shared {
                shutdown,
                registry: Mutex::new(registry),
                closed: Mutex::default(),
                advice: Mutex::default(),
            }),
        }
    }

    /// A gate that holds back the readiness of the process until it is opened. It starts closed.
    #[must_use]
    pub fn readiness(&self, name: &'static str) -> ReadinessGate {
        let gate = ReadinessGate { name, shared: self.shared.clone() };
        gate.not_ready("starting");
        gate
    }

    /// Where a part registers its metrics, at its start. Do not hold the guard: a scrape waits for it.
    pub fn registry(&self) -> MutexGuard<'_, Registry> {
        lock(&self.shared.registry)
    }

    /// Puts a line into `/readyz` that does not make the process unready.
    pub fn advise(&self, advice: impl Into<String>) {
        lock(&self.shared.advice).push(advice.into());
    }

    /// What was advised, a line each.
    pub(crate) fn advice(&self) -> Vec<String> {
        lock(&self.shared.advice).clone()
    }

    /// Why the process is not ready, one line a reason; none when it is.
    #[must_use]
    pub fn reasons_not_ready(&self) -> Vec<String> {
        let closed = lock(&self.shared.closed);
        let gates = closed.iter().map(|(name, why)| format!("{name}: {why}"));
        let draining = self.shared.shutdown.token().is_cancelled().then(|| "shutdown: draining".to_owned());
        draining.into_iter().chain(gates).collect()
    }
}

impl fmt::Debug for AdminHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AdminHandle").field("not_ready", &self.reasons_not_ready()).finish_non_exhaustive()
    }
}

/// One part's say in whether the process is ready.
#[derive(Clone)]
pub struct ReadinessGate {
    name: &'static str,
    shared: Arc<Shared>,
}

impl ReadinessGate {
    /// The part can do its work.
    pub fn ready(&self) {
        if lock(&self.shared.closed).remove(self.name).is_some() {
            tracing::info!(gate = self.name, "ready");
        }
    }

    /// The part cannot do its work; `why` stands in `/readyz`, so it says nothing that is not for everybody.
    pub fn not_ready(&self, why: impl Into<String>) {
        let why = why.into();
        let before = lock(&self.shared.closed).insert(self.name, why.clone());
        if before.as_ref() != Some(&why) {
            tracing::info!(gate = self.name, why, "not ready");
        }
    }
}

impl fmt::Debug for ReadinessGate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ReadinessGate").field(&self.name).finish()
    }
}

/// A panic while the lock was held cannot leave these maps half changed, so its poison says nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
