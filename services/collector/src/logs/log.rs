//! One log of a call: whose it is, its lines as they are given. Repeats are folded here, where a log is read to the end of a window.

use std::{sync::Arc, time::Duration};

use super::{
    lines::Line,
    merge::Key,
    moment::Moment,
    outcome::Trouble,
    read::PodLogs,
    source::{Progress, Source, Step},
};
use crate::error::ReadError;

/// One container's log in an answer.
pub(super) struct Log {
    pub(super) pod: Arc<PodLogs>,
    /// Of the pod; empty where it has none.
    pub(super) node: String,
    pub(super) source: Source,
    /// Lines that repeat the one before are folded: then the next line is taken ahead of its turn, with all of its repeats.
    folds: bool,
    ahead: Option<Held>,
    /// What was given before that.
    given: Step,
}

/// A line that was taken from its log and is not given yet.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) line: Line,
    pub(super) text: Vec<u8>,
    /// How many lines it stands for, itself included.
    pub(super) count: u64,
    pub(super) last: Option<Moment>,
    pub(super) key: Key,
    /// Behind the last of them.
    pub(super) step: Step,
}

impl Log {
    pub(super) fn new(pod: &Arc<PodLogs>, node: &str, source: Source, folds: bool) -> Self {
        let given = source.step();
        Self { pod: pod.clone(), node: node.to_owned(), source, folds, ahead: None, given }
    }

    /// The pod has got a node: all of its log is new.
    pub(super) fn got_node(&mut self, node: &str) {
        node.clone_into(&mut self.node);
        self.source.start_from_the_beginning();
    }

    /// Goes to the first line of the window; the node may be silent only for as long as `patience` has it.
    ///
    /// # Errors
    /// Only what concerns the whole call.
    pub(super) async fn begin(&mut self, patience: Option<Duration>) -> Result<(), ReadError> {
        self.source.begin(&self.pod, patience).await?;
        self.fold_ahead().await;
        Ok(())
    }

    /// Finds out what it can of lines before the window that are gone.
    pub(super) async fn check_rotation(&mut self) -> Result<(), ReadError> {
        self.source.check_rotation(&self.pod).await;
        Ok(())
    }

    /// The key of the next line; None where there is none.
    pub(super) fn key(&self) -> Option<Key> {
        if self.folds { self.ahead.as_ref().map(|ahead| ahead.key) } else { self.source.key() }
    }

    /// Takes the next line and hands it to `give`, with its text, its count and the time of its last repeat; then `advance` is due.
    pub(super) fn give(&mut self, give: impl FnOnce(Line, &[u8], u64, Option<Moment>)) {
        if let Some(Held { line, text, count, last, step, .. }) = self.ahead.take() {
            self.given = step;
            give(line, &text, count, last);
        } else if let Some((line, text)) = self.source.take() {
            give(line, text, 1, None);
        }
    }

    /// Goes to the next line.
    pub(super) async fn advance(&mut self) {
        if self.folds {
            // The one behind those that were folded is there already.
            self.fold_ahead().await;
        } else {
            self.source.advance().await;
        }
    }

    async fn fold_ahead(&mut self) {
        if !self.folds {
            return;
        }
        self.given = self.source.step();
        let Some(mut ahead) = self.hold() else { return };
        self.source.advance().await;
        while self.source.head.is_some_and(|line| ahead.is_repeated_by(line, self.source.text())) {
            self.fold_into(&mut ahead);
            self.source.advance().await;
        }
        self.ahead = Some(ahead);
    }

    /// Takes the head of the log, to be given later.
    pub(super) fn hold(&mut self) -> Option<Held> {
        let key = self.source.key()?;
        let (line, text) = self.source.take()?;
        let text = text.to_vec();
        Some(Held { line, text, count: 1, last: line.moment, key, step: self.source.step() })
    }

    /// Takes the head of the log, which repeats a line that is held.
    pub(super) fn fold_into(&mut self, held: &mut Held) {
        if let Some((line, _)) = self.source.take() {
            held.last = line.moment.or(held.last);
            held.count += 1;
            self.source.fold();
            held.step = self.source.step();
        }
    }

    /// How far the lines go that were given.
    pub(super) fn step(&self) -> Step {
        if self.ahead.is_some() { self.given } else { self.source.step() }
    }

    /// Where the caller is in this log.
    pub(super) fn progress(&self) -> Progress {
        self.source.progress(self.step())
    }

    /// Notes that the call as a whole stops here: `given` are the lines that were given, where others were taken.
    pub(super) fn stop(&mut self, given: Option<Step>, trouble: impl FnOnce() -> Trouble) {
        let given = given.or(self.ahead.take().map(|_| self.given));
        if let Some(given) = given {
            self.source.go_back(given);
        }
        if self.source.is_wanted() {
            self.source.trouble = Some(trouble());
        }
    }
}

impl Held {
    /// Whether a line says the same. Of a line that was cut nobody knows what it says.
    pub(super) fn is_repeated_by(&self, line: Line, text: &[u8]) -> bool {
        let is_whole = |line: Line, text: &[u8]| line.cut_from(text).is_none();
        is_whole(line, text) && is_whole(self.line, &self.text) && self.text == text
    }

    /// What it takes up in memory, roughly.
    pub(super) fn size(&self) -> usize {
        self.text.len() + size_of::<Self>()
    }
}
