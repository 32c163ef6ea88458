//! Calls to the model's queues, as they go by the schedule.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{
    CALL_TIMEOUT,
    schedule::{Fault, Operation, Trouble},
};
use crate::queue::{FailedEntry, QueueError, QueueErrorKind};

/// What a call takes when nothing goes wrong.
const LATENCY: Duration = Duration::from_millis(20);

/// Whether an entry of a batch fails.
pub(super) type Fails<'call> = &'call dyn Fn(usize) -> Option<FailedEntry>;

/// The faults of a schedule.
pub(super) struct Faults {
    begun: Instant,
    faults: Vec<(Fault, AtomicUsize)>,
}

impl Faults {
    pub(super) fn new(faults: &[Fault]) -> Self {
        let faults = faults.iter().map(|fault| (fault.clone(), AtomicUsize::new(0))).collect();
        Self { begun: Instant::now(), faults }
    }

    /// What goes wrong with a call that begins now.
    pub(super) fn next(&self, operation: Operation) -> Option<Trouble> {
        let now = self.begun.elapsed();
        let applies = |(fault, calls): &&(Fault, AtomicUsize)| {
            fault.on == operation
                && (fault.from..fault.from + fault.lasts).contains(&now)
                && calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(fault.every)
        };
        self.faults.iter().find(applies).map(|(fault, _)| fault.trouble)
    }
}

/// A call of a batch: `effect` is told whether an entry fails, and does the others.
///
/// However it goes, it has an end, for the client of the SDK breaks off what hangs.
pub(super) async fn call(
    name: &'static str,
    trouble: Option<Trouble>,
    effect: impl FnOnce(Fails<'_>) -> Vec<FailedEntry>,
) -> Result<Vec<FailedEntry>, QueueError> {
    let none_fails = |_| None;
    match trouble {
        None => {
            sleep(LATENCY).await;
            Ok(effect(&none_fails))
        }
        Some(Trouble::Partly { sender_fault }) => {
            sleep(LATENCY).await;
            let failed = |index| FailedEntry { index, sender_fault, code: "Scheduled".into() };
            Ok(effect(&|index: usize| index.is_multiple_of(2).then(|| failed(index))))
        }
        Some(Trouble::Slow(time)) => {
            sleep(time / 2).await;
            let failed = effect(&none_fails);
            sleep(time / 2).await;
            Ok(failed)
        }
        Some(Trouble::AnswerLost) => {
            effect(&none_fails);
            sleep(LATENCY).await;
            Err(failure(name, QueueErrorKind::Transient))
        }
        Some(Trouble::Fails) => {
            sleep(LATENCY).await;
            Err(failure(name, QueueErrorKind::Transient))
        }
        Some(Trouble::Misconfigured) => {
            sleep(LATENCY).await;
            Err(failure(name, QueueErrorKind::Misconfigured))
        }
        Some(Trouble::Hangs) => {
            sleep(CALL_TIMEOUT).await;
            Err(failure(name, QueueErrorKind::Transient))
        }
    }
}

pub(super) fn failure(operation: &'static str, kind: QueueErrorKind) -> QueueError {
    QueueError { operation, kind, code: format!("{kind:?}"), source: None }
}
