//! Cores for a process, and what of them it has used.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Of a second, in /proc: what Linux gives programs to see, whatever it counts itself (USER_HZ, proc_pid_stat(5)).
const TICKS: u64 = 100;

/// Starts a process that may run on one core only, the last that we have. It inherits that from the thread that starts it.
pub(crate) fn on_one_core<T>(start: impl FnOnce() -> T) -> anyhow::Result<T> {
    let ours = sched_getaffinity(None).context("ask for our cores")?;
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).rev().find(|core| ours.is_set(*core)).context("a core")?);
    sched_setaffinity(None, &one).context("keep to one core")?;
    let started = start();
    sched_setaffinity(None, &ours).context("have all cores again")?;
    Ok(started)
}

/// The time that a process has run on any core.
pub(crate) fn time_of(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("read the times of a process")?;
    // Behind its name, which is in parentheses: state is field 3, utime and stime are 14 and 15.
    let fields: Vec<_> = stat.rsplit_once(") ").context("a name")?.1.split(' ').collect();
    let ticks = |field: usize| fields.get(field - 3).and_then(|ticks| ticks.parse::<u64>().ok()).context("a time");
    Ok(Duration::from_millis((ticks(14)? + ticks(15)?) * 1000 / TICKS))
}
