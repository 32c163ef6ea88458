//! The `gumshoe` command, as a user types it.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use anyhow::Context;
use tokio::process::Command;

use super::binaries::Binaries;
use super::certificates::{Certificates, Identity};

/// `gumshoe` with a connection.
#[derive(Debug, Clone)]
pub struct Cli {
    binaries: Binaries,
    environment: Vec<(String, String)>,
}

/// What a command printed, and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it gave.
    pub stdout: String,
    /// What it said about it.
    pub stderr: String,
}

impl Cli {
    /// With the client's certificate, for the collector at this address.
    #[must_use]
    pub fn new(binaries: Binaries, certificates: &Certificates, collector: SocketAddr) -> Self {
        let environment = vec![
            ("GUMSHOE_SERVER".to_owned(), format!("https://{collector}")),
            ("GUMSHOE_TLS_CERT".to_owned(), certificates.certificate(Identity::Client).display().to_string()),
            ("GUMSHOE_TLS_KEY".to_owned(), certificates.key(Identity::Client).display().to_string()),
            ("GUMSHOE_TLS_CA".to_owned(), certificates.ca().display().to_string()),
        ];
        Self { binaries, environment }
    }

    /// With more variables: those of a queue server.
    #[must_use]
    pub fn with_environment(mut self, environment: Vec<(String, String)>) -> Self {
        self.environment.extend(environment);
        self
    }

    /// The variables that a user would export to type the same commands.
    #[must_use]
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// It cannot be run, or has not ended within 20 seconds.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = self.command(arguments)?;
        command.stdin(Stdio::null());
        let what = format!("the end of `gumshoe {}`", arguments.join(" "));
        let output = crate::within(&what, command.output()).await?.context("run gumshoe")?;
        Ok(Output {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// A command that is still to be run.
    ///
    /// # Errors
    /// The binary was not built.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = self.binaries.command("gumshoe")?;
        command.args(arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }
}
