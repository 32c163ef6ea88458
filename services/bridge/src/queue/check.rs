//! What is asked of the queues at start: that results do not go where commands come from, how large a message may be, and when
//! a command is given up.

use async_trait::async_trait;
use futures::future::try_join_all;

use super::{QueueError, QueueErrorKind, QueueUrl};
use crate::args::Named;

/// What one result message may hold where the queue does not say: the limit of SQS before August 2025.
const DEFAULT_MESSAGE_SIZE: usize = 256 * 1024;

/// Less than this, and the outcomes of 100 queries do not fit into one `End`, however short.
pub(crate) const LEAST_MESSAGE_SIZE: usize = 64 * 1024;

/// Fewer tries, and a deployment or two send a healthy command to the dead letters.
const ADVISED_RECEIVE_COUNT: u32 = 5;

/// Attributes of a queue, as far as it has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// What names the queue for certain.
    pub arn: Option<String>,
    /// `MaximumMessageSize` in bytes.
    pub maximum_message_size: Option<usize>,
    /// `RedrivePolicy.maxReceiveCount`: the dead letter queue gets a message that was received more often.
    pub max_receive_count: Option<u32>,
}

/// Where attributes come from.
#[async_trait]
pub(crate) trait AttributeSource: Send + Sync {
    /// The attributes of a queue.
    async fn attributes(&self, queue: &QueueUrl) -> Result<Attributes, QueueError>;
}

/// What was found out about the queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// When the command queue gives a message up, if ever.
    pub max_receive_count: Option<u32>,
    /// The largest message of each result queue, in their order.
    pub message_sizes: Vec<usize>,
}

/// Why the queues cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    /// Every result would be a malformed command, answered with a result, for ever.
    #[error("the result queue {0:?} is the command queue")]
    SameQueue(String),
    /// An `End` may not fit.
    #[error("the result queue {name:?} takes messages of at most {size} bytes, less than {LEAST_MESSAGE_SIZE}")]
    TooSmall {
        /// The name of the queue.
        name: String,
        /// Its `MaximumMessageSize`.
        size: usize,
    },
    /// The attributes cannot be read.
    #[error("the attributes of {queue} cannot be read")]
    Unreadable {
        /// The queue's URL.
        queue: String,
        /// Why not.
        source: QueueError,
    },
}

impl CheckError {
    /// Whether only another configuration helps: everything but what may pass or be repaired while the process runs.
    #[must_use]
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::SameQueue(_) | Self::TooSmall { .. } => true,
            Self::Unreadable { source, .. } => source.kind == QueueErrorKind::Plaintext,
        }
    }

    /// Whether it lasts until somebody repairs permissions or the queue.
    #[must_use]
    pub(crate) fn needs_repair(&self) -> bool {
        match self {
            Self::SameQueue(_) | Self::TooSmall { .. } => true,
            Self::Unreadable { source, .. } => source.kind == QueueErrorKind::Misconfigured,
        }
    }
}

/// Compares the addresses of the queues, which needs no call: for the start, before anything else.
///
/// # Errors
/// `SameQueue`.
pub(crate) fn check_urls(command: &QueueUrl, results: &[Named<QueueUrl>]) -> Result<(), CheckError> {
    match results.iter().find(|result| result.value == *command) {
        Some(same) => Err(CheckError::SameQueue(same.name.clone())),
        None => Ok(()),
    }
}

/// Reads the attributes of all queues and checks them.
///
/// # Errors
/// `Unreadable` may pass; the others are for whoever configured the queues.
pub(crate) async fn check(
    source: &dyn AttributeSource,
    command: &QueueUrl,
    results: &[Named<QueueUrl>],
) -> Result<Checked, CheckError> {
    let read = async |queue: &QueueUrl| {
        source.attributes(queue).await.map_err(|source| CheckError::Unreadable { queue: queue.to_string(), source })
    };
    let (command, attributes) =
        futures::try_join!(read(command), try_join_all(results.iter().map(|result| read(&result.value))))?;
    let mut message_sizes = Vec::new();
    for (result, attributes) in results.iter().zip(attributes) {
        if command.arn.is_some() && command.arn == attributes.arn {
            return Err(CheckError::SameQueue(result.name.clone()));
        }
        let size = attributes.maximum_message_size.unwrap_or(DEFAULT_MESSAGE_SIZE);
        if size < LEAST_MESSAGE_SIZE {
            return Err(CheckError::TooSmall { name: result.name.clone(), size });
        }
        message_sizes.push(size);
    }
    advise(&command);
    Ok(Checked { max_receive_count: command.max_receive_count, message_sizes })
}

fn advise(command: &Attributes) {
    match command.max_receive_count {
        None => tracing::warn!("the command queue has no dead letter queue: a command is tried until its deadline"),
        Some(count) if count < ADVISED_RECEIVE_COUNT => {
            tracing::warn!(
                count,
                advised = ADVISED_RECEIVE_COUNT,
                "the command queue gives commands up after few receives"
            );
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Default)]
    struct Queues(BTreeMap<String, Attributes>);

    #[async_trait]
    impl AttributeSource for Queues {
        async fn attributes(&self, queue: &QueueUrl) -> Result<Attributes, QueueError> {
            self.0.get(queue.as_str()).cloned().ok_or(QueueError {
                operation: "GetQueueAttributes",
                kind: QueueErrorKind::Misconfigured,
                code: "AccessDenied".into(),
                source: None,
            })
        }
    }

    fn mk_attributes(arn: &str, size: usize) -> Attributes {
        Attributes { arn: Some(arn.into()), maximum_message_size: Some(size), max_receive_count: Some(5) }
    }

    fn mk_result(name: &str, url: &str) -> Named<QueueUrl> {
        Named { name: name.into(), value: url.parse().unwrap() }
    }

    async fn checked(queues: &[(&str, Attributes)]) -> Result<Checked, CheckError> {
        let source = Queues(queues.iter().map(|(url, attributes)| ((*url).to_owned(), attributes.clone())).collect());
        let results = [mk_result("a", "https://host/1/a"), mk_result("b", "https://host/1/b")];
        check(&source, &"https://host/1/commands".parse().unwrap(), &results).await
    }

    #[test]
    fn a_result_queue_with_the_address_of_the_command_queue_is_refused_before_any_call() {
        let results = [mk_result("a", "https://host/1/a"), mk_result("loop", "https://HOST:443/1/commands/")];
        let error = check_urls(&"https://host/1/commands".parse().unwrap(), &results);
        assert!(matches!(error, Err(CheckError::SameQueue(name)) if name == "loop"));
    }

    #[tokio::test]
    async fn a_result_queue_that_is_the_command_queue_by_another_address_is_refused() {
        let queues = [
            ("https://host/1/commands", mk_attributes("arn:commands", 1 << 20)),
            ("https://host/1/a", mk_attributes("arn:a", 1 << 20)),
            ("https://host/1/b", mk_attributes("arn:commands", 1 << 20)),
        ];
        assert!(matches!(checked(&queues).await, Err(CheckError::SameQueue(name)) if name == "b"));
    }

    #[tokio::test]
    async fn each_result_queue_has_its_own_limit() {
        let queues = [
            ("https://host/1/commands", mk_attributes("arn:commands", 1024)),
            ("https://host/1/a", mk_attributes("arn:a", 1 << 20)),
            ("https://host/1/b", Attributes { maximum_message_size: None, ..mk_attributes("arn:b", 0) }),
        ];
        let expected = Checked { max_receive_count: Some(5), message_sizes: vec![1 << 20, 256 << 10] };
        assert_eq!(checked(&queues).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_queue_that_is_too_small_for_an_end_or_cannot_be_read_is_named() {
        let mut queues = [
            ("https://host/1/commands", mk_attributes("arn:commands", 1024)),
            ("https://host/1/a", mk_attributes("arn:a", 1 << 20)),
            ("https://host/1/b", mk_attributes("arn:b", 1024)),
        ];
        assert!(matches!(checked(&queues).await, Err(CheckError::TooSmall { name, size: 1024 }) if name == "b"));
        queues[1].0 = "https://host/1/other";
        assert!(
            matches!(checked(&queues).await, Err(CheckError::Unreadable { queue, .. }) if queue == "https://host/1/a")
        );
    }
}
