//! What the SDK's errors mean.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
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
    "InvalidSignatureException",
    "OptInRequired",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "NotAuthorized",
    "RequestTimeTooSkewed",
    // Of credentials that the SDK was given and cannot fetch anew, or where the clock is wrong.
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

/// Beside them for DeleteMessage, which has nothing but a handle that could be wrong: that one has expired in a FIFO queue.
const HANDLE_INVALID: &[&str] = &["InvalidParameterValue", "InvalidParameterValueException"];

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
            (kind(operation, code, service.raw().status().as_u16()), code)
        }
        _ if lacks_credentials(&error) => (QueueErrorKind::Misconfigured, "NoCredentials"),
        SdkError::TimeoutError(_) => (QueueErrorKind::Transient, "TimedOut"),
        SdkError::ResponseError(_) => (QueueErrorKind::Transient, "UnreadableResponse"),
        SdkError::DispatchFailure(_) => (QueueErrorKind::Transient, "Unreachable"),
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

fn kind(operation: &str, code: &str, status: u16) -> QueueErrorKind {
    if MISCONFIGURED.contains(&code) {
        QueueErrorKind::Misconfigured
    } else if RECEIPT_LOST.contains(&code) || (operation == "DeleteMessage" && HANDLE_INVALID.contains(&code)) {
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
    causes(error).any(<dyn Error>::is::<PlaintextEndpoint>)
}

/// Whether the SDK has found no credentials, or was refused them. Of roles this is where it shows: they are fetched anew before they
/// expire, and without them nothing is sent. A service that does not answer in time may do so later.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut found = causes(error).filter_map(|cause| cause.downcast_ref());
    found.any(|error| !matches!(error, CredentialsError::ProviderTimedOut(_)))
}

/// The error and what it comes from.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
    use aws_credential_types::provider::{ProvideCredentials, future::ProvideCredentials as Provided};

    use super::*;

    /// Credentials that cannot be had, and why.
    #[derive(Debug)]
    struct Failing(fn() -> CredentialsError);

    impl ProvideCredentials for Failing {
        fn provide_credentials<'a>(&'a self) -> Provided<'a>
        where
            Self: 'a,
        {
            Provided::ready(Err(self.0()))
        }
    }

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
            assert_eq!(kind("SendMessageBatch", code, status), expected, "{code}");
        }
        assert_eq!(kind("DeleteMessage", "InvalidParameterValue", 400), QueueErrorKind::ReceiptLost);
        assert_eq!(kind("SendMessageBatch", "InvalidParameterValue", 400), QueueErrorKind::Refused);
    }

    #[tokio::test]
    async fn credentials_that_cannot_be_had_are_for_somebody_to_repair_unless_they_are_only_late() {
        for (cause, expected) in [
            (
                (|| CredentialsError::provider_error("the role does not trust us")) as fn() -> CredentialsError,
                QueueErrorKind::Misconfigured,
            ),
            (|| CredentialsError::not_loaded("there are none"), QueueErrorKind::Misconfigured),
            (|| CredentialsError::provider_timed_out(Duration::from_secs(5)), QueueErrorKind::Transient),
        ] {
            let config = aws_sdk_sqs::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("eu-central-1"))
                .retry_config(RetryConfig::disabled())
                .credentials_provider(Failing(cause))
                .build();
            let called = aws_sdk_sqs::Client::from_conf(config).list_queues().send().await;
            let error = queue_error("ListQueues", called.expect_err("there are no credentials"));
            assert_eq!(error.kind, expected, "{error:?}");
        }
    }
}
