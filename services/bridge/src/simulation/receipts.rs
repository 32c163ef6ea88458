//! What the model knows of each receipt of a message, and what may be expected of the bridge for it.

use std::time::Duration;

use tokio::time::Instant;

use super::{CALL_TIMEOUT, VISIBILITY};
use crate::queue::FailedEntry;

/// What is to happen at once is to have happened after this.
const AT_ONCE: Duration = Duration::from_secs(1);

/// One receipt of a message.
pub(super) struct Receipt {
    /// The bridge that it was for.
    pub(super) life: usize,
    /// The place of the message.
    pub(super) message: usize,
    /// Until when the bridge knows that the message is hidden.
    pub(super) known_until: Instant,
    pub(super) held: Held,
    /// When a try to let it go failed last.
    pub(super) failed: Option<Instant>,
}

/// Who holds a message by a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Nobody: no answer has told the bridge.
    Unknown,
    /// Whoever works on it.
    Working,
    /// It is being deleted.
    Deleting,
    /// It is being given back.
    GivingBack,
    /// It was deleted or given back, or that was tried.
    Settled(Instant),
    /// The bridge was told that the receipt does not count any more.
    Lost(Instant),
}

impl Receipt {
    pub(super) fn new(message: usize, life: usize) -> Self {
        Self { life, message, known_until: Instant::now(), held: Held::Unknown, failed: None }
    }

    pub(super) fn hand_out(&mut self, known_until: Instant) {
        (self.held, self.known_until) = (Held::Working, known_until);
    }

    pub(super) fn hold(&mut self, held: Held) {
        if held == Held::Working {
            self.failed = Some(Instant::now());
        }
        self.held = held;
    }

    /// What the answer to an extension tells.
    pub(super) fn extended(&mut self, until: Instant, failed: Option<&FailedEntry>) {
        match failed {
            None => self.known_until = until,
            Some(failed) if failed.sender_fault && self.held == Held::Working => self.held = Held::Lost(Instant::now()),
            Some(_) => {}
        }
    }

    /// Whether the bridge has it and has not let go of it.
    pub(super) fn is_in_work(&self) -> bool {
        matches!(self.held, Held::Working | Held::Deleting | Held::GivingBack)
    }

    /// Whether it may be extended.
    pub(super) fn is_extended(&self) -> bool {
        matches!(self.held, Held::Working | Held::Lost(_))
    }

    /// Whether somebody may still be at work on it. Where the lease has run out, it may be that it was just to be let go, for which a
    /// call that extends leases is waited for; and where that failed, it may take until leases are looked at again.
    pub(super) fn may_be_worked_on(&self) -> bool {
        let until = match self.held {
            Held::Unknown => return false,
            Held::Deleting | Held::GivingBack => return true,
            Held::Settled(at) | Held::Lost(at) => at,
            Held::Working => {
                let looked_at = self.failed.map(|failed| failed + VISIBILITY / 3);
                (self.known_until + CALL_TIMEOUT).max(looked_at.unwrap_or(self.known_until))
            }
        };
        Instant::now() <= until + AT_ONCE
    }
}
