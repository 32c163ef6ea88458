//! The command line of the bench.

use std::path::PathBuf;

use gumshoe_devstack::tools::workspace;

use crate::rows::Measure;

/// Measures speed and memory of the collector and the bridge on a real control plane, beside curl and kubectl; and of the bridge under
/// load, on embedded parts (`--only load` needs no control plane).
///
/// Needs the release binaries (`cargo build --release --workspace --bins`) and the tools (`tests/tools/setup.sh`). Nothing else
/// should run on the machine meanwhile.
#[derive(Debug, clap::Parser)]
#[command(name = "gumshoe-bench", version)]
pub(crate) struct Args {
    /// Pods in the cluster.
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    pub(crate) pods: usize,

    /// Pods in the cluster while memory is measured for the first time, to be compared with that at --pods.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    pub(crate) few_pods: usize,

    /// Lines of the long log (2,500,000 are 289 MB).
    #[arg(long, value_name = "NUMBER", default_value_t = 2_500_000)]
    pub(crate) log_lines: usize,

    /// Lines of each of the twenty logs that are merged.
    #[arg(long, value_name = "NUMBER", default_value_t = 50_000)]
    pub(crate) merged_lines: usize,

    /// Objects of each kind.
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000)]
    pub(crate) objects: usize,

    /// How many pairs are measured of what takes about a second. What takes long has three or five.
    #[arg(long, value_name = "NUMBER", default_value_t = 15)]
    pub(crate) pairs: usize,

    /// How many commands go over SQS, and how many calls beside them.
    #[arg(long, value_name = "NUMBER", default_value_t = 300)]
    pub(crate) commands: usize,

    /// Measure these only (repeatable).
    #[arg(long, value_enum, value_name = "WHAT")]
    only: Vec<Measure>,

    /// Where the results go, as JSON.
    #[arg(long, value_name = "FILE", default_value_os_t = workspace().join("target/bench/results.json"))]
    pub(crate) out: PathBuf,
}

impl Args {
    /// What is to be measured, in its order.
    pub(crate) fn only(&self) -> Vec<Measure> {
        let all = <Measure as clap::ValueEnum>::value_variants();
        all.iter().copied().filter(|measure| self.only.is_empty() || self.only.contains(measure)).collect()
    }
}
