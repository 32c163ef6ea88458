//! From the bytes of an object to what is given of it.

use std::time::SystemTime;

use bytes::Bytes;
use prost_types::Timestamp;

use super::kind::Kind;
use crate::kubernetes::wire::ITEM_MAX;

/// Most bytes of an object as it is given. Callers take messages of 4 MiB, in which the page and its end have to fit as well.
const GIVEN_MAX: usize = ITEM_MAX + (ITEM_MAX >> 3);
/// Only an object that comes with more than this can become larger than that: repairing a text makes it three times as long at most,
/// and columns repeat texts once.
const CAN_GROW: usize = GIVEN_MAX / 8;

/// Why there is nothing to give of an object.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is not what Kubernetes' encoding allows.
    Malformed(String),
    /// It has become too large for a message: so many bytes.
    TooLarge(usize),
}

/// Decodes an object, in the form in which it is given.
pub(super) fn decode<K: Kind>(bytes: &Bytes) -> Result<K, Unreadable> {
    let mut item: K = K::decode_object(bytes).map_err(Unreadable::Malformed)?;
    item.normalize();
    item.measure(bytes);
    item.derive(Timestamp::from(SystemTime::now()));
    let size = if bytes.len() > CAN_GROW { item.encoded_len() } else { 0 };
    if size > GIVEN_MAX { Err(Unreadable::TooLarge(size)) } else { Ok(item) }
}

/// The key by which the API server orders a list (apiserver: `pkg/registry/generic/registry/store.go`).
pub(super) fn key_of<K: Kind>(item: &K) -> String {
    item.metadata().map(|metadata| format!("{}/{}", metadata.namespace, metadata.name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{Pod, PodStatus};
    use prost::Message as _;

    use super::*;

    #[test]
    fn an_object_that_grows_beyond_a_message_is_too_large() {
        let status = |bytes| Some(PodStatus { message: "x".repeat(bytes), ..PodStatus::default() });
        let bad = |bytes| {
            let encoded = Pod { status: status(bytes), ..Pod::default() }.encode_to_vec();
            Bytes::from(encoded.into_iter().map(|byte| if byte == b'x' { 0xff } else { byte }).collect::<Vec<_>>())
        };
        assert!(decode::<Pod>(&bad(1_000_000)).is_ok());
        let Err(Unreadable::TooLarge(size)) = decode::<Pod>(&bad(1_450_000)) else { panic!("is given") };
        assert!(size > 4_350_000);
    }
}
