//! What happens in one case, as values that proptest makes up and shrinks. All times are from the beginning.

use std::{ops::RangeInclusive, time::Duration};

use proptest::{collection::vec, option, prelude::*};

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    /// What the back-offs' random parts come from.
    pub seed: u64,
    /// Commands that the bridge works on at one time.
    pub places: usize,
    /// How long it waits for them when it is told to end.
    pub drain: Duration,
    /// What is put into the command queue.
    pub commands: Vec<Planned>,
    /// What the collector does with its first calls; all others are answered at once.
    pub streams: Vec<Vec<Happening>>,
    /// What goes wrong with calls to the queues.
    pub faults: Vec<Fault>,
    /// When the queue hands a message out again that is in flight.
    pub repeats: Vec<Duration>,
    /// How the first bridge ends; where it does not say, when all is answered. A second one then does what is left.
    pub ends: Option<Ending>,
}

/// A command.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// When it is put into the queue.
    pub at: Duration,
    /// How long it may take from then.
    pub deadline: Duration,
    /// How many queries it has.
    pub queries: usize,
    /// Whether its answers are to be compressed.
    pub is_zipped: bool,
}

/// What a collector does in one stream.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// A page of items of these lengths.
    Page(Vec<usize>),
    /// Nothing, for so long.
    Waits(Duration),
    /// It breaks in a way that can be mended.
    Breaks,
    /// It is refused for good.
    Refuses,
    /// It comes to its end.
    Ends,
    /// Nothing any more.
    Hangs,
}

/// Calls that go wrong for a while.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub on: Operation,
    pub from: Duration,
    pub lasts: Duration,
    /// One of so many calls.
    pub every: usize,
    pub trouble: Trouble,
}

/// The calls to the queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Receive,
    ChangeVisibility,
    Delete,
    Send,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Throttled, or not reached.
    Fails,
    /// It takes effect, and its answer is lost.
    AnswerLost,
    /// Nothing comes back until the client breaks it off.
    Hangs,
    /// It takes so long.
    Slow(Duration),
    /// A permission is missing.
    Misconfigured,
    /// Every other entry of a batch fails.
    Partly { sender_fault: bool },
}

/// The end of a bridge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub at: Duration,
    /// Whether it is told to end, or just gone.
    pub is_kill: bool,
}

impl Schedule {
    /// Whether the bridge is left alone.
    pub(super) fn is_calm(&self) -> bool {
        self.faults.is_empty() && self.repeats.is_empty() && self.ends.is_none()
    }
}

/// Schedules; one of four without any trouble at the queues, and one of four without any at the collector.
pub(super) fn schedules() -> impl Strategy<Value = Schedule> {
    let troubles = prop_oneof![
        1 => Just((Vec::new(), Vec::new(), None)),
        3 => (vec(faults(), 0..6), vec(seconds(0..=200), 0..3), option::of(endings())),
    ];
    let streams = prop_oneof![1 => Just(Vec::new()), 3 => vec(vec(happenings(), 1..6), 1..20)];
    let work = (vec(commands(), 1..=20), streams);
    (any::<u64>(), 1_usize..=6, seconds(0..=60), work, troubles).prop_map(|(seed, places, drain, work, troubles)| {
        let ((commands, streams), (faults, repeats, ends)) = (work, troubles);
        Schedule { seed, places, drain, commands, streams, faults, repeats, ends }
    })
}

fn commands() -> impl Strategy<Value = Planned> {
    let deadline = prop_oneof![seconds(10..=60), seconds(60..=600)];
    (seconds(0..=120), deadline, 1_usize..=3, prop::bool::weighted(0.2))
        .prop_map(|(at, deadline, queries, is_zipped)| Planned { at, deadline, queries, is_zipped })
}

fn happenings() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => vec(prop_oneof![4 => 10_usize..2_000, 1 => 2_000_usize..20_000], 1..5).prop_map(Happening::Page),
        3 => seconds(0..=60).prop_map(Happening::Waits),
        2 => Just(Happening::Ends),
        1 => Just(Happening::Breaks),
        1 => Just(Happening::Refuses),
        1 => Just(Happening::Hangs),
    ]
}

fn faults() -> impl Strategy<Value = Fault> {
    use Operation::{ChangeVisibility, Delete, Receive, Send};
    let operations = prop_oneof![Just(Receive), Just(ChangeVisibility), Just(Delete), Just(Send)];
    (operations, seconds(0..=200), seconds(1..=120), 1_usize..4, troubles())
        .prop_map(|(on, from, lasts, every, trouble)| Fault { on, from, lasts, every, trouble })
}

fn troubles() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        1 => Just(Trouble::Fails),
        1 => Just(Trouble::AnswerLost),
        2 => Just(Trouble::Hangs),
        2 => seconds(1..=14).prop_map(Trouble::Slow),
        1 => Just(Trouble::Misconfigured),
        1 => any::<bool>().prop_map(|sender_fault| Trouble::Partly { sender_fault }),
    ]
}

fn endings() -> impl Strategy<Value = Ending> {
    (seconds(0..=300), any::<bool>()).prop_map(|(at, is_kill)| Ending { at, is_kill })
}

/// Whole seconds and some, so that not all falls together with the bridge's own times.
fn seconds(range: RangeInclusive<u64>) -> impl Strategy<Value = Duration> {
    (range.start() * 1000..=range.end() * 1000).prop_map(Duration::from_millis)
}
