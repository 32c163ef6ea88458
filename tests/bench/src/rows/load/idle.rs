//! A bridge with nothing to do, as it is started by default.

use std::time::{Duration, Instant};

use anyhow::ensure;
use gumshoe_devstack::replay::Shop;
use gumshoe_devstack::stack::Stack;

use super::rig::start_bridge;
use crate::processor::time_of;
use crate::report::{Bar, Report, Row};

const WINDOW: Duration = Duration::from_secs(60);
/// One every 20 s: a call that waits for longer there is not.
const RECEIVES: f64 = 3.0;
/// Of one core, in percent.
const PROCESSOR: f64 = 1.0;

#[allow(clippy::cast_precision_loss)]
pub(super) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let mut stack = Stack::of(Shop::default()).start_without_bridge().await?;
    // Tests want to see it end sooner.
    stack.bridge_options.environment.retain(|(name, _)| name != "GUMSHOE_RECEIVE_WAIT");
    let bridge = start_bridge(&stack).await?;
    let receives = || stack.sqs.calls().iter().filter(|call| call.operation == "ReceiveMessage").count();
    let (before, began, time) = (receives(), Instant::now(), time_of(bridge.pid())?);
    tokio::time::sleep(WINDOW).await;
    let (calls, share) = (receives() - before, (time_of(bridge.pid())? - time).div_duration_f64(began.elapsed()));
    ensure!(calls > 0 && bridge.memory().is_ok(), "the bridge has ended, or does not receive");
    let name = |what: &str| format!("idle bridge for {} s, {what}", WINDOW.as_secs());
    report.add(Row::new(name("ReceiveMessage"), calls as f64, None, "calls", Bar::AtMost(RECEIVES)), "");
    report.add(Row::new(name("of a core"), share * 100.0, None, "%", Bar::AtMost(PROCESSOR)), "");
    bridge.kill().await?;
    stack.stop().await
}
