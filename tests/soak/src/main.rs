//! `gumshoe-soak`: the long form, and its verdict as the last line.

use std::process::ExitCode;

use clap::Parser as _;
use gumshoe_soak::{Options, soak};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let report = soak(Options::parse(), &mut |line| println!("{line}")).await?;
    println!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
