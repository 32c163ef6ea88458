//! The two queues, in SQS.

use std::{future::Future, time::Duration};

use aws_config::{BehaviorVersion, Region, meta::region::RegionProviderChain};
use aws_sdk_sqs::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef,
        timeout::TimeoutConfig,
    },
    error::{BoxError, ProvideErrorMetadata, SdkError},
    types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry},
};
use gumshoe_runtime::chain::Chain;
use http::Uri;

use crate::error::Error;

/// The longest poll that SQS allows.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(20);

/// A long poll can hang for ever (awslabs/aws-sdk-rust#1094), so an attempt ends so long after the longest wait.
const ATTEMPT_MAX: Duration = Duration::from_secs(30);

/// For name look-up, TCP and TLS together.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long received messages are ours. They are settled at once; it matters only where this process dies in between.
const VISIBILITY_SECONDS: i32 = 30;

/// As many as SQS gives at once.
const BATCH: i32 = 10;

/// A message of the result queue.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The handle of this receipt.
    pub(crate) receipt_handle: String,
    /// A CloudEvent, if it is for anybody here.
    pub(crate) body: String,
}

/// The queue that results come from: SQS, or a test's idea of it.
pub(crate) trait ResultQueue {
    /// Waits so long for messages; none is an answer too.
    fn receive(&self, wait: Duration) -> impl Future<Output = Result<Vec<Message>, Error>>;
    /// Removes messages.
    fn delete(&self, messages: &[Message]) -> impl Future<Output = Result<(), Error>>;
    /// Makes messages visible to others again at once.
    fn give_back(&self, messages: &[Message]) -> impl Future<Output = Result<(), Error>>;
}

/// Both queues.
#[derive(Clone, Debug)]
pub(crate) struct Queues {
    client: Client,
    commands: String,
    results: String,
}

impl Queues {
    /// Reads the AWS configuration of the environment, as the SDK and the AWS CLI do; it does not call yet.
    pub(crate) async fn new(commands: String, results: String) -> Result<Self, Error> {
        if commands == results {
            return Err(Error::Usage(
                "--result-queue is the command queue; results need a queue of their own".to_owned(),
            ));
        }
        let region = RegionProviderChain::default_provider().or_else(region_of(&commands));
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT_MAX).operation_attempt_timeout(ATTEMPT_MAX).build();
        let shared =
            aws_config::defaults(BehaviorVersion::v2026_01_12()).region(region).timeout_config(timeouts).load().await;
        let config = aws_sdk_sqs::config::Builder::from(&shared).interceptor(RefusePlaintext).build();
        Ok(Self { client: Client::from_conf(config), commands, results })
    }

    /// Finds out whether results can be received at all, before a command is sent whose results nobody could: what is there already
    /// stays visible to all.
    pub(crate) async fn probe(&self) -> Result<(), Error> {
        let receive = self.client.receive_message().queue_url(&self.results).visibility_timeout(0).wait_time_seconds(0);
        receive.send().await.map(drop).map_err(|error| failed("reading the result queue", &error))
    }

    /// Sends a command. On a FIFO queue, the commands of one investigation keep their order.
    pub(crate) async fn send(&self, body: String, command_id: &str, investigation_id: &str) -> Result<(), Error> {
        let mut send = self.client.send_message().queue_url(&self.commands).message_body(body);
        if self.commands.ends_with(".fifo") {
            send = send.message_group_id(investigation_id).message_deduplication_id(command_id);
        }
        send.send().await.map(drop).map_err(|error| failed("sending the command", &error))
    }
}

impl ResultQueue for Queues {
    async fn receive(&self, wait: Duration) -> Result<Vec<Message>, Error> {
        let receive = self
            .client
            .receive_message()
            .queue_url(&self.results)
            .max_number_of_messages(BATCH)
            .wait_time_seconds(whole_seconds(wait.min(WAIT_MAX)))
            .visibility_timeout(VISIBILITY_SECONDS);
        let received = receive.send().await.map_err(|error| failed("receiving results", &error))?;
        let message = |message: aws_sdk_sqs::types::Message| {
            Some(Message { receipt_handle: message.receipt_handle?, body: message.body.unwrap_or_default() })
        };
        Ok(received.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    async fn delete(&self, messages: &[Message]) -> Result<(), Error> {
        let doing = "deleting results";
        let mut delete = self.client.delete_message_batch().queue_url(&self.results);
        for (index, message) in messages.iter().enumerate() {
            let entry =
                DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(&message.receipt_handle);
            delete = delete.entries(entry.build().map_err(|error| failed_entry(doing, &error))?);
        }
        let done = delete.send().await.map_err(|error| failed(doing, &error))?;
        done.failed.first().map_or(Ok(()), |failed| Err(failed_entry(doing, &failed.code)))
    }

    async fn give_back(&self, messages: &[Message]) -> Result<(), Error> {
        let doing = "giving messages back";
        let mut change = self.client.change_message_visibility_batch().queue_url(&self.results);
        for (index, message) in messages.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&message.receipt_handle)
                .visibility_timeout(0);
            change = change.entries(entry.build().map_err(|error| failed_entry(doing, &error))?);
        }
        let done = change.send().await.map_err(|error| failed(doing, &error))?;
        done.failed.first().map_or(Ok(()), |failed| Err(failed_entry(doing, &failed.code)))
    }
}

/// The wait in seconds, rounded up: a wait of none would make a loop around it spin.
fn whole_seconds(wait: Duration) -> i32 {
    i32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

/// An error of SQS by its code and message; one of the way there with all its causes.
fn failed<E>(doing: &'static str, error: &SdkError<E>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let what = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => Chain(error).to_string(),
    };
    Error::Queue { doing, what }
}

fn failed_entry(doing: &'static str, what: &dyn std::fmt::Display) -> Error {
    Error::Queue { doing, what: what.to_string() }
}

/// The region in the address of a queue of AWS: `https://sqs.eu-central-1.amazonaws.com/…`.
fn region_of(queue_url: &str) -> Option<Region> {
    let url: Uri = queue_url.parse().ok()?;
    let region = url.host()?.strip_prefix("sqs.")?.split_once(".amazonaws.com")?.0;
    Some(Region::new(region.to_owned()))
}

/// Keeps commands and results off the network in the clear, whatever the endpoint comes from: a flag's URL, the environment, a
/// profile.
#[derive(Debug)]
struct RefusePlaintext;

impl Intercept for RefusePlaintext {
    fn name(&self) -> &'static str {
        "RefusePlaintext"
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let uri = context.request().uri();
        if is_safe(uri) {
            Ok(())
        } else {
            Err(format!("{uri} is plaintext, which is allowed for this machine alone").into())
        }
    }
}

/// Says whether an endpoint is encrypted, or on this machine.
fn is_safe(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("https") || loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_stays_on_this_machine() {
        for uri in [
            "https://sqs.eu-central-1.amazonaws.com/",
            "http://127.0.0.1:4566/",
            "http://[::1]:4566/",
            "http://localhost/",
        ] {
            assert!(is_safe(uri), "{uri}");
        }
        for uri in
            ["http://sqs.eu-central-1.amazonaws.com/", "http://10.0.0.1/", "http://localhost.example.com/", "/", ""]
        {
            assert!(!is_safe(uri), "{uri}");
        }
    }

    #[test]
    fn a_wait_is_never_rounded_to_nothing() {
        for (millis, seconds) in [(1, 1), (1000, 1), (1001, 2), (20_000, 20)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }

    #[test]
    fn the_region_of_a_queue_is_in_its_address() {
        let region = |url| region_of(url).map(|region| region.to_string());
        assert_eq!(
            region("https://sqs.eu-central-1.amazonaws.com/123456789012/commands").as_deref(),
            Some("eu-central-1")
        );
        assert_eq!(region("https://sqs.cn-north-1.amazonaws.com.cn/1/q").as_deref(), Some("cn-north-1"));
        assert_eq!(region("http://127.0.0.1:4566/000000000000/commands"), None);
    }
}
