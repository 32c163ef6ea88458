//! A whole line: `get pods -n shop`, `logs web-0 --previous`.

use clap::{Parser, Subcommand};

use crate::{Request, get::Get, logs::Logs};

/// One `--query` of `run`.
#[derive(Clone, Debug, Parser)]
#[command(no_binary_name = true, bin_name = "--query", disable_help_flag = true, disable_help_subcommand = true)]
pub struct Line {
    /// The collector that is asked, by its name in the bridge's configuration [default: the first one]
    #[arg(long, global = true, value_name = "NAME")]
    collector: Option<String>,
    #[command(subcommand)]
    read: Read,
}

/// A line that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedLine {
    /// The name of the collector that is asked; empty means the first one.
    pub collector: String,
    /// The collector's request.
    pub request: Request,
}

#[derive(Clone, Debug, Subcommand)]
enum Read {
    #[command(subcommand)]
    Get(Get<()>),
    Logs(Logs),
}

impl Line {
    /// Reads a line as a shell would split it.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse_line(line: &str) -> Result<ParsedLine, String> {
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
