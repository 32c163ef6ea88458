//! What the model of the command queue does with messages; the calls to it are in [`commands`](super::commands).

use std::{
    ptr,
    time::{Duration, SystemTime},
};

use gumshoe_proto::{bridge::v1::Command, envelope};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    RECEIVES, VISIBILITY,
    faults::Fails,
    receipts::{Held, Receipt},
};
use crate::queue::{FailedEntry, Received};

/// The messages, and all receipts of them.
#[derive(Default)]
pub(super) struct Messages {
    pub(super) all: Vec<Message>,
    pub(super) receipts: Vec<Receipt>,
}

/// A message.
pub(super) struct Message {
    pub(super) command: Command,
    /// The command's deadline, by tokio's clock.
    deadline: Instant,
    pub(super) visible_at: Instant,
    pub(super) receives: u32,
    pub(super) newest: Option<usize>,
    /// The queue hands it out again by itself.
    is_repeated: bool,
    /// Receipts by which it was to be deleted.
    pub(super) deleting: Vec<usize>,
    pub(super) gone: Option<Gone>,
}

/// Why a message is not in the queue any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    Deleted,
    DeadLetter,
}

impl Messages {
    /// Puts a command into the queue that becomes visible later.
    pub(super) fn put(&mut self, command: Command, visible_at: Instant, deadline: Instant) {
        let (receives, newest, is_repeated, deleting, gone) = (0, None, false, Vec::new(), None);
        self.all.push(Message { command, deadline, visible_at, receives, newest, is_repeated, deleting, gone });
    }

    /// The next message that is there, and when it is visible.
    pub(super) fn next_visible(&self) -> Option<Instant> {
        let there = self.all.iter().filter(|message| message.gone.is_none());
        there.map(|message| message.visible_at).min()
    }

    /// Makes one visible that is in flight; or nothing, where nothing is.
    pub(super) fn repeat(&mut self) {
        let now = Instant::now();
        let in_flight = self.all.iter_mut().find(|message| message.is_in_flight(now));
        in_flight.into_iter().for_each(|message| (message.visible_at, message.is_repeated) = (now, true));
    }

    /// Takes visible messages. Gives their new receipts, and those before whose leases have run out though somebody had them.
    pub(super) fn take(&mut self, max: usize, visibility: Duration, life: usize) -> (Vec<usize>, Vec<usize>) {
        let (now, mut taken, mut ran_out) = (Instant::now(), Vec::new(), Vec::new());
        let visible = self.all.iter_mut().enumerate().filter(|(_, message)| message.is_visible(now));
        for (index, message) in visible.take(max) {
            let of_before = message.newest.filter(|newest| self.receipts[*newest].life == life && !message.is_repeated);
            let is_kept = |newest: &usize| matches!(self.receipts[*newest].held, Held::Working | Held::Deleting);
            ran_out.extend(of_before.filter(is_kept));
            if message.receives == RECEIVES {
                message.gone = Some(Gone::DeadLetter);
                continue;
            }
            message.receives += 1;
            (message.visible_at, message.is_repeated) = (now + visibility, false);
            message.newest = Some(self.receipts.len());
            taken.push(self.receipts.len());
            self.receipts.push(Receipt::new(index, life));
        }
        (taken, ran_out)
    }

    /// What the bridge is told of a receipt.
    pub(super) fn hand_out(&mut self, receipt: usize) -> Received {
        let now = Instant::now();
        self.receipts[receipt].hand_out(now + VISIBILITY);
        let message = self.of(receipt);
        Received {
            message_id: format!("m-{}", message.command.id),
            receipt_handle: receipt.to_string(),
            body: message.body(now),
            receive_count: message.receives,
        }
    }

    /// The message of a receipt.
    pub(super) fn of(&mut self, receipt: usize) -> &mut Message {
        &mut self.all[self.receipts[receipt].message]
    }

    /// Hides messages until then. Only the newest receipt counts, and only while it hides the message.
    pub(super) fn change(&mut self, receipts: &[usize], until: Instant, fails: Fails<'_>) -> Vec<FailedEntry> {
        let change = |(index, receipt): (usize, &usize)| {
            let message = self.of(*receipt);
            if let Some(failed) = fails(index) {
                return Some(failed);
            }
            if message.newest != Some(*receipt) || !message.is_in_flight(Instant::now()) {
                return Some(FailedEntry { index, sender_fault: true, code: "MessageNotInflight".into() });
            }
            message.visible_at = until;
            None
        };
        receipts.iter().enumerate().filter_map(change).collect()
    }

    /// Deletes a message. By a receipt that is not the newest, nothing may come of it, whatever is answered.
    pub(super) fn remove(&mut self, receipt: usize) {
        let message = self.of(receipt);
        if message.newest == Some(receipt) && message.gone.is_none() {
            message.gone = Some(Gone::Deleted);
        }
    }

    /// Whether the message is hidden by this receipt, as far as the bridge knows: where the answers to its extensions are lost, it gives
    /// up what is still hidden.
    pub(super) fn is_held(&self, receipt: &Receipt) -> bool {
        let (now, message) = (Instant::now(), &self.all[receipt.message]);
        let is_newest = message.newest.is_some_and(|newest| ptr::eq(&raw const self.receipts[newest], receipt));
        is_newest && receipt.is_in_work() && now < receipt.known_until && message.is_in_flight(now)
    }
}

impl Message {
    fn is_visible(&self, now: Instant) -> bool {
        self.gone.is_none() && self.visible_at <= now
    }

    fn is_in_flight(&self, now: Instant) -> bool {
        self.gone.is_none() && self.receives > 0 && self.visible_at > now
    }

    /// The wall clock stands still in these tests, so the deadline is put as if it had gone on.
    fn body(&self, now: Instant) -> String {
        let (left, over) = (self.deadline.saturating_duration_since(now), now.saturating_duration_since(self.deadline));
        let deadline = Some((SystemTime::now() + left - over).into());
        envelope::encode_command(&Command { deadline, ..self.command.clone() }, Timestamp::now())
    }
}
