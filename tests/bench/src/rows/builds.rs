//! How large the programs are that are shipped, and how long it takes to build them from nothing. There is no bar: they are told.

use std::process::Stdio;

use anyhow::ensure;
use gumshoe_devstack::tools::workspace;
use tempfile::TempDir;
use tokio::process::Command;

use super::mebibytes;
use crate::pairs::seconds;
use crate::report::{Bar, Report, Row};
use crate::setup::Setup;

/// What `make build` builds.
const PROGRAMS: [&str; 3] = ["gumshoe-collector", "gumshoe-bridge", "gumshoe-cli"];

pub(super) async fn measure(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    for name in ["gumshoe-collector", "gumshoe-bridge", "gumshoe"] {
        let size = mebibytes(std::fs::metadata(setup.binaries.path(name)?)?.len());
        report.add(Row::new(format!("size of {name}"), size, None, "MiB", Bar::None), "");
    }
    eprintln!("building from nothing");
    let target = TempDir::with_prefix("gumshoe-bench-build-")?;
    let build = async || {
        let mut command = Command::new("cargo");
        command.current_dir(workspace()).args(["build", "--locked", "--release", "--target-dir"]).arg(target.path());
        command.args(PROGRAMS.iter().flat_map(|program| ["--package", program]));
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).status().await?;
        ensure!(status.success(), "cargo build failed");
        Ok(())
    };
    let took = seconds(build).await?;
    report.add(Row::new("cold build of what is shipped", took, None, "s", Bar::None), "sources fetched, nothing built");
    Ok(())
}
