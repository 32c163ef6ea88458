//! What a failure is called in a result.

use gumshoe_proto::bridge::v1::Error;
use gumshoe_runtime::errors::code_name;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A message is for people; what needs more than this is in the collector's log.
const MAX_MESSAGE: usize = 1024;
/// As long as `google.rpc.ErrorInfo` allows a reason to be; the `End` of many queries must fit into a message.
const MAX_REASON: usize = 63;

/// An error of the bridge's own.
pub(crate) fn error(code: Code, reason: &str, message: &str) -> Error {
    let (reason, message) = (cut(reason, MAX_REASON), cut(message, MAX_MESSAGE));
    Error { code: code_name(code).into(), reason: reason.into(), message: message.into() }
}

/// The error of a call: the collector's reason where it gives one.
pub(crate) fn of_status(status: &Status) -> Error {
    let info = status.get_details_error_info();
    let reason = info.as_ref().map_or_else(|| reason_of(status.code()), |info| info.reason.as_str());
    error(status.code(), reason, status.message())
}

/// A reason where the collector gave none: mostly since it was not the collector who spoke.
fn reason_of(code: Code) -> &'static str {
    match code {
        Code::Unavailable => "COLLECTOR_UNAVAILABLE",
        Code::DeadlineExceeded => "DEADLINE",
        other => code_name(other),
    }
}

/// At most so many bytes of a text, ending with a whole character.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn the_collectors_reason_is_kept() {
        let details = ErrorDetails::with_error_info("POD_NOT_FOUND", "gumshoe.dev", []);
        let status = Status::with_error_details(Code::NotFound, "no pod", details);
        let expected = Error { code: "NOT_FOUND".into(), reason: "POD_NOT_FOUND".into(), message: "no pod".into() };
        assert_eq!(of_status(&status), expected);
    }

    #[test]
    fn a_failure_without_a_reason_gets_one() {
        assert_eq!(of_status(&Status::unavailable("gone")).reason, "COLLECTOR_UNAVAILABLE");
        assert_eq!(of_status(&Status::internal("x")).reason, "INTERNAL");
    }

    #[test]
    fn a_reason_is_no_longer_than_the_contract_of_reasons_allows() {
        assert_eq!(error(Code::Internal, &"X".repeat(16_000), "").reason.len(), 63);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let message = "ä".repeat(1000);
        assert_eq!(error(Code::Internal, "X", &message).message, "ä".repeat(512));
        assert_eq!(cut("aä", 2), "a");
    }
}
