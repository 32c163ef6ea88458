//! What a command is made of: queries, a file or a cancel, and a budget.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use gumshoe_kubectl::Line;
use gumshoe_proto::bridge::v1::{Budget, Cancel, Command, cancel::Target};

use crate::{error::Error, run::command, units};

#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct InputArgs {
    /// A read; repeatable, up to 100
    #[arg(short, long = "query", value_name = "LINE", value_parser = command::line)]
    queries: Vec<Line>,

    /// The command as JSON; - is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Stop a command, by its id, at the bridge that takes this: what is in work, and until --timeout what comes
    #[arg(long, value_name = "COMMAND_ID")]
    cancel: Option<String>,

    /// The same for all commands of an investigation
    #[arg(long, value_name = "INVESTIGATION_ID")]
    cancel_investigation: Option<String>,
}

impl InputArgs {
    pub(super) fn command(self) -> Result<Command, Error> {
        let Self { queries, file, cancel, cancel_investigation } = self;
        if let Some(path) = file {
            return command::of_file(&path);
        }
        let target = cancel.map(Target::CommandId).or(cancel_investigation.map(Target::InvestigationId));
        let cancel = target.map(|target| Cancel { target: Some(target) });
        Ok(Command { cancel, ..command::of_lines(queries) })
    }
}

/// Where the work stops before the ends of the queries. A file may have a budget of its own, which these change.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Budget")]
pub(super) struct BudgetArgs {
    /// Stop after so many items of all queries together; a line of a log is one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_items: Option<u64>,

    /// Stop after so many lines of logs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_log_lines: Option<u64>,

    /// Stop after so long: 30s, 5m
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    max_time: Option<Duration>,

    /// Stop when a line of a log matches this regular expression
    #[arg(long, value_name = "REGEX")]
    stop_when: Option<String>,

    /// Stop when so many have matched [default: 1]
    #[arg(long, value_name = "N", requires = "stop_when", value_parser = clap::value_parser!(u64).range(1..))]
    stop_after_matches: Option<u64>,
}

impl BudgetArgs {
    /// Changes what a command says of it.
    pub(super) fn apply(self, command: &mut Command) {
        let Self { max_items, max_log_lines, max_time, stop_when, stop_after_matches } = self;
        let mut budget = command.budget.take().unwrap_or_default();
        budget.max_items = max_items.unwrap_or(budget.max_items);
        budget.max_log_lines = max_log_lines.unwrap_or(budget.max_log_lines);
        budget.max_time = max_time.and_then(|time| time.try_into().ok()).or(budget.max_time);
        budget.stop_when = stop_when.unwrap_or(budget.stop_when);
        budget.stop_after_matches = stop_after_matches.unwrap_or(budget.stop_after_matches);
        command.budget = Some(budget).filter(|budget| *budget != Budget::default());
    }
}
