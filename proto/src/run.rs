//! What a reader of a result queue needs: puts the messages of each run together again, in whatever order and however often
//! they come, and says whether a run is whole.
//!
//! ```text
//! let mut reader = Reader::default();
//! while let Some(body) = next_body() {
//!     let fed = reader.feed(&body)?;
//!     if reader.complete(&fed.key.command_id).is_some() { break }
//! }
//! ```
//!
//! Such a loop needs a clock too, and where the run is a refusal, a look at what else is in the queue: see [`Reader::complete`].
//!
//! A command that was delivered twice has two runs, and any one that is whole is the whole answer. The reader keeps every page it
//! is given, as it came, until [`Reader::take`] or [`Reader::forget`]; [`Reader::held_bytes`] says how much that is, and how much is too
//! much is for the caller to say. In memory the objects of a page take many times its bytes, so one page is decoded at a time.

mod digest;
mod parts;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

pub use digest::{PageDigest, RunDigest};
use parts::Pages;
pub use parts::UnreadableResponse;
pub use verdict::{Mismatch, Verdict};

use crate::{
    bridge::v1::{Accepted, Command, End, Page, Progress, Result as RunResult, result},
    envelope::{self, EnvelopeError},
};

/// The `reason` of the error in an `End` that gives the command up: it was received for the last time, and each time before came to
/// nothing.
pub const TRIED_TOO_OFTEN: &str = "TRIED_TOO_OFTEN";

/// Which run a message belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunKey {
    /// Of the command.
    pub command_id: String,
    /// ULID of one processing of it, so the keys of one command are in the order of time.
    pub run: String,
}

/// What a message is of its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// The first one.
    Accepted,
    /// A page.
    Page,
    /// How far it is.
    Progress,
    /// The last one.
    End,
}

/// What a message brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fed {
    /// The run it belongs to.
    pub key: RunKey,
    /// What it is.
    pub kind: ResultKind,
    /// 0 for `Accepted`, 1 to n for pages, n + 1 for `End`; of `Progress`, 1, 2, … apart from those.
    pub seq: u32,
    /// True where the run had a message of this place already, or newer progress: the new one was dropped.
    pub repeated: bool,
}

/// Collects the messages of any number of runs.
#[derive(Debug, Default)]
pub struct Reader {
    runs: BTreeMap<RunKey, Run>,
}

/// The messages of one run, as far as they came.
#[derive(Debug, Default)]
pub struct Run {
    investigation_id: String,
    accepted: Option<Accepted>,
    progress: Option<(u32, Progress)>,
    pages: BTreeMap<u32, ReceivedPage>,
    end: Option<(u32, End)>,
    repeated: u64,
    bytes: u64,
}

/// A page as it came, and of what is in it, what a verdict needs.
#[derive(Debug)]
struct ReceivedPage {
    body: Box<str>,
    query_id: String,
    number: u32,
    digest: PageDigest,
}

impl Reader {
    /// Takes the body of one message of the result queue.
    ///
    /// # Errors
    /// The body is no result; nothing was taken.
    pub fn feed(&mut self, body: &str) -> Result<Fed, EnvelopeError> {
        let result = envelope::decode_result(body)?;
        let (seq, kind) = (result.seq, ResultKind::of(&result.kind));
        let key = RunKey { command_id: result.command_id.clone(), run: result.run.clone() };
        let run = self.runs.entry(key.clone()).or_default();
        let repeated = !run.take(result, body);
        Ok(Fed { key, kind, seq, repeated })
    }

    /// The runs, those of one command side by side in the order of time.
    pub fn runs(&self) -> impl Iterator<Item = (&RunKey, &Run)> {
        self.runs.iter()
    }

    /// The runs of one command in the order of time: more than one where the command was worked on repeatedly.
    pub fn runs_of<'a>(&'a self, command_id: &str) -> impl Iterator<Item = (&'a RunKey, &'a Run)> + use<'a> {
        let first = RunKey { command_id: command_id.to_owned(), run: String::new() };
        self.runs.range(first.clone()..).take_while(move |(key, _)| key.command_id == first.command_id)
    }

    /// One run.
    #[must_use]
    pub fn run(&self, key: &RunKey) -> Option<&Run> {
        self.runs.get(key)
    }

    /// The first whole run of a command that says what was done ([`Run::was_run`]); where there is none, one that says why nothing was,
    /// unless another run has begun. A repeated message of the command, or somebody else's with its id, may be refused
    /// while the command itself is worked on. Runs from before a command was given up (`TRIED_TOO_OFTEN`) do not count: they are
    /// dead, as far as its bridge knows.
    ///
    /// A refusal can overtake a run that is whole, so it is the last word only where the queue has nothing more of the command. And
    /// beside a run that has begun and never ends, it stays `None`. Only time settles that: when
    /// [`ANSWER_GRACE`](envelope::ANSWER_GRACE) has passed since the command's deadline, no page and no answer comes any more.
    ///
    /// It takes every run with that id for one of the command; where others may use it too, ask for the [answer](Self::answer).
    #[must_use]
    pub fn complete(&self, command_id: &str) -> Option<(&RunKey, &Run)> {
        self.settled(command_id, Run::was_run)
    }

    /// As [`complete`](Self::complete), but a run that answers another command than this one ([`Run::answers`]) does not count.
    #[must_use]
    pub fn answer(&self, command: &Command) -> Option<(&RunKey, &Run)> {
        self.settled(&command.id, |run| run.answers(command))
    }

    fn settled(&self, command_id: &str, answers: impl Fn(&Run) -> bool) -> Option<(&RunKey, &Run)> {
        let is_last_word = |(key, run): &(&RunKey, &Run)| {
            let mut others = self.runs_of(command_id).filter(|(_, other)| other.is_under_way());
            !others.any(|(other, _)| other > key || !run.gave_up())
        };
        let whole = || self.runs_of(command_id).filter(|(_, run)| run.is_complete());
        let refusal = || whole().filter(|(_, run)| !run.was_run()).find(is_last_word);
        whole().find(|(_, run)| answers(run)).or_else(refusal)
    }

    /// Takes a run out of the reader. A message of it that comes later begins it anew.
    pub fn take(&mut self, key: &RunKey) -> Option<Run> {
        self.runs.remove(key)
    }

    /// Forgets every run of a command.
    pub fn forget(&mut self, command_id: &str) {
        self.runs.retain(|key, _| key.command_id != command_id);
    }

    /// The length of all bodies whose pages the reader holds.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.runs.values().map(Run::bytes).sum()
    }
}

impl ResultKind {
    fn of(kind: &Option<result::Kind>) -> Self {
        match kind {
            Some(result::Kind::Accepted(_)) => Self::Accepted,
            Some(result::Kind::Progress(_)) => Self::Progress,
            Some(result::Kind::End(_)) => Self::End,
            Some(result::Kind::Page(_)) | None => Self::Page,
        }
    }
}

impl Run {
    /// The investigation that the command belongs to.
    #[must_use]
    pub fn investigation_id(&self) -> &str {
        &self.investigation_id
    }

    /// The first message of the run, if it came. A run can be whole without it.
    #[must_use]
    pub fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_ref()
    }

    /// The newest word on how far it is, if any came. Nothing depends on it.
    #[must_use]
    pub fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref().map(|(_, progress)| progress)
    }

    /// The last message of the run, if it came.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref().map(|(_, end)| end)
    }

    /// How many pages came.
    #[must_use]
    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// The page of this seq, if it came. Parts are not put together.
    #[must_use]
    pub fn page(&self, seq: u32) -> Option<Page> {
        self.pages.get(&seq).map(ReceivedPage::decode)
    }

    /// The pages of one query that came, in their order. A response that came in parts is put together, and is one page, with the number
    /// of its last part. One of which parts are missing is an error, as is what is no response though all its parts are there.
    pub fn pages_of(&self, query_id: &str) -> impl Iterator<Item = Result<Page, UnreadableResponse>> + use<'_> {
        let mut pages: Vec<_> = self.pages.values().filter(|page| page.query_id == query_id).collect();
        pages.sort_by_key(|page| page.number);
        Pages::new(pages.into_iter().map(ReceivedPage::decode))
    }

    /// How many messages were dropped since the run had them already.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// The length of the bodies of the pages that came.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Says whether everything that the run sent is here and as it was sent. Whether the *answer* holds everything that the command
    /// asked for is another question, which [`Run::end`] answers.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.verdict() == Verdict::Complete
    }

    /// Whether the end speaks of what was done, and not of why it was not.
    #[must_use]
    pub fn was_run(&self) -> bool {
        self.end().is_some_and(|end| !end.queries.is_empty() || end.cancelled_commands.is_some() || end.pong.is_some())
    }

    /// Whether the end speaks of what this command asked for: of its queries and no others, of a cancel, or of a ping. The id of a command
    /// can be used again, by mistake or with intent.
    #[must_use]
    pub fn answers(&self, command: &Command) -> bool {
        let Some(end) = self.end() else { return false };
        let asked: BTreeSet<_> = command.queries.iter().map(|query| &query.id).collect();
        let answered: BTreeSet<_> = end.queries.iter().map(|outcome| &outcome.query_id).collect();
        self.was_run()
            && asked == answered
            && command.cancel.is_some() == end.cancelled_commands.is_some()
            && command.ping.is_some() == end.pong.is_some()
    }

    /// Whether it has begun and may still go on, as far as can be told from what came.
    fn is_under_way(&self) -> bool {
        let began = self.accepted.is_some() || self.progress.is_some() || !self.pages.is_empty();
        began && !self.is_complete()
    }

    /// Whether the end says that the command will not be tried again.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.end().and_then(|end| end.error.as_ref()).is_some_and(|error| error.reason == TRIED_TOO_OFTEN)
    }

    /// Says whether everything that the run sent is here and as it was sent, and if not, what is missing.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let pages = self.pages.iter().map(|(seq, page)| (*seq, page));
        self.end.as_ref().map_or(Verdict::EndMissing, |(seq, end)| verdict::verdict(*seq, end, pages))
    }

    /// Takes a message, unless it has one of this place already.
    fn take(&mut self, result: RunResult, body: &str) -> bool {
        let fresh = match result.kind {
            Some(result::Kind::Accepted(accepted)) => set_once(&mut self.accepted, accepted),
            Some(result::Kind::End(end)) => set_once(&mut self.end, (result.seq, end)),
            Some(result::Kind::Page(page)) => self.take_page(result.seq, &page, body),
            Some(result::Kind::Progress(progress)) => self.take_progress(result.seq, progress),
            None => false,
        };
        if fresh {
            self.investigation_id = result.investigation_id;
        } else {
            self.repeated += 1;
        }
        fresh
    }

    /// Keeps the newest; an earlier one that comes late says nothing any more.
    fn take_progress(&mut self, seq: u32, progress: Progress) -> bool {
        let fresh = self.progress.as_ref().is_none_or(|(newest, _)| seq > *newest);
        if fresh {
            self.progress = Some((seq, progress));
        }
        fresh
    }

    fn take_page(&mut self, seq: u32, page: &Page, body: &str) -> bool {
        let Entry::Vacant(vacant) = self.pages.entry(seq) else { return false };
        let (query_id, number) = (page.query_id.clone(), page.number);
        vacant.insert(ReceivedPage { body: body.into(), query_id, number, digest: PageDigest::of(body) });
        self.bytes += body.len() as u64;
        true
    }
}

impl ReceivedPage {
    fn decode(&self) -> Page {
        match envelope::decode_result(&self.body).map(|result| result.kind) {
            Ok(Some(result::Kind::Page(page))) => page,
            _ => unreachable!("it was read when it came"),
        }
    }
}

fn set_once<T>(place: &mut Option<T>, value: T) -> bool {
    let fresh = place.is_none();
    place.get_or_insert(value);
    fresh
}

#[cfg(test)]
mod tests;
