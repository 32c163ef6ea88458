//! What is measured, a module for each sort.

mod builds;
mod commands;
mod kinds;
mod lists;
mod load;
mod logs;
mod merged;
mod processes;
mod topology;

use crate::args::Args;
use crate::report::Report;
use crate::setup::Setup;

/// One sort of measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Measure {
    /// Start to ready, and memory of idle processes
    Processes,
    /// ListPods beside curl and kubectl, and memory during it
    Lists,
    /// ReadLogs beside curl, and memory during it
    Logs,
    /// Logs of twenty pods in the order of time beside stern
    Merged,
    /// Commands over SQS beside direct calls
    Commands,
    /// The bridge on one core: many commands, a long log, nothing at all. Needs no control plane
    Load,
    /// The list of each kind beside curl
    Kinds,
    /// The topology of one deployment among many objects
    Topology,
    /// Sizes of what is shipped, and how long it takes to build from nothing
    Builds,
}

/// Measures these, in their order.
pub(crate) async fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    let mut only = args.only();
    if only.contains(&Measure::Load) {
        load::measure(report).await?;
    }
    only.retain(|measure| *measure != Measure::Load);
    if only.is_empty() {
        return Ok(());
    }
    let setup = Setup::start(args).await?;
    for measure in only {
        measure.on_control_plane(&setup, report).await?;
    }
    setup.stop().await
}

impl Measure {
    async fn on_control_plane(self, setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
        match self {
            Self::Processes => processes::measure(setup, report).await,
            Self::Lists => lists::measure(setup, report).await,
            Self::Logs => logs::measure(setup, report).await,
            Self::Merged => merged::measure(setup, report).await,
            Self::Commands => commands::measure(setup, report).await,
            Self::Kinds => kinds::measure(setup, report).await,
            Self::Topology => topology::measure(setup, report).await,
            Self::Builds => builds::measure(setup, report).await,
            // It has parts of its own.
            Self::Load => Ok(()),
        }
    }
}

/// Bytes as the tables have them.
#[allow(clippy::cast_precision_loss)]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
