//! The bodies of the queues' messages: CloudEvents 1.0 in structured JSON, `data` being a
//! [`Command`](crate::bridge::v1::Command) or a [`Result`](crate::bridge::v1::Result) in canonical proto3 JSON.
//!
//! Everything stands in the body, since SNS, Lambda and EventBridge lose message attributes on the way. What is written here is
//! legal as an SQS body whatever strings it carries, and what is read here is checked: a command that is not wholly understood is
//! refused rather than run in part, for an ignored filter would widen a read. This module knows no queue.

mod decode;
mod encode;
mod error;

use std::{ops::RangeInclusive, time::Duration};

pub use decode::{check_command, decode_command, decode_result, is_id};
pub use encode::{encode_command, encode_page, encode_result, legal, result_id};
pub use error::{EnvelopeError, Fault, Field, Readable};

/// The CloudEvents `type` of a command.
pub const COMMAND_TYPE: &str = "gumshoe.bridge.v1.Command";

/// The CloudEvents `type` of a result.
pub const RESULT_TYPE: &str = "gumshoe.bridge.v1.Result";

/// The most queries a command may hold: their outcomes must fit into one `End` even where each has something to report.
pub const MAX_QUERIES: usize = 100;

/// How long after its deadline a command's results are still tried to be sent: whoever asked must hear how it ended, even if the
/// result queue is throttled just then. So whoever asked has to listen for longer.
pub const ANSWER_GRACE: Duration = Duration::from_secs(30);

/// How often the progress of a command may be told.
pub const PROGRESS_INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

/// The longest id of a command, an investigation or a query: three of them and a ULID still make a short message id.
pub const MAX_ID_LENGTH: usize = 64;

#[cfg(test)]
mod tests;
