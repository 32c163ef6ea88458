//! gRPC errors as AIP-193 wants them: a canonical code, a text for people, and a reason that programs can rely on.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// `ErrorInfo.domain` of every error of Gumshoe.
pub const DOMAIN: &str = "gumshoe.dev";

/// A status with `ErrorInfo`. The reason is UPPER_SNAKE_CASE and, once published, never changes its meaning; the message
/// is for everybody who may call.
#[must_use]
pub fn status(code: Code, reason: &str, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new()))
}
