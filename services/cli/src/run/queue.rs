//! The two queues, in SQS.

use std::{future::Future, time::Duration};

use aws_sdk_sqs::{
    Client,
    config::timeout::TimeoutConfig,
    error::{ProvideErrorMetadata, SdkError},
    types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry},
};
use clap::Args;
use gumshoe_queue::{BATCH, QueueUrl, client_config, seconds};
use gumshoe_runtime::chain::Chain;

use crate::error::Error;

/// The longest poll that SQS allows.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(20);

/// A long poll can hang for ever (awslabs/aws-sdk-rust#1094), so an attempt ends so long after the longest wait. The command, which
/// can have 1 MiB, has the same time.
const ATTEMPT_MAX: Duration = Duration::from_secs(30);

/// An attempt of a short call, which SQS answers in tens of milliseconds.
const SHORT_ATTEMPT_MAX: Duration = Duration::from_secs(5);

/// For name look-up, TCP and TLS together.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// How long a received message is hidden from others. Ours are deleted at once, and what is of others should not be missed for long.
pub(crate) const VISIBILITY: Duration = Duration::from_secs(5);

/// Which queues a bridge is spoken to by.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Queues")]
pub(crate) struct QueueArgs {
    /// URL of the queue that the bridge reads. Credentials and endpoint come from the environment, as for the AWS CLI; so does the region where the URL names none
    #[arg(long, env = "GUMSHOE_COMMAND_QUEUE", value_name = "URL", requires = "result_queue")]
    pub(crate) command_queue: QueueUrl,

    /// URL of the queue that the results come to
    // Not GUMSHOE_RESULT_QUEUE: that is the bridge's, whose values have names.
    #[arg(long, env = "GUMSHOE_REPLY_QUEUE", value_name = "URL", requires = "command_queue")]
    pub(crate) result_queue: QueueUrl,

    /// The bridge's name for that queue [default: its first one]
    #[arg(long, env = "GUMSHOE_REPLY_TO", value_name = "NAME", default_value_t, hide_default_value = true)]
    pub(crate) reply_to: String,
}

/// A message of the result queue.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// SQS's own id, the same at each receipt.
    pub(crate) id: String,
    /// The handle of this receipt.
    pub(crate) receipt_handle: String,
    /// A CloudEvent, if it is for anybody here.
    pub(crate) body: String,
}

/// A message that is to be hidden from all for so long from now.
#[derive(Clone, Debug)]
pub(crate) struct Hiding {
    /// Of its newest receipt.
    pub(crate) receipt_handle: String,
    /// Zero makes it visible at once.
    pub(crate) visibility: Duration,
}

/// The queue that results come from: SQS, or a test's idea of it.
pub(crate) trait ResultQueue {
    /// Waits so long for messages, which are then hidden for [`VISIBILITY`]; none is an answer too.
    fn receive(&self, wait: Duration) -> impl Future<Output = Result<Vec<Message>, Error>>;
    /// Removes messages, a [`BATCH`] at most.
    fn delete(&self, messages: &[Message]) -> impl Future<Output = Result<(), Error>>;
    /// Hides messages, a [`BATCH`] at most.
    fn hide(&self, messages: &[Hiding]) -> impl Future<Output = Result<(), Error>>;
}

/// Both queues.
#[derive(Clone, Debug)]
pub(crate) struct Queues {
    /// For what can take long: polls, and the command.
    client: Client,
    short: Client,
    commands: QueueUrl,
    results: QueueUrl,
}

impl Queues {
    /// Reads the AWS configuration of the environment, as the SDK and the AWS CLI do; it does not call yet.
    ///
    /// # Errors
    /// The queues are one, or the region is unknown or not that of both.
    pub(crate) async fn new(args: &QueueArgs) -> Result<Self, Error> {
        let QueueArgs { command_queue: commands, result_queue: results, reply_to: _ } = args.clone();
        if commands == results {
            return Err(Error::Usage(
                "--result-queue is the command queue; results need a queue of their own".to_owned(),
            ));
        }
        let config = client_config(&commands, [&results]).await.map_err(|error| Error::Usage(error.to_string()))?;
        let client = |attempt| {
            let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_MAX).operation_attempt_timeout(attempt);
            Client::from_conf(config.clone().timeout_config(timeouts.build()).build())
        };
        Ok(Self { client: client(ATTEMPT_MAX), short: client(SHORT_ATTEMPT_MAX), commands, results })
    }

    /// Sends a command. On a FIFO queue, the commands of one investigation keep their order.
    pub(crate) async fn send(&self, body: String, command_id: &str, investigation_id: &str) -> Result<(), Error> {
        let mut send = self.client.send_message().queue_url(self.commands.as_str()).message_body(body);
        if self.commands.is_fifo() {
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
            .queue_url(self.results.as_str())
            .max_number_of_messages(BATCH as i32)
            .wait_time_seconds(seconds(wait.min(WAIT_MAX)))
            .visibility_timeout(seconds(VISIBILITY));
        let received = receive.send().await.map_err(|error| failed("receiving results", &error))?;
        Ok(received.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    async fn delete(&self, messages: &[Message]) -> Result<(), Error> {
        let doing = "deleting results";
        let mut delete = self.short.delete_message_batch().queue_url(self.results.as_str());
        for (index, message) in messages.iter().enumerate() {
            let entry =
                DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(&message.receipt_handle);
            delete = delete.entries(entry.build().map_err(|error| failed_entry(doing, &error))?);
        }
        let done = delete.send().await.map_err(|error| failed(doing, &error))?;
        done.failed.first().map_or(Ok(()), |failed| Err(failed_entry(doing, &failed.code)))
    }

    async fn hide(&self, messages: &[Hiding]) -> Result<(), Error> {
        let doing = "giving messages back";
        let mut change = self.short.change_message_visibility_batch().queue_url(self.results.as_str());
        for (index, message) in messages.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&message.receipt_handle)
                .visibility_timeout(seconds(message.visibility));
            change = change.entries(entry.build().map_err(|error| failed_entry(doing, &error))?);
        }
        let done = change.send().await.map_err(|error| failed(doing, &error))?;
        // A message that has come back by itself, or was taken by somebody else, is where it should be.
        let is_back = |code: &str| code.contains("MessageNotInflight") || code.contains("ReceiptHandleIsInvalid");
        let failed = done.failed.iter().find(|failed| !is_back(&failed.code));
        failed.map_or(Ok(()), |failed| Err(failed_entry(doing, &failed.code)))
    }
}

fn message(message: aws_sdk_sqs::types::Message) -> Option<Message> {
    Some(Message {
        id: message.message_id.unwrap_or_default(),
        receipt_handle: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(commands: &str, results: &str) -> String {
        let [command_queue, result_queue] = [commands, results].map(|url| url.parse().expect(url));
        let queues = Queues::new(&QueueArgs { command_queue, result_queue, reply_to: String::new() }).await;
        queues.expect_err("these queues do not go together").to_string()
    }

    #[tokio::test]
    async fn results_do_not_come_to_the_command_queue_however_it_is_spelled() {
        let spelled = refusal("https://host/1/q", "https://HOST:443/1/q/").await;
        assert!(spelled.contains("--result-queue is the command queue"), "{spelled}");
    }

    #[tokio::test]
    async fn queues_of_two_regions_are_refused() {
        let (west, east) = ("https://sqs.eu-west-1.amazonaws.com/1/q", "https://sqs.us-east-1.amazonaws.com/1/r");
        assert!(refusal(west, east).await.contains("us-east-1"));
    }
}
