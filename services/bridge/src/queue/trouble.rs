//! What goes wrong with calls to the queues, from the first failure to the next success: told once in the log, and in the readiness for
//! as long as somebody must repair something. Not when a call is made again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gumshoe_runtime::{admin::ReadinessGate, chain::Chain};
use tokio::time::{Instant, sleep_until};

use super::{QueueError, QueueErrorKind};

/// So long after its last failure, an operation is taken for repaired where nobody has tried it again: longer than between two
/// tries to delete a command, to extend a lease or to work on a command again, and their calls.
pub(super) const FORGOTTEN: Duration = Duration::from_secs(360);

/// The operations that fail; clones share one state.
#[derive(Clone, Default)]
pub(crate) struct Troubles {
    gate: Option<ReadinessGate>,
    open: Arc<Mutex<BTreeMap<String, Trouble>>>,
}

struct Trouble {
    code: String,
    needs_repair: bool,
    last: Instant,
}

impl Troubles {
    /// Closes the gate while somebody must repair something.
    #[must_use]
    pub(super) fn with_gate(gate: ReadinessGate) -> Self {
        gate.ready();
        Self { gate: Some(gate), ..Self::default() }
    }

    /// Takes note that an operation failed. The log hears of it when it fails first, and when it fails for another reason.
    pub(crate) fn failed(&self, operation: &str, error: &QueueError, consequence: &str) {
        let misconfigured = error.kind == QueueErrorKind::Misconfigured;
        let mut open = self.lock();
        let before = open.remove(operation);
        let is_news = before.as_ref().is_none_or(|before| before.code != error.code);
        let needs_repair = misconfigured || before.is_some_and(|before| before.needs_repair);
        open.insert(operation.to_owned(), Trouble { code: error.code.clone(), needs_repair, last: Instant::now() });
        drop(open);
        if misconfigured {
            self.gate.iter().for_each(|gate| gate.not_ready(format!("{operation}: {}", error.code)));
        }
        let error = Chain(error);
        match (is_news, misconfigured) {
            (true, true) => {
                tracing::error!(operation, %error, "{consequence} until permissions or the queue are repaired")
            }
            (true, false) => tracing::warn!(operation, %error, "{consequence} for now; it is tried again"),
            (false, _) => tracing::debug!(operation, %error, "{consequence} still"),
        }
    }

    /// Takes note that an operation succeeded.
    pub(crate) fn works(&self, operation: &str) {
        let mut open = self.lock();
        if open.remove(operation).is_some() {
            tracing::info!(operation, "it works again");
            self.open_gate(&open);
        }
    }

    /// When one of these operations failed last for want of a repair.
    pub(super) fn last_needing_repair(&self, operations: &[&str]) -> Option<Instant> {
        let open = self.lock();
        let broken = operations.iter().filter_map(|operation| open.get(*operation));
        broken.filter(|trouble| trouble.needs_repair).map(|trouble| trouble.last).max()
    }

    /// Forgets operations that have not failed for a while, until it is dropped: it may be long until one is needed.
    pub(super) async fn forget(&self) {
        loop {
            let first = self.lock().values().map(|trouble| trouble.last).min();
            sleep_until(first.unwrap_or_else(Instant::now) + FORGOTTEN).await;
            let mut open = self.lock();
            open.retain(|_, trouble| trouble.last.elapsed() < FORGOTTEN);
            self.open_gate(&open);
        }
    }

    /// Opens the gate if nothing is left that somebody must repair.
    fn open_gate(&self, open: &BTreeMap<String, Trouble>) {
        if !open.values().any(|trouble| trouble.needs_repair) {
            self.gate.iter().for_each(ReadinessGate::ready);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Trouble>> {
        // Each change under the lock leaves the map whole, so a panic elsewhere leaves nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_runtime::{Shutdown, admin::AdminHandle};

    use super::*;

    fn mk_error(kind: QueueErrorKind) -> QueueError {
        QueueError { operation: "SendMessageBatch", kind, code: format!("{kind:?}"), source: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_is_unready_until_the_last_operation_works_that_somebody_had_to_repair() {
        let admin = AdminHandle::new(Shutdown::new());
        let troubles = Troubles::with_gate(admin.readiness("calls"));
        let is_ready = || !format!("{admin:?}").contains("calls");
        let fails = |operation, kind| troubles.failed(operation, &mk_error(kind), "it fails");
        fails("a", QueueErrorKind::Transient);
        assert!(is_ready(), "it passes by itself");
        fails("a", QueueErrorKind::Misconfigured);
        fails("b", QueueErrorKind::Misconfigured);
        troubles.works("a");
        assert!(!is_ready());
        // That it is not even reached does not show that it was repaired.
        fails("b", QueueErrorKind::Transient);
        troubles.works("a");
        assert!(!is_ready());
        troubles.works("b");
        assert!(is_ready());
    }
}
