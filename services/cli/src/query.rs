//! The language of reads: `get pods -n shop`, `logs web-0 --previous`.
//!
//! The same clap definitions serve the subcommands `get` and `logs` and, with no connection around them, the `--query` of `run`.
//! They give the collector's own requests. What they define never comes from environment variables: a forgotten one would change
//! unseen what is read.

mod describe;
mod get;
mod logs;

use clap::{Parser, Subcommand};

pub(crate) use self::{describe::describe, get::Get, logs::LogsQuery};
use crate::page::Request;

/// One `--query` of `run`.
#[derive(Clone, Debug, Parser)]
#[command(no_binary_name = true, bin_name = "--query", disable_help_flag = true, disable_help_subcommand = true)]
pub(crate) struct QueryLine {
    /// The collector that is asked, by its name in the bridge's configuration [default: the first one]
    #[arg(long, global = true, value_name = "NAME")]
    collector: Option<String>,
    #[command(subcommand)]
    read: Read,
}

/// A line that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParsedLine {
    /// The name of the collector that is asked; empty means the first one.
    pub(crate) collector: String,
    /// The collector's request.
    pub(crate) request: Request,
}

#[derive(Clone, Debug, Subcommand)]
enum Read {
    #[command(subcommand)]
    Get(Get<()>),
    Logs(LogsQuery),
}

impl QueryLine {
    /// Reads a line as a shell would split it.
    pub(crate) fn parse_line(line: &str) -> Result<ParsedLine, String> {
        let words = shlex::split(line).ok_or("a quote is not closed")?;
        let line = Self::try_parse_from(words).map_err(|error| essence(&error.render().to_string()))?;
        let request = match line.read {
            Read::Get(get) => get.request?,
            Read::Logs(logs) => logs.request(),
        };
        Ok(ParsedLine { collector: line.collector.unwrap_or_default(), request })
    }
}

/// The first paragraph of a message of clap: usage and a hint at `--help` fit the whole command line, not a line within it.
fn essence(message: &str) -> String {
    let first = message.trim_start_matches("error: ").split("\n\nUsage:").next().unwrap_or_default();
    first.split("\n\nFor more information").next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests;
