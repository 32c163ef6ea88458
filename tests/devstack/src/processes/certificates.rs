//! The development certificates that `gumshoe pki` makes.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use super::binaries::Binaries;

/// A directory of certificates.
#[derive(Debug, Clone)]
pub struct Certificates(PathBuf);

/// Whom a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The server, valid for localhost and 127.0.0.1.
    Collector,
    /// The bridge as a client of the collector.
    Bridge,
    /// A person as a client of the collector.
    Client,
}

impl Identity {
    fn stem(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Bridge => "bridge",
            Self::Client => "client",
        }
    }
}

impl Certificates {
    /// Makes new ones with the shipped `gumshoe pki`.
    ///
    /// # Errors
    /// It failed.
    pub async fn make(binaries: &Binaries, directory: &Path) -> anyhow::Result<Self> {
        let mut command = binaries.command("gumshoe")?;
        let output = command.args(["pki", "--out"]).arg(directory).output().await?;
        ensure!(output.status.success(), "gumshoe pki: {}", String::from_utf8_lossy(&output.stderr));
        Ok(Self(directory.to_owned()))
    }

    /// A directory of somebody else's making, with files of the same names.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// The CA.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.0.join("ca.crt")
    }

    /// The certificate of someone.
    #[must_use]
    pub fn certificate(&self, of: Identity) -> PathBuf {
        self.0.join(format!("{}.crt", of.stem()))
    }

    /// The key of someone.
    #[must_use]
    pub fn key(&self, of: Identity) -> PathBuf {
        self.0.join(format!("{}.key", of.stem()))
    }
}
