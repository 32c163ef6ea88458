//! The list reader against full decodes of k8s-pb's objects: any objects, any chunks, any cut.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use gumshoe_collector::kubernetes::{
    repair::decode_lossy,
    wire::{ListMeta as Meta, ListReader, Piece, WireError, name_of_head, unwrap_metadata},
};
use gumshoe_proto::collector::v1::Event;
use k8s_pb::{
    api::core::v1 as core,
    apimachinery::pkg::apis::meta::v1::{ListMeta, ObjectMeta},
};
use proptest::prelude::*;
use prost::Message as _;
use prost::bytes::Bytes;

fn mk_body(raw: &[u8]) -> Vec<u8> {
    let mut body = b"k8s\0\x0a\x06\x0a\x02v1\x12\x00\x12".to_vec();
    prost::encoding::encode_varint(raw.len() as u64, &mut body);
    body.extend(raw);
    body.extend(b"\x1a\x00\x22\x00");
    body
}

prop_compose! {
    fn an_event()(
        name in "[a-z]{1,20}",
        namespace in "[a-z]{1,10}",
        message in ".{0,200}",
        labels in prop::collection::btree_map("[a-z]{1,8}", ".{0,20}", 0..4),
        count in proptest::option::of(any::<i32>()),
        managed in 0_usize..3,
    ) -> core::Event {
        core::Event {
            metadata: Some(ObjectMeta {
                name: Some(name),
                namespace: Some(namespace),
                labels,
                managed_fields: vec![Default::default(); managed],
                ..ObjectMeta::default()
            }),
            message: Some(message),
            count,
            ..core::Event::default()
        }
    }
}

fn mk_list(items: &[core::Event]) -> core::EventList {
    core::EventList {
        metadata: Some(ListMeta { resource_version: Some("7".into()), ..ListMeta::default() }),
        items: items.to_vec(),
    }
}

/// Reads a body in the given chunks.
fn read(body: &[u8], chunks: &[usize], item_max: usize) -> Result<Vec<Piece>, WireError> {
    let mut reader = ListReader::with_item_max(item_max);
    let mut pieces = Vec::new();
    let mut rest = body;
    let mut sizes = chunks.iter().copied().chain(std::iter::repeat(usize::MAX));
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len());
        reader.push(&rest[..size]);
        rest = &rest[size..];
        while let Some(piece) = reader.next_piece()? {
            pieces.push(piece);
        }
    }
    reader.finish()?;
    Ok(pieces)
}

fn items_of(pieces: &[Piece]) -> Vec<Bytes> {
    pieces.iter().filter_map(|piece| if let Piece::Item(item) = piece { Some(item.clone()) } else { None }).collect()
}

proptest! {
    #[test]
    fn any_list_in_any_chunks_is_read_item_by_item(
        events in prop::collection::vec(an_event(), 0..8),
        chunks in prop::collection::vec(1_usize..40, 0..60),
    ) {
        let list = mk_list(&events);
        let pieces = read(&mk_body(&list.encode_to_vec()), &chunks, usize::MAX).unwrap();
        prop_assert_eq!(pieces.first().cloned(), list.metadata.map(|meta| Piece::ListMeta(Meta { resource_version: meta.resource_version.unwrap_or_default(), continue_token: meta.r#continue.unwrap_or_default() })));
        let items = items_of(&pieces);
        prop_assert_eq!(items.len(), events.len());
        for (bytes, event) in items.into_iter().zip(events) {
            let metadata = event.metadata.clone().unwrap();
            prop_assert_eq!(name_of_head(&bytes), (metadata.namespace.clone().unwrap(), metadata.name.clone().unwrap()));
            let ours: Event = decode_lossy(&bytes).unwrap();
            prop_assert_eq!(ours.message, event.message.unwrap());
            prop_assert_eq!(ours.count, event.count.unwrap_or_default());
            prop_assert_eq!(ours.metadata.unwrap().labels, metadata.labels);
        }
    }

    #[test]
    fn a_body_that_is_cut_anywhere_is_never_a_whole_list(
        events in prop::collection::vec(an_event(), 0..4),
        cut in any::<prop::sample::Index>(),
        chunks in prop::collection::vec(1_usize..40, 0..10),
    ) {
        let body = mk_body(&mk_list(&events).encode_to_vec());
        // The two empty fields behind the list may be missing: they hold nothing.
        let needed = body.len() - 4;
        let cut = cut.index(needed);
        prop_assert_eq!(read(&body[..cut], &chunks, usize::MAX), Err(WireError::Truncated));
    }

    #[test]
    fn an_item_that_is_too_large_is_named_and_the_others_are_read(
        events in prop::collection::vec(an_event(), 1..6),
        chunks in prop::collection::vec(1_usize..5000, 0..40),
        padding in 3000_usize..20_000,
        which in any::<prop::sample::Index>(),
    ) {
        let mut events = events;
        let which = which.index(events.len());
        events[which].message = Some("x".repeat(padding));
        for (index, event) in events.iter_mut().enumerate().filter(|(index, _)| *index != which) {
            event.message = Some(index.to_string());
            event.metadata.as_mut().unwrap().labels.clear();
        }
        let pieces = read(&mk_body(&mk_list(&events).encode_to_vec()), &chunks, 2500).unwrap();
        let too_large: Vec<_> = pieces
            .iter()
            .filter_map(|piece| if let Piece::TooLarge { head, length } = piece { Some((head, *length)) } else { None })
            .collect();
        let metadata = events[which].metadata.clone().unwrap();
        prop_assert_eq!(too_large.len(), 1);
        prop_assert_eq!(name_of_head(too_large[0].0), (metadata.namespace.unwrap(), metadata.name.unwrap()));
        prop_assert_eq!(too_large[0].1, events[which].encoded_len() as u64);
        prop_assert_eq!(items_of(&pieces).len(), events.len() - 1);
    }

    #[test]
    fn a_string_that_is_not_utf8_never_costs_the_object(event in an_event(), bytes in prop::collection::vec(any::<u8>(), 1..30)) {
        // The message is field 4: another one behind it takes its place.
        let mut encoded = event.encode_to_vec();
        encoded.extend([0x22, u8::try_from(bytes.len()).unwrap()]);
        encoded.extend(&bytes);
        let ours: Event = decode_lossy(&encoded.into()).unwrap();
        prop_assert_eq!(ours.message, String::from_utf8_lossy(&bytes));
        prop_assert_eq!(Some(ours.metadata.unwrap().name), event.metadata.unwrap().name);
    }

    #[test]
    fn no_bytes_at_all_break_the_reader(body in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        let body = if magic { [b"k8s\0".as_slice(), &body].concat() } else { body };
        let _ = read(&body, &[7, 3], 100);
        let _ = decode_lossy::<Event>(&body.into());
    }
}

#[test]
fn what_is_in_no_namespace_has_none_whatever_stands_behind_its_metadata() {
    let metadata = ObjectMeta { name: Some("node-1".into()), ..ObjectMeta::default() };
    let status = core::NodeStatus { phase: Some("Pending".into()), ..core::NodeStatus::default() };
    let node = core::Node { metadata: Some(metadata), status: Some(status), ..core::Node::default() };
    assert_eq!(name_of_head(&node.encode_to_vec()), (String::new(), "node-1".to_owned()));
}

/// A body that says of which kind it is, or says nothing.
fn mk_body_of(kind: &str, raw: &[u8]) -> Vec<u8> {
    let mut body = b"k8s\0".to_vec();
    if !kind.is_empty() {
        let mut type_meta = Vec::new();
        prost::encoding::string::encode(1, &"meta.k8s.io/v1".to_owned(), &mut type_meta);
        prost::encoding::string::encode(2, &kind.to_owned(), &mut type_meta);
        prost::encoding::bytes::encode(1, &type_meta, &mut body);
    }
    prost::encoding::bytes::encode(2, &raw.to_vec(), &mut body);
    body
}

#[test]
fn where_metadata_was_asked_for_nothing_of_another_body_is_taken() {
    let list = mk_list(&[core::Event::default()]).encode_to_vec();
    let read = |body: &[u8], chunk: usize| {
        let mut reader = ListReader::of_metadata();
        let mut pieces = 0;
        for chunk in body.chunks(chunk) {
            reader.push(chunk);
            while reader.next_piece()?.is_some() {
                pieces += 1;
            }
        }
        reader.finish().map(|()| pieces)
    };
    for chunk in [1, 7, usize::MAX] {
        assert_eq!(read(&mk_body_of("PartialObjectMetadataList", &list), chunk), Ok(2));
        for other in ["SecretList", "", "PartialObjectMetadata", &"x".repeat(5000)] {
            assert_eq!(read(&mk_body_of(other, &list), chunk), Err(WireError::NoMetadata), "{other}");
        }
    }
    let unwrap = |kind| unwrap_metadata(&Bytes::from(mk_body_of(kind, b"raw")));
    assert_eq!(unwrap("PartialObjectMetadata"), Ok(Bytes::from_static(b"raw")));
    assert_eq!((unwrap("Secret"), unwrap("")), (Err(WireError::NoMetadata), Err(WireError::NoMetadata)));
}
