//! The configuration of a client: credentials and endpoint by the SDK's own chain, the region by the queue.

use aws_config::{BehaviorVersion, Region, SdkConfig, meta::region::RegionProviderChain};
use aws_sdk_sqs::config::Builder;

use crate::{QueueUrl, RefusePlaintext, http_client::https_client};

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Nothing says which region.
    #[error("no AWS region: set AWS_REGION")]
    NoRegion,
    /// A queue would be looked for where it is not.
    #[error("{queue} is not in the region {region}, where {first} is")]
    OtherRegion {
        /// The queue's URL.
        queue: String,
        /// The region of the clients.
        region: String,
        /// The URL of the queue that the region is of.
        first: String,
    },
}

/// The configuration of clients for some queues, of which the first says the region. Calls nothing but, where the URL does not say
/// the region, what the SDK asks for it; credentials are fetched with the first call.
///
/// # Errors
/// The region is unknown, or not that of another queue.
pub async fn client_config<'a>(
    first: &'a QueueUrl,
    others: impl IntoIterator<Item = &'a QueueUrl>,
) -> Result<Builder, ConfigError> {
    let config = load(first).await;
    let region = config.region().ok_or(ConfigError::NoRegion)?.as_ref();
    if let Some(other) = others.into_iter().find(|queue| queue.region().is_some_and(|its| its != region)) {
        let (queue, region, first) = (other.to_string(), region.to_owned(), first.to_string());
        return Err(ConfigError::OtherRegion { queue, region, first });
    }
    Ok(Builder::from(&config).interceptor(RefusePlaintext))
}

async fn load(queue: &QueueUrl) -> SdkConfig {
    // Before all else: the queue is where its URL says, whatever the environment is set to for other programs; and profiles and
    // instance metadata take seconds where there are none.
    let of_queue = queue.region().map(|region| Region::new(region.to_owned()));
    let region = RegionProviderChain::first_try(of_queue).or_default_provider();
    aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(https_client()).region(region).load().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> QueueUrl {
        text.parse().expect(text)
    }

    #[tokio::test]
    async fn the_region_is_that_of_the_queue() {
        let (west, elsewhere) = (url("https://sqs.eu-west-1.amazonaws.com/1/q"), url("https://host.example/1/q"));
        let config = client_config(&west, [&elsewhere]).await.expect("the URL says the region");
        assert_eq!(config.build().region().map(AsRef::as_ref), Some("eu-west-1"));
    }

    #[tokio::test]
    async fn a_queue_in_another_region_is_refused_by_name() {
        let (west, east) =
            (url("https://sqs.eu-west-1.amazonaws.com/1/q"), url("https://sqs.us-east-1.amazonaws.com/1/r"));
        let error = client_config(&west, [&east]).await.expect_err("two regions").to_string();
        assert!(error.contains(east.as_str()) && error.contains("eu-west-1"), "{error}");
    }
}
