//! What is measured beside us: curl and kubectl, each as a process of its own, as people run them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use gumshoe_devstack::cluster::Cluster;
use tokio::process::Command;

/// curl with what it needs to reach the API server.
#[derive(Debug, Clone)]
pub(crate) struct Curl {
    configuration: PathBuf,
    server: String,
}

impl Curl {
    /// With the administrator's token, which goes into a file of this directory rather than on a command line.
    pub(crate) fn new(cluster: &Cluster, directory: &Path) -> anyhow::Result<Self> {
        let configuration = directory.join("curl.conf");
        // HTTP/1.1, which the API server writes a long body with in less time than with curl's default.
        let text = format!(
            "silent\nshow-error\nfail\nhttp1.1\ncacert = \"{}\"\nheader = \"Authorization: Bearer {}\"\noutput = /dev/null\n\
             write-out = \"%{{size_download}}\"\n",
            cluster.ca()?.display(),
            cluster.token()?,
        );
        std::fs::write(&configuration, text)?;
        Ok(Self { configuration, server: cluster.server()?.to_owned() })
    }

    /// Gets a path and says how many bytes came.
    pub(crate) async fn get(&self, path: &str, accept: &str) -> anyhow::Result<u64> {
        let mut command = Command::new("curl");
        command.arg("--config").arg(&self.configuration).args(["--header", &format!("Accept: {accept}")]);
        // The API server indents JSON for a user agent that begins with curl.
        command.args(["--user-agent", "gumshoe-bench"]).arg(format!("{}{path}", self.server));
        let output = finish(&mut command, Stdio::piped()).await?;
        let bytes: u64 = String::from_utf8_lossy(&output).parse().context("curl says how many bytes came")?;
        ensure!(bytes > 0, "curl got nothing from {path}");
        Ok(bytes)
    }
}

/// Runs kubectl as the administrator, its output going nowhere.
pub(crate) async fn kubectl(cluster: &Cluster, arguments: &[&str]) -> anyhow::Result<()> {
    finish(&mut cluster.kubectl_command(arguments)?, Stdio::null()).await.map(drop)
}

async fn finish(command: &mut Command, stdout: Stdio) -> anyhow::Result<Vec<u8>> {
    command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().with_context(|| format!("run {:?}", command.as_std().get_program()))?;
    let output = child.wait_with_output().await?;
    ensure!(output.status.success(), "{:?}: {}", command.as_std(), String::from_utf8_lossy(&output.stderr).trim());
    Ok(output.stdout)
}
