//! Which lines are given, by their text: `include` and `exclude`.
//!
//! The crate regex takes time linear in the text, whatever the expression; but each byte may cost as much as the compiled expression is
//! large, so its size is bounded here. A log searches a little at a time (`AT_ONCE`), all logs of a call no more than `POLL` before other
//! calls have their turn. Expressions that are slow search one after the other, and rest for as long: so they keep one worker of the
//! process busy, whoever has sent them, and all other work goes on beside it. Those of a call count as slow until some KiB have shown
//! that they are not; once slow, they stay so.

use std::{
    sync::{
        MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use regex::bytes::{RegexBuilder, RegexSet, RegexSetBuilder};
use tokio::{
    task::coop::{consume_budget, has_budget_remaining},
    time::sleep,
};

use crate::error::ReadError;

/// More are better written as one, with `|`.
const EXPRESSIONS_MAX: usize = 32;
/// Of one expression.
const BYTES_MAX: usize = 1 << 10;
/// Bytes that all expressions of a field may take when they are compiled: enough for two hundred words, or for two `\w`, which stands for
/// the letters of all scripts and takes 50 KiB. The longest line is then searched within about a second, whatever the expression.
const COMPILED_MAX: usize = 128 << 10;
/// What the search may remember beside, so that it need not work it out anew. The crate keeps several times as much for each field and
/// each thread that has searched: a MiB a call at most, of which `LogLimits` bounds the number.
const REMEMBERED_MAX: usize = 128 << 10;
/// Parentheses in parentheses.
const NESTING_MAX: u32 = 50;

/// Bytes that a log searches before others get their turn and the deadline is looked at.
const AT_ONCE: usize = 8 << 10;
/// Bytes that all logs of a call search before other tasks get theirs.
const POLL: usize = 32 << 10;
/// What tokio lets a task do before others get their turn (`tokio::task::coop`).
const BUDGET: usize = 128;
/// Who takes longer for a turn is slow: a usual one takes a thousandth of it.
const SLOW: Duration = Duration::from_millis(10);
/// Who has searched as much in quick turns is not suspected any more.
const ENOUGH: usize = AT_ONCE / 2;
/// Who is slow looks so often whether another one is done.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// What a line costs beside its bytes.
const LINE_COST: usize = 64;

/// Held by the one of all slow searches of the process that goes on.
static SLOW_ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// What a line has to match, and what it must not.
#[derive(Debug, Default)]
pub struct Filter {
    include: Option<RegexSet>,
    exclude: Option<RegexSet>,
    is_slow: AtomicBool,
    /// Bytes that were searched in quick turns.
    searched: AtomicUsize,
}

/// How a log takes its turns to search.
#[derive(Debug, Default)]
pub struct Turns {
    /// Bytes that were searched since others had theirs, and how long that took.
    spent: usize,
    took: Duration,
    /// How long others are to have theirs.
    rest: Duration,
}

/// A turn. It must not be held while anything is awaited.
#[derive(Debug)]
pub struct Search<'f> {
    filter: &'f Filter,
    turns: &'f mut Turns,
    began: Instant,
    bytes: usize,
    _alone: Option<MutexGuard<'static, ()>>,
}

impl Filter {
    /// # Errors
    /// `InvalidArgument` for `include` or `exclude`.
    pub fn parse(include: &[String], exclude: &[String]) -> Result<Self, ReadError> {
        let (include, exclude) = (compile("include", include)?, compile("exclude", exclude)?);
        Ok(Self { include, exclude, ..Self::default() })
    }

    /// Whether it takes every line.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        self.include.is_none() && self.exclude.is_none()
    }

    fn matches(&self, text: &[u8]) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(text))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.is_match(text))
    }
}

impl Turns {
    /// A turn; None where others come first.
    pub fn begin<'f>(&'f mut self, filter: &'f Filter) -> Option<Search<'f>> {
        let mut alone = None;
        if !filter.takes_all() {
            if self.spent >= AT_ONCE || !self.rest.is_zero() || !has_budget_remaining() {
                return None;
            }
            if filter.is_slow.load(Ordering::Relaxed) || filter.searched.load(Ordering::Relaxed) < ENOUGH {
                let other = match SLOW_ONE.try_lock() {
                    Ok(guard) => Ok(guard),
                    Err(TryLockError::Poisoned(poisoned)) => Ok(PoisonError::into_inner(poisoned)),
                    Err(TryLockError::WouldBlock) => Err(()),
                };
                match other {
                    Ok(guard) => alone = Some(guard),
                    Err(()) => {
                        self.rest = LOOK_EVERY;
                        return None;
                    }
                }
            }
        }
        Some(Search { filter, turns: self, began: Instant::now(), bytes: 0, _alone: alone })
    }

    /// Waits while others have their turn.
    ///
    /// # Errors
    /// `Deadline`.
    pub async fn wait(&mut self, deadline: tokio::time::Instant) -> Result<(), ReadError> {
        let rest = std::mem::take(&mut self.rest);
        self.took = Duration::ZERO;
        if !rest.is_zero() {
            sleep(rest).await;
        }
        // All logs of a call are one task, which has this budget for each of its own turns.
        for _ in 0..=std::mem::take(&mut self.spent) * BUDGET / POLL {
            consume_budget().await;
        }
        if tokio::time::Instant::now() < deadline { Ok(()) } else { Err(ReadError::Deadline) }
    }
}

impl Search<'_> {
    /// Whether a line of this text is given.
    pub fn takes(&mut self, text: &[u8]) -> bool {
        if self.filter.takes_all() {
            return true;
        }
        self.bytes += text.len() + LINE_COST;
        self.filter.matches(text)
    }

    /// Whether others are to have their turn.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.turns.spent + self.bytes >= AT_ONCE
    }
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        let Self { filter, turns, began, bytes, .. } = self;
        if filter.takes_all() {
            return;
        }
        turns.spent += *bytes;
        turns.took += began.elapsed();
        if turns.took > SLOW {
            filter.is_slow.store(true, Ordering::Relaxed);
            turns.rest = turns.took;
        } else {
            filter.searched.fetch_add(*bytes, Ordering::Relaxed);
        }
    }
}

fn compile(field: &'static str, expressions: &[String]) -> Result<Option<RegexSet>, ReadError> {
    if expressions.is_empty() {
        return Ok(None);
    }
    if expressions.len() > EXPRESSIONS_MAX {
        return Err(ReadError::invalid(field, format!("must be no more than {EXPRESSIONS_MAX} expressions")));
    }
    if expressions.iter().any(|expression| expression.len() > BYTES_MAX) {
        return Err(ReadError::invalid(field, format!("has an expression of more than {BYTES_MAX} bytes")));
    }
    let set = RegexSetBuilder::new(expressions)
        .size_limit(COMPILED_MAX)
        .dfa_size_limit(REMEMBERED_MAX)
        .nest_limit(NESTING_MAX)
        .build();
    set.map(Some).map_err(|error| ReadError::invalid(field, why(expressions, &error)))
}

/// What is wrong, and with which of them where one alone is wrong.
fn why(expressions: &[String], error: &regex::Error) -> String {
    let alone = |expression: &String| {
        let mut builder = RegexBuilder::new(expression);
        builder.size_limit(COMPILED_MAX).nest_limit(NESTING_MAX);
        builder.build().err().map(|error| format!("the expression {expression:?} {}", told(&error)))
    };
    expressions.iter().find_map(alone).unwrap_or_else(|| format!("all expressions together: each {}", told(error)))
}

fn told(error: &regex::Error) -> String {
    match error {
        // Its text draws the expression over several lines; the last one says what is wrong.
        regex::Error::Syntax(text) => {
            let last = text.lines().last().unwrap_or_default();
            format!("is no regular expression: {}", last.trim_start_matches("error: "))
        }
        _ => format!("takes more than {COMPILED_MAX} bytes when it is compiled"),
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin};

    use futures::{StreamExt as _, stream::FuturesUnordered};

    use super::*;

    fn mk_filter(include: &[&str], exclude: &[&str]) -> Result<Filter, ReadError> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Filter::parse(&owned(include), &owned(exclude))
    }

    /// Polls all logs as one task, as a call does: which had a turn, with None where the task began anew.
    async fn turns_of(logs: usize, filter: &Filter, each: usize) -> Vec<Option<usize>> {
        let seen = std::cell::RefCell::new(Vec::new());
        let text = [b'a'; 1 << 10];
        let log = async |log: usize| {
            let mut turns = Turns::default();
            for _ in 0..each {
                loop {
                    if let Some(mut search) = turns.begin(filter) {
                        while !search.is_over() {
                            search.takes(&text);
                        }
                        seen.borrow_mut().push(Some(log));
                        break;
                    }
                    turns.wait(tokio::time::Instant::now() + Duration::from_secs(60)).await.unwrap();
                }
                turns.wait(tokio::time::Instant::now() + Duration::from_secs(60)).await.unwrap();
            }
        };
        let mut all = pin!((0..logs).map(log).collect::<FuturesUnordered<_>>().collect::<Vec<()>>());
        poll_fn(|context| {
            seen.borrow_mut().push(None);
            all.as_mut().poll(context)
        })
        .await;
        seen.take()
    }

    #[tokio::test]
    async fn the_logs_of_a_call_search_together_no_more_at_once_than_one_may() {
        let turns = turns_of(40, &mk_filter(&["x"], &[]).unwrap(), 3).await;
        let at_once = turns.split(Option::is_none).map(<[_]>::len).max();
        assert!(at_once <= Some(POLL / AT_ONCE + 1), "{at_once:?}: {turns:?}");
        assert_eq!(turns.iter().flatten().count(), 120);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_slow_rests_and_waits_for_another_that_is() {
        let filter = mk_filter(&["x"], &[]).unwrap();
        let mut turns = Turns::default();
        let mut search = turns.begin(&filter).unwrap();
        search.began = Instant::now().checked_sub(Duration::from_millis(300)).unwrap();
        drop(search);
        assert!(turns.begin(&filter).is_none(), "it rests");
        let begin = tokio::time::Instant::now();
        turns.wait(begin + Duration::from_secs(60)).await.unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(300), "for as long as it took");

        let quick = mk_filter(&["x"], &[]).unwrap();
        let mut search = turns.begin(&quick).unwrap();
        search.takes(&[b'a'; ENOUGH]);
        drop(search);
        turns.wait(begin + Duration::from_secs(60)).await.unwrap();

        let alone = turns.begin(&filter).unwrap();
        let mut other = Turns::default();
        assert!(other.begin(&filter).is_none());
        assert!(other.begin(&quick).is_none(), "it has to look again");
        other.wait(begin + Duration::from_secs(60)).await.unwrap();
        assert!(other.begin(&quick).is_some(), "who is quick does not wait");
        assert!(Turns::default().begin(&mk_filter(&["x"], &[]).unwrap()).is_none(), "who may be slow does");
        drop(alone);
        assert!(other.begin(&filter).is_some());
    }

    #[tokio::test]
    async fn who_is_slow_by_many_short_lines_is_slow_and_stays_so() {
        let filter = mk_filter(&["x"], &[]).unwrap();
        let mut turns = Turns::default();
        let mut lines = 0;
        while let Some(mut search) = turns.begin(&filter) {
            search.began = Instant::now().checked_sub(SLOW * 9 / 10).unwrap();
            search.takes(&[b'a'; 600]);
            drop(search);
            lines += 1;
        }
        assert!(lines == 2 && filter.is_slow.load(Ordering::Relaxed), "{lines}");
        turns.wait(tokio::time::Instant::now() + Duration::from_secs(60)).await.unwrap();
        for _ in 0..10 {
            turns.begin(&filter).unwrap().takes(&[b'a'; 600]);
        }
        assert!(filter.is_slow.load(Ordering::Relaxed));
    }

    #[test]
    fn a_line_is_given_that_matches_any_include_and_no_exclude() {
        let filter = mk_filter(&["error", "warn(ing)?:"], &["healthz$"]).unwrap();
        for (text, taken) in [
            ("an error", true),
            ("warning: disk", true),
            ("warn: /healthz", false),
            ("all is well", false),
            ("GET /healthz error", true),
        ] {
            assert_eq!(filter.matches(text.as_bytes()), taken, "{text}");
        }
        assert!(filter.matches(b"\xff error"));
        assert!(mk_filter(&[], &["x"]).unwrap().matches(b"anything"));
        assert!(mk_filter(&[], &[]).unwrap().takes_all());
    }

    #[test]
    fn what_is_no_expression_or_takes_too_much_is_refused_with_the_field_named() {
        let large = r"\w{100}".repeat(20);
        for hostile in [
            "(",
            r"\pL{10000}",
            "((((a{100}){100}){100}){100})",
            &"(".repeat(200),
            &large,
            &"x".repeat(2000),
            r"(?-u)a.{0,5000}[^a]b",
            r"(?-u)a.{9000}z",
        ] {
            let refused = |outcome, expected| match outcome {
                Err(ReadError::InvalidArgument { field, why }) => {
                    assert!(field == expected && !why.contains('\n') && why.len() < 1300, "{why}");
                }
                outcome => panic!("{hostile}: {outcome:?}"),
            };
            refused(mk_filter(&["fine", hostile], &[]), "include");
            refused(mk_filter(&[], &[hostile]), "exclude");
        }
        assert!(mk_filter(&["x"; 33], &[]).is_err());
        assert!(mk_filter(&[r"\w"; 30], &[]).is_err(), "all together");
    }

    #[test]
    fn what_people_look_for_is_not_too_much() {
        let words: Vec<_> = (0..100).map(|number| format!("word{number:04}")).collect();
        for expression in [
            r"(?i)\berror\b|warn(ing)?:",
            r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}",
            r"user=\S+ status=5\d\d .*latency=\d{4,}",
            r"user=\w+ from=\w+",
            "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
            &words.join("|"),
        ] {
            mk_filter(&[expression], &[expression]).unwrap();
        }
    }
}
