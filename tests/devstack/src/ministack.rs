//! MiniStack: an SQS server of others (PyPI), which differs from AWS in fewer places than any that a crate has.

use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::sqs::Endpoint;
use crate::tools::Tools;

/// A running MiniStack. It ends when it is dropped, with all its queues.
#[derive(Debug)]
pub struct MiniStack {
    endpoint: Endpoint,
    _process: Child,
}

impl MiniStack {
    /// Starts with these queues, all with the attributes that AWS gives by default. It writes in this directory only.
    ///
    /// # Errors
    /// It does not come up, or a queue's name is none.
    pub async fn start(tools: &Tools, directory: &Path, queues: &[&str]) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let said = directory.join("ministack.log");
        let log = std::fs::File::create(&said)?;
        let address = free_address()?;
        let mut command = Command::new(tools.python_program("ministack")?);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", directory);
        command.env("BIND_HOST", address.ip().to_string()).env("GATEWAY_PORT", address.port().to_string());
        command.current_dir(directory).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let mut process = command.spawn().context("run ministack")?;
        tokio::select! {
            up = crate::eventually("MiniStack listens", async || TcpStream::connect(address).await.ok()) => { up?; }
            status = process.wait() => bail!("ministack ended with {}: {}", status?, std::fs::read_to_string(said)?),
        }
        Ok(Self { endpoint: Endpoint::with_queues(address, queues).await?, _process: process })
    }
}

impl Deref for MiniStack {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// MiniStack must be told its port, so a free one is picked and let go before it starts. Where another process takes it in
/// between, the start fails and says so.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
