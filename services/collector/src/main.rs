//! The binary: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;
use gumshoe_collector::{args::Args, serve::serve};
use gumshoe_runtime::process;

fn main() -> ExitCode {
    let args = Args::parse();
    process::run("gumshoe-collector", &args.log(), async |process| serve(args, process).await)
}
