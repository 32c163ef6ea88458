//! Gathers the results of one command from a queue, until a run of it is whole.
//!
//! The queue should be ours alone. Where it is not, see [`others`] for what becomes of the messages of others.

mod others;

use std::{future::Future, pin::pin, time::Duration};

use gumshoe_proto::{
    bridge::v1::Command,
    envelope,
    run::{Fed, Reader},
};
use gumshoe_runtime::backoff::Backoff;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use self::others::Others;
use super::queue::{Message, ResultQueue, WAIT_MAX};
use crate::{
    error::Error,
    interrupt::{Interrupt, unless},
};

/// Calls in a row that fail before we give up; the SDK has repeated each of them already.
const FAILURES_MAX: u32 = 3;

/// The pauses after failures.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(3));

/// How long the queue is tidied up when the gathering has ended, also by Ctrl-C: the user waits for it. What is not given back by
/// then comes back by itself.
const TIDYING_MAX: Duration = Duration::from_secs(5);

/// How long of that what is ours is deleted: others wait for what is theirs.
const EMPTYING_MAX: Duration = Duration::from_secs(3);

/// How long after `until` an answer may still come: SQS waits in whole seconds, and the messages in an answer that is broken off stay
/// hidden for a while. But a call can hang, and the SDK repeats one that did.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// How long we look for more of a command that was refused. More than zero, with which SQS asks only some of its servers.
const LAST_LOOK: Duration = Duration::from_secs(1);

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
    /// The command whose answer it is.
    pub(crate) command: Command,
    /// The command's deadline: what comes later is how it ended.
    pub(crate) deadline: Instant,
    /// When nobody waits any longer.
    pub(crate) until: Instant,
    /// The most bytes of results that are held.
    pub(crate) max_bytes: u64,
}

/// Hears of what comes.
pub(crate) trait Listener {
    /// A message of the command, which was not there before.
    fn result(&mut self, body: &str, fed: &Fed, reader: &Reader) -> Result<(), Error>;
    /// So many messages are of others, and were not met before.
    fn foreign(&mut self, messages: usize);
    /// The deadline has passed, and results are awaited for so long at most; heard once.
    fn overtime(&mut self, left: Duration, reader: &Reader);
    /// A call failed that will be repeated, or that does not matter.
    fn trouble(&mut self, error: &Error);
}

/// Gathers into the reader, beginning with what was found in the queue before the command was sent.
///
/// # Errors
/// The queue cannot be read, the results are more than wanted, or an error of the listener.
pub(crate) async fn collect(
    queue: &impl ResultQueue,
    wanted: &Wanted,
    found: Vec<Message>,
    reader: &mut Reader,
    interrupt: &Interrupt,
    listener: &mut impl Listener,
) -> Result<Gathered, Error> {
    let mut gathering = Gathering {
        queue,
        wanted,
        reader,
        listener,
        ours: Vec::new(),
        taken: 0,
        others: Others::default(),
        in_overtime: false,
    };
    let gathered = gathering.gather(found, interrupt).await;
    let is_whole = matches!(gathered, Ok(Gathered::Whole));
    let _ = timeout(TIDYING_MAX, gathering.tidy_up(is_whole)).await;
    gathered
}

struct Gathering<'a, Q, L> {
    queue: &'a Q,
    wanted: &'a Wanted,
    reader: &'a mut Reader,
    listener: &'a mut L,
    /// Taken and not deleted yet: of one receive at most.
    ours: Vec<Message>,
    /// The length of all bodies that the reader has of us. It keeps them all; its own count is of pages alone.
    taken: u64,
    others: Others,
    /// Whether the listener has heard that the deadline has passed.
    in_overtime: bool,
}

impl<Q: ResultQueue, L: Listener> Gathering<'_, Q, L> {
    async fn gather(&mut self, found: Vec<Message>, interrupt: &Interrupt) -> Result<Gathered, Error> {
        let (mut failures, mut backoff) = (0, BACKOFF);
        let mut received = found;
        let mut looks_again = false;
        loop {
            let may_hide_more = self.take(received)?;
            let last_answer = self.wanted.until + LAST_ANSWER;
            if unless(interrupt, timeout_at(last_answer, self.settle())).await.is_none() {
                return Ok(Gathered::Interrupted);
            }
            let complete = self.reader.answer(&self.wanted.command);
            if complete.is_some_and(|(_, run)| run.was_run() || (looks_again && !may_hide_more)) {
                return Ok(Gathered::Whole);
            }
            // A refusal may have overtaken the answer, which messages of others may stand before, and which would be deleted behind it.
            looks_again = complete.is_some();
            let wait = if looks_again { LAST_LOOK } else { WAIT_MAX };
            if self.taken > self.wanted.max_bytes {
                return Err(Error::TooLarge(self.wanted.max_bytes));
            }
            let left = self.wanted.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Gathered::TimeUp);
            }
            let receive = timeout_at(last_answer, self.queue.receive(left.min(wait)));
            received = match unless(interrupt, self.heed_deadline(receive)).await {
                None => return Ok(Gathered::Interrupted),
                Some(Err(_)) => return Ok(Gathered::TimeUp),
                Some(Ok(Ok(received))) => {
                    (failures, backoff) = (0, BACKOFF);
                    received
                }
                Some(Ok(Err(error))) => {
                    failures += 1;
                    looks_again = false;
                    if failures == FAILURES_MAX {
                        return Err(error);
                    }
                    self.listener.trouble(&error);
                    unless(interrupt, tokio::time::sleep(backoff.next_wait().min(left))).await;
                    Vec::new()
                }
            };
        }
    }

    /// Does it, and tells of the deadline if it passes meanwhile: nobody should wonder why a command that is over goes on.
    async fn heed_deadline<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if !self.in_overtime {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep_until(self.wanted.deadline) => {}
            }
            self.in_overtime = true;
            self.listener.overtime(self.wanted.until.saturating_duration_since(Instant::now()), self.reader);
        }
        work.await
    }

    /// Sorts what was received into ours and others'; says whether there may be more behind it: there was any of ours, or any of
    /// others' that was not met before.
    fn take(&mut self, received: Vec<Message>) -> Result<bool, Error> {
        let mut unmet = 0;
        for message in received {
            if self.is_ours(&message)? {
                self.ours.push(message);
            } else {
                unmet += usize::from(self.others.take(message));
            }
        }
        if unmet > 0 {
            self.listener.foreign(unmet);
        }
        Ok(unmet > 0 || !self.ours.is_empty())
    }

    fn is_ours(&mut self, message: &Message) -> Result<bool, Error> {
        let Ok(fed) = self.reader.feed(&message.body) else { return Ok(false) };
        if fed.key.command_id != self.wanted.command.id {
            self.reader.forget(&fed.key.command_id);
            return Ok(false);
        }
        if !fed.repeated {
            self.taken += message.body.len() as u64;
            self.listener.result(&message.body, &fed, self.reader)?;
        }
        Ok(true)
    }

    /// Deletes ours, and hides the others for as long as each should be. What fails here comes again.
    async fn settle(&mut self) {
        if !self.ours.is_empty() {
            let deleted = self.queue.delete(&self.ours).await;
            self.ours.clear();
            self.tell(deleted);
        }
        let hide = self.others.hide(self.wanted.until + TIDYING_MAX);
        if !hide.is_empty() {
            let hidden = self.queue.hide(&hide).await;
            self.tell(hidden);
        }
    }

    /// Leaves the queue as it should be for those who come after us: nothing of ours in it, and what is of others visible to them.
    async fn tidy_up(&mut self, is_whole: bool) {
        self.settle().await;
        if is_whole {
            let _ = timeout(EMPTYING_MAX, self.empty()).await;
        }
        let given_back = self.others.give_back(self.queue).await;
        self.tell(given_back);
    }

    /// Behind the end there can be what was overtaken by it, and pages of a run that came to no end. They add nothing to an answer that
    /// is whole, and must not take anything from it: so they are deleted, and neither held nor heard of.
    async fn empty(&mut self) {
        while let Ok(received) = self.queue.receive(Duration::ZERO).await {
            let of_command = |message: &Message| {
                envelope::decode_result(&message.body).is_ok_and(|result| result.command_id == self.wanted.command.id)
            };
            let (ours, others): (Vec<_>, Vec<_>) = received.into_iter().partition(of_command);
            for other in others {
                self.others.take(other);
            }
            if ours.is_empty() {
                return;
            }
            let deleted = self.queue.delete(&ours).await;
            self.tell(deleted);
        }
    }

    fn tell(&mut self, result: Result<(), Error>) {
        if let Err(error) = result {
            self.listener.trouble(&error);
        }
    }
}

#[cfg(test)]
mod tests;
