//! The wire reader and the derived columns against what a real API server sent and printed (tests/fixtures/recorded).

#![allow(missing_docs)]

use std::{collections::BTreeMap, path::PathBuf};

use gumshoe_collector::{
    kinds::Kind as _,
    kubernetes::{
        repair::decode_lossy,
        wire::{ListReader, Piece},
    },
};
use gumshoe_proto::{
    Normalize as _,
    collector::v1::{Event, Pod},
};
use k8s_pb::{
    api::core::v1::{EventList, PodList},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use prost::Message;
use prost_types::Timestamp;

fn recorded(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/recorded").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn items(body: &[u8]) -> Vec<prost::bytes::Bytes> {
    let mut reader = ListReader::default();
    reader.push(body);
    let mut items = Vec::new();
    while let Some(piece) = reader.next_piece().unwrap() {
        if let Piece::Item(item) = piece {
            items.push(item);
        }
    }
    reader.finish().unwrap();
    items
}

/// The whole list, decoded by the full types of k8s-pb.
fn full<L: Message + Default>(body: &[u8]) -> L {
    let raw = gumshoe_collector::kubernetes::wire::unwrap_unknown(&body.to_vec().into()).unwrap();
    L::decode(raw).unwrap()
}

/// What the contract leaves out of every object (docs/fields.md).
fn trim(metadata: &mut Option<ObjectMeta>) {
    if let Some(metadata) = metadata {
        metadata.managed_fields.clear();
        metadata.self_link = None;
    }
}

/// Our message, encoded and read back by the full types. Where ours leaves out an empty string, the full type has one
/// that is absent, so both are compared as text without what is empty.
fn meaning(message: &impl std::fmt::Debug) -> String {
    // Times without a fraction are as well written without one.
    format!("{message:?}").replace("Some(\"\")", "None").replace("nanos: Some(0)", "nanos: None")
}

#[test]
fn pods_decode_to_all_that_kubernetes_sent_but_what_is_left_out_on_purpose() {
    let body = recorded("pods.pb");
    let full: PodList = full(&body);
    let ours = items(&body);
    assert_eq!(ours.len(), full.items.len());
    for (bytes, mut full) in ours.into_iter().zip(full.items) {
        let pod: Pod = decode_lossy(bytes).unwrap();
        trim(&mut full.metadata);
        let read_back = k8s_pb::api::core::v1::Pod::decode(pod.encode_to_vec().as_slice()).unwrap();
        assert_eq!(meaning(&read_back), meaning(&full));
    }
}

#[test]
fn events_decode_to_all_that_kubernetes_sent_but_what_is_left_out_on_purpose() {
    let body = recorded("events.pb");
    let full: EventList = full(&body);
    for (bytes, mut full) in items(&body).into_iter().zip(full.items) {
        let event: Event = decode_lossy(bytes).unwrap();
        trim(&mut full.metadata);
        let read_back = k8s_pb::api::core::v1::Event::decode(event.encode_to_vec().as_slice()).unwrap();
        assert_eq!(meaning(&read_back), meaning(&full));
    }
}

#[test]
fn ready_status_and_restarts_are_what_the_server_prints() {
    let recorded_at: jiff::Timestamp = String::from_utf8(recorded("recorded-at.txt")).unwrap().trim().parse().unwrap();
    let now = Timestamp { seconds: recorded_at.as_second(), nanos: recorded_at.subsec_nanosecond() };
    let table: serde_json::Value = serde_json::from_slice(&recorded("pods.table.json")).unwrap();
    let printed: BTreeMap<_, _> = table["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let metadata = &row["object"]["metadata"];
            let cell = |index: usize| row["cells"][index].as_str().unwrap().to_owned();
            let key = format!("{}/{}", metadata["namespace"].as_str().unwrap(), metadata["name"].as_str().unwrap());
            (key, [cell(1), cell(2), cell(3)])
        })
        .collect();
    let derived: BTreeMap<_, _> = items(&recorded("pods.pb"))
        .into_iter()
        .map(|bytes| {
            let mut pod: Pod = decode_lossy(bytes).unwrap();
            pod.normalize();
            pod.derive(now);
            let metadata = pod.metadata.unwrap();
            let columns = pod.columns.unwrap();
            (format!("{}/{}", metadata.namespace, metadata.name), [columns.ready, columns.status, columns.restarts])
        })
        .collect();
    assert!(derived.len() > 30, "the recording holds the whole shop");
    assert_eq!(derived, printed);
}
