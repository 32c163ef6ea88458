//! Which lines are given, by their text: `include` and `exclude`.
//!
//! The crate regex takes time linear in the text, whatever the expression; but each byte may cost as much as the compiled expression is
//! large, so its size is bounded here. Whoever filters many lines lets others have their turn in between (`AT_ONCE`).

use regex::bytes::{RegexBuilder, RegexSet, RegexSetBuilder};

use crate::error::ReadError;

/// More are better written as one, with `|`.
const EXPRESSIONS_MAX: usize = 32;
/// Of one expression.
const BYTES_MAX: usize = 1 << 10;
/// Bytes that all expressions of a field may take when they are compiled: enough for two hundred words, or for two `\w`, which stands for
/// the letters of all scripts and takes 50 KiB. The longest line is then searched within about a second, whatever the expression.
const COMPILED_MAX: usize = 128 << 10;
/// What the search may remember beside, so that it need not work it out anew.
const REMEMBERED_MAX: usize = 1 << 20;
/// Parentheses in parentheses.
const NESTING_MAX: u32 = 50;

/// Bytes that are searched before others get their turn and the deadline is looked at: the longest line.
pub const AT_ONCE: usize = 64 << 10;
/// What a line costs beside its bytes.
const LINE_COST: usize = 64;

/// What a line has to match, and what it must not.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    include: Option<RegexSet>,
    exclude: Option<RegexSet>,
}

impl Filter {
    /// # Errors
    /// `InvalidArgument` for `include` or `exclude`.
    pub fn parse(include: &[String], exclude: &[String]) -> Result<Self, ReadError> {
        Ok(Self { include: compile("include", include)?, exclude: compile("exclude", exclude)? })
    }

    /// Whether it takes every line.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        self.include.is_none() && self.exclude.is_none()
    }

    /// What it costs to ask about a line of this text, in bytes.
    #[must_use]
    pub fn cost(&self, text: &[u8]) -> usize {
        if self.takes_all() { 0 } else { text.len() + LINE_COST }
    }

    /// Whether a line of this text is given.
    #[must_use]
    pub fn takes(&self, text: &[u8]) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(text))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.is_match(text))
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
    use super::*;

    fn mk_filter(include: &[&str], exclude: &[&str]) -> Result<Filter, ReadError> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Filter::parse(&owned(include), &owned(exclude))
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
            assert_eq!(filter.takes(text.as_bytes()), taken, "{text}");
        }
        assert!(filter.takes(b"\xff error"));
        assert!(mk_filter(&[], &["x"]).unwrap().takes(b"anything"));
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
