//! The slow path of decoding: Kubernetes does not check that a string of an object is UTF-8 (an event's message cut at 1,024
//! bytes is not), and prost then refuses the whole object. Here such strings are replaced lossily, found by the message's
//! descriptor, so that the object is never lost.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use prost::{DecodeError, Message, Name};
use prost_reflect::{Kind, MessageDescriptor};

/// Decodes a Kubernetes object; strings that are not UTF-8 get U+FFFD in place of what is wrong.
///
/// # Errors
/// Where the bytes are not the encoding of such a message at all.
pub fn decode_lossy<M: Message + Name + Default>(bytes: &Bytes) -> Result<M, DecodeError> {
    match M::decode(bytes.clone()) {
        Ok(message) => Ok(message),
        Err(error) => {
            let repaired = repair(bytes, &gumshoe_proto::json::descriptor::<M>(), DEPTH_MAX).ok_or(error)?;
            M::decode(repaired)
        }
    }
}

/// prost's own limit of nesting is 100.
const DEPTH_MAX: u32 = 100;

/// Encodes the fields of `bytes` that the descriptor knows again, with lossy strings; None where they are not protobuf.
fn repair(mut bytes: &[u8], descriptor: &MessageDescriptor, depth: u32) -> Option<Bytes> {
    let depth = depth.checked_sub(1)?;
    let mut out = BytesMut::with_capacity(bytes.len() + bytes.len() / 8);
    while bytes.has_remaining() {
        let (number, wire_type) = decode_key(&mut bytes).ok()?;
        let kind = descriptor.get_field(number).map(|field| field.kind());
        let known = kind.is_some();
        match wire_type {
            WireType::Varint => {
                let value = decode_varint(&mut bytes).ok()?;
                if known {
                    encode_key(number, wire_type, &mut out);
                    encode_varint(value, &mut out);
                }
            }
            WireType::SixtyFourBit | WireType::ThirtyTwoBit => {
                let length = if wire_type == WireType::SixtyFourBit { 8 } else { 4 };
                let value = take(&mut bytes, length)?;
                if known {
                    encode_key(number, wire_type, &mut out);
                    out.put_slice(value);
                }
            }
            WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut bytes).ok()?).ok()?;
                let value = take(&mut bytes, length)?;
                match kind {
                    None => {}
                    Some(Kind::String) => put_field(number, String::from_utf8_lossy(value).as_bytes(), &mut out),
                    Some(Kind::Message(below)) => put_field(number, &repair(value, &below, depth)?, &mut out),
                    Some(_) => put_field(number, value, &mut out),
                }
            }
            WireType::StartGroup | WireType::EndGroup => return None,
        }
    }
    Some(out.freeze())
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(length)?;
    *bytes = tail;
    Some(head)
}

fn put_field(number: u32, value: &[u8], out: &mut BytesMut) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.put_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use gumshoe_proto::collector::v1::{Event, ObjectMeta, Pod};

    /// Encodes a message and replaces the placeholder in it by a byte that is not UTF-8.
    fn mk_broken<M: Message>(message: &M) -> Bytes {
        let mut bytes = message.encode_to_vec();
        for byte in &mut bytes {
            if *byte == b'~' {
                *byte = 0xc3;
            }
        }
        bytes.into()
    }

    #[test]
    fn a_message_cut_within_a_character_is_repaired() {
        let event = Event { message: "pull of caf~".into(), reason: "Failed".into(), count: 3, ..Event::default() };
        let decoded: Event = decode_lossy(&mk_broken(&event)).unwrap();
        assert_eq!((decoded.message.as_str(), decoded.reason.as_str()), ("pull of caf\u{fffd}", "Failed"));
        assert_eq!(decoded.count, 3);
    }

    #[test]
    fn keys_and_values_of_maps_are_repaired_too() {
        let metadata = ObjectMeta {
            name: "web".into(),
            annotations: [("a~".to_owned(), "b~".to_owned())].into(),
            ..ObjectMeta::default()
        };
        let decoded: Pod = decode_lossy(&mk_broken(&Pod { metadata: Some(metadata), ..Pod::default() })).unwrap();
        let metadata = decoded.metadata.unwrap();
        assert_eq!(metadata.annotations.get("a\u{fffd}").map(String::as_str), Some("b\u{fffd}"));
        assert_eq!(metadata.name, "web");
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        assert!(decode_lossy::<Pod>(&Bytes::from_static(b"\x0a\xff\xff")).is_err());
    }
}
