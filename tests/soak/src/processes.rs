//! Two bridges and a collector, which are killed and started again.

use std::time::Duration;

use anyhow::Context as _;
use fastrand::Rng;
use gumshoe_devstack::processes::Running;
use gumshoe_devstack::stack::Stack;
use tokio::time::sleep;

/// How long one is down, in milliseconds.
const DOWN: std::ops::Range<u64> = 0..1_000;

/// The first is the collector.
#[derive(Debug)]
pub(crate) struct Processes {
    running: [Option<Running>; 3],
    kills: [u64; 3],
}

impl Processes {
    /// Takes the collector of a stack, and starts two bridges.
    ///
    /// # Errors
    /// One cannot be started.
    pub(crate) fn of(stack: &mut Stack) -> anyhow::Result<Self> {
        let collector = stack.collector.take().context("the stack has a collector")?;
        let bridge = || stack.bridge_options.start(&stack.binaries).map(Some);
        Ok(Self { running: [Some(collector), bridge()?, bridge()?], kills: [0; 3] })
    }

    /// How often the collector was killed, and how often a bridge.
    pub(crate) fn kills(&self) -> (u64, u64) {
        let [collector, one, other] = self.kills;
        (collector, one + other)
    }

    /// Kills one after the other, a bridge first and soon, and starts it again; it never returns.
    ///
    /// # Errors
    /// One cannot be started, or has ended by itself.
    pub(crate) async fn kill(&mut self, every: u64, stack: &Stack, mut rng: Rng) -> anyhow::Result<()> {
        let every = every.saturating_mul(1000);
        let (mut wait, mut victim) = (every / 4, 1);
        loop {
            sleep(Duration::from_millis(wait)).await;
            wait = rng.u64(every / 2..=every * 3 / 2);
            for running in self.running.iter_mut().flatten() {
                running.still_runs()?;
            }
            if let Some(running) = self.running[victim].take() {
                running.kill().await?;
                self.kills[victim] += 1;
            }
            sleep(Duration::from_millis(rng.u64(DOWN))).await;
            self.running[victim] = Some(match victim {
                0 => stack.collector_options.start(&stack.binaries)?,
                _ => stack.bridge_options.start(&stack.binaries)?,
            });
            victim = rng.usize(..self.running.len());
        }
    }
}
