//! The API server's errors. They come in the negotiated encoding, in JSON, or as the plain text of whoever stands in
//! between (API priority and fairness, proxies), so the response's Content-Type decides.

use bytes::Bytes;
use prost::Message;

use super::wire::{ListMeta, unwrap_unknown};

/// `meta.k8s.io/v1 Status`, as far as we use it (apimachinery: `pkg/apis/meta/v1/generated.proto`).
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ListMeta>,
    #[prost(string, tag = "3")]
    message: String,
    #[prost(string, tag = "4")]
    reason: String,
}

/// What an error response says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// For people, bounded; empty where the body is not the API server's own.
    pub message: String,
    /// `Status.reason`: "Forbidden", "Expired".
    pub reason: String,
    /// `Status.metadata.continue`.
    pub continue_token: String,
}

/// Reads the body of an error response, of which at most the first 64 KiB are needed.
#[must_use]
pub fn read_error_body(content_type: &str, body: &Bytes) -> ErrorBody {
    if content_type.starts_with("application/vnd.kubernetes.protobuf") {
        from_protobuf(body).unwrap_or_default()
    } else if content_type.starts_with("application/json") {
        from_json(body).unwrap_or_default()
    } else if content_type.starts_with("text/plain") {
        ErrorBody { message: bounded(&String::from_utf8_lossy(body)), ..ErrorBody::default() }
    } else {
        ErrorBody::default()
    }
}

fn from_protobuf(body: &Bytes) -> Option<ErrorBody> {
    let status = Status::decode(unwrap_unknown(body).ok()?).ok()?;
    Some(ErrorBody {
        message: bounded(&status.message),
        reason: status.reason,
        continue_token: status.metadata.unwrap_or_default().continue_token,
    })
}

fn from_json(body: &Bytes) -> Option<ErrorBody> {
    let status: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = |pointer: &str| status.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default();
    Some(ErrorBody {
        message: bounded(text("/message")),
        reason: text("/reason").to_owned(),
        continue_token: text("/metadata/continue").to_owned(),
    })
}

/// A message of the API server is passed on to the caller in part: a line is enough to act on.
fn bounded(message: &str) -> String {
    const CHARACTERS: usize = 512;
    message.chars().map(|character| if character.is_control() { ' ' } else { character }).take(CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_protobuf(status: &Status) -> Bytes {
        let raw = status.encode_to_vec();
        let mut body = b"k8s\0\x0a\x00\x12".to_vec();
        prost::encoding::encode_varint(raw.len() as u64, &mut body);
        body.extend(raw);
        body.extend(b"\x1a\x00\x22\x00");
        body.into()
    }

    #[test]
    fn a_status_is_read_from_protobuf_and_from_json_alike() {
        let protobuf = mk_protobuf(&Status {
            metadata: Some(ListMeta { resource_version: String::new(), continue_token: "next".into() }),
            message: "too old".into(),
            reason: "Expired".into(),
        });
        let json =
            Bytes::from(r#"{"kind":"Status","metadata":{"continue":"next"},"message":"too old","reason":"Expired"}"#);
        let expected = ErrorBody { message: "too old".into(), reason: "Expired".into(), continue_token: "next".into() };
        assert_eq!(read_error_body("application/vnd.kubernetes.protobuf", &protobuf), expected);
        assert_eq!(read_error_body("application/json; charset=utf-8", &json), expected);
    }

    #[test]
    fn the_page_of_a_proxy_is_not_passed_on() {
        let html = Bytes::from("<html>internal.example:8443</html>");
        assert_eq!(read_error_body("text/html", &html), ErrorBody::default());
    }

    #[test]
    fn plain_text_is_bounded_and_without_control_characters() {
        let text = Bytes::from(format!("Too many\nrequests{}", "x".repeat(1000)));
        let body = read_error_body("text/plain; charset=utf-8", &text);
        assert!(body.message.starts_with("Too many requests"));
        assert_eq!(body.message.len(), 512);
    }
}
