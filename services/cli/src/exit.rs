//! How the process ends: scripts depend on these codes, so they are documented in `--help` and never change meaning.

use std::process::ExitCode;

/// A code, and what `--help` says about it.
type Meaning = (Exit, &'static str);

const COMPLETE: Meaning = (Exit::Complete, "complete: the answer holds everything that was asked for");
const FAILED: Meaning = (Exit::Failed, "it failed");
const USAGE: Meaning = (Exit::Usage, "the command line is wrong");
const INCOMPLETE: Meaning =
    (Exit::Incomplete, "incomplete: standard error names every gap (a limit that cut the answer is one)");
const INTERRUPTED: Meaning = (Exit::Interrupted, "interrupted (Ctrl-C)");
const CLOSED_PIPE: Meaning = (Exit::ClosedPipe, "whoever read the output went away, as head does");

/// Those of all commands.
pub(crate) const ALL: &[Meaning] = &[
    COMPLETE,
    FAILED,
    USAGE,
    (Exit::Incomplete, "incomplete: every gap is named"),
    (Exit::NotFound, "the object or container that was asked for by its name does not exist (get, logs, topology)"),
    INTERRUPTED,
    CLOSED_PIPE,
];

/// Those of a read of something that has a name.
pub(crate) const NAMED: &[Meaning] = &[
    COMPLETE,
    FAILED,
    USAGE,
    INCOMPLETE,
    (Exit::NotFound, "the object or container that was asked for by its name does not exist"),
    INTERRUPTED,
    CLOSED_PIPE,
];

/// Those of a list.
pub(crate) const LIST: &[Meaning] = &[COMPLETE, FAILED, USAGE, INCOMPLETE, INTERRUPTED, CLOSED_PIPE];

/// Those of `run`, where a query that fails is one of several.
pub(crate) const RUN: &[Meaning] = &[
    (Exit::Complete, "complete: every answer holds everything that was asked for"),
    FAILED,
    USAGE,
    (Exit::Incomplete, "incomplete: a query failed or has gaps, as its section says, or results did not arrive"),
    INTERRUPTED,
    CLOSED_PIPE,
];

/// Those of `doctor`.
pub(crate) const DOCTOR: &[Meaning] = &[
    (Exit::Complete, "all that was checked works; advice does not change that"),
    (Exit::Failed, "something does not work: its line says what to do"),
    USAGE,
    INTERRUPTED,
    CLOSED_PIPE,
];

/// What `--help` says about them.
pub(crate) fn codes(codes: &[Meaning]) -> String {
    let lines = codes.iter().map(|(exit, meaning)| format!("\n  {:<5}{meaning}", *exit as u8));
    format!("Exit codes:{}", lines.collect::<String>())
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(clap::ValueEnum))]
pub(crate) enum Exit {
    /// Everything that was asked for is there.
    Complete = 0,
    /// It failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Part of the answer is missing, and the user was told which.
    Incomplete = 3,
    /// The one object that was asked for does not exist.
    NotFound = 4,
    /// By Ctrl-C: 128 + SIGINT, as shells count.
    Interrupted = 130,
    /// Whoever read our output went away: 128 + SIGPIPE, as if the signal had ended us.
    ClosedPipe = 141,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_code_is_documented_for_each_command_that_ends_with_it() {
        let undocumented = |list: &[Meaning]| -> Vec<_> {
            let is_documented = |exit: &Exit| list.iter().any(|(documented, _)| documented == exit);
            Exit::value_variants().iter().copied().filter(|exit| !is_documented(exit)).collect()
        };
        assert_eq!([ALL, NAMED].map(undocumented), [[], []]);
        assert_eq!([LIST, RUN].map(undocumented), [[Exit::NotFound], [Exit::NotFound]]);
        assert_eq!(undocumented(DOCTOR), [Exit::Incomplete, Exit::NotFound]);
    }
}
