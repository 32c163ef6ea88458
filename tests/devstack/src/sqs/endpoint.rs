//! Where an SQS server of this machine is, and how it is called. Not which one it is: the embedded one and MiniStack have this in
//! common.

use std::collections::HashMap;
use std::net::SocketAddr;

use anyhow::Context;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::QueueAttributeName;

/// The account in the URLs of the queues.
pub(super) const ACCOUNT: &str = "000000000000";
/// The region that clients must be configured for.
pub(super) const REGION: &str = "us-east-1";
/// Any will do: signatures are not checked.
const ACCESS_KEY: &str = "AKIDDEVSTACK";
const SECRET_KEY: &str = "not-a-secret";

/// The address of a server, and a client of it.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    client: aws_sdk_sqs::Client,
}

impl Endpoint {
    /// The server at this address, with these queues, which are created with the attributes that AWS gives by default.
    ///
    /// # Errors
    /// It cannot be reached, or a queue's name is none.
    pub(crate) async fn with_queues(address: SocketAddr, queues: &[&str]) -> anyhow::Result<Self> {
        let endpoint = Self { address, client: client(address) };
        for queue in queues {
            endpoint.create_queue(queue, []).await?;
        }
        Ok(endpoint)
    }

    /// Creates a queue.
    ///
    /// # Errors
    /// The name or an attribute is refused.
    pub async fn create_queue(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = (QueueAttributeName, String)>,
    ) -> anyhow::Result<()> {
        let attributes: HashMap<_, _> = attributes.into_iter().collect();
        let call = self.client.create_queue().queue_name(name).set_attributes(Some(attributes));
        call.send().await.with_context(|| format!("create the queue {name}"))?;
        Ok(())
    }

    /// `http://127.0.0.1:…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL of a queue.
    #[must_use]
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.url())
    }

    /// The environment in which the SDK's own chain finds this server.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL_SQS", self.url().as_str()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// A client of this server. Where calls are counted and can fail, its calls are and can, too.
    #[must_use]
    pub fn client(&self) -> &aws_sdk_sqs::Client {
        &self.client
    }
}

fn client(address: SocketAddr) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "devstack"))
        .build();
    aws_sdk_sqs::Client::from_conf(config)
}
