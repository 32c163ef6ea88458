//! `gumshoe get`: objects, straight from a collector.

use clap::{Args, Command, ValueEnum};
use gumshoe_kubectl::Get;

use super::{Direct, Output};
use crate::{
    error::Error,
    exit::{self, Exit},
    render::Format,
};

const EXAMPLES: &str = "\
Examples:
  gumshoe get pods -n shop                     the pods of a namespace
  gumshoe get pods -A -l app=web -o wide       by label, in all namespaces, with addresses and nodes
  gumshoe get pods web-0 -n shop -o json       one pod, everything that is known of it
  gumshoe get events -n shop --for pod/web-0   what happened to a pod, newest first
  gumshoe get events -A --types Warning --limit 50";

/// Print objects of a kind, such as pods or events
///
/// Items are printed as they come. Standard error ends with `complete: 12 pods`, or with `INCOMPLETE:` and every gap: a namespace
/// that may not be read, a limit, a deadline.
#[derive(Args, Clone, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", exit::codes(exit::NAMED)), subcommand_value_name = "KIND", subcommand_help_heading = "Kinds")]
#[command(mut_subcommands = say_how_it_ends)]
pub(crate) struct GetCommand {
    #[command(subcommand)]
    get: Get<Direct<TableArgs>>,
}

/// Only where one object can be named, it can be that it is not there.
fn say_how_it_ends(kind: Command) -> Command {
    let codes = if kind.get_positionals().next().is_some() { exit::NAMED } else { exit::LIST };
    kind.after_help(format!("{EXAMPLES}\n\n{}", exit::codes(codes)))
}

#[derive(Args, Clone, Copy, Debug)]
struct TableArgs {
    /// How the answer is printed
    #[arg(short, long, env = "GUMSHOE_OUTPUT", value_enum, default_value_t = Shape::Table)]
    output: Shape,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// Columns as kubectl has them
    #[value(alias = "text")]
    Table,
    /// More columns
    Wide,
    /// One document of canonical proto3 JSON, with `completeness` at its end
    Json,
    /// One such object a page
    Jsonl,
}

impl GetCommand {
    /// Does it.
    pub(super) async fn execute(&self) -> Result<Exit, Error> {
        let Get { request, beside } = &self.get;
        let request = request.as_ref().map_err(|why| Error::Usage(why.clone()))?;
        beside.execute(request, false).await
    }
}

impl Output for TableArgs {
    fn format(&self) -> Format {
        match self.output {
            Shape::Table => Format::Human { wide: false, timestamps: false },
            Shape::Wide => Format::Human { wide: true, timestamps: false },
            Shape::Json => Format::Json,
            Shape::Jsonl => Format::JsonLines,
        }
    }
}
