//! The newest events.

use std::time::Duration;

use gumshoe_collector::kinds::event::Events;
use gumshoe_proto::collector::v1::{Completeness, Event, GapReason, ListEventsRequest, ListEventsResponse};

use crate::{
    fake_api::{Answer, FakeApi, mk_event},
    support::{collect, list_events, mk_call, mk_namespaces, mk_reader, next, reasons},
};

#[tokio::test]
async fn events_come_newest_first_and_what_the_limit_leaves_out_is_counted() {
    let api = FakeApi::with_events(
        (0..1500).map(|index| mk_event("shop", &format!("e-{index:04}"), (index * 7) % 1500)).collect(),
    );
    let pages = list_events(&api, ListEventsRequest { limit: 600, ..Default::default() }).await.unwrap();
    assert_eq!(pages.names.len(), 600);
    let times: Vec<_> = pages
        .pages
        .iter()
        .flat_map(|page| page.items.iter().map(|event| event.columns.as_ref().unwrap().last_seen.unwrap().seconds))
        .collect();
    assert_eq!(times, (900..1500).rev().collect::<Vec<i64>>());
    assert_eq!((reasons(&pages.end), pages.end.gaps[0].items), (vec![GapReason::Limit], Some(900)));
    let request = ListEventsRequest { limit: 600, page_token: pages.end.resume_token, ..Default::default() };
    let next = list_events(&api, request).await.unwrap();
    assert_eq!(next.end.gaps[0].items, Some(300));
    assert!(next.names.iter().all(|name| !pages.names.contains(name)));
}

#[tokio::test]
async fn events_are_listed_afresh_when_their_snapshot_expires_in_the_middle() {
    let api = FakeApi::with_events((0..1200).map(|index| mk_event("shop", &format!("e-{index:04}"), index)).collect());
    api.fault_continue(1, Answer::Expired);
    let pages = list_events(&api, ListEventsRequest { limit: 5000, ..Default::default() }).await.unwrap();
    assert_eq!(pages.names.len(), 1200, "none twice");
    assert!(pages.end.complete && pages.end.consistent);
}

#[tokio::test]
async fn events_go_on_inconsistently_when_it_expires_twice() {
    let api = FakeApi::with_events((0..1200).map(|index| mk_event("shop", &format!("e-{index:04}"), index)).collect());
    api.fault_continue(1, Answer::Expired);
    api.fault_continue(2, Answer::Expired);
    let pages = list_events(&api, ListEventsRequest { limit: 5000, ..Default::default() }).await.unwrap();
    assert_eq!(pages.names.len(), 1200);
    assert!(pages.end.complete && !pages.end.consistent);
}

#[tokio::test]
async fn an_event_that_was_seen_again_is_given_although_its_snapshot_is_gone() {
    let api =
        FakeApi::with_events((0..20).map(|index| mk_event("shop", &format!("e-{index:02}"), index + 1)).collect());
    let request = ListEventsRequest { limit: 10, ..Default::default() };
    let first = list_events(&api, request.clone()).await.unwrap();
    assert_eq!(first.names[9], "e-10");
    // One that was not given, and one that was.
    api.put_event(mk_event("shop", "e-03", 100));
    api.put_event(mk_event("shop", "e-15", 101));
    api.compact();
    let request = ListEventsRequest { page_token: first.end.resume_token, limit: 5, ..request };
    let second = list_events(&api, request.clone()).await.unwrap();
    assert_eq!(second.names, ["e-15", "e-03", "e-09", "e-08", "e-07"]);
    assert!(!second.end.consistent);
    let request = ListEventsRequest { page_token: second.end.resume_token, ..request };
    let third = list_events(&api, request).await.unwrap();
    assert_eq!(third.names, ["e-06", "e-05", "e-04", "e-02", "e-01"]);
}

#[tokio::test]
async fn what_is_missing_is_told_once_although_the_events_are_listed_afresh() {
    let api = FakeApi::with_events((0..1200).map(|index| mk_event("shop", &format!("e-{index:04}"), index)).collect());
    api.deny("denied");
    api.fault_continue(1, Answer::Expired);
    let namespaces = mk_namespaces(&["denied", "nowhere", "shop"]);
    let pages = list_events(&api, ListEventsRequest { namespaces, limit: 5000, ..Default::default() }).await.unwrap();
    assert_eq!(pages.names.len(), 1200);
    assert_eq!(reasons(&pages.end), [GapReason::NamespaceDenied, GapReason::NamespaceNotFound]);
    assert!(pages.end.consistent);
}

#[tokio::test]
async fn a_list_that_goes_on_at_a_fresh_snapshot_says_that_it_is_inconsistent() {
    let api = FakeApi::with_events((0..1200).map(|index| mk_event("shop", &format!("e-{index:04}"), index)).collect());
    let first = list_events(&api, ListEventsRequest { limit: 100, ..Default::default() }).await.unwrap();
    api.fault_continue(3, Answer::Expired);
    let request = ListEventsRequest { page_token: first.end.resume_token, limit: 5000, ..Default::default() };
    let rest = list_events(&api, request).await.unwrap();
    assert_eq!(rest.names.len(), 1100);
    assert!(rest.end.complete && !rest.end.consistent);
}

#[tokio::test(start_paused = true)]
async fn calls_that_hold_all_the_memory_for_events_cut_each_other_and_say_so() {
    let api = FakeApi::with_events((0..2000).map(mk_large_event).collect());
    let events = Events::new(mk_reader(&api, &[]).await);
    let request = || ListEventsRequest { limit: 50_000, ..Default::default() };
    let streams: Vec<_> = (0..4).map(|_| events.list(&mk_call(), request()).unwrap()).collect();
    let ends = futures::future::join_all(streams.into_iter().map(collect::<ListEventsResponse>)).await;
    let ends: Vec<_> = ends.into_iter().map(|pages| pages.unwrap().end).collect();
    let overloaded = |end: &&Completeness| reasons(end).contains(&GapReason::Overloaded);
    assert!(ends.iter().filter(overloaded).count() >= 1, "{ends:?}");
    assert!(ends.iter().all(|end| end.gaps.iter().all(|gap| gap.resumable) && !end.complete));
}

#[tokio::test]
async fn memory_that_a_call_no_longer_needs_is_not_held_until_its_end() {
    let api = FakeApi::with_events((0..2000).map(mk_large_event).collect());
    let events = Events::new(mk_reader(&api, &[]).await);
    let list = || {
        let request = ListEventsRequest { limit: 50_000, ..Default::default() };
        events.list(&mk_call(), request).unwrap()
    };
    // They take all there is.
    let mut calls = [list(), list(), list()];
    for call in &mut calls {
        next::<ListEventsResponse>(call).await.unwrap().unwrap();
    }
    let mut another = list();
    for _ in 0..20 {
        let page = next::<ListEventsResponse>(&mut calls[0]).await.unwrap().unwrap();
        assert!(page.completeness.is_none());
    }
    let page = tokio::time::timeout(Duration::from_secs(20), next::<ListEventsResponse>(&mut another));
    let page = page.await.expect("it should not wait for an end");
    assert!(!page.unwrap().unwrap().items.is_empty());
}

fn mk_large_event(index: i64) -> Event {
    Event { message: "x".repeat(8000), ..mk_event("shop", &format!("e-{index:04}"), index) }
}
