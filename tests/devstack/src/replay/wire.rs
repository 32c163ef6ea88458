//! Kubernetes' protobuf encoding: the envelope `k8s\0` + `runtime.Unknown`, and lists within it.
//!
//! Written by hand where prost would need the whole list in memory: a list is sent item by item.

use anyhow::{Context, ensure};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use k8s_pb::apimachinery::pkg::apis::meta::v1::ListMeta;
use k8s_pb::apimachinery::pkg::runtime::{TypeMeta, Unknown};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

/// What every protobuf body of the API server begins with.
const MAGIC: &[u8] = b"k8s\0";
/// `runtime.Unknown`: the object's own bytes.
const RAW: u32 = 2;
/// What Go writes behind the object: an empty contentEncoding and an empty contentType.
const TRAILER: &[u8] = &[0x1a, 0x00, 0x22, 0x00];
/// Every list: its metadata.
const LIST_META: u32 = 1;
/// Every list: an item.
const ITEM: u32 = 2;
/// Items are put together until a chunk has so many bytes: about what a real API server flushes at once.
const CHUNK: usize = 16 * 1024;

/// A list as it is stored: its items, undecoded.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RawList {
    #[prost(message, optional, tag = "1")]
    pub(super) metadata: Option<ListMeta>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) items: Vec<Bytes>,
}

/// One object in its envelope.
pub(super) fn object(kind: &str, raw: &[u8]) -> Bytes {
    let mut body = BytesMut::new();
    put_envelope(&mut body, kind, raw.len());
    body.put_slice(raw);
    body.put_slice(TRAILER);
    body.freeze()
}

/// A list in its envelope, in chunks.
pub(super) fn list(kind: &str, metadata: &ListMeta, items: Vec<Bytes>) -> impl Iterator<Item = Bytes> + Send + use<> {
    let metadata = metadata.encode_to_vec();
    let length = field_len(metadata.len()) + items.iter().map(|item| field_len(item.len())).sum::<usize>();
    let mut chunk = BytesMut::new();
    put_envelope(&mut chunk, &format!("{kind}List"), length);
    put_field(&mut chunk, LIST_META, &metadata);
    let mut items = items.into_iter();
    let mut ended = false;
    std::iter::from_fn(move || {
        while !ended && chunk.len() < CHUNK {
            match items.next() {
                Some(item) => put_field(&mut chunk, ITEM, &item),
                None => {
                    ended = true;
                    chunk.put_slice(TRAILER);
                }
            }
        }
        (!chunk.is_empty()).then(|| chunk.split().freeze())
    })
}

/// Takes a recorded list out of its envelope.
pub(super) fn open_list(mut body: Bytes) -> anyhow::Result<RawList> {
    ensure!(body.starts_with(MAGIC), "not Kubernetes' protobuf encoding");
    body.advance(MAGIC.len());
    let unknown = Unknown::decode(body).context("decode the envelope")?;
    RawList::decode(Bytes::from(unknown.raw.unwrap_or_default())).context("decode the list")
}

fn put_envelope(buffer: &mut BytesMut, kind: &str, raw_len: usize) {
    let type_meta = TypeMeta { api_version: Some("v1".to_owned()), kind: Some(kind.to_owned()) }.encode_to_vec();
    buffer.put_slice(MAGIC);
    put_field(buffer, 1, &type_meta);
    encode_key(RAW, WireType::LengthDelimited, buffer);
    encode_varint(raw_len as u64, buffer);
}

fn put_field(buffer: &mut BytesMut, tag: u32, bytes: &[u8]) {
    encode_key(tag, WireType::LengthDelimited, buffer);
    encode_varint(bytes.len() as u64, buffer);
    buffer.put_slice(bytes);
}

fn field_len(len: usize) -> usize {
    key_len(ITEM) + encoded_len_varint(len as u64) + len
}

#[cfg(test)]
mod tests {
    use k8s_pb::api::core::v1::{Pod, PodList};

    use super::*;
    use crate::replay::synthetic;

    #[test]
    fn a_list_in_chunks_is_what_a_full_decode_reads() {
        let pods: Vec<Pod> = (0..200).map(|number| synthetic::pod("shop", &format!("web-{number}"))).collect();
        let metadata = ListMeta { resource_version: Some("7".to_owned()), ..ListMeta::default() };
        let items = pods.iter().map(|pod| Bytes::from(pod.encode_to_vec())).collect();
        let chunks: Vec<Bytes> = list("Pod", &metadata, items).collect();
        assert!(chunks.len() > 1);
        let body = chunks.concat();
        let unknown = Unknown::decode(&body[MAGIC.len()..]).unwrap();
        assert_eq!(unknown.type_meta.unwrap().kind.as_deref(), Some("PodList"));
        let decoded = PodList::decode(&*unknown.raw.unwrap()).unwrap();
        assert_eq!((decoded.metadata, decoded.items), (Some(metadata), pods));
    }

    #[test]
    fn an_empty_list_is_a_whole_body() {
        let body = list("Pod", &ListMeta::default(), Vec::new()).collect::<Vec<_>>().concat();
        assert!(open_list(body.into()).unwrap().items.is_empty());
    }
}
