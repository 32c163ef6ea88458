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
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    open: BTreeMap<String, Trouble>,
    /// When an operation last succeeded.
    worked: BTreeMap<String, Instant>,
}

struct Trouble {
    /// Of the last failure.
    code: String,
    /// Of the last failure that called for a repair.
    to_repair: Option<String>,
    last: Instant,
}

impl Troubles {
    /// Closes the gate while somebody must repair something.
    #[must_use]
    pub(super) fn with_gate(gate: ReadinessGate) -> Self {
        gate.ready();
        Self { gate: Some(gate), ..Self::default() }
    }

    /// Takes note that an operation failed whose call was made then. The log hears of it when it fails first, and when it fails for
    /// another reason. Of calls side by side, one may fail as long ago as another one has shown that it works again: that is no news.
    pub(crate) fn failed(&self, operation: &str, made: Instant, error: &QueueError, consequence: &str) {
        let misconfigured = error.kind == QueueErrorKind::Misconfigured;
        let mut known = self.lock();
        if known.worked.get(operation).is_some_and(|worked| made < *worked) {
            tracing::debug!(operation, error = %Chain(error), "{consequence}, as it was before it worked again");
            return;
        }
        let open = &mut known.open;
        let before = open.remove(operation);
        let is_news = before.as_ref().is_none_or(|before| before.code != error.code);
        let code = error.code.clone();
        let to_repair = if misconfigured { Some(code.clone()) } else { before.and_then(|before| before.to_repair) };
        open.insert(operation.to_owned(), Trouble { code, to_repair, last: Instant::now() });
        self.set_gate(open);
        drop(known);
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
        let mut known = self.lock();
        match known.worked.get_mut(operation) {
            Some(worked) => *worked = Instant::now(),
            None => _ = known.worked.insert(operation.to_owned(), Instant::now()),
        }
        if known.open.remove(operation).is_some() {
            tracing::info!(operation, "it works again");
            self.set_gate(&known.open);
        }
    }

    /// When one of these operations failed last for want of a repair.
    pub(super) fn last_needing_repair(&self, operations: &[&str]) -> Option<Instant> {
        let known = self.lock();
        let broken = operations.iter().filter_map(|operation| known.open.get(*operation));
        broken.filter(|trouble| trouble.to_repair.is_some()).map(|trouble| trouble.last).max()
    }

    /// Forgets operations that have not failed for a while, until it is dropped: it may be long until one is needed.
    pub(super) async fn forget(&self) {
        loop {
            let first = self.lock().open.values().map(|trouble| trouble.last).min();
            sleep_until(first.unwrap_or_else(Instant::now) + FORGOTTEN).await;
            let mut known = self.lock();
            known.open.retain(|_, trouble| trouble.last.elapsed() < FORGOTTEN);
            self.set_gate(&known.open);
        }
    }

    /// Closes the gate for what somebody must repair, or opens it. The lock is held for it: who sees things later says so later.
    fn set_gate(&self, open: &BTreeMap<String, Trouble>) {
        let Some(gate) = &self.gate else { return };
        let to_repair =
            |(operation, trouble): (&String, &Trouble)| Some((operation.clone(), trouble.to_repair.clone()?));
        match open.iter().find_map(to_repair) {
            Some((operation, code)) => gate.not_ready(format!("{operation}: {code}")),
            None => gate.ready(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Each change under the lock leaves the maps whole, so a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
        let fails = |operation, kind| troubles.failed(operation, Instant::now(), &mk_error(kind), "it fails");
        fails("a", QueueErrorKind::Transient);
        assert!(is_ready(), "it passes by itself");
        fails("a", QueueErrorKind::Misconfigured);
        fails("b", QueueErrorKind::Misconfigured);
        assert!(format!("{admin:?}").contains("a: Misconfigured"), "{admin:?}");
        troubles.works("a");
        assert!(format!("{admin:?}").contains("b: Misconfigured"), "it says what is left: {admin:?}");
        // That it is not even reached does not show that it was repaired.
        fails("b", QueueErrorKind::Transient);
        troubles.works("a");
        assert!(!is_ready());
        troubles.works("b");
        assert!(is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_made_before_another_one_succeeded_brings_no_trouble() {
        let admin = AdminHandle::new(Shutdown::new());
        let troubles = Troubles::with_gate(admin.readiness("calls"));
        let is_ready = || !format!("{admin:?}").contains("calls");
        let fails = |made| troubles.failed("a", made, &mk_error(QueueErrorKind::Misconfigured), "it fails");
        let early = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        troubles.works("a");
        fails(early);
        assert!(is_ready(), "there was none before");
        let early = Instant::now();
        fails(early);
        assert!(!is_ready());
        tokio::time::advance(Duration::from_secs(1)).await;
        troubles.works("a");
        fails(early);
        assert!(is_ready());
        tokio::time::advance(Duration::from_secs(1)).await;
        fails(Instant::now());
        assert!(!is_ready());
    }
}
