//! Measures speed and memory side by side with curl and kubectl, on a real control plane. `make bench` runs it.
//!
//! Whatever is compared is run in turn (A B A B …) in the same minute on the same machine, and what counts is the median of the
//! pairs' ratios, since a machine's own speed changes more than what is measured. The exit code is 3 where a bar is missed.

mod args;
mod client;
mod memory;
mod pairs;
mod peers;
mod processor;
mod queues;
mod report;
mod rows;
mod setup;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Args;
use crate::report::Report;

/// The exit code where everything was measured, and a bar is missed.
const MISSED: u8 = 3;

fn main() -> ExitCode {
    match bench(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(MISSED),
        Err(error) => {
            eprintln!("gumshoe-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says whether every bar is reached.
#[tokio::main]
async fn bench(args: &Args) -> anyhow::Result<bool> {
    let mut report = Report::default();
    rows::measure(args, &mut report).await?;
    report.write(&args.out)?;
    println!("{report}");
    Ok(report.missed() == 0)
}
