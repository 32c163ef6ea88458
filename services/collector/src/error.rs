//! What can go wrong in a read, and the one place where it becomes a gRPC status.
//!
//! What a caller is told (`Display`) and what is logged (the source chain) are kept apart: a `kube::Error` can hold a dump
//! of a response, so it is only ever a source.

use std::{collections::HashMap, time::Duration};

use gumshoe_proto::collector::v1::{Gap, GapReason};
use gumshoe_runtime::{chain::Chain, errors::DOMAIN};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a read failed. `Display` is public text: no object content, no address.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A field of the request is not what its rules allow.
    #[error("{field}: {why}")]
    InvalidArgument {
        /// The request's field, as the `.proto` names it.
        field: &'static str,
        /// What is wrong with it and what would be right.
        why: String,
    },
    /// Kubernetes refused the request itself: a field selector that the kind does not support, for example.
    #[error("the Kubernetes API refused the request: {0}")]
    Refused(String),
    /// The collector's ServiceAccount may not read this.
    #[error("the collector may not {0}")]
    Denied(String),
    /// There is no such object.
    #[error("{kind} {name} not found")]
    NotFound {
        /// The kind, as Kubernetes writes it.
        kind: &'static str,
        /// `<namespace>/<name>`.
        name: String,
    },
    /// What selects pods selects none.
    #[error("{0} matches no pod")]
    NoPods(String),
    /// The pod has no container of that name.
    #[error("Container {pod}/{name} not found; the pod has {existing}")]
    NoSuchContainer {
        /// `<namespace>/<name>`.
        pod: String,
        /// The name that was asked for.
        name: String,
        /// The names of those that it has.
        existing: String,
    },
    /// The kind is not among those that are served.
    #[error(
        "this collector does not serve {0}: its --kinds (collector.kinds.{0} of the chart) would have to name them"
    )]
    KindNotServed(&'static str),
    /// The snapshot that a list goes on from has been compacted away (410). Holds the continue token with which the API
    /// server lets the list go on inconsistently.
    #[error("the snapshot of this list has expired")]
    Expired {
        /// `metadata.continue` of the Status.
        continue_token: Option<String>,
    },
    /// The API server asked to wait longer than the deadline allows, or again and again (429).
    #[error("the Kubernetes API is throttling the collector")]
    Throttled {
        /// What it asked for.
        retry_after: Option<Duration>,
    },
    /// The API server could not be reached or could not answer.
    #[error("the Kubernetes API is not available: {what}")]
    Unavailable {
        /// In a few words.
        what: String,
        /// For the log.
        #[source]
        source: Option<Source>,
    },
    /// The API server, or whoever stands before it, refused a request that we hold to be right: an address of a proxy that is wrong,
    /// a request line that is too long for it. Trying again does not help.
    #[error("the Kubernetes API answered {0}; is there a proxy in between?")]
    Unexpected(String),
    /// An answer had begun and broke off or stalled.
    #[error("the read from the Kubernetes API was interrupted: {what}")]
    Interrupted {
        /// In a few words.
        what: String,
        /// For the log.
        #[source]
        source: Option<Source>,
    },
    /// The API server did not accept the collector's own credentials (401).
    #[error("the Kubernetes API did not accept the collector's credentials")]
    Unauthenticated,
    /// An object is too large for a message.
    #[error("the object takes {0} bytes or more, which is too much for a message")]
    TooLarge(usize),
    /// The collector had no room for the call before its deadline.
    #[error("the collector has too many calls of this kind at this time")]
    Overloaded,
    /// The caller did not take what had been read for him.
    #[error("the pages were taken too slowly")]
    SlowCaller,
    /// The deadline of the call came first.
    #[error("the deadline of the call came before the answer")]
    Deadline,
    /// An answer is not what Kubernetes' encoding allows.
    #[error("the Kubernetes API's answer could not be decoded: {0}")]
    Malformed(String),
}

impl ReadError {
    /// A field of the request that breaks its rules.
    pub fn invalid(field: &'static str, why: impl Into<String>) -> Self {
        Self::InvalidArgument { field, why: why.into() }
    }

    /// Whether the same read may succeed if it is simply made again later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::Interrupted { .. }
            | Self::Overloaded
            | Self::SlowCaller => true,
            Self::InvalidArgument { .. }
            | Self::Refused(_)
            | Self::Denied(_)
            | Self::NotFound { .. }
            | Self::NoPods(_)
            | Self::NoSuchContainer { .. }
            | Self::KindNotServed(_)
            | Self::Expired { .. }
            | Self::Unauthenticated
            | Self::Unexpected(_)
            | Self::TooLarge(_)
            | Self::Deadline
            | Self::Malformed(_) => false,
        }
    }

    /// What is said where an answer goes on without what this kept from being read; the place is the caller's to say.
    #[must_use]
    pub fn gap(&self) -> Gap {
        let reason = match self {
            // A server that is too old for a kind answers that there is no such path, or no such kind.
            Self::Denied(_) | Self::NotFound { .. } | Self::KindNotServed(_) => GapReason::KindNotRead,
            Self::TooLarge(_) => GapReason::ItemTooLarge,
            Self::Malformed(_) => GapReason::ItemUnreadable,
            Self::Overloaded | Self::Throttled { .. } => GapReason::Overloaded,
            Self::SlowCaller => GapReason::SlowCaller,
            Self::Deadline => GapReason::Deadline,
            Self::InvalidArgument { .. }
            | Self::Refused(_)
            | Self::NoPods(_)
            | Self::NoSuchContainer { .. }
            | Self::Expired { .. }
            | Self::Unavailable { .. }
            | Self::Unexpected(_)
            | Self::Interrupted { .. }
            | Self::Unauthenticated => GapReason::ReadInterrupted,
        };
        Gap { reason: reason.into(), message: self.to_string(), ..Gap::default() }
    }

    /// The code by what the caller should do next (AIP-194: only UNAVAILABLE is retried by itself), and the stable reason.
    fn code_and_reason(&self) -> (Code, &'static str) {
        match self {
            Self::InvalidArgument { .. } => (Code::InvalidArgument, "INVALID_FIELD"),
            Self::Refused(_) => (Code::InvalidArgument, "REFUSED_BY_KUBERNETES"),
            Self::Denied(_) => (Code::PermissionDenied, "COLLECTOR_NOT_PERMITTED"),
            Self::NotFound { .. } | Self::NoPods(_) | Self::NoSuchContainer { .. } => {
                (Code::NotFound, "OBJECT_NOT_FOUND")
            }
            Self::KindNotServed(_) => (Code::Unimplemented, "KIND_NOT_SERVED"),
            Self::Expired { .. } => (Code::Unavailable, "SNAPSHOT_EXPIRED"),
            Self::Throttled { .. } => (Code::Unavailable, "KUBERNETES_API_THROTTLED"),
            Self::Unavailable { .. } => (Code::Unavailable, "KUBERNETES_API_UNAVAILABLE"),
            Self::Interrupted { .. } => (Code::Unavailable, "READ_INTERRUPTED"),
            Self::Unauthenticated => (Code::FailedPrecondition, "COLLECTOR_CREDENTIALS_REFUSED"),
            Self::Unexpected(_) => (Code::FailedPrecondition, "UNEXPECTED_ANSWER"),
            Self::TooLarge(_) => (Code::ResourceExhausted, "OBJECT_TOO_LARGE"),
            Self::Overloaded => (Code::Unavailable, "COLLECTOR_OVERLOADED"),
            Self::SlowCaller => (Code::Unavailable, "SLOW_CALLER"),
            Self::Deadline => (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
            Self::Malformed(_) => (Code::Internal, "MALFORMED_ANSWER"),
        }
    }
}

impl From<ReadError> for Status {
    fn from(error: ReadError) -> Self {
        let (code, reason) = error.code_and_reason();
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
        let message = error.to_string();
        match &error {
            ReadError::InvalidArgument { field, why } => {
                details.add_bad_request_violation(*field, why);
            }
            ReadError::NotFound { kind, name } => {
                details.set_resource_info(*kind, name, "", "not found");
            }
            ReadError::NoSuchContainer { pod, name, .. } => {
                details.set_resource_info("Container", format!("{pod}/{name}"), "", "not found");
            }
            ReadError::Throttled { retry_after } => {
                details.set_retry_info(*retry_after);
            }
            _ => {}
        }
        if code == Code::Internal || code == Code::FailedPrecondition {
            tracing::error!(error = %Chain(&error), "read failed");
        } else {
            tracing::debug!(error = %Chain(&error), "read failed");
        }
        Status::with_error_details(code, message, details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_field_is_named_in_the_details() {
        let status = Status::from(ReadError::invalid("namespace", "must not be empty"));
        let details = status.get_error_details();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(details.bad_request().map(|bad| bad.field_violations[0].field.as_str()), Some("namespace"));
        assert_eq!(details.error_info().map(|info| info.reason.as_str()), Some("INVALID_FIELD"));
    }

    #[test]
    fn what_could_not_be_read_is_a_gap_that_says_whether_to_try_again() {
        let not_found = ReadError::NotFound { kind: "Service", name: "shop/web".to_owned() };
        for (error, reason, message) in [
            (not_found, GapReason::KindNotRead, "Service shop/web not found"),
            (
                ReadError::Overloaded,
                GapReason::Overloaded,
                "the collector has too many calls of this kind at this time",
            ),
            (ReadError::Deadline, GapReason::Deadline, "the deadline of the call came before the answer"),
        ] {
            let gap = error.gap();
            assert_eq!((gap.reason(), gap.message.as_str()), (reason, message));
        }
    }

    #[test]
    fn the_cause_is_not_told_to_the_caller() {
        let error = ReadError::Unavailable { what: "no answer".into(), source: Some("10.0.0.1 secret dump".into()) };
        assert!(Chain(&error).to_string().ends_with(": 10.0.0.1 secret dump"));
        assert!(!Status::from(error).message().contains("secret"));
    }
}
