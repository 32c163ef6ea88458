//! The tools that tests/tools/setup.sh installs: the real control plane, kubectl, foreign clients.

use std::path::{Path, PathBuf};

use anyhow::bail;

/// Names the directory of the tools; empty says that there are none on purpose.
const VARIABLE: &str = "GUMSHOE_TOOLS";
/// The directory of the tools where the variable does not name it, in the root of the repository.
const DEFAULT: &str = ".tools";

/// The directory of the tools.
#[derive(Debug, Clone)]
pub struct Tools(PathBuf);

impl Tools {
    /// The directory that GUMSHOE_TOOLS names, else `.tools` in the root of the repository. What is not in it is missed when it
    /// is asked for: not everybody needs everything.
    ///
    /// # Errors
    /// There are none on purpose.
    pub fn find() -> anyhow::Result<Self> {
        let directory = match std::env::var_os(VARIABLE) {
            Some(named) if named.is_empty() => bail!("{VARIABLE} is empty"),
            Some(named) => PathBuf::from(named),
            None => workspace().join(DEFAULT),
        };
        Ok(Self(std::path::absolute(directory)?))
    }

    /// The path of a program: `cluster`, `kubectl`, `helm`, `grpcurl`.
    ///
    /// # Errors
    /// It is not installed.
    pub fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        installed(self.0.join("bin").join(name))
    }

    /// The path of a program of the Python environment: `python`, `ministack`.
    ///
    /// # Errors
    /// It is not installed.
    pub fn python_program(&self, name: &str) -> anyhow::Result<PathBuf> {
        installed(self.0.join("venv/bin").join(name))
    }
}

/// The root of the repository that this crate was built in.
#[must_use]
pub fn workspace() -> &'static Path {
    let devstack = Path::new(env!("CARGO_MANIFEST_DIR"));
    devstack.ancestors().nth(2).unwrap_or(devstack)
}

fn installed(path: PathBuf) -> anyhow::Result<PathBuf> {
    if !path.is_file() {
        bail!("{} is missing: run tests/tools/setup.sh", path.display());
    }
    Ok(path)
}
