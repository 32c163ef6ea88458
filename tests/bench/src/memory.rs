//! The memory of a process while something runs.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use gumshoe_devstack::processes::Memory;

/// Between two looks: fine enough for what lasts a tenth of a second, and no load beside it.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The most that a process held.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Peak {
    /// VmHWM: the kernel itself keeps it.
    pub(crate) resident: u64,
    /// RssAnon at its highest of all looks.
    pub(crate) anonymous: u64,
}

/// Runs `work` and says what the process held at most meanwhile.
pub(crate) async fn peak_of<T>(pid: u32, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<(T, Peak)> {
    // 5 sets the peak back to what is resident now (proc_pid_clear_refs(5)).
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("set the peak of a process back")?;
    let mut peak = Peak::default();
    let mut clock = tokio::time::interval(LOOK_EVERY);
    tokio::pin!(work);
    let done = loop {
        tokio::select! {
            done = &mut work => break done?,
            _ = clock.tick() => peak.anonymous = peak.anonymous.max(Memory::of(pid)?.anonymous),
        }
    };
    let last = Memory::of(pid)?;
    Ok((done, Peak { resident: last.peak, anonymous: peak.anonymous.max(last.anonymous) }))
}
