//! The one id under which a call is found in every log, from the command to the Kubernetes API server.

use std::fmt;

use http::HeaderMap;
use ulid::Ulid;

/// The metadata key that carries it.
pub const HEADER: &str = "x-request-id";

/// Long enough for a command id with a query id and a run; short enough for a log line.
const MAX_LENGTH: usize = 128;

/// The id of a call: the caller's, or a fresh one; an extension of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// A fresh id, which sorts by time.
    #[must_use]
    pub fn fresh() -> Self {
        Self(Ulid::generate().to_string())
    }

    /// The caller's id, if it is safe to write into any log and header: `[A-Za-z0-9_.-]{1,128}`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        let fits = (1..=MAX_LENGTH).contains(&text.len());
        (fits && text.bytes().all(legal)).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The caller's id where it states a legal one, else a fresh one: an id is a help, not a reason to refuse a call.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let stated = headers.get(HEADER).and_then(|value| value.to_str().ok());
        stated.and_then(Self::parse).unwrap_or_else(Self::fresh)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, http::HeaderValue::from_bytes(value).unwrap());
        RequestId::of(&headers).to_string()
    }

    #[test]
    fn a_legal_id_of_the_caller_is_kept() {
        for id in ["a", "01JB6Z.query-1_2", &"x".repeat(MAX_LENGTH)] {
            assert_eq!(of(id.as_bytes()), id);
        }
    }

    #[test]
    fn anything_else_is_replaced_by_a_fresh_id() {
        for id in [&b""[..], b"a b", b"a/b", b"a\"b", "\u{e9}".as_bytes(), "x".repeat(MAX_LENGTH + 1).as_bytes()] {
            assert!(Ulid::from_string(&of(id)).is_ok(), "{id:?}");
        }
        assert_ne!(RequestId::of(&HeaderMap::new()), RequestId::of(&HeaderMap::new()));
    }
}
