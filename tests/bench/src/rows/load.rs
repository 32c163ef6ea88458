//! The bridge at its limits: many small commands, and a long log. It has one core; what is around it is embedded (a replayed Kubernetes
//! API, an SQS server in this process), so no control plane takes its share of the machine.

mod answers;
mod idle;
mod long_log;
mod rig;
mod small;

use crate::report::{Bar, Report, Row};
use rig::Rig;

use super::mebibytes;

/// The most that the bridge may have held when all is done, in MiB.
const MEBIBYTES: f64 = 48.0;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let stack = rig::start_stack().await?;
    small::fill(&stack).await?;
    let rig = Rig::start(stack).await?;
    small::measure(&rig, report).await?;
    long_log::measure(&rig, report).await?;
    let peak = mebibytes(rig.bridge.memory()?.peak);
    report.add(Row::new("bridge, after all of these (RSS, VmHWM)", peak, None, "MiB", Bar::AtMost(MEBIBYTES)), "");
    rig.stop().await?;
    idle::measure(report).await
}
