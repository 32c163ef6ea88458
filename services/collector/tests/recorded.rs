//! The wire reader and the derived columns against what a real API server sent and printed (tests/fixtures/recorded).

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeMap, path::PathBuf};

use gumshoe_collector::{
    kubernetes::{
        repair::decode_lossy,
        wire::{ListReader, Piece},
    },
    lists::kind::Kind as _,
};
use gumshoe_proto::{
    Normalize as _,
    collector::v1::{Event, Pod},
};
use k8s_pb::{api::core::v1 as core, apimachinery::pkg::apis::meta::v1::ObjectMeta};
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

/// What the contract leaves out of every object (docs/fields.md).
fn trim(metadata: &mut Option<ObjectMeta>) {
    if let Some(metadata) = metadata {
        metadata.managed_fields.clear();
        metadata.self_link = None;
    }
}

/// A message of the full types as text, without what says nothing: an empty string or a zero where ours has none.
fn meaning(message: &impl std::fmt::Debug) -> String {
    let text = format!("{message:?}");
    ["Some(\"\")", "Some(0)", "Some(false)"].iter().fold(text, |text, nothing| text.replace(nothing, "None"))
}

#[test]
fn pods_decode_to_all_that_kubernetes_sent_but_what_is_left_out_on_purpose() {
    for bytes in items(&recorded("pods.pb")) {
        let mut full = core::Pod::decode(bytes.clone()).unwrap();
        let pod: Pod = decode_lossy(&bytes).unwrap();
        trim(&mut full.metadata);
        let statuses = &pod.status.as_ref().unwrap().container_statuses;
        assert!(
            statuses.iter().all(|status| status.ready.is_some() && status.restart_count.is_some()),
            "zeros that are printed"
        );
        let read_back = core::Pod::decode(pod.encode_to_vec().as_slice()).unwrap();
        assert_eq!(meaning(&read_back), meaning(&full));
    }
}

#[test]
fn events_decode_to_all_that_kubernetes_sent_but_what_is_left_out_on_purpose() {
    let mut repaired = 0;
    for bytes in items(&recorded("events.pb")) {
        let event: Event = decode_lossy(&bytes).unwrap();
        let Ok(mut full) = core::Event::decode(bytes) else {
            // An event of the shop has a message that was cut within a character.
            assert!(event.message.contains('\u{fffd}'));
            repaired += 1;
            continue;
        };
        trim(&mut full.metadata);
        let read_back = core::Event::decode(event.encode_to_vec().as_slice()).unwrap();
        assert_eq!(meaning(&read_back), meaning(&full));
    }
    assert_eq!(repaired, 1);
}

#[test]
fn ready_status_and_restarts_are_what_the_server_prints() {
    let resources: serde_json::Value = serde_json::from_slice(&recorded("resources.json")).unwrap();
    let pods = resources.as_array().unwrap().iter().find(|resource| resource["plural"] == "pods").unwrap();
    let at: jiff::Timestamp = pods["tableAt"].as_str().unwrap().parse().unwrap();
    let now = Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() };
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
            let mut pod: Pod = decode_lossy(&bytes).unwrap();
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
