//! From start to ready, and what processes hold that do nothing.

use std::time::Instant;

use gumshoe_devstack::processes::Running;

use super::mebibytes;
use crate::pairs::median;
use crate::queues::Queues;
use crate::report::{Bar, Report, Row};
use crate::setup::Setup;

/// Starts of each program; the median counts.
const STARTS: usize = 9;
/// What a program may take until it is ready.
const MILLISECONDS_TO_READY: f64 = 150.0;

/// One program: the most it may hold while idle, in MiB.
struct Bound {
    name: &'static str,
    idle: f64,
}

const COLLECTOR: Bound = Bound { name: "collector", idle: 12.0 };
const BRIDGE: Bound = Bound { name: "bridge", idle: 16.0 };

pub(super) async fn measure(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let starts = async || setup.collector_options().start(&setup.binaries);
    measure_one(&COLLECTOR, starts, report).await?;
    let collector = setup.collector().await?;
    let queues = Queues::start(setup, collector.address).await?;
    measure_one(&BRIDGE, async || queues.bridge_options.start(&setup.binaries), report).await?;
    collector.process.stop().await?;
    Ok(())
}

async fn measure_one(
    bound: &Bound,
    start: impl AsyncFn() -> anyhow::Result<Running>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (mut milliseconds, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let began = Instant::now();
        let mut process = start().await?;
        process.ready().await?;
        milliseconds.push(began.elapsed().as_secs_f64() * 1000.0);
        idle.push(mebibytes(process.memory()?.anonymous));
        process.stop().await?;
    }
    let row = |what: &str, values: &[f64], unit, most| {
        Row::new(format!("{}, {what}", bound.name), median(values.iter().copied()), None, unit, Bar::AtMost(most))
    };
    let polled = "readiness is asked for every 10 ms";
    report.add(row("start to ready", &milliseconds, "ms", MILLISECONDS_TO_READY), polled);
    report.add(row("idle (RssAnon)", &idle, "MiB", bound.idle), "");
    Ok(())
}
