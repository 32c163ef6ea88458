//! Messages of others in the result queue: of somebody who shares it, or left behind by a command that was stopped.
//!
//! SQS has no cursor. What is given back at once is what comes next, so that ours, behind it, would not be reached; and each receipt
//! counts towards the queue's redrive policy, which would soon have it among the dead letters. What is kept to the end, on the
//! other hand, is missing to a reader who waits for it right now. So it is hidden for a moment, and for longer the more of it there is
//! and the longer we have met it: where two of us take from one queue, each gets most of its own at the second or third try; and
//! what nobody takes comes seldom. All that is still hidden when the gathering ends is given back.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, stream};
use gumshoe_queue::BATCH;
use tokio::time::Instant;

use crate::{
    error::Error,
    run::queue::{Hiding, Message, ResultQueue, VISIBILITY},
};

/// How long a message is hidden at least: time enough for a few behind it to come.
const MOMENT: Duration = Duration::from_secs(2);

/// For each message that we have met, all are hidden so much longer: what is behind them must come before them. A receive, of ten at
/// most, and the call that hides them take up to 150 ms on a slow line, and not every receive is full.
const PASSAGE: Duration = Duration::from_millis(25);

/// A message is hidden for this part of the time since we first met it: a dozen receipts in the first minute, a few an hour later.
const PART: u32 = 4;

/// So long is a message hidden at most: if this process dies, it is missed by others for no longer.
const HIDDEN_MAX: Duration = Duration::from_secs(300);

/// So many are remembered: 4 MiB of receipt handles. What is beyond comes back by itself.
const REMEMBERED_MAX: usize = 10_000;

/// Calls under way at one time when many messages are given back.
const CALLS: usize = 8;

/// What is hidden by us, and what was.
#[derive(Debug, Default)]
pub(super) struct Others {
    /// By the message's id.
    met: BTreeMap<String, Met>,
    /// By their ids those that were received just now.
    received: Vec<String>,
}

#[derive(Debug)]
struct Met {
    /// Of the newest receipt: the one that counts.
    receipt_handle: String,
    since: Instant,
    hidden_until: Instant,
}

impl Others {
    /// Takes a message that was just received; says whether it was not met before.
    pub(super) fn take(&mut self, message: Message) -> bool {
        let Message { id, receipt_handle, .. } = message;
        let is_new = !self.met.contains_key(&id);
        if is_new && self.met.len() == REMEMBERED_MAX {
            return true;
        }
        let now = Instant::now();
        let since = self.met.get(&id).map_or(now, |met| met.since);
        self.received.push(id.clone());
        self.met.insert(id, Met { receipt_handle, since, hidden_until: now + VISIBILITY });
        is_new
    }

    /// What was received just now, with how long it has to be hidden: to the end at most.
    pub(super) fn hide(&mut self, end: Instant) -> Vec<Hiding> {
        let now = Instant::now();
        let passage = PASSAGE * u32::try_from(self.met.len()).unwrap_or(u32::MAX);
        let most = HIDDEN_MAX.min(end.saturating_duration_since(now)).max(MOMENT);
        let mut hide = Vec::new();
        for id in std::mem::take(&mut self.received) {
            let Some(met) = self.met.get_mut(&id) else { continue };
            let visibility = passage.max(met.since.elapsed() / PART).clamp(MOMENT, most);
            met.hidden_until = now + visibility;
            hide.push(Hiding { receipt_handle: met.receipt_handle.clone(), visibility });
        }
        hide
    }

    /// Makes what is still hidden visible again.
    pub(super) async fn give_back(&mut self, queue: &impl ResultQueue) -> Result<(), Error> {
        let now = Instant::now();
        let hidden = std::mem::take(&mut self.met).into_values().filter(|met| met.hidden_until > now);
        let shown: Vec<_> =
            hidden.map(|met| Hiding { receipt_handle: met.receipt_handle, visibility: Duration::ZERO }).collect();
        let calls = stream::iter(shown.chunks(BATCH)).map(|batch| queue.hide(batch)).buffer_unordered(CALLS);
        let done: Vec<Result<(), Error>> = calls.collect().await;
        done.into_iter().collect()
    }
}
