//! Why a body is no command or no result, with as much of it as was readable.

use std::fmt;

use super::{MAX_ID_LENGTH, MAX_QUERIES, PROGRESS_INTERVALS};

/// A body that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct EnvelopeError {
    /// What is wrong with it.
    pub fault: Fault,
    /// What could be read nonetheless, for the answer.
    pub readable: Box<Readable>,
}

/// The parts of a refused command that its answer needs, each only where it was there and valid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// `id` of the command.
    pub command_id: Option<String>,
    /// `investigation_id` of the command.
    pub investigation_id: Option<String>,
    /// `reply_to` of the command: any text, it is looked up and never used otherwise.
    pub reply_to: Option<String>,
}

/// What is wrong with a body.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The body is no JSON, or an object in it names a field twice.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// The body is JSON, but no CloudEvent.
    #[error("the body is not a CloudEvent in structured JSON: {0}")]
    NotCloudEvent(String),
    /// A CloudEvent of another version.
    #[error("the CloudEvent's specversion is {0:?}, not \"1.0\"")]
    SpecVersion(String),
    /// A CloudEvent of another type.
    #[error("the CloudEvent's type is {actual:?}, not {expected:?}")]
    EventType {
        /// What is read here.
        expected: &'static str,
        /// What came.
        actual: String,
    },
    /// The data is in another encoding than JSON.
    #[error("the CloudEvent's data is not JSON but {0}")]
    DataEncoding(String),
    /// The data is not the message: a field it does not have, or a value of another type.
    #[error("data: {0}")]
    Data(String),
    /// An id is absent or holds something that an id may not hold.
    #[error("{0}: an id of 1 to {MAX_ID_LENGTH} characters of A-Z, a-z, 0-9, _ and - is required")]
    InvalidId(Field),
    /// The command has no deadline, so nothing would end it.
    #[error("deadline: is required")]
    MissingDeadline,
    /// The command asks nothing.
    #[error("queries: at least one is required")]
    NoQueries,
    /// The command asks too much.
    #[error("queries: {0} are too many, {MAX_QUERIES} are allowed")]
    TooManyQueries(usize),
    /// Two queries have one id, so their pages could not be told apart.
    #[error("queries[{index}].id: {id:?} is the id of an earlier query")]
    DuplicateQuery {
        /// The place of the second one.
        index: usize,
        /// The id of both.
        id: String,
    },
    /// A query asks nothing.
    #[error("queries[{index}]: has no request")]
    QueryWithoutRequest {
        /// The place of the query.
        index: usize,
    },
    /// The progress is to be told too often, or too seldom to be of use.
    #[error("progressInterval: must be from {} s to {} s", PROGRESS_INTERVALS.start().as_secs(), PROGRESS_INTERVALS.end().as_secs())]
    ProgressInterval,
    /// A cancel stops other commands, and asks nothing itself.
    #[error("cancel: a command with it has no queries, no budget, no progressInterval and no ping")]
    CancelAndMore,
    /// A ping asks for nothing else.
    #[error("ping: a command with it has no queries, no budget and no progressInterval")]
    PingAndMore,
    /// A cancel says what it is to stop.
    #[error("cancel: commandId or investigationId is required")]
    CancelWithoutTarget,
    /// A result is none of `Accepted`, `Page`, `Progress` and `End`.
    #[error("data: is none of accepted, page, progress and end")]
    ResultWithoutKind,
}

impl Fault {
    /// A stable name of the fault, UPPER_SNAKE_CASE, as `End.error.reason` carries it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "NOT_JSON",
            Self::NotCloudEvent(_) => "NOT_A_CLOUD_EVENT",
            Self::SpecVersion(_) => "UNSUPPORTED_SPECVERSION",
            Self::EventType { .. } => "UNSUPPORTED_TYPE",
            Self::DataEncoding(_) => "UNSUPPORTED_DATA_ENCODING",
            Self::Data(_) => "INVALID_DATA",
            Self::InvalidId(_) => "INVALID_ID",
            Self::MissingDeadline => "MISSING_DEADLINE",
            Self::NoQueries => "NO_QUERIES",
            Self::TooManyQueries(_) => "TOO_MANY_QUERIES",
            Self::DuplicateQuery { .. } => "DUPLICATE_QUERY_ID",
            Self::QueryWithoutRequest { .. } => "QUERY_WITHOUT_REQUEST",
            Self::ProgressInterval => "INVALID_PROGRESS_INTERVAL",
            Self::CancelAndMore => "CANCEL_WITH_QUERIES",
            Self::PingAndMore => "PING_WITH_QUERIES",
            Self::CancelWithoutTarget => "CANCEL_WITHOUT_TARGET",
            Self::ResultWithoutKind => "RESULT_WITHOUT_KIND",
        }
    }
}

/// The place of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `Command.id`, `Result.command_id`.
    Command,
    /// `investigation_id`.
    Investigation,
    /// `Command.queries[n].id`.
    Query(usize),
    /// `Command.cancel.command_id`.
    CancelledCommand,
    /// `Command.cancel.investigation_id`.
    CancelledInvestigation,
    /// `Result.run`.
    Run,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("id"),
            Self::Investigation => f.write_str("investigationId"),
            Self::Query(index) => write!(f, "queries[{index}].id"),
            Self::CancelledCommand => f.write_str("cancel.commandId"),
            Self::CancelledInvestigation => f.write_str("cancel.investigationId"),
            Self::Run => f.write_str("run"),
        }
    }
}
