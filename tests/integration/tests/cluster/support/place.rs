//! Where a run of the tests writes: a directory of its own below target/tmp, which stays for whoever wants to know why a test
//! failed (audit log, logs of the control plane), and goes with the next run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A directory whose lock is held for as long as this process lives.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    _lock: File,
}

impl Place {
    /// A fresh one. Those of runs that have ended are removed.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster");
        fs::create_dir_all(&all)?;
        for entry in fs::read_dir(&all)? {
            remove_unless_used(&entry?.path());
        }
        let path = all.join(std::process::id().to_string());
        fs::create_dir_all(&path)?;
        let lock = File::create(lock_of(&path))?;
        lock.try_lock()?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// What cannot be removed now is removed by a later run: a control plane whose tests were killed may take some seconds to end.
fn remove_unless_used(path: &Path) {
    let used = File::open(lock_of(path)).is_ok_and(|lock| lock.try_lock().is_err());
    if !used {
        let _ = fs::remove_dir_all(path);
    }
}

fn lock_of(path: &Path) -> PathBuf {
    path.join("lock")
}
