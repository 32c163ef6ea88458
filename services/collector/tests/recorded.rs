//! The wire reader and the derived columns against what a real API server sent and printed (tests/fixtures/recorded).

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeMap, path::PathBuf};

use gumshoe_collector::{
    kubernetes::{
        repair::decode_lossy,
        wire::{ListReader, Piece},
    },
    lists::kind::Kind,
};
use gumshoe_proto::collector::v1::{CronJob, Event, Job, Pod};
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

/// These cells of all objects of a kind as the server printed them, and when that was.
fn printed(plural: &str, columns: &[&str]) -> (BTreeMap<String, Vec<String>>, Timestamp) {
    let resources: serde_json::Value = serde_json::from_slice(&recorded("resources.json")).unwrap();
    let resource = resources.as_array().unwrap().iter().find(|resource| resource["plural"] == plural).unwrap();
    let at: jiff::Timestamp = resource["tableAt"].as_str().unwrap().parse().unwrap();
    let table: serde_json::Value = serde_json::from_slice(&recorded(&format!("{plural}.table.json"))).unwrap();
    let definitions = table["columnDefinitions"].as_array().unwrap();
    let place = |column: &&str| definitions.iter().position(|definition| definition["name"] == **column).unwrap();
    let places: Vec<_> = columns.iter().map(place).collect();
    let rows = table["rows"].as_array().unwrap().iter().map(|row| {
        let metadata = &row["object"]["metadata"];
        let cells = places.iter().map(|place| row["cells"][place].as_str().unwrap().to_owned()).collect();
        (key(metadata["namespace"].as_str().unwrap(), metadata["name"].as_str().unwrap()), cells)
    });
    (rows.collect(), Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() })
}

fn key(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

/// The same of what we derive of the objects that it sent.
fn derived<K: Kind>(plural: &str, now: Timestamp, cells: impl Fn(K) -> Vec<String>) -> BTreeMap<String, Vec<String>> {
    let derived = items(&recorded(&format!("{plural}.pb"))).into_iter().map(|bytes| {
        let mut item: K = decode_lossy(&bytes).unwrap();
        item.normalize();
        item.derive(now);
        let metadata = item.metadata().unwrap();
        (key(&metadata.namespace, &metadata.name), cells(item))
    });
    derived.collect()
}

#[test]
fn ready_status_and_restarts_of_pods_are_what_the_server_prints() {
    let (printed, now) = printed("pods", &["Ready", "Status", "Restarts"]);
    let derived = derived("pods", now, |pod: Pod| {
        let columns = pod.columns.unwrap();
        vec![columns.ready, columns.status, columns.restarts]
    });
    assert!(derived.len() > 30, "the recording holds the whole shop");
    assert_eq!(derived, printed);
}

#[test]
fn how_long_jobs_took_and_when_cron_jobs_ran_is_what_the_server_prints() {
    let (durations, now) = printed("jobs", &["Duration"]);
    assert_eq!(derived("jobs", now, |job: Job| vec![job.columns.unwrap().duration]), durations);
    assert!(durations.values().flatten().any(|duration| duration == "1s"), "{durations:?}");
    let (last, now) = printed("cronjobs", &["Last Schedule"]);
    assert_eq!(derived("cronjobs", now, |job: CronJob| vec![job.columns.unwrap().last_schedule]), last);
}
