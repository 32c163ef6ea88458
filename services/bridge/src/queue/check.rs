//! What is asked of the queues at start: that results do not go where commands come from, how large a message may be, and when
//! a command is given up.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join_all;
use gumshoe_proto::bridge::v1::QueueStatus;

use super::{QueueError, QueueErrorKind, QueueUrl};
use crate::{args::Named, command::RECEIVES_MAX};

/// What one result message may hold where the queue does not say: the limit of SQS before August 2025.
const DEFAULT_MESSAGE_SIZE: usize = 256 * 1024;

/// Less than this, and the outcomes of 100 queries do not fit into one `End`, however short.
pub(crate) const LEAST_MESSAGE_SIZE: usize = 64 * 1024;

/// Fewer tries, and a deployment or two send a healthy command to the dead letters.
const ADVISED_RECEIVE_COUNT: u32 = 5;

/// A command may be worked on for an hour, and a reader may be down for longer.
const ADVISED_RETENTION: Duration = Duration::from_secs(4 * 3600);

/// A reader needs a while for what it was given; until it has deleted that, SQS gives it to nobody else.
const ADVISED_VISIBILITY: Duration = Duration::from_secs(10);

/// Attributes of a queue, as far as it has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// What names the queue for certain.
    pub arn: Option<String>,
    /// `MaximumMessageSize` in bytes.
    pub maximum_message_size: Option<usize>,
    /// `RedrivePolicy.maxReceiveCount`: the dead letter queue gets a message that was received more often.
    pub max_receive_count: Option<u32>,
    /// Whether SQS encrypts what is in it; None where the server does not say.
    pub encrypted: Option<bool>,
    /// `MessageRetentionPeriod`: after that, SQS drops a message.
    pub retention: Option<Duration>,
    /// `VisibilityTimeout`: for so long a receive hides a message that says nothing else.
    pub visibility_timeout: Option<Duration>,
}

/// Where attributes come from.
#[async_trait]
pub(crate) trait AttributeSource: Send + Sync {
    /// The attributes of a queue.
    async fn attributes(&self, queue: &QueueUrl) -> Result<Attributes, QueueError>;
}

/// What was found out about the queues.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checked {
    /// When the command queue gives a message up, if ever.
    pub max_receive_count: Option<u32>,
    /// The largest message of each result queue, in their order.
    pub message_sizes: Vec<usize>,
    /// What SQS says of the command queue and of each result queue, and what of that should be otherwise.
    pub statuses: Vec<QueueStatus>,
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
    command_url: &QueueUrl,
    results: &[Named<QueueUrl>],
) -> Result<Checked, CheckError> {
    let read = async |queue: &QueueUrl| {
        source.attributes(queue).await.map_err(|source| CheckError::Unreadable { queue: queue.to_string(), source })
    };
    let (command, attributes) =
        futures::try_join!(read(command_url), try_join_all(results.iter().map(|result| read(&result.value))))?;
    let mut message_sizes = Vec::new();
    let mut statuses = vec![status("", command_url, &command)];
    for (result, attributes) in results.iter().zip(attributes) {
        if command.arn.is_some() && command.arn == attributes.arn {
            return Err(CheckError::SameQueue(result.name.clone()));
        }
        let size = attributes.maximum_message_size.unwrap_or(DEFAULT_MESSAGE_SIZE);
        if size < LEAST_MESSAGE_SIZE {
            return Err(CheckError::TooSmall { name: result.name.clone(), size });
        }
        message_sizes.push(size);
        statuses.push(status(&result.name, &result.value, &attributes));
    }
    Ok(Checked { max_receive_count: command.max_receive_count, message_sizes, statuses })
}

/// What is told of a queue; the command queue has no name.
fn status(name: &str, url: &QueueUrl, attributes: &Attributes) -> QueueStatus {
    let of_its_kind = if name.is_empty() {
        advice_on_receives(attributes.max_receive_count)
    } else {
        advice_on_visibility(attributes.visibility_timeout)
    };
    QueueStatus {
        name: name.into(),
        fifo: url.is_fifo(),
        maximum_message_size: attributes.maximum_message_size.unwrap_or_default() as u64,
        max_receive_count: attributes.max_receive_count,
        encrypted: attributes.encrypted,
        message_retention_period: attributes.retention.and_then(|retention| retention.try_into().ok()),
        visibility_timeout: attributes.visibility_timeout.and_then(|timeout| timeout.try_into().ok()),
        advice: of_its_kind.into_iter().chain(advice(attributes)).collect(),
    }
}

fn advice_on_receives(max_receive_count: Option<u32>) -> Option<String> {
    match max_receive_count {
        None => Some(format!(
            "has no dead letter queue: a command is given up after {RECEIVES_MAX} receives and answered, and one that cannot be \
             answered is tried until its retention ends"
        )),
        Some(count) if count < ADVISED_RECEIVE_COUNT => Some(format!(
            "gives commands up after {count} receives: with less than {ADVISED_RECEIVE_COUNT}, some restarts of the bridge are \
             enough for that"
        )),
        Some(_) => None,
    }
}

/// Of a result queue alone: the bridge says itself how long it hides a command.
fn advice_on_visibility(timeout: Option<Duration>) -> Option<String> {
    let seconds = timeout.filter(|timeout| *timeout < ADVISED_VISIBILITY)?.as_secs();
    let advised = ADVISED_VISIBILITY.as_secs();
    Some(format!(
        "hides a message from others for {seconds} s after a receive: a reader that takes longer gets it twice; {advised} s at least \
         are advised"
    ))
}

/// What somebody should know of a queue that can be used all the same, a line each.
fn advice(attributes: &Attributes) -> Vec<String> {
    let mut advice = Vec::new();
    if attributes.encrypted == Some(false) {
        advice.push("is not encrypted: SqsManagedSseEnabled or KmsMasterKeyId would".to_owned());
    }
    if let Some(retention) = attributes.retention.filter(|retention| *retention < ADVISED_RETENTION) {
        let hours = ADVISED_RETENTION.as_secs() / 3600;
        let seconds = retention.as_secs();
        advice.push(format!(
            "keeps messages for {seconds} s only: what nobody has read by then is lost; {hours} h are advised"
        ));
    }
    advice
}

/// All advice, each line with the queue that it is on.
pub(crate) fn all_advice(statuses: &[QueueStatus]) -> impl Iterator<Item = String> {
    let of = |status: &QueueStatus| match status.name.as_str() {
        "" => "the command queue".to_owned(),
        name => format!("the result queue {name:?}"),
    };
    statuses.iter().flat_map(move |status| status.advice.iter().map(move |advice| format!("{} {advice}", of(status))))
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
        Attributes {
            arn: Some(arn.into()),
            maximum_message_size: Some(size),
            max_receive_count: Some(5),
            ..Attributes::default()
        }
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
        let checked = checked(&queues).await.unwrap();
        assert_eq!((checked.max_receive_count, checked.message_sizes), (Some(5), vec![1 << 20, 256 << 10]));
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

    #[test]
    fn what_may_cost_messages_or_secrets_is_told_of_each_queue() {
        let good = Attributes {
            encrypted: Some(true),
            retention: Some(Duration::from_secs(345_600)),
            ..mk_attributes("arn:good", 1 << 20)
        };
        let url: QueueUrl = "https://host/1/q".parse().unwrap();
        let told = |queues: &[(&str, &Attributes)]| -> Vec<_> {
            let statuses: Vec<_> = queues.iter().map(|(name, attributes)| status(name, &url, attributes)).collect();
            all_advice(&statuses).collect()
        };
        assert!(told(&[("", &good), ("a", &good)]).is_empty());
        assert!(told(&[("", &mk_attributes("arn:silent", 1 << 20))]).is_empty(), "a server that does not say");
        let short = Some(Duration::from_secs(60));
        let bad = Attributes { max_receive_count: None, encrypted: Some(false), retention: short, ..good.clone() };
        let all = told(&[("", &bad), ("a", &bad), ("b", &good)]);
        let about: Vec<_> = all.iter().map(|line| line.split(' ').take(4).collect::<Vec<_>>().join(" ")).collect();
        let expected = ["the command queue has", "the command queue is", "the command queue keeps"];
        assert_eq!(about[..3], expected);
        assert!(about[3..].iter().all(|line| line == "the result queue \"a\"") && all.len() == 5, "{all:?}");
        let hasty = Attributes { visibility_timeout: Some(Duration::from_secs(2)), ..good.clone() };
        let told_of = |name| told(&[(name, &hasty)]).concat();
        assert!(told_of("").is_empty() && told_of("a").contains("for 2 s after a receive"));
        let few = Attributes { max_receive_count: Some(2), ..good };
        assert!(told(&[("", &few)])[0].contains("after 2 receives"));
    }
}
