//! What stops the work on a command before the ends of its queries: its budget, the lines that it looked for, a cancel.
//!
//! Each response of a collector asks for room before anything of it is written. Where there is room for a part of it only, that part is
//! asked for again, as a page of that length: so never more is given than the budget, and the token behind it is exact.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use gumshoe_proto::bridge::v1::{Budget, StopCause};
use regex::bytes::{Regex, RegexBuilder};
use tokio_util::sync::CancellationToken;

/// Bytes of `stop_when`.
const EXPRESSION_MAX: usize = 1 << 10;
/// What it may take when it is compiled: each byte of a line may cost as much time as this is large, so a line of 64 KiB half a second.
const COMPILED_MAX: usize = 64 << 10;
/// What the search may remember beside, so that it need not work it out anew: with less, many an expression is searched a hundred
/// times slower. The crate keeps some times as much.
const REMEMBERED_MAX: usize = 256 << 10;

/// Whether the work on a command goes on; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    bounds: Bounds,
    looked_for: Option<Regex>,
    counts: Mutex<Counts>,
    cause: OnceLock<StopCause>,
    reached: CancellationToken,
}

/// What may be given.
#[derive(Debug)]
struct Bounds {
    bytes: u64,
    items: u64,
    log_lines: u64,
    matches: u64,
    time: Option<Duration>,
}

/// What was given, of all queries together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Bytes of items, as they were encoded.
    pub bytes: u64,
    /// Items.
    pub items: u64,
    /// Of them, lines of logs.
    pub log_lines: u64,
    /// Of them, those that were looked for.
    pub matches: u64,
    /// Queries that have ended.
    pub queries_done: u32,
}

/// Room for some of the items of a response, from the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// So many.
    pub items: usize,
    /// Of so many bytes in all.
    pub bytes: usize,
}

impl Room {
    /// Of items of these lengths.
    pub(crate) fn of(lengths: &[usize]) -> Self {
        Self { items: lengths.len(), bytes: lengths.iter().sum() }
    }
}

/// Why a budget is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BudgetError {
    /// Of `max_time`.
    #[error("budget.maxTime: must be longer than 0 s")]
    Time,
    /// Of `stop_when`.
    #[error("budget.stopWhen: {0}")]
    StopWhen(String),
    /// Without an expression there is nothing to count.
    #[error("budget.stopAfterMatches: needs stopWhen")]
    Matches,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: u64::MAX, items: u64::MAX, log_lines: u64::MAX, matches: u64::MAX, time: None }
    }
}

impl Stop {
    /// Of a command's budget.
    ///
    /// # Errors
    /// Says which field is wrong.
    pub(crate) fn of(budget: &Budget) -> Result<Self, BudgetError> {
        let bound = |bound: u64| if bound == 0 { u64::MAX } else { bound };
        let Budget { max_bytes, max_items, max_log_lines, max_time, stop_when, stop_after_matches } = budget;
        let time =
            max_time.as_ref().map(|time| Duration::try_from(*time).map_err(|_| BudgetError::Time)).transpose()?;
        if time.is_some_and(|time| time.is_zero()) {
            return Err(BudgetError::Time);
        }
        let looked_for = if stop_when.is_empty() { None } else { Some(compile(stop_when)?) };
        if looked_for.is_none() && *stop_after_matches > 0 {
            return Err(BudgetError::Matches);
        }
        let bounds = Bounds {
            bytes: bound(*max_bytes),
            items: bound(*max_items),
            log_lines: bound(*max_log_lines),
            matches: (*stop_after_matches).max(1),
            time,
        };
        Ok(Self(Arc::new(Shared { bounds, looked_for, ..Shared::default() })))
    }

    /// Stops the work when the time of the budget is over. It never returns.
    pub(crate) async fn watch_time(&self) -> Infallible {
        if let Some(time) = self.0.bounds.time {
            tokio::time::sleep(time).await;
            self.reach(StopCause::Time);
        }
        std::future::pending().await
    }

    /// Returns when the work is to stop.
    pub(crate) async fn reached(&self) {
        self.0.reached.cancelled().await;
    }

    /// Why it is to stop; None where it goes on.
    pub(crate) fn cause(&self) -> Option<StopCause> {
        self.0.cause.get().copied()
    }

    /// Stops the work. The first cause counts.
    pub(crate) fn reach(&self, cause: StopCause) {
        self.0.cause.get_or_init(|| cause);
        self.0.reached.cancel();
    }

    /// Takes room for items of these lengths, as far as there is some. Where that is not all, the work stops.
    pub(crate) fn take(&self, lengths: &[usize], of_log: bool) -> Room {
        let mut counts = self.counts_mut();
        for (taken, length) in lengths.iter().enumerate() {
            let next = counts.with(*length, of_log);
            if let Some(cause) = self.0.bounds.exceeded_by(&next) {
                drop(counts);
                self.reach(cause);
                return Room::of(&lengths[..taken]);
            }
            *counts = next;
        }
        Room::of(lengths)
    }

    /// Looks for what a line may stop the work for. That may take half a second.
    pub(crate) fn line(&self, text: &[u8]) {
        if self.0.looked_for.as_ref().is_some_and(|expression| expression.is_match(text)) {
            self.counts_mut().matches += 1;
        }
    }

    /// Whether lines are looked at.
    pub(crate) fn looks_at_lines(&self) -> bool {
        self.0.looked_for.is_some()
    }

    /// Stops the work where nothing more may be given: what would come next is not waited for.
    pub(crate) fn reach_if_spent(&self) {
        let counts = self.counts();
        if let Some(cause) = self.0.bounds.spent_by(&counts) {
            self.reach(cause);
        }
    }

    /// Notes that a query has ended.
    pub(crate) fn query_done(&self) {
        self.counts_mut().queries_done += 1;
    }

    /// What was given so far.
    pub(crate) fn counts(&self) -> Counts {
        *self.counts_mut()
    }

    fn counts_mut(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn with(mut self, length: usize, of_log: bool) -> Self {
        self.bytes = self.bytes.saturating_add(length as u64);
        self.items += 1;
        self.log_lines += u64::from(of_log);
        self
    }
}

impl Bounds {
    fn exceeded_by(&self, counts: &Counts) -> Option<StopCause> {
        [
            (counts.bytes > self.bytes, StopCause::Bytes),
            (counts.items > self.items, StopCause::Items),
            (counts.log_lines > self.log_lines, StopCause::LogLines),
        ]
        .into_iter()
        .find_map(|(exceeded, cause)| exceeded.then_some(cause))
    }

    fn spent_by(&self, counts: &Counts) -> Option<StopCause> {
        [
            (counts.matches >= self.matches, StopCause::Match),
            (counts.bytes >= self.bytes, StopCause::Bytes),
            (counts.items >= self.items, StopCause::Items),
            (counts.log_lines >= self.log_lines, StopCause::LogLines),
        ]
        .into_iter()
        .find_map(|(spent, cause)| spent.then_some(cause))
    }
}

fn compile(expression: &str) -> Result<Regex, BudgetError> {
    if expression.len() > EXPRESSION_MAX {
        return Err(BudgetError::StopWhen(format!("must be no longer than {EXPRESSION_MAX} bytes")));
    }
    let compiled = RegexBuilder::new(expression).size_limit(COMPILED_MAX).dfa_size_limit(REMEMBERED_MAX).build();
    compiled.map_err(|error| {
        BudgetError::StopWhen(match error {
            // Its text draws the expression over several lines; the last one says what is wrong.
            regex::Error::Syntax(text) => text.lines().last().unwrap_or_default().to_owned(),
            _ => format!("takes more than {COMPILED_MAX} bytes when it is compiled"),
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mk_stop(budget: &Budget) -> Stop {
        Stop::of(budget).unwrap()
    }

    proptest! {
        #[test]
        fn never_more_is_taken_than_the_budget_and_the_first_that_does_not_fit_stops(
            lengths in prop::collection::vec((1_usize..50, any::<bool>()), 0..60),
            (max_bytes, max_items, max_log_lines) in (0_u64..400, 0_u64..40, 0_u64..40),
        ) {
            let budget = Budget { max_bytes, max_items, max_log_lines, ..Budget::default() };
            let stop = mk_stop(&budget);
            let (mut bytes, mut items, mut lines) = (0, 0, 0);
            for (length, of_log) in lengths {
                let within = |given: u64, bound: u64| bound == 0 || given <= bound;
                let fits = within(bytes + length as u64, max_bytes)
                    && within(items + 1, max_items)
                    && within(lines + u64::from(of_log), max_log_lines);
                let taken = stop.take(&[length], of_log);
                prop_assert_eq!(taken.items, usize::from(fits));
                if fits {
                    (bytes, items, lines) = (bytes + length as u64, items + 1, lines + u64::from(of_log));
                } else {
                    prop_assert!(stop.cause().is_some());
                }
                let counts = stop.counts();
                prop_assert_eq!((counts.bytes, counts.items, counts.log_lines), (bytes, items, lines));
            }
        }
    }

    #[test]
    fn of_what_fits_in_part_the_first_items_are_taken() {
        let stop = mk_stop(&Budget { max_items: 3, ..Budget::default() });
        assert_eq!(stop.take(&[1, 1], false), Room { items: 2, bytes: 2 });
        stop.reach_if_spent();
        assert_eq!(stop.cause(), None);
        assert_eq!((stop.take(&[7, 1], false), stop.cause()), (Room { items: 1, bytes: 7 }, Some(StopCause::Items)));
        assert_eq!(stop.take(&[1], true), Room::default());
    }

    #[test]
    fn what_is_used_up_stops_before_more_comes_and_the_first_cause_counts() {
        let stop = mk_stop(&Budget { max_log_lines: 2, stop_when: "pan+ic".into(), ..Budget::default() });
        assert_eq!(stop.take(&[5, 5], true).items, 2);
        stop.line(b"all is well");
        stop.reach(StopCause::Cancel);
        stop.line(b"a panic");
        stop.reach_if_spent();
        assert_eq!((stop.cause(), stop.counts().matches), (Some(StopCause::Cancel), 1));
    }

    #[test]
    fn what_is_no_budget_is_refused_with_the_field_named() {
        let time =
            |seconds, nanos| Budget { max_time: Some(prost_types::Duration { seconds, nanos }), ..Budget::default() };
        let expression = |text: &str| Budget { stop_when: text.into(), ..Budget::default() };
        for (budget, field) in [
            (time(0, 0), "maxTime"),
            (time(-1, 0), "maxTime"),
            (expression("("), "stopWhen"),
            (expression(&"x".repeat(1025)), "stopWhen"),
            (expression(r"\w{100}"), "stopWhen"),
            (Budget { stop_after_matches: 1, ..Budget::default() }, "stopAfterMatches"),
        ] {
            let refused = Stop::of(&budget).unwrap_err().to_string();
            assert!(refused.starts_with(&format!("budget.{field}: ")) && !refused.contains('\n'), "{refused}");
        }
        assert!(Stop::of(&expression(r"(?i)\berror\b|panic: \w+")).is_ok());
    }
}
