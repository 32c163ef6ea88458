//! Takes an encoded response apart: its items, each still encoded, and the rest of it.

use bytes::{Buf as _, Bytes, BytesMut};
use gumshoe_proto::{collector::v1::Completeness, envelope};
use prost::{
    DecodeError,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use prost_reflect::{DynamicMessage, ReflectMessage as _, SerializeOptions, Value};

use super::method::Method;

/// What a response has beside its items, encoded: a collector's pages have a tenth of it at most, and each byte takes hundreds when it
/// is decoded.
const REST_MAX: usize = 1 << 20;

/// One response of a method.
#[derive(Debug)]
pub(super) struct Response {
    /// The items, each encoded, in their order.
    pub(super) items: Vec<Bytes>,
    /// Everything but the items.
    rest: DynamicMessage,
}

/// Bytes that are no response of the method.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    /// A field is longer than what is left of the response.
    #[error("a field of the response is cut off")]
    Truncated,
    /// More than any collector has to say.
    #[error("the response has more than {REST_MAX} bytes beside its items")]
    TooLong,
    /// What is there is no encoding of the response's type.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// An item that the contract does not cover: it cannot be decoded, or holds a value that JSON cannot.
#[derive(Debug, thiserror::Error)]
pub(super) enum ItemError {
    /// It is no encoding of its type.
    #[error("the item cannot be decoded: {0}")]
    Decode(#[from] DecodeError),
    /// A time outside of the years 1 to 9999, for example.
    #[error("the item has no JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Response {
    /// Takes a response apart.
    ///
    /// # Errors
    /// The bytes are no encoding of the method's response.
    pub(super) fn read(method: &Method, mut bytes: Bytes) -> Result<Self, Malformed> {
        let mut items = Vec::new();
        let mut rest = BytesMut::new();
        while bytes.has_remaining() {
            let field = bytes.clone();
            let (tag, wire_type) = decode_key(&mut bytes)?;
            if tag == method.items.number() && wire_type == WireType::LengthDelimited {
                items.push(take_delimited(&mut bytes)?);
            } else {
                skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
                rest.extend_from_slice(&field[..field.len() - bytes.len()]);
            }
        }
        if rest.len() > REST_MAX {
            return Err(Malformed::TooLong);
        }
        let rest = DynamicMessage::decode(method.response.clone(), rest.freeze())?;
        Ok(Self { items, rest })
    }

    /// The token from which a new call goes on; empty where there is none.
    pub(super) fn next_page_token(&self) -> String {
        let token = self.rest.get_field_by_name("next_page_token");
        token.and_then(|token| token.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// What the collector says of the whole answer, in its last response.
    pub(super) fn completeness(&self) -> Option<Completeness> {
        match &*self.get_if_set("completeness")? {
            Value::Message(completeness) => completeness.transcode_to().ok(),
            _ => None,
        }
    }

    /// A field by name, where it is set.
    pub(super) fn get_if_set(&self, name: &str) -> Option<std::borrow::Cow<'_, Value>> {
        if self.rest.has_field_by_name(name) { self.rest.get_field_by_name(name) } else { None }
    }

    /// The items, and everything else.
    pub(super) fn split(self) -> (Vec<Bytes>, Rest) {
        (self.items, Rest(self.rest))
    }
}

/// A response without its items.
#[derive(Clone, Debug)]
pub(super) struct Rest(pub(super) DynamicMessage);

impl Rest {
    /// Puts another completeness in the place of the collector's.
    pub(super) fn set_completeness(&mut self, completeness: &Completeness) {
        let Some(field) = self.0.descriptor().get_field_by_name("completeness") else { return };
        let Some(descriptor) = field.kind().as_message().cloned() else { return };
        let mut dynamic = DynamicMessage::new(descriptor);
        // Cannot fail: the type is that of the descriptor. If it did, the collector's own word would stand.
        if dynamic.transcode_from(completeness).is_ok() {
            self.0.set_field(&field, Value::Message(dynamic));
        }
    }

    /// Leaves nothing but the token: for a response that does not end the answer after all.
    pub(super) fn keep_token_only(&mut self) {
        let fields: Vec<_> = self.0.fields().map(|(field, _)| field).collect();
        for field in fields.iter().filter(|field| field.name() != "next_page_token") {
            self.0.clear_field(field);
        }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.fields().next().is_none()
    }

    /// The canonical JSON: an object.
    pub(super) fn json(&self) -> Result<String, serde_json::Error> {
        to_json(&self.0)
    }
}

/// Decodes one item.
pub(super) fn decode_item(method: &Method, item: Bytes) -> Result<DynamicMessage, ItemError> {
    let kind = method.items.kind();
    let descriptor = kind.as_message().cloned().unwrap_or_else(|| method.response.clone());
    Ok(DynamicMessage::decode(descriptor, item)?)
}

/// The canonical JSON of a message, as it can stand in the body of an SQS message.
pub(super) fn to_json(message: &DynamicMessage) -> Result<String, serde_json::Error> {
    struct Canonical<'a>(&'a DynamicMessage);

    impl serde::Serialize for Canonical<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.serialize_with_options(serializer, &SerializeOptions::new())
        }
    }

    serde_json::to_string(&Canonical(message)).map(envelope::legal)
}

fn take_delimited(bytes: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = usize::try_from(decode_varint(bytes)?).unwrap_or(usize::MAX);
    if length > bytes.remaining() {
        return Err(Malformed::Truncated);
    }
    Ok(bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::{
        bridge::v1::{Query, query::Request},
        collector::v1::{ContainerLog, LogLine, ReadLogsRequest, ReadLogsResponse},
    };
    use proptest::{collection::vec, prelude::*};
    use prost::Message as _;

    use super::*;

    fn read_logs() -> &'static Method {
        let request = Some(Request::ReadLogs(ReadLogsRequest::default()));
        Method::of(&Query { request, ..Query::default() }).unwrap().0
    }

    fn mk_response(texts: Vec<String>) -> ReadLogsResponse {
        ReadLogsResponse {
            lines: texts.into_iter().map(|text| LogLine { text, ..LogLine::default() }).collect(),
            next_page_token: "token".into(),
            logs: vec![ContainerLog { container: "web".into(), lines: 3, ..ContainerLog::default() }],
            completeness: Some(Completeness { complete: true, items: 3, ..Completeness::default() }),
        }
    }

    #[test]
    fn a_response_that_says_too_much_beside_its_items_is_refused() {
        let read = |warning: usize| {
            let completeness = Completeness { warnings: vec!["w".repeat(warning)], ..Completeness::default() };
            let response =
                ReadLogsResponse { completeness: Some(completeness), ..mk_response(vec!["l".repeat(2 << 20)]) };
            Response::read(read_logs(), response.encode_to_vec().into())
        };
        assert!(read(REST_MAX / 2).is_ok());
        assert!(matches!(read(REST_MAX), Err(Malformed::TooLong)));
    }

    proptest! {
        #[test]
        fn a_response_taken_apart_is_the_same_response(texts in vec(any::<String>(), 0..8)) {
            let whole = mk_response(texts);
            let response = Response::read(read_logs(), whole.encode_to_vec().into()).unwrap();
            prop_assert_eq!(response.next_page_token(), "token");
            prop_assert_eq!(response.completeness(), whole.completeness.clone());
            let (items, rest) = response.split();
            let lines: Vec<_> = items.into_iter().map(|item| LogLine::decode(item).unwrap()).collect();
            prop_assert_eq!(lines, whole.lines.clone());
            let rest: ReadLogsResponse = rest.0.transcode_to().unwrap();
            prop_assert_eq!(rest, ReadLogsResponse { lines: Vec::new(), ..whole });
        }

        #[test]
        fn bytes_of_any_kind_are_read_or_refused(bytes in vec(any::<u8>(), 0..64)) {
            let _ = Response::read(read_logs(), bytes.into());
        }

        #[test]
        fn a_response_that_was_cut_inside_of_a_field_is_refused(cut in any::<prop::sample::Index>()) {
            let mut bytes = mk_response(vec!["line".into()]).encode_to_vec();
            let whole_fields = [0, 8, 15, 24];
            let cut = cut.index(bytes.len());
            bytes.truncate(cut);
            prop_assert_eq!(Response::read(read_logs(), bytes.into()).is_ok(), whole_fields.contains(&cut), "{}", cut);
        }
    }
}
