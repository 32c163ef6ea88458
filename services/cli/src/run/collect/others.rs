//! Messages of others in the result queue: of somebody who shares it, or left behind by a command that was stopped.
//!
//! SQS has no cursor. What is given back at once is what comes next, so that ours, behind it, would not be reached; and each receipt
//! counts towards the queue's redrive policy, which would soon have it among the dead letters. What is kept to the end, on the
//! other hand, is missing to a reader who waits for it right now. Which of the two it is, its age tells. A young message has a reader,
//! and is hidden for a moment only: where two of us take from one queue, each gets most of its own at the second or third try. An old
//! one was left behind, and is hidden twice as long with each time that it comes, whoever received it. All that is still hidden
//! when the gathering ends is given back.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, stream};
use gumshoe_queue::BATCH;
use tokio::time::Instant;

use crate::{
    error::Error,
    run::queue::{Hiding, Message, ResultQueue, VISIBILITY},
};

/// Older ones were left behind: their reader is gone, or it would have taken them.
const YOUNG: Duration = Duration::from_secs(120);

/// How long a young message is hidden: time enough for those behind it to come.
const MOMENT: Duration = Duration::from_secs(2);

/// Behind so many receipts a young message too is hidden for longer with each: clocks can be wrong, and not everything that is young has
/// a reader.
const TRIES: u32 = 16;

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
    /// By their ids those that a receive does not hide for as long as they should be.
    unfit: Vec<(String, Duration)>,
}

#[derive(Debug)]
struct Met {
    /// Of the newest receipt: the one that counts.
    receipt_handle: String,
    hidden_until: Instant,
}

impl Others {
    /// Takes a message that was just received; says whether it was not met before.
    pub(super) fn take(&mut self, message: Message) -> bool {
        let visibility = visibility(&message);
        let Message { id, receipt_handle, .. } = message;
        let is_new = !self.met.contains_key(&id);
        if is_new && self.met.len() == REMEMBERED_MAX {
            return true;
        }
        if visibility != VISIBILITY {
            self.unfit.push((id.clone(), visibility));
        }
        self.met.insert(id, Met { receipt_handle, hidden_until: Instant::now() + VISIBILITY });
        is_new
    }

    /// What has to be hidden for a shorter or longer time than a receive does by itself, and for how long: to the end at most.
    pub(super) fn unfit(&mut self, end: Instant) -> Vec<Hiding> {
        let now = Instant::now();
        let mut hide = Vec::new();
        for (id, visibility) in std::mem::take(&mut self.unfit) {
            let Some(met) = self.met.get_mut(&id) else { continue };
            let visibility = visibility.min(end.saturating_duration_since(now).max(MOMENT));
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

/// How long a message of others should be hidden from now.
fn visibility(message: &Message) -> Duration {
    let (least, tries) = if message.age < YOUNG { (MOMENT, TRIES) } else { (VISIBILITY, 1) };
    let doublings = message.receive_count.saturating_sub(tries).min(16);
    (least * 2_u32.saturating_pow(doublings)).min(HIDDEN_MAX)
}
