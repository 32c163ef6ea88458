//! MiniStack: an SQS server of others (PyPI), which differs from AWS in fewer places than any that a crate has.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::tools::Tools;

/// The account in the URLs of the queues.
const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
/// Any will do: signatures are not checked.
const ACCESS_KEY: &str = "AKIDMINISTACK";
const SECRET_KEY: &str = "not-a-secret";

/// A running MiniStack. It ends when it is dropped, with all its queues.
#[derive(Debug)]
pub struct MiniStack {
    address: SocketAddr,
    client: aws_sdk_sqs::Client,
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
        let ministack = Self { address, client: client(address), _process: process };
        for queue in queues {
            let created = ministack.client.create_queue().queue_name(*queue).send().await;
            created.with_context(|| format!("create the queue {queue}"))?;
        }
        Ok(ministack)
    }

    /// The URL of a queue.
    #[must_use]
    pub fn queue_url(&self, name: &str) -> String {
        format!("http://{}/{ACCOUNT}/{name}", self.address)
    }

    /// The environment in which the SDK's own chain finds this server.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL_SQS", format!("http://{}", self.address).as_str()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// A client of this server.
    #[must_use]
    pub fn client(&self) -> &aws_sdk_sqs::Client {
        &self.client
    }
}

/// MiniStack must be told its port, so a free one is picked and let go before it starts. Where another process takes it in
/// between, the start fails and says so.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

fn client(address: SocketAddr) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "ministack"))
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}
