//! `gumshoe-bridge`: commands from an SQS queue, over gRPC to the collectors, results to a result queue.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = gumshoe_bridge::Args::parse();
    let log = args.log.clone();
    gumshoe_runtime::process::run("gumshoe-bridge", &log, async |process| gumshoe_bridge::run(args, process).await)
}
