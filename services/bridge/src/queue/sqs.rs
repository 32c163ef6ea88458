//! The AWS SDK behind the traits of this module.

mod errors;

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::{
    Client,
    config::retry::RetryPartition,
    types::{
        BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry,
        ChangeMessageVisibilityBatchResultEntry as Extended, Message, MessageSystemAttributeName as OfMessage,
        QueueAttributeName as OfQueue, SendMessageBatchRequestEntry, SendMessageBatchResultEntry as Sent,
    },
};

use gumshoe_queue::{ConfigError, client_config, seconds};

use super::{
    CommandQueue, FailedEntry, Outgoing, QueueError, QueueUrl, Received, ResultQueue,
    check::{AttributeSource, Attributes},
};
use crate::args::Named;
use errors::{build_error, queue_error};

/// A poll that came back with nothing so long after its wait will not come back at all (awslabs/aws-sdk-rust#1094).
const POLL_GRACE: Duration = Duration::from_secs(10);

/// One try of any other call: SQS answers in tens of milliseconds, and 1 MiB goes out in a second or two.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Such a call with its retries; within a third of a lease, so that extensions do not pile up.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// What a send gets beside: so slow may a line be that all calls of a full buffer share, and no call is broken off that goes forward.
const BYTES_PER_SECOND: usize = 64 * 1024;

/// Retries of the SDK are for what passes within a second; what lasts longer is waited for here, where a deadline is known.
const ATTEMPTS: u32 = 3;

/// The clients of the process.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// For receiving only: without retries, and with a token bucket of its own, so that neither holds up the other.
    poll: Client,
    calls: Client,
}

/// Makes the clients. Calls nothing but what credentials need, which are fetched with the first call.
///
/// # Errors
/// The region is unknown, or not that of a queue.
pub(crate) async fn connect(
    command: &QueueUrl,
    results: &[Named<QueueUrl>],
    wait: Duration,
) -> Result<Connection, ConfigError> {
    let config = client_config(command, results.iter().map(|named| &named.value)).await?;
    let poll = TimeoutConfig::builder().operation_attempt_timeout(wait + POLL_GRACE).build();
    let calls = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(CALL_TIMEOUT);
    let poll = config
        .clone()
        .timeout_config(poll)
        .retry_config(RetryConfig::disabled())
        .retry_partition(RetryPartition::new("gumshoe-poll"));
    let calls = config
        .timeout_config(calls.build())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .retry_partition(RetryPartition::new("gumshoe-calls"));
    Ok(Connection { poll: Client::from_conf(poll.build()), calls: Client::from_conf(calls.build()) })
}

impl Connection {
    /// The queue that commands come from.
    #[must_use]
    pub(crate) fn command_queue(&self, url: &QueueUrl) -> impl CommandQueue + 'static {
        Sqs { connection: self.clone(), url: url.to_string() }
    }

    /// A queue that results go to.
    #[must_use]
    pub(crate) fn result_queue(&self, url: &QueueUrl) -> impl ResultQueue + 'static {
        Sqs { connection: self.clone(), url: url.to_string() }
    }
}

struct Sqs {
    connection: Connection,
    url: String,
}

#[async_trait]
impl CommandQueue for Sqs {
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError> {
        let request = self.connection.poll.receive_message();
        let output = request
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(max).unwrap_or(i32::MAX))
            .wait_time_seconds(seconds(wait))
            .visibility_timeout(seconds(visibility))
            .message_system_attribute_names(OfMessage::ApproximateReceiveCount)
            .send()
            .await
            .map_err(|error| queue_error("ReceiveMessage", error))?;
        Ok(output.messages.unwrap_or_default().into_iter().map(received).collect())
    }

    async fn change_visibility(
        &self,
        receipt_handles: &[String],
        visibility: Duration,
    ) -> Result<Vec<FailedEntry>, QueueError> {
        const OPERATION: &str = "ChangeMessageVisibilityBatch";
        let mut request = self.connection.calls.change_message_visibility_batch().queue_url(&self.url);
        for (index, handle) in receipt_handles.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(handle)
                .visibility_timeout(seconds(visibility));
            request = request.entries(entry.build().map_err(|error| build_error(OPERATION, error))?);
        }
        let output = request.send().await.map_err(|error| queue_error(OPERATION, error))?;
        Ok(failed(receipt_handles.len(), output.successful.iter().map(Extended::id), &output.failed))
    }

    async fn delete(&self, receipt_handle: &str) -> Result<(), QueueError> {
        let request = self.connection.calls.delete_message().queue_url(&self.url).receipt_handle(receipt_handle);
        request.send().await.map(drop).map_err(|error| queue_error("DeleteMessage", error))
    }
}

#[async_trait]
impl ResultQueue for Sqs {
    async fn send(&self, messages: &[&Outgoing]) -> Result<Vec<FailedEntry>, QueueError> {
        const OPERATION: &str = "SendMessageBatch";
        let mut request = self.connection.calls.send_message_batch().queue_url(&self.url);
        for (index, message) in messages.iter().enumerate() {
            let fifo = message.fifo.as_ref();
            let entry = SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(&message.body)
                .set_message_group_id(fifo.map(|fifo| fifo.group.clone()))
                .set_message_deduplication_id(fifo.map(|fifo| fifo.deduplication_id.clone()));
            request = request.entries(entry.build().map_err(|error| build_error(OPERATION, error))?);
        }
        let bytes = messages.iter().map(|message| message.body.len()).sum();
        let patient = aws_sdk_sqs::Config::builder().timeout_config(send_timeouts(bytes));
        let output = request.customize().config_override(patient).send().await;
        let output = output.map_err(|error| queue_error(OPERATION, error))?;
        Ok(failed(messages.len(), output.successful.iter().map(Sent::id), &output.failed))
    }
}

/// A call that is broken off is sent anew from its beginning, mostly after SQS had taken it: on a slow line, nothing else would happen.
fn send_timeouts(bytes: usize) -> TimeoutConfig {
    let more = Duration::from_secs((bytes / BYTES_PER_SECOND) as u64);
    TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT + more)
        .operation_timeout(CALL_TIMEOUT + more * ATTEMPTS)
        .build()
}

#[async_trait]
impl AttributeSource for Connection {
    async fn attributes(&self, queue: &QueueUrl) -> Result<Attributes, QueueError> {
        let request = self.calls.get_queue_attributes().queue_url(queue.as_str());
        let output = request
            .attribute_names(OfQueue::QueueArn)
            .attribute_names(OfQueue::MaximumMessageSize)
            .attribute_names(OfQueue::RedrivePolicy)
            .attribute_names(OfQueue::SqsManagedSseEnabled)
            .attribute_names(OfQueue::KmsMasterKeyId)
            .attribute_names(OfQueue::MessageRetentionPeriod)
            .attribute_names(OfQueue::VisibilityTimeout)
            .send()
            .await
            .map_err(|error| queue_error("GetQueueAttributes", error))?;
        Ok(attributes(output.attributes.unwrap_or_default()))
    }
}

fn attributes(mut of_queue: HashMap<OfQueue, String>) -> Attributes {
    let sse = of_queue.get(&OfQueue::SqsManagedSseEnabled).map(|enabled| enabled == "true");
    let has_key = of_queue.get(&OfQueue::KmsMasterKeyId).is_some_and(|key| !key.is_empty());
    let seconds = |name| of_queue.get(&name).and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let (retention, visibility_timeout) =
        (seconds(OfQueue::MessageRetentionPeriod), seconds(OfQueue::VisibilityTimeout));
    Attributes {
        encrypted: if has_key { Some(true) } else { sse },
        retention,
        visibility_timeout,
        arn: of_queue.remove(&OfQueue::QueueArn),
        maximum_message_size: of_queue.get(&OfQueue::MaximumMessageSize).and_then(|size| size.parse().ok()),
        max_receive_count: of_queue.get(&OfQueue::RedrivePolicy).and_then(|policy| max_receive_count(policy)),
    }
}

/// The policy is JSON in a text, and the count in it a number or a text.
fn max_receive_count(policy: &str) -> Option<u32> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    match policy.get("maxReceiveCount")? {
        serde_json::Value::String(count) => count.parse().ok(),
        count => count.as_u64().and_then(|count| count.try_into().ok()),
    }
}

fn received(message: Message) -> Received {
    let count = message.attributes.as_ref().and_then(|all| all.get(&OfMessage::ApproximateReceiveCount));
    Received {
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        message_id: message.message_id.unwrap_or_default(),
        receipt_handle: message.receipt_handle.unwrap_or_default(),
        body: message.body.unwrap_or_default(),
    }
}

/// Of a batch of so many entries, whose ids are their indices: those that SQS does not say it has taken. Where an answer says nothing of
/// an entry, which SQS itself never does, nobody knows.
fn failed<'id>(
    entries: usize,
    successful: impl Iterator<Item = &'id str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<FailedEntry> {
    let successful: BTreeSet<usize> = successful.filter_map(|id| id.parse().ok()).collect();
    let of = |index| match failed.iter().find(|entry| entry.id().parse() == Ok(index)) {
        Some(entry) => FailedEntry { index, sender_fault: entry.sender_fault(), code: entry.code().to_owned() },
        None => FailedEntry { index, sender_fault: false, code: "NotAcknowledged".to_owned() },
    };
    (0..entries).filter(|index| !successful.contains(index)).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_batch_gets_the_time_that_a_slow_line_takes() {
        let attempt = |bytes| send_timeouts(bytes).operation_attempt_timeout();
        assert_eq!([0, 1 << 20].map(attempt), [5, 21].map(|seconds| Some(Duration::from_secs(seconds))));
        assert_eq!(send_timeouts(1 << 20).operation_timeout(), Some(Duration::from_secs(63)));
    }

    #[test]
    fn what_an_answer_says_nothing_of_has_failed() {
        let refused = BatchResultErrorEntry::builder().id("2").sender_fault(true).code("TooLong").build().unwrap();
        let failed = failed(4, ["0", "x"].into_iter(), &[refused]);
        let told: Vec<_> = failed.iter().map(|entry| (entry.index, entry.sender_fault, entry.code.as_str())).collect();
        assert_eq!(told, [(1, false, "NotAcknowledged"), (2, true, "TooLong"), (3, false, "NotAcknowledged")]);
    }

    #[test]
    fn the_receive_count_of_a_policy_is_a_number_or_a_text() {
        assert_eq!(max_receive_count(r#"{"deadLetterTargetArn":"arn","maxReceiveCount":5}"#), Some(5));
        assert_eq!(max_receive_count(r#"{"deadLetterTargetArn":"arn","maxReceiveCount":"7"}"#), Some(7));
        for none in ["", "{}", r#"{"maxReceiveCount":-1}"#] {
            assert_eq!(max_receive_count(none), None);
        }
    }
}
