//! One container's log on its way to the caller: the window that was asked for, line after line, and what became of it.

mod begin;
mod follow;
mod newest;
mod told;

use std::{sync::Arc, time::Duration};

use gumshoe_proto::collector::v1::ContainerLogStatus;
use tokio::time::Instant;

pub use self::told::{Lost, Place, Progress, Step};
use super::{
    containers::Run,
    end::End,
    filter::{Filter, Turns},
    lines::Line,
    moment::Moment,
    outcome::{Missing, Trouble},
    position::Position,
    read::{LogRead, PodLogs, ReadQuery, Received},
    request::Window,
    ring::{Dropped, Ring},
};
use crate::kubernetes::names::ContainerName;

/// No container runtime makes several records of a line that is shorter, CRI-O apart.
const RECORD_MIN: u64 = 4 << 10;

/// One container's log.
pub struct Source {
    name: ContainerName,
    /// The run in whose log the place is.
    run: Run,
    window: Window,
    filter: Arc<Filter>,
    /// Whether lines are wanted that are still to come.
    follow: bool,
    place: Place,
    feed: Feed,
    pub(super) head: Option<Line>,
    /// Of the head, where it comes from a ring.
    text: Vec<u8>,
    /// Whether this call has found the beginning of the window.
    fresh: bool,
    /// Lines that the filter left out up to the place, and those for which another stands.
    filtered: u64,
    folded: u64,
    turns: Turns,
    /// Where the read ended that filled the ring, and how many lines behind the ring's last one the filter left out.
    behind_ring: (Position, u64),
    older: Option<bool>,
    /// What a bound in bytes left out; its inner None stands for an unknown number.
    cut: Option<Option<Dropped>>,
    received: Received,
    /// When the first of the newest lines was taken, by which the end of the log was found.
    looked: Option<Moment>,
    rotated: bool,
    /// Why lines before the place were not given.
    lost: Option<Lost>,
    /// Whether the window was read to its end.
    window_given: bool,
    /// Whether the run was read to its end after it had ended, and whether that was tried as of an earlier run.
    run_read: bool,
    left: bool,
    /// How often in a row the node failed to give the end of the run.
    failures: u32,
    /// The wait before the next connection, and since when there is one.
    wait: Duration,
    connected: Option<Instant>,
    pub(super) trouble: Option<Trouble>,
    pub(super) warnings: Vec<String>,
}

/// What there is at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// The next line: the head.
    Line,
    /// Nobody knows before others have had their turn to search.
    Later,
    /// Nothing before more comes.
    Nothing,
}

/// Where lines come from.
enum Feed {
    /// From nowhere: before the read and after it.
    None,
    /// From the newest lines, all of which have been read.
    Ring(Ring),
    /// From the read itself.
    Read(Box<LogRead>),
}

/// What `read_newest` has read.
struct Filled {
    ring: Ring,
    read: LogRead,
    /// Lines behind the last one held that the filter left out.
    left_out: u64,
}

impl Source {
    /// A log that is read from the beginning of its window.
    #[must_use]
    pub fn new(name: ContainerName, run: Option<Run>, window: Window, filter: &Arc<Filter>, follow: bool) -> Self {
        Self {
            name,
            trouble: run.is_none().then(Trouble::no_such_container),
            run: run.unwrap_or_default(),
            window,
            filter: filter.clone(),
            follow,
            place: Place::Beginning,
            feed: Feed::None,
            head: None,
            text: Vec::new(),
            fresh: true,
            filtered: 0,
            folded: 0,
            turns: Turns::default(),
            behind_ring: (Position::default(), 0),
            older: None,
            cut: None,
            received: Received::default(),
            looked: None,
            rotated: false,
            lost: None,
            window_given: false,
            run_read: false,
            left: false,
            failures: 0,
            wait: Duration::ZERO,
            connected: None,
            warnings: Vec::new(),
        }
    }

    /// Goes on where an earlier answer ended.
    #[must_use]
    pub fn resume(mut self, progress: &Progress, previous: bool) -> Self {
        let step = progress.step;
        self.place = step.place;
        (self.filtered, self.folded) = (step.filtered, step.folded);
        self.fresh = step.place == Place::Beginning;
        self.older = progress.older;
        self.cut = progress.cut_older.then_some(progress.dropped);
        self.lost = step.lost;
        self.trouble = self.trouble.or_else(|| step.place.trouble());
        let began = matches!(step.place, Place::Behind(_));
        if began && self.trouble.is_none() && self.run.number != step.run {
            if previous {
                let message = "the earlier run has become a still earlier one, whose log is not to be had".to_owned();
                let status = ContainerLogStatus::NoPrevious;
                self.trouble = Some(Trouble { status, message, missing: Some(Missing::CUT) });
                // The place stays one in the run that was begun, in the calls that go on from here too.
                self.run.number = step.run;
            } else {
                self.lost.get_or_insert(Lost::Restart);
            }
        }
        self
    }

    /// Reads from the beginning of the log, all of which is new: the pod has come, or got its node, while others were followed.
    pub fn start_from_the_beginning(&mut self) {
        self.window = Window { tail: None, newest: None, ..self.window };
        self.place = Place::Behind(Position::default());
        self.trouble = None;
    }

    /// Notes that the pod has no node. Where it is followed, all that comes is new, in this call and in those that go on from it.
    pub fn wait_for_node(&mut self) {
        self.trouble = Some(Trouble::not_scheduled());
        if self.follow && self.place == Place::Beginning {
            self.place = Place::Behind(Position::default());
        }
    }

    /// Whether it is not read since its pod has no node.
    #[must_use]
    pub fn has_no_node(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.status == ContainerLogStatus::NotScheduled)
    }

    /// Whether a request is open.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        matches!(self.feed, Feed::Read(_))
    }

    /// The container's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Whether there is anything to read.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.trouble.is_none() && self.place.has_more()
    }

    /// How many bytes of lines this log may have to hold.
    #[must_use]
    pub fn holds(&self) -> usize {
        if self.place == Place::Beginning { self.window.newest.unwrap_or_default() } else { 0 }
    }

    /// Goes to the next line, waiting for it; there is no head at the end of the window.
    pub async fn advance(&mut self) {
        loop {
            let now = self.advance_now();
            let Feed::Read(read) = &mut self.feed else { return };
            let more = match now {
                Now::Line => return,
                Now::Later => self.turns.wait(read.deadline()).await.map(|()| true),
                Now::Nothing => read.more().await,
            };
            match more {
                Ok(true) => {}
                Ok(false) => return self.end_of_read(),
                Err(error) => {
                    self.feed = Feed::None;
                    self.trouble = Some(Trouble::broken(&error));
                    return;
                }
            }
        }
    }

    /// Goes to the next line if it is there already, and found soon.
    pub fn advance_now(&mut self) -> Now {
        let mut now = Now::Nothing;
        self.head = match &mut self.feed {
            Feed::None => None,
            Feed::Ring(ring) => ring.pop(&mut self.text),
            Feed::Read(_) => self.next_wanted(&mut now),
        };
        match (&self.feed, self.head, self.place) {
            (Feed::Read(_), Some(line), Place::Beginning) => {
                self.place = Place::Behind(Position::before(line.moment));
            }
            (Feed::Ring(_), None, _) => {
                self.feed = Feed::None;
                self.end_of_ring();
            }
            _ => {}
        }
        if self.head.is_some() { Now::Line } else { now }
    }

    /// The next line of a read that the filter takes. What it leaves out lies behind: nobody needs to read it again.
    fn next_wanted(&mut self, now: &mut Now) -> Option<Line> {
        let Feed::Read(read) = &mut self.feed else { return None };
        *now = Now::Later;
        let mut search = self.turns.begin(&self.filter)?;
        while !search.is_over() {
            let Some(line) = read.next_line() else {
                *now = Now::Nothing;
                return None;
            };
            if search.takes(read.text()) {
                return Some(line);
            }
            if !read.took_up() {
                self.lost.get_or_insert(Lost::Place);
            }
            self.place = Place::Behind(read.position());
            self.filtered += 1;
        }
        None
    }

    /// The moment by which the head is merged with those of other logs; None where there is no head.
    #[must_use]
    pub fn key(&self) -> Option<Option<Moment>> {
        self.head?;
        match &self.feed {
            Feed::None => None,
            Feed::Ring(ring) => Some(ring.position().and_then(|position| position.moment())),
            Feed::Read(read) => Some(read.position().moment()),
        }
    }

    /// Goes past the head, which is given to the caller now or later: what is known of it, and its text.
    pub fn take(&mut self) -> Option<(Line, &[u8])> {
        let line = self.head?;
        let (text, position) = match &self.feed {
            Feed::None => return None,
            Feed::Ring(ring) => {
                self.filtered = ring.left_out();
                (&self.text[..], ring.position().unwrap_or_default())
            }
            Feed::Read(read) => {
                if !read.took_up() {
                    self.lost.get_or_insert(Lost::Place);
                }
                (read.text(), read.position())
            }
        };
        self.place = Place::Behind(position);
        Some((line, text))
    }

    /// The text of the head.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        match &self.feed {
            Feed::None => &[],
            Feed::Ring(_) => &self.text,
            Feed::Read(read) => read.text(),
        }
    }

    /// Notes that another line stands for the one that was taken last.
    pub fn fold(&mut self) {
        self.folded += 1;
    }

    /// Takes over the newest lines; `all` says that the read went over the whole selection.
    fn hold(&mut self, Filled { ring, mut read, left_out }: Filled, all: bool) {
        self.received = read.received();
        self.trouble = read.take_trouble();
        let dropped = ring.dropped();
        let was_cut = dropped.lines > 0;
        self.cut = was_cut.then(|| all.then_some(dropped));
        self.older = if was_cut { Some(true) } else { self.older_than_window() };
        let position = ring.position().unwrap_or(read.position());
        if position > Position::default() {
            self.place = Place::Behind(position);
        }
        self.behind_ring = (read.position(), left_out);
        self.feed = Feed::Ring(ring);
    }

    fn end_of_ring(&mut self) {
        let (end, left_out) = std::mem::take(&mut self.behind_ring);
        if let Place::Behind(place) = self.place
            && left_out > 0
        {
            self.filtered += left_out;
            self.place = Place::Behind(place.max(end));
        }
        self.end_of_window();
    }

    fn end_of_read(&mut self) {
        let Feed::Read(mut read) = std::mem::replace(&mut self.feed, Feed::None) else { return };
        self.received = read.received();
        self.trouble = read.take_trouble();
        if self.fresh {
            self.older = self.older_than_window();
        }
        if self.trouble.is_none() && !read.took_up() {
            self.lost.get_or_insert(Lost::Place);
        }
        // Lines that were read and are not wanted lie behind too.
        if self.trouble.is_none() && read.position() > Position::default() {
            let before = if let Place::Behind(position) = self.place { position } else { Position::default() };
            self.place = Place::Behind(read.position().max(before));
        }
        self.end_of_window();
    }

    fn end_of_window(&mut self) {
        self.window_given = self.trouble.is_none();
        if self.window_given && !self.follow {
            self.place = Place::End;
        }
        // A window without lines is no place. But what comes after it is new, in the calls that go on from it too.
        if self.window_given && self.follow && self.place == Place::Beginning && self.window.tail != Some(0) {
            self.place = Place::Behind(Position::default());
        }
    }

    /// Whether `tail_lines` or a moment left out older lines.
    fn older_than_window(&self) -> Option<bool> {
        match (self.older_than_tail(), self.window.since) {
            (Some(false), Some(since)) => self.older_than(since),
            (told, _) => told,
        }
    }

    /// Whether there are lines before the moment. They are not asked for, so they are known of only where some were met all the same,
    /// or where the container did not run yet.
    fn older_than(&self, since: Moment) -> Option<bool> {
        if self.looked.into_iter().chain(self.received.first).any(|first| first < since) {
            return Some(true);
        }
        self.run.started.is_some_and(|started| started >= since).then_some(false)
    }

    /// Whether `tail_lines` left out older lines of the selection. The kubelet counts records, of which a line may have
    /// several, so fewer lines than were asked for may still be all of the records.
    fn older_than_tail(&self) -> Option<bool> {
        match self.window.tail {
            None => Some(false),
            Some(0) => None,
            Some(tail) if self.received.lines >= tail => Some(true),
            Some(_) => (self.run.lines_are_records && self.received.longest < RECORD_MIN).then_some(false),
        }
    }

    /// Finds out whether the node's file begins later than the window, although the container ran already: then it may have been
    /// rotated. Or the container was silent, which nobody can tell apart, so this is a warning and no gap.
    pub async fn check_rotation(&mut self, logs: &PodLogs) {
        let Some(since) = self.window.since else { return };
        let ran = self.run.started.is_some_and(|started| started < since);
        let later = self.received.first.is_some_and(|first| first > since);
        if !self.fresh || !ran || !later || self.trouble.is_some() || self.older == Some(true) {
            return;
        }
        let Ok(mut read) = logs.open(&self.name, ReadQuery::default(), End::Unknown).await else { return };
        let first = loop {
            match read.next_line() {
                Some(line) => break line.moment,
                None if matches!(read.more().await, Ok(true)) => {}
                None => break None,
            }
        };
        self.rotated = first.is_some_and(|first| first > since);
        // A file without older lines does not say that there were none.
        if first.is_some_and(|first| first < since) {
            self.older = Some(true);
        }
        if self.rotated {
            self.warnings.push(format!(
                "{}: the node's log begins after the moment asked for; the container wrote nothing before, or it was rotated away",
                self.name
            ));
        }
    }
}
