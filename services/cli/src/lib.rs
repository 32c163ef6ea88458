//! `gumshoe`: asks a collector over gRPC, or sends a command to the bridge and collects its result.
//!
//! The layers: gumshoe-kubectl is the language of reads and gives the collector's own requests; `kinds` has the table of each kind of
//! objects, one file a kind; `reading` (gRPC) and `run` (queues) get the pages of their answers; `render` prints pages, the same
//! whichever way they came; `commands` wires these together. Not here: any knowledge of Kubernetes beyond the names that people type
//! and the columns that they read.

mod commands;
mod connection;
mod doctor;
mod error;
mod exit;
mod interrupt;
mod kinds;
mod page;
mod pki;
mod reading;
mod render;
mod report;
mod run;
mod terminal;
mod units;

use std::process::ExitCode;

use clap::Parser;

use crate::{commands::Command, error::Error, exit::Exit};

const OVERVIEW: &str = "\
Examples:
  gumshoe pki --out pki                                 certificates to try it with
  gumshoe get pods -n shop                              like kubectl, over the collector
  gumshoe get events -n shop --for pod/web-0
  gumshoe logs web-0 -n shop --previous
  gumshoe logs deploy/web -n shop --since 10m
  gumshoe topology deploy/web -n shop                   what belongs together, as a tree
  gumshoe run --query 'get pods -n shop' --query 'logs web-0 -n shop -p'
                                                        several reads through the queues, one result
  gumshoe doctor                                        whether collector, queues and bridge work, and what to change

The connection is the same for all commands, so set it once:
  export GUMSHOE_SERVER=https://localhost:8443
  export GUMSHOE_TLS_CERT=pki/client.crt GUMSHOE_TLS_KEY=pki/client.key GUMSHOE_TLS_CA=pki/ca.crt";

/// Reads pods, events and logs for incident investigations: read-only, bounded, and never silently incomplete
#[derive(Debug, Parser)]
#[command(name = "gumshoe", version, max_term_width = 120)]
#[command(after_help = format!("{OVERVIEW}\n\n{}", exit::codes(exit::ALL)))]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    gumshoe_runtime::process::install_crypto_provider();
    match execute(command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            terminal::note(&report::report(&error));
            error.exit().into()
        }
    }
}

/// One thread is enough: a command waits for the network and prints.
fn execute(command: Command) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(command.execute());
    // A name look-up cannot be cancelled, and nobody waits for its answer.
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_explains_itself() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
