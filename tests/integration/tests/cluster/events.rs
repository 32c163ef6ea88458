//! Events, beside what kubectl says of them at the same time.

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::{Event, Gap, GapReason, InvolvedObject, ListEventsRequest};
use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Bench, Collector, kubectl, on_the_bench, pod_of, settled};

/// What is compared of an event; ordered by its last time, then by its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    last_seen: Timestamp,
    /// `<namespace>/<name>`.
    key: String,
    count: i64,
    kind: String,
    reason: String,
    object: String,
    message: String,
}

/// The events as kubectl has them, in its order: oldest first.
async fn of_kubectl(bench: &Bench, arguments: &[&str]) -> Vec<Row> {
    let list = kubectl(bench, &[&["events", "-o", "json"], arguments].concat()).await;
    let list: Value = serde_json::from_str(&list).unwrap();
    list["items"].as_array().unwrap().iter().map(kubectl_row).collect()
}

fn kubectl_row(event: &Value) -> Row {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // Where an event has none of these, kubectl says <unknown>, and it is as old as the object.
    let times = [&event["series"]["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"]];
    let last_seen = times.into_iter().chain([&event["metadata"]["creationTimestamp"]]).find_map(Value::as_str);
    let count = event["series"]["count"].as_i64().or(event["count"].as_i64()).unwrap_or(1);
    let about = &event["involvedObject"];
    Row {
        last_seen: last_seen.unwrap().parse().unwrap(),
        key: format!("{}/{}", text(&event["metadata"]["namespace"]), text(&event["metadata"]["name"])),
        count,
        kind: text(&event["type"]),
        reason: text(&event["reason"]),
        object: format!("{}/{}", text(&about["kind"]), text(&about["name"])),
        message: repaired(&text(&event["message"])),
    }
}

/// Go puts one U+FFFD for each byte that is not UTF-8, Rust one for a letter that was cut.
fn repaired(message: &str) -> String {
    let mut repaired = message.to_owned();
    while repaired.contains("\u{fffd}\u{fffd}") {
        repaired = repaired.replace("\u{fffd}\u{fffd}", "\u{fffd}");
    }
    repaired
}

fn our_row(event: &Event) -> Row {
    let (metadata, columns) = (event.metadata.as_ref().unwrap(), event.columns.as_ref().unwrap());
    let about = event.involved_object.as_ref().unwrap();
    let last_seen = columns.last_seen.unwrap();
    Row {
        last_seen: Timestamp::new(last_seen.seconds, last_seen.nanos).unwrap(),
        key: format!("{}/{}", metadata.namespace, metadata.name),
        count: columns.count.into(),
        kind: event.r#type.clone(),
        reason: event.reason.clone(),
        object: format!("{}/{}", about.kind, about.name),
        message: repaired(&event.message),
    }
}

/// Our events, in our order: newest first; and whether that is all.
async fn ours(collector: &Collector, request: ListEventsRequest) -> (Vec<Row>, bool) {
    let pages = collector.client.clone().list_events(request).await.unwrap();
    let completeness = pages.last().unwrap().completeness.clone().unwrap();
    let gaps: Vec<_> = completeness.gaps.iter().map(Gap::reason).collect();
    assert!(completeness.complete || gaps == [GapReason::Limit], "{completeness:?}");
    (pages.iter().flat_map(|page| &page.items).map(our_row).collect(), completeness.complete)
}

/// Compares the sets, which is what can be compared where several events have one time, and our order with the times.
async fn compare(bench: &Bench, arguments: &[&str], request: ListEventsRequest) -> Vec<Row> {
    let collector = bench.collector().await;
    let (theirs, (ours, complete), _) = settled(
        async || of_kubectl(bench, arguments).await,
        async || self::ours(&collector, request.clone()).await,
        |before, after| before == after,
    )
    .await;
    assert!(complete && !ours.is_empty(), "{arguments:?}");
    assert_eq!(ours.iter().collect::<BTreeSet<_>>(), theirs.iter().collect(), "{arguments:?}");
    assert_eq!(ours.len(), theirs.len());
    assert!(ours.iter().rev().is_sorted_by_key(|row| row.last_seen), "{ours:?}");
    theirs
}

#[test]
fn all_events_are_those_of_kubectl_with_their_counts_and_in_their_order() {
    on_the_bench(async |bench| {
        let theirs = compare(bench, &["-A"], ListEventsRequest::default()).await;
        // kubectl's own order is that of the same times, but for events that have none for it.
        let timed = theirs.iter().filter(|row| row.reason != "Synced");
        assert!(timed.is_sorted_by_key(|row| row.last_seen.as_second()), "{theirs:?}");
        assert!(theirs.iter().any(|row| row.count > 100));
        assert!(theirs.iter().any(|row| row.message.contains('\u{fffd}')));
    });
}

#[test]
fn the_table_of_events_shows_types_reasons_and_counts_as_kubectl_does() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        // NAMESPACE, TYPE, REASON, `(x3 over 10m)`; the object and ages follow.
        let rows = |table: &str| {
            let rows = table.lines().skip(1).map(|row| {
                let cells: Vec<_> = row.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
                let count = cells[1].split_once(" (x").map_or("1", |(_, count)| count.split(' ').next().unwrap());
                [cells[0], cells[2], cells[3], count].map(str::to_owned)
            });
            let mut rows: Vec<_> = rows.collect();
            rows.sort();
            rows
        };
        let (theirs, ours, _) = settled(
            async || rows(&kubectl(bench, &["events", "-A"]).await),
            async || rows(&collector.complete(&["get", "events", "-A"]).await),
            |before, after| before == after,
        )
        .await;
        assert_eq!(ours, theirs);
    });
}

#[test]
fn the_events_of_one_pod_are_those_of_kubectl() {
    on_the_bench(async |bench| {
        for app in ["api", "cart"] {
            let pod = pod_of(bench, app).await;
            let about = InvolvedObject { kind: "Pod".into(), name: pod.clone(), ..InvolvedObject::default() };
            let namespaces = vec!["shop".to_owned()];
            let request =
                ListEventsRequest { namespaces, involved_object: Some(about), ..ListEventsRequest::default() };
            let theirs = compare(bench, &["-n", "shop", "--for", &format!("pod/{pod}")], request).await;
            assert!(theirs.iter().all(|row| row.object == format!("Pod/{pod}")));
        }
    });
}

#[test]
fn events_of_a_type_or_a_reason_are_those_of_kubectl() {
    on_the_bench(async |bench| {
        let types = vec!["Warning".to_owned()];
        compare(bench, &["-A", "--types=Warning"], ListEventsRequest { types, ..ListEventsRequest::default() }).await;
        let collector = bench.collector().await;
        let reasons = vec!["BackOff".to_owned(), "Killing".to_owned()];
        let by_reason = async |reason: &str| {
            let selector = format!("reason={reason}");
            let list = kubectl(bench, &["get", "events", "-A", "-o", "json", "--field-selector", &selector]).await;
            let list: Value = serde_json::from_str(&list).unwrap();
            list["items"].as_array().unwrap().iter().map(kubectl_row).collect::<Vec<_>>()
        };
        let request = ListEventsRequest { reasons, ..ListEventsRequest::default() };
        let (theirs, (ours, _), _) = settled(
            async || [by_reason("BackOff").await, by_reason("Killing").await].concat(),
            async || self::ours(&collector, request.clone()).await,
            |before, after| before == after,
        )
        .await;
        assert_eq!(ours.into_iter().collect::<BTreeSet<_>>(), theirs.into_iter().collect());
    });
}

#[test]
fn the_newest_events_are_the_newest_of_all() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        for limit in [1, 7, 30] {
            let request = ListEventsRequest { limit, ..ListEventsRequest::default() };
            let (theirs, (ours, complete), _) = settled(
                async || of_kubectl(bench, &["-A"]).await,
                async || self::ours(&collector, request.clone()).await,
                |before, after| before == after,
            )
            .await;
            assert_eq!((ours.len() as i64, complete), (limit, false));
            // Which of several of one time is last to be taken is open, and so only their times are compared.
            let mut times: Vec<_> = theirs.iter().map(|row| row.last_seen).collect();
            times.sort_by(|one, other| other.cmp(one));
            times.truncate(ours.len());
            assert_eq!(ours.iter().map(|row| row.last_seen).collect::<Vec<_>>(), times);
            assert!(ours.iter().all(|row| theirs.contains(row)));
        }
    });
}
