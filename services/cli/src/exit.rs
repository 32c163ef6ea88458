//! How the process ends: scripts depend on these codes, so they are documented in `--help` and never change meaning.

use std::process::ExitCode;

/// What `--help` says about them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    complete: the answer holds everything that was asked for
  1    it failed
  2    the command line is wrong
  3    incomplete: standard error names every gap (a limit that cut the answer is one)
  4    the object that was asked for by its name does not exist
  130  interrupted (Ctrl-C)";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
