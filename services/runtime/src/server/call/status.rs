//! The statuses with which the server itself ends a call. Codes are chosen by what the caller should do next (AIP-194).

use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::deadline::{Deadline, MalformedTimeout};
use crate::errors::status;
use crate::metrics;

/// Waits for what ends a call that does not end by itself: its deadline, or its connection being cut.
pub(super) async fn expiry(deadline: Deadline, cut: &CancellationToken) -> Status {
    tokio::select! {
        () = tokio::time::sleep_until(deadline.instant()) => deadline_exceeded(),
        () = cut.cancelled() => connection_ends(),
    }
}

/// The caller asked in a way that no server understands.
pub(super) fn malformed_timeout(malformed: MalformedTimeout) -> Status {
    status(Code::InvalidArgument, "MALFORMED_TIMEOUT", malformed.to_string())
}

/// UNAVAILABLE, not RESOURCE_EXHAUSTED: no quota of the caller is used up, and trying again after a while is right.
pub(super) fn overloaded() -> Status {
    status(Code::Unavailable, "OVERLOADED", "server has as many calls under way as it takes: try again later")
}

/// The caller's time, or the server's bound on it, is used up.
fn deadline_exceeded() -> Status {
    status(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", "deadline passed before the response ended")
}

/// The connection's time is over; another connection serves the same call.
fn connection_ends() -> Status {
    status(Code::Unavailable, "CONNECTION_ENDS", "server ends this connection: try again on another")
}

/// The handler panicked; the log says where.
pub(super) fn panicked() -> Status {
    metrics::rpc().panicked();
    status(Code::Internal, "PANIC", "internal error")
}
