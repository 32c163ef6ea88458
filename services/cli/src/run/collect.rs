//! Gathers the results of one command from a queue, until a run of it is whole.
//!
//! The queue should be ours alone. Where it is not, the messages of others are given back at once: they are somebody's.

use std::time::Duration;

use gumshoe_proto::run::{Fed, Reader};
use gumshoe_runtime::backoff::Backoff;
use tokio::time::Instant;

use super::queue::{Message, ResultQueue, WAIT_MAX};
use crate::{
    error::Error,
    interrupt::{Interrupt, unless},
};

/// Calls in a row that fail before we give up; the SDK has repeated each of them already.
const FAILURES_MAX: u32 = 3;

/// The pauses after failures, and after messages that were all of others: a moment for those to take theirs, and no spinning on what
/// nobody takes. So long as the longest, a result of ours may wait behind those of others.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(3));

/// How the gathering ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// A run is whole.
    Whole,
    /// The time is up.
    TimeUp,
    /// By the user.
    Interrupted,
}

/// What is gathered, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The command's id.
    pub(crate) command_id: String,
    /// When nobody waits any longer.
    pub(crate) until: Instant,
    /// The most bytes of pages that are held.
    pub(crate) max_bytes: u64,
}

/// Hears of what comes.
pub(crate) trait Listener {
    /// A message of the command, which was not there before.
    fn result(&mut self, body: &str, fed: &Fed, reader: &Reader) -> Result<(), Error>;
    /// So many messages were of others and have been given back.
    fn foreign(&mut self, messages: usize);
    /// A call failed that will be repeated, or that does not matter.
    fn trouble(&mut self, error: &Error);
}

/// Gathers into the reader.
///
/// # Errors
/// The queue cannot be read, the results are more than wanted, or an error of the listener.
pub(crate) async fn collect(
    queue: &impl ResultQueue,
    wanted: &Wanted,
    reader: &mut Reader,
    interrupt: &Interrupt,
    listener: &mut impl Listener,
) -> Result<Gathered, Error> {
    let (mut failures, mut after_failure, mut after_foreign) = (0, BACKOFF, BACKOFF);
    loop {
        let left = wanted.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Gathered::TimeUp);
        }
        let received = match unless(interrupt, queue.receive(left.min(WAIT_MAX))).await {
            None => return Ok(Gathered::Interrupted),
            Some(Ok(received)) => received,
            Some(Err(error)) => {
                failures += 1;
                if failures == FAILURES_MAX {
                    return Err(error);
                }
                listener.trouble(&error);
                pause(&mut after_failure, left, interrupt).await;
                continue;
            }
        };
        (failures, after_failure) = (0, BACKOFF);
        let only_foreign = settle(queue, wanted, reader, received, listener).await?;
        if reader.complete(&wanted.command_id).is_some() {
            return Ok(Gathered::Whole);
        }
        if reader.held_bytes() > wanted.max_bytes {
            return Err(Error::TooLarge(wanted.max_bytes));
        }
        if only_foreign {
            pause(&mut after_foreign, left, interrupt).await;
        } else {
            after_foreign.reset();
        }
    }
}

/// Waits; Ctrl-C ends it, and the loop sees that for itself.
async fn pause(backoff: &mut Backoff, left: Duration, interrupt: &Interrupt) {
    unless(interrupt, tokio::time::sleep(backoff.next_wait().min(left))).await;
}

/// Takes ours, gives back the others; says whether there were others alone.
async fn settle(
    queue: &impl ResultQueue,
    wanted: &Wanted,
    reader: &mut Reader,
    received: Vec<Message>,
    listener: &mut impl Listener,
) -> Result<bool, Error> {
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for message in received {
        if take(wanted, reader, &message, listener)? { ours.push(message) } else { others.push(message) }
    }
    if !others.is_empty() {
        listener.foreign(others.len());
        tell(queue.give_back(&others).await, listener);
    }
    if !ours.is_empty() {
        // A message that could not be deleted comes again to nobody, and expires.
        tell(queue.delete(&ours).await, listener);
    }
    Ok(ours.is_empty() && !others.is_empty())
}

fn take(wanted: &Wanted, reader: &mut Reader, message: &Message, listener: &mut impl Listener) -> Result<bool, Error> {
    let Ok(fed) = reader.feed(&message.body) else { return Ok(false) };
    if fed.key.command_id != wanted.command_id {
        reader.forget(&fed.key.command_id);
        return Ok(false);
    }
    if !fed.repeated {
        listener.result(&message.body, &fed, reader)?;
    }
    Ok(true)
}

fn tell(result: Result<(), Error>, listener: &mut impl Listener) {
    if let Err(error) = result {
        listener.trouble(&error);
    }
}

#[cfg(test)]
mod tests;
