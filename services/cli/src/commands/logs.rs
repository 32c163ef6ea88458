//! `gumshoe logs`: container logs, straight from a collector.

use clap::{Args, ValueEnum};
use gumshoe_kubectl::Logs;

use super::{Direct, Output};
use crate::{
    error::Error,
    exit::{self, Exit},
    render::Format,
};

const EXAMPLES: &str = "\
Examples:
  gumshoe logs web-0 -n shop                       the newest 1 MiB of the default container
  gumshoe logs web-0 -n shop --previous --tail 50  how the run before this one ended
  gumshoe logs web-0 -n shop --all-containers --since 5m --timestamps
  gumshoe logs web-0 -n shop -c web --whole >web.log
  gumshoe logs deploy/web -n shop --since 10m --include 'error|timeout' --fold
  gumshoe logs -l app=web -n shop -f --exclude healthz   all pods with this label, and those that appear
  gumshoe logs web-0 -n shop -f";

/// Print container logs
///
/// The newest lines are what counts: bounds in lines, time or bytes hold together, and what they leave out is said on standard error,
/// container by container. Into a file or a pipe a line goes byte for byte as it was written; on a terminal control characters other
/// than colours are made visible. Lines of several pods are merged in the order of time, with `pod/container` in front.
#[derive(Args, Clone, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", exit::codes(exit::NAMED)))]
pub(crate) struct LogsCommand {
    #[command(flatten)]
    query: Logs,

    #[command(flatten)]
    direct: Direct<TextArgs>,
}

#[derive(Args, Clone, Copy, Debug)]
struct TextArgs {
    /// The time of each line in front of it
    #[arg(long)]
    timestamps: bool,

    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t = Shape::Text)]
    output: Shape,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// The lines
    Text,
    /// One document of canonical proto3 JSON, with `logs` and `completeness` at its end
    Json,
    /// One such object a page
    Jsonl,
}

impl LogsCommand {
    /// Does it.
    pub(super) async fn execute(&self) -> Result<Exit, Error> {
        self.direct.execute(&self.query.request(), self.query.follows()).await
    }
}

impl Output for TextArgs {
    fn format(&self) -> Format {
        match self.output {
            Shape::Text => Format::Human { wide: false, timestamps: self.timestamps },
            Shape::Json => Format::Json,
            Shape::Jsonl => Format::JsonLines,
        }
    }
}
