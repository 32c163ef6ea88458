//! An error as the user reads it: what happened, why, and what to do next.

use gumshoe_runtime::{chain::Chain, errors::code_name};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{error::Error, terminal::Note};

/// The lines for an error. A pipe that was closed needs none: whoever closed it knows.
pub(crate) fn report(error: &Error) -> Vec<Note> {
    match error {
        Error::Output(output) if output.kind() == std::io::ErrorKind::BrokenPipe => Vec::new(),
        Error::Call { server, status } => call(server, status),
        other => vec![Some(Note::Bad(format!("error: {}", Chain(other)))), hint(other).map(plain_hint)]
            .into_iter()
            .flatten()
            .collect(),
    }
}

/// One line of a status: `NOT_FOUND (OBJECT_NOT_FOUND): pod shop/web-0 not found`.
pub(crate) fn status_line(status: &Status) -> String {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| format!(" ({})", info.reason)).unwrap_or_default();
    format!("{}{reason}: {}", code_name(status.code()), status.message())
}

fn call(server: &str, status: &Status) -> Vec<Note> {
    let mut notes = vec![Note::Bad(format!("error: {}", status_line(status)))];
    let details = status.get_error_details();
    for violation in details.bad_request().map_or(&[][..], |bad| &bad.field_violations) {
        let line = format!("{}: {}", violation.field, violation.description);
        if line != status.message() {
            notes.push(Note::Plain(format!("  {line}")));
        }
    }
    if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay) {
        notes.push(Note::Plain(format!("  try again in {}s", delay.as_secs().max(1))));
    }
    notes.extend(advice(server, status).map(|text| plain_hint(&text)));
    notes
}

fn plain_hint(text: &str) -> Note {
    Note::Plain(format!("hint: {text}"))
}

/// What to do about another error.
pub(crate) fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Usage(_) => Some("--help shows what is possible, with examples"),
        Error::Tls(_) => Some("`gumshoe pki --out DIR` makes a set of development certificates"),
        Error::Exists(_) => {
            Some("--force replaces all of them; whoever trusts the old CA then has to be given the new one")
        }
        Error::Queue { .. } => {
            Some("check the queue's URL, AWS_REGION, the credentials, and for another endpoint AWS_ENDPOINT_URL_SQS")
        }
        Error::TooLarge(_) => Some("--max-bytes allows more; a narrower selection or --limit asks for less"),
        Error::Call { .. } | Error::Output(_) | Error::File { .. } | Error::Certificates(_) => None,
    }
}

/// What to do about a status.
pub(crate) fn advice(server: &str, status: &Status) -> Option<String> {
    let text = match status.code() {
        Code::Unavailable => unreachable_advice(status.message()),
        Code::DeadlineExceeded => "--timeout allows longer; a narrower selection asks for less",
        Code::PermissionDenied => "check the collector's RBAC and its --namespaces",
        Code::NotFound => "check the name and the namespace (-n)",
        Code::ResourceExhausted => "the collector is busy; try again in a moment",
        // The collector has said what would have to be done.
        Code::Unimplemented if status.get_details_error_info().is_some() => return None,
        Code::Unimplemented => "the collector is older than this command, or {server} is another service",
        Code::FailedPrecondition | Code::Internal | Code::Unknown | Code::DataLoss => {
            "the collector's log says more; its lines of this call share one request id"
        }
        Code::Ok
        | Code::Cancelled
        | Code::InvalidArgument
        | Code::AlreadyExists
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unauthenticated => return None,
    };
    Some(text.replace("{server}", server.trim_end_matches('/')))
}

/// What to do where the transport failed. Its errors come as text alone, so they are told apart by the words of the operating
/// system and of rustls; the first row of which one occurs counts.
fn unreachable_advice(message: &str) -> &'static str {
    let rows: [(&[&str], &str); 7] = [
        (&["onnection refused"], "nothing listens at {server}: check --server, and that the collector is running"),
        (&["lookup address", "not known"], "the host of {server} cannot be found: check --server"),
        (
            &["alert: Cert", "alert: UnknownC", "alert: BadCert", "alert: UnsupportedCert", "alert: DecryptError"],
            "the collector does not accept --tls-cert: it must be a client's, valid, and from the collector's --tls-client-ca",
        ),
        (
            &["UnknownIssuer", "BadSignature"],
            "the certificate of {server} does not come from the CA in --tls-ca: check that both are of one set",
        ),
        (
            &["not valid for name", "NotValidForName"],
            "the certificate of {server} is for other names: use one of those, or add the name (`gumshoe pki --server-name`)",
        ),
        (
            &["certificate expired", "Expired"],
            "the certificate of {server} has expired, or this machine's clock is wrong",
        ),
        (&["InvalidContentType"], "{server} does not speak TLS: check the port of --server"),
    ];
    let row = rows.iter().find(|(words, _)| words.iter().any(|words| message.contains(words)));
    row.map_or("try again; the collector's /readyz on its admin port says what it waits for", |(_, advice)| advice)
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, io};

    use tonic_types::ErrorDetails;

    use super::*;
    use crate::{exit::Exit, terminal::Surface};

    fn texts(status: Status) -> Vec<String> {
        let error = Error::Call { server: "https://localhost:1".into(), status: Box::new(status) };
        report(&error).iter().map(|note| note.text(Surface::PIPE)).collect()
    }

    #[test]
    fn a_kind_that_is_not_served_is_not_taken_for_an_older_collector() {
        let details = ErrorDetails::with_error_info("KIND_NOT_SERVED", "gumshoe.dev", HashMap::new());
        let told =
            texts(Status::with_error_details(Code::Unimplemented, "this collector does not serve secrets", details));
        assert_eq!(told, ["error: UNIMPLEMENTED (KIND_NOT_SERVED): this collector does not serve secrets"]);
        assert!(texts(Status::unimplemented(""))[1].contains("older"));
    }

    #[test]
    fn a_status_is_code_reason_message_and_what_to_do() {
        let details = ErrorDetails::with_error_info("OBJECT_NOT_FOUND", "gumshoe.dev", HashMap::new());
        let status = Status::with_error_details(Code::NotFound, "pod shop/web-0 not found", details);
        assert_eq!(
            texts(status),
            [
                "error: NOT_FOUND (OBJECT_NOT_FOUND): pod shop/web-0 not found",
                "hint: check the name and the namespace (-n)"
            ]
        );
    }

    #[test]
    fn a_wrong_field_is_named_once() {
        let mk = |message: &str| {
            let mut details = ErrorDetails::new();
            details.add_bad_request_violation("namespace", "must not be empty");
            Status::with_error_details(Code::InvalidArgument, message, details)
        };
        assert_eq!(
            texts(mk("namespace: must not be empty")),
            ["error: INVALID_ARGUMENT: namespace: must not be empty"]
        );
        assert_eq!(texts(mk("two fields are wrong"))[1], "  namespace: must not be empty");
    }

    #[test]
    fn a_connection_that_fails_says_what_to_check() {
        for (message, advice) in [
            ("TCP: Connection refused (os error 111)", "nothing listens at https://localhost:1:"),
            ("TLS: invalid peer certificate: UnknownIssuer", "--tls-ca"),
            (
                "TLS: invalid peer certificate: certificate expired: verification time",
                "of https://localhost:1 has expired",
            ),
            ("connection error: received fatal alert: CertificateRequired", "--tls-client-ca"),
            ("connection error: received fatal alert: CertificateExpired", "--tls-client-ca"),
            ("connection error: received fatal alert: UnknownCA", "--tls-client-ca"),
            ("no connection within 5s", "/readyz"),
        ] {
            let lines = texts(Status::unavailable(message));
            assert!(lines[1].contains(advice), "{lines:?}");
        }
    }

    #[test]
    fn what_the_collector_says_cannot_steer_the_terminal() {
        assert!(!texts(Status::internal("\u{1b}[2J")).concat().contains('\u{1b}'));
    }

    #[test]
    fn a_closed_pipe_is_no_news() {
        let error = Error::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!((report(&error), error.exit()), (Vec::new(), Exit::ClosedPipe));
    }
}
