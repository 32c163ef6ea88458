//! The model of the command queue: a standard SQS queue with dead letters. It holds the bridge to the rules of what it does with
//! messages, at every call.

mod calls;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use gumshoe_proto::bridge::v1::Command;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{
    VISIBILITY, Violations,
    faults::Faults,
    messages::{Gone, Messages},
    receipts::{Held, Receipt},
    results::ModelResults,
};
use crate::queue::FailedEntry;

/// So soon after the last trouble with extensions, all leases are extended again: after a third of a lease, and some.
const EXTENDED_AGAIN: Duration = Duration::from_secs(22);

/// The queue.
pub(super) struct ModelCommands {
    faults: Arc<Faults>,
    violations: Arc<Violations>,
    results: Arc<ModelResults>,
    places: usize,
    /// Which bridge it is that calls.
    life: AtomicUsize,
    messages: Mutex<Messages>,
    /// When an extension went wrong last.
    troubled: Mutex<Option<Instant>>,
    /// A message may be visible sooner than it was to be.
    changed: Notify,
}

impl ModelCommands {
    pub(super) fn new(
        places: usize,
        faults: Arc<Faults>,
        violations: Arc<Violations>,
        results: Arc<ModelResults>,
    ) -> Self {
        let (life, messages, troubled, changed) =
            (AtomicUsize::new(0), Mutex::default(), Mutex::default(), Notify::new());
        Self { faults, violations, results, places, life, messages, troubled, changed }
    }

    /// Puts a command into the queue that becomes visible later.
    pub(super) fn put(&self, command: Command, visible_at: Instant, deadline: Instant) {
        self.messages().put(command, visible_at, deadline);
    }

    /// Hands out once more what is in flight; or nothing, where nothing is.
    pub(super) fn repeat(&self) {
        self.messages().repeat();
        self.changed.notify_one();
    }

    /// Another bridge calls from now on; of the one before, nothing is expected any more.
    pub(super) fn next_life(&self) {
        self.life.fetch_add(1, Ordering::Relaxed);
    }

    /// Every command, how often it was received, and what became of it.
    pub(super) fn commands(&self) -> Vec<(String, u32, Option<Gone>)> {
        let messages = self.messages();
        messages.all.iter().map(|message| (message.command.id.clone(), message.receives, message.gone)).collect()
    }

    /// Each message in flight has somebody who works on it, and nobody works on one that is not. What could not be let go is left to its
    /// lease when the bridge ends.
    pub(super) fn check_work(&self, at_work: usize, is_ending: bool) {
        let messages = self.messages();
        let ours: Vec<_> = messages.receipts.iter().filter(|receipt| receipt.life == self.life()).collect();
        let is_left = |receipt: &Receipt| is_ending && receipt.failed.is_some();
        let must = ours.iter().filter(|receipt| receipt.held == Held::Working && !is_left(receipt));
        let must = must.filter(|receipt| messages.is_held(receipt)).count();
        let may = ours.iter().filter(|receipt| receipt.may_be_worked_on()).count();
        if at_work < must {
            self.violations.note(format!("{must} messages are held, {at_work} are worked on"));
        }
        if at_work > may.min(self.places) {
            self.violations.note(format!("{at_work} are worked on; leases {may}, places {}", self.places));
        }
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn life(&self) -> usize {
        self.life.load(Ordering::Relaxed)
    }

    fn check_room(&self, max: usize) {
        let messages = self.messages();
        let ours = messages.receipts.iter().filter(|receipt| receipt.life == self.life());
        let held = ours.filter(|receipt| messages.is_held(receipt)).count();
        if max == 0 || max > 10 || held + max > self.places {
            self.violations.note(format!("asked for {max} messages, holding {held} of {}", self.places));
        }
    }

    /// Waits until there are messages to hand out.
    async fn wait_for(&self, max: usize, wait: Duration, visibility: Duration) -> Vec<usize> {
        let until = Instant::now() + wait;
        loop {
            let (taken, ran_out) = self.messages().take(max, visibility, self.life());
            ran_out.into_iter().for_each(|receipt| self.check_troubled(receipt));
            if !taken.is_empty() || Instant::now() >= until {
                return taken;
            }
            let next = self.messages().next_visible().map_or(until, |next| next.min(until));
            let _ = timeout_at(next, self.changed.notified()).await;
        }
    }

    /// A lease may run out while a command is worked on only where it could not be extended.
    fn check_troubled(&self, receipt: usize) {
        let known_until = self.messages().receipts[receipt].known_until;
        if self.troubled.lock().unwrap().is_none_or(|at| at + EXTENDED_AGAIN < known_until) {
            let id = self.messages().of(receipt).command.id.clone();
            self.violations.note(format!("the lease of {id} ran out while it was worked on"));
        }
    }

    /// An extension must not come once a message was to be deleted or given back: it would take that back.
    fn check_extensions(&self, receipts: &[usize]) {
        let messages = self.messages();
        for receipt in receipts.iter().filter(|receipt| !messages.receipts[**receipt].is_extended()) {
            self.violations.note(format!("receipt {receipt} is extended while or after it is let go"));
        }
    }

    /// Deletes are for answered commands: there is one acknowledged `End` for each receipt by which one is deleted.
    fn check_answered(&self, receipt: usize) {
        let mut messages = self.messages();
        let message = messages.of(receipt);
        if !message.deleting.contains(&receipt) {
            message.deleting.push(receipt);
        }
        if self.results.ends_of(&message.command.id) < message.deleting.len() {
            self.violations.note(format!("{} is deleted before its end was acknowledged", message.command.id));
        }
    }

    /// What the bridge now knows of its leases.
    fn extended(&self, receipts: &[usize], asked: Instant, failed: &[FailedEntry]) {
        let mut messages = self.messages();
        for (index, receipt) in receipts.iter().enumerate() {
            let failed = failed.iter().find(|failed| failed.index == index);
            messages.receipts[*receipt].extended(asked + VISIBILITY, failed);
        }
    }

    fn hold(&self, receipts: &[usize], held: Held) {
        let mut messages = self.messages();
        receipts.iter().for_each(|receipt| messages.receipts[*receipt].hold(held));
    }
}
