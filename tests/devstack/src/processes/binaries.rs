//! Where the shipped binaries are.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::process::Command;

/// The directory that cargo builds into: `target/<profile>`.
#[derive(Debug, Clone)]
pub struct Binaries(PathBuf);

impl Binaries {
    /// Those that were built with the program that is running now.
    ///
    /// # Errors
    /// The running program is not in a directory of cargo's.
    pub fn built() -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("find the running program")?;
        let directory = program.parent().context("a program in no directory")?;
        let directory = if directory.ends_with("deps") { directory.parent().unwrap_or(directory) } else { directory };
        Ok(Self(directory.to_owned()))
    }

    /// The path of one.
    ///
    /// # Errors
    /// It was not built: cargo builds only the binaries of the package that is tested.
    pub fn path(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.0.join(name);
        if !path.is_file() {
            bail!("{} is missing: run `cargo build --workspace --bins` first", path.display());
        }
        Ok(path)
    }

    /// A command that runs one with nothing of our own environment but what any process needs, and that ends when its handle
    /// is dropped.
    ///
    /// # Errors
    /// It was not built.
    pub fn command(&self, name: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(self.path(name)?);
        command.kill_on_drop(true).env_clear();
        for variable in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(variable) {
                command.env(variable, value);
            }
        }
        // No process of ours has credentials from a machine in the cloud, and asking for them takes seconds.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        Ok(command)
    }

    /// The directory itself.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0
    }
}
