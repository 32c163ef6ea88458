//! The memory of a process, as Linux counts it (proc_pid_status(5)).

use std::fmt;

use anyhow::Context;

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// All pages in memory, those of the binary included.
    pub resident: u64,
    /// Of these, what the process itself allocated.
    pub anonymous: u64,
    /// The most that was ever resident.
    pub peak: u64,
}

impl Memory {
    /// Of a running process.
    ///
    /// # Errors
    /// It is gone, or this is not Linux.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("read the status of a process")?;
        let bytes = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let kibibytes: u64 = value.and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok())?;
            Some(kibibytes * 1024)
        };
        let read = |name: &str| bytes(name).with_context(|| format!("no {name} in the status of a process"));
        Ok(Self { resident: read("VmRSS")?, anonymous: read("RssAnon")?, peak: read("VmHWM")? })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        let (resident, anonymous, peak) = (mebibytes(self.resident), mebibytes(self.anonymous), mebibytes(self.peak));
        write!(f, "resident {resident:.1} MiB (anonymous {anonymous:.1} MiB, peak {peak:.1} MiB)")
    }
}
