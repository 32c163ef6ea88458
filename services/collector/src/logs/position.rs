//! Where in a log one is: behind so many lines of one moment. That is all that the kubelet lets a read be taken up by, for it
//! knows neither offsets nor line numbers, only `sinceTime`, in whole seconds.
//!
//! Two things are left to chance. Where a window begins among lines of one nanosecond, or within a line, a read that is taken
//! up among them brings more than the window had: too much rather than too little. And a line that stands behind one that is
//! more than a second newer is lost to a read that is taken up between the two.
//!
//! Only the kubelet's current file is read. That it does not go back to the place any more is seen (`LogRead::took_up`), with the first
//! line or at the end of the log.

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// Lines of standard output and standard error may come a little out of order, and `sinceTime` drops every line that is
/// older: so a read is taken up a second early, and what was given already is passed over.
const EARLY_SECONDS: i64 = 1;

/// Behind a line. Times only go forwards here: a line that is older than one before it counts as of the newer moment, so
/// that positions have the order of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The newest moment so far; None before the first line that carries one.
    #[serde(rename = "m")]
    moment: Option<Moment>,
    /// How many lines count as of that moment.
    #[serde(rename = "l")]
    lines: u64,
}

impl Position {
    /// Before the first line of this moment.
    #[must_use]
    pub fn before(moment: Option<Moment>) -> Self {
        Self { moment, lines: 0 }
    }

    /// Behind every line of this moment.
    #[must_use]
    pub fn after(moment: Moment) -> Self {
        Self { moment: Some(moment), lines: u64::MAX }
    }

    /// Behind so many lines of a moment.
    #[must_use]
    pub fn of(moment: Option<Moment>, lines: u64) -> Self {
        Self { moment, lines }
    }

    /// How many lines before it count as of its moment.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The moment that the line before counts as.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        self.moment
    }

    /// Goes past the next line.
    pub fn pass(&mut self, moment: Option<Moment>) {
        match moment {
            Some(moment) if self.moment.is_none_or(|newest| newest < moment) => {
                *self = Self { moment: Some(moment), lines: 1 };
            }
            // A read that is taken up here will not bring this line, so it must not be counted.
            Some(moment) if self.resume_since().is_some_and(|since| moment < since) => {}
            _ => self.lines = self.lines.saturating_add(1),
        }
    }

    /// The `sinceTime` with which a read is taken up here; None where it has to begin at the beginning.
    #[must_use]
    pub fn resume_since(&self) -> Option<Moment> {
        self.moment.map(|moment| Moment { seconds: moment.seconds.saturating_sub(EARLY_SECONDS), nanos: 0 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Times near each other, some equal, some out of order by less than a second, some lines without any.
    fn mk_log() -> impl Strategy<Value = Vec<Option<Moment>>> {
        let step =
            prop_oneof![Just(0), Just(1), 0..400_000_000_i64, -900_000_000..0_i64, 1_000_000_000..3_000_000_000_i64];
        prop::collection::vec((step, prop::bool::weighted(0.9)), 0..30).prop_map(|steps| {
            let mut newest = 0;
            let mut log = Vec::new();
            for (step, timed) in steps {
                let nanos: i64 = newest + step;
                newest = newest.max(nanos);
                let moment = Moment {
                    seconds: nanos.div_euclid(1_000_000_000),
                    nanos: u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap(),
                };
                log.push(timed.then_some(moment));
            }
            log
        })
    }

    fn positions(log: impl IntoIterator<Item = Option<Moment>>) -> Vec<Position> {
        let mut position = Position::default();
        log.into_iter()
            .map(|moment| {
                position.pass(moment);
                position
            })
            .collect()
    }

    proptest! {
        #[test]
        fn a_read_that_is_taken_up_gives_exactly_the_rest(log in mk_log(), stop in any::<prop::sample::Index>()) {
            let stop = stop.index(log.len() + 1);
            let behind = positions(log[..stop].iter().copied()).pop().unwrap_or_default();
            let since = behind.resume_since();
            let brought = log.iter().enumerate();
            let brought: Vec<_> = brought.filter(|(_, moment)| since.is_none() || moment.is_none_or(|moment| Some(moment) >= since)).collect();
            let positions = positions(brought.iter().map(|(_, moment)| **moment));
            let given: Vec<_> =
                brought.iter().zip(positions).filter(|(_, position)| *position > behind).map(|((line, _), _)| *line).collect();
            prop_assert_eq!(given, (stop..log.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn lines_of_one_moment_are_told_apart_by_their_number() {
        let moment = Some(Moment { seconds: 5, nanos: 1 });
        let positions = positions([moment, None, moment]);
        assert!(positions[0] < positions[1] && positions[1] < positions[2]);
        assert!(Position::before(moment) < positions[0]);
        assert_eq!(positions[2].resume_since(), Some(Moment { seconds: 4, nanos: 0 }));
    }
}
