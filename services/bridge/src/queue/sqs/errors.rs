//! What the SDK's errors mean.

use std::error::Error;

use aws_sdk_sqs::{
    config::http::HttpResponse,
    error::{BuildError, ProvideErrorMetadata, SdkError},
};
use gumshoe_queue::PlaintextEndpoint;

use crate::queue::{QueueError, QueueErrorKind};

/// Codes of errors that somebody must put right. The legacy names come in the `x-amzn-query-error` header and are what the SDK
/// matches on; other servers send the new ones.
const MISCONFIGURED: &[&str] = &[
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "InvalidSecurity",
    "InvalidAddress",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "OptInRequired",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "NotAuthorized",
    "RequestTimeTooSkewed",
    // The SDK fetches credentials anew before they expire: where SQS says that they have, that does not work, or the clock is wrong.
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "KmsAccessDenied",
    "KMS.AccessDeniedException",
    "KmsDisabled",
    "KMS.DisabledException",
    "KmsInvalidKeyUsage",
    "KMS.InvalidKeyUsageException",
    "KmsInvalidState",
    "KMS.InvalidStateException",
    "KmsNotFound",
    "KMS.NotFoundException",
    "KmsOptInRequired",
    "KMS.OptInRequired",
];

const RECEIPT_LOST: &[&str] =
    &["ReceiptHandleIsInvalid", "InvalidIdFormat", "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight"];

const BATCH_TOO_LONG: &[&str] = &["BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"];

/// Codes of client errors (400) that pass by themselves.
const PASSING: &[&str] = &[
    "RequestThrottled",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "OverLimit",
    "KmsThrottled",
    "KMS.ThrottlingException",
];

/// What gateways on the way answer where it passes by itself, without a code of SQS: time-out, too many requests.
const PASSING_STATUS: [u16; 2] = [408, 429];

/// An error of a call.
pub(super) fn queue_error<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> QueueError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let (kind, code) = match &error {
        _ if is_plaintext(&error) => (QueueErrorKind::Plaintext, "PlaintextEndpoint"),
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("Unknown");
            (kind(code, service.raw().status().as_u16()), code)
        }
        SdkError::TimeoutError(_) => (QueueErrorKind::Transient, "TimedOut"),
        SdkError::ResponseError(_) => (QueueErrorKind::Transient, "UnreadableResponse"),
        SdkError::DispatchFailure(_) => (QueueErrorKind::Transient, "Unreachable"),
        // Credentials that cannot be had are such a failure too, and they may come.
        _ => (QueueErrorKind::Transient, "NotSent"),
    };
    QueueError { operation, kind, code: code.to_owned(), source: Some(Box::new(error)) }
}

/// A request that could not be put together: a field that it must have is absent.
pub(super) fn build_error(operation: &'static str, error: BuildError) -> QueueError {
    QueueError {
        operation,
        kind: QueueErrorKind::Refused,
        code: "InvalidRequest".into(),
        source: Some(Box::new(error)),
    }
}

fn kind(code: &str, status: u16) -> QueueErrorKind {
    if MISCONFIGURED.contains(&code) {
        QueueErrorKind::Misconfigured
    } else if RECEIPT_LOST.contains(&code) {
        QueueErrorKind::ReceiptLost
    } else if BATCH_TOO_LONG.contains(&code) {
        QueueErrorKind::BatchTooLong
    } else if (400..500).contains(&status) && !PASSING_STATUS.contains(&status) && !PASSING.contains(&code) {
        QueueErrorKind::Refused
    } else {
        QueueErrorKind::Transient
    }
}

fn is_plaintext(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| (*error).source()).any(<dyn Error>::is::<PlaintextEndpoint>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_who_must_do_something() {
        for (code, status, expected) in [
            ("AccessDenied", 400, QueueErrorKind::Misconfigured),
            ("ExpiredToken", 403, QueueErrorKind::Misconfigured),
            ("AWS.SimpleQueueService.NonExistentQueue", 400, QueueErrorKind::Misconfigured),
            ("ReceiptHandleIsInvalid", 400, QueueErrorKind::ReceiptLost),
            ("AWS.SimpleQueueService.BatchRequestTooLong", 400, QueueErrorKind::BatchTooLong),
            ("RequestThrottled", 400, QueueErrorKind::Transient),
            ("InvalidMessageContents", 400, QueueErrorKind::Refused),
            ("Unknown", 429, QueueErrorKind::Transient),
            ("Unknown", 403, QueueErrorKind::Refused),
            ("InternalFailure", 500, QueueErrorKind::Transient),
        ] {
            assert_eq!(kind(code, status), expected, "{code}");
        }
    }
}
