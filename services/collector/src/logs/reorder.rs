//! The reorder window of logs that are followed: lines are held for a moment, so that one that arrives later and is older comes
//! before them.
//!
//! Which of two nodes' lines arrives first is chance; which was written first is what the reader wants to know. A line that
//! arrives when a newer one has been given already is late, and is given at once: to hold it would not put it right.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::time::{Duration, Instant};

use super::{lines::Line, log::Held, merge::Key};

/// How long a line is held, from its arrival.
pub(super) const WINDOW: Duration = Duration::from_secs(1);
/// What is held of all logs of a call: beyond that, the earliest lines are given before their time. No more than 64 calls follow logs
/// at one time.
const HELD_MAX: usize = 1 << 20;
/// So many of those that were given may still be known, beside as many as are held.
const SLACK: usize = 64;

/// Where a line stands among those that are held; the number keeps lines of one time in the order in which they came.
type Place = (Key, u64);

/// Lines that are held.
#[derive(Debug, Default)]
pub(super) struct Reorder {
    lines: BTreeMap<Place, (usize, Held)>,
    /// When each has to be given, in the order of arrival; some may have been given before.
    due: VecDeque<(Instant, Place)>,
    /// Of each log, how many are held, and the newest of them.
    logs: HashMap<usize, (usize, Place)>,
    number: u64,
    bytes: usize,
    /// The key of the newest line that was given.
    given: Option<Key>,
}

impl Reorder {
    /// Whether a newer line has been given already.
    pub(super) fn is_late(&self, key: Key) -> bool {
        self.given.is_some_and(|given| key < given)
    }

    /// The newest line of a log that is held, where another line repeats it.
    pub(super) fn repeated_by(&mut self, log: usize, line: Line, text: &[u8]) -> Option<&mut Held> {
        let (_, place) = self.logs.get(&log)?;
        let (_, held) = self.lines.get_mut(place)?;
        held.is_repeated_by(line, text).then_some(held)
    }

    /// Holds a line that has arrived now.
    pub(super) fn hold(&mut self, log: usize, held: Held, now: Instant) {
        let place = (held.key, self.number);
        self.number += 1;
        self.bytes += held.size();
        self.due.push_back((now + WINDOW, place));
        let of_log = self.logs.entry(log).or_insert((0, place));
        *of_log = (of_log.0 + 1, place);
        self.lines.insert(place, (log, held));
        if self.due.len() > 2 * self.lines.len() + SLACK {
            // Behind one that is held for long, others may have been given.
            self.due.retain(|(_, place)| self.lines.contains_key(place));
        }
    }

    /// Whether nothing is held of a log.
    pub(super) fn holds_none_of(&self, log: usize) -> bool {
        !self.logs.contains_key(&log)
    }

    /// When the next line has to be given.
    pub(super) fn next_due(&mut self) -> Option<Instant> {
        while let Some((due, place)) = self.due.front() {
            if self.lines.contains_key(place) {
                return Some(*due);
            }
            self.due.pop_front();
        }
        None
    }

    /// The next line that has to be given now: one that is due, or one that comes before it, or the first of too many.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<(usize, Held)> {
        let due = self.next_due()? <= now || self.bytes > HELD_MAX;
        if due { self.take() } else { None }
    }

    /// The next line of all that are held.
    pub(super) fn take(&mut self) -> Option<(usize, Held)> {
        let ((key, _), (log, held)) = self.lines.pop_first()?;
        self.bytes -= held.size();
        self.given = self.given.max(Some(key));
        if let Some((count, _)) = self.logs.get_mut(&log) {
            *count -= 1;
            if *count == 0 {
                self.logs.remove(&log);
            }
        }
        Some((log, held))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::logs::{
        moment::Moment,
        source::{Place as LogPlace, Step},
    };

    fn mk_held(millis: u64, text: &[u8]) -> Held {
        let moment = Some(Moment {
            seconds: i64::try_from(millis / 1000).unwrap(),
            nanos: u32::try_from(millis % 1000).unwrap() * 1_000_000,
        });
        let step = Step { run: 0, place: LogPlace::Beginning, lost: None, filtered: 0, folded: 0 };
        let line = Line { moment, length: text.len() as u64, line_feed: true };
        Held { line, text: text.to_vec(), count: 1, last: None, key: moment, step }
    }

    /// Gives lines that were written and that arrived so many milliseconds after the beginning, by (written, delay): what is given,
    /// with when it is.
    fn given(lines: &[(u64, u64)]) -> Vec<(usize, u64)> {
        let begin = Instant::now();
        let mut arrivals: Vec<_> =
            lines.iter().enumerate().map(|(number, (at, delay))| (at + delay, *at, number)).collect();
        arrivals.sort_unstable();
        let mut order = Reorder::default();
        let mut given = Vec::new();
        let mut arrivals = arrivals.into_iter().peekable();
        for now in 0..=10_000 {
            let instant = begin + Duration::from_millis(now);
            while let Some((_, at, number)) = arrivals.next_if(|(arrival, ..)| *arrival == now) {
                let held = mk_held(at, b"x");
                if order.is_late(held.key) {
                    given.push((number, now));
                } else {
                    order.hold(number, held, instant);
                }
            }
            while let Some((number, _)) = order.take_due(instant) {
                given.push((number, now));
            }
        }
        assert!(order.lines.is_empty() && order.logs.is_empty() && order.bytes == 0);
        given
    }

    proptest! {
        #[test]
        fn lines_that_are_late_by_no_more_than_the_window_come_in_order(
            lines in prop::collection::vec((0_u64..4000, 0_u64..=1000), 0..40),
        ) {
            let given = given(&lines);
            let written: Vec<_> = given.iter().map(|(number, _)| lines[*number].0).collect();
            prop_assert!(written.is_sorted(), "{:?}", written);
            prop_assert_eq!(given.len(), lines.len());
        }

        #[test]
        fn no_line_is_held_for_longer_than_the_window_and_none_is_lost(
            lines in prop::collection::vec((0_u64..4000, 0_u64..=4000), 0..40),
        ) {
            let given = given(&lines);
            for (number, at) in &given {
                let arrived = lines[*number].0 + lines[*number].1;
                prop_assert!((arrived..=arrived + 1000).contains(at), "{} {}", arrived, at);
            }
            let mut numbers: Vec<_> = given.into_iter().map(|(number, _)| number).collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..lines.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn behind_a_line_that_is_held_nothing_is_known_for_long_of_those_that_were_given() {
        let mut order = Reorder::default();
        let now = Instant::now();
        // A clock that is ahead: its line comes last.
        order.hold(1, mk_held(1_000_000, b"x"), now);
        for millis in 0..10_000 {
            order.hold(0, mk_held(millis, b"x"), now);
            assert!(order.due.len() <= 2 * order.lines.len() + SLACK + 2, "{}", order.due.len());
            let known: std::collections::BTreeSet<_> = order.due.iter().map(|(_, place)| *place).collect();
            assert!(order.lines.keys().all(|place| known.contains(place)), "each that is held will be given");
            order.take();
        }
        assert_eq!(order.next_due(), Some(now + WINDOW));
    }

    #[test]
    fn what_is_too_much_is_given_before_its_time() {
        let mut order = Reorder::default();
        let now = Instant::now();
        for millis in 0..40 {
            order.hold(0, mk_held(millis, &[b'x'; 64 << 10]), now);
        }
        let given = std::iter::from_fn(|| order.take_due(now)).count();
        assert!((24..=26).contains(&given), "{given}");
        assert!(order.bytes <= HELD_MAX && !order.holds_none_of(0));
    }
}
