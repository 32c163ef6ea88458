//! `gumshoe-soak`: the long form, and its verdict on each SQS server as that run's last line.

use std::process::ExitCode;

use clap::Parser as _;
use gumshoe_soak::{Options, soak};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let mut is_clean = true;
    for server in options.servers() {
        let report = soak(&options, *server, &mut |line| println!("{line}")).await?;
        println!("{report}");
        is_clean &= report.is_clean();
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
