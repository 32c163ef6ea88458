//! Pages, tokens, interruptions.

use std::time::Duration;

use futures::StreamExt as _;
use gumshoe_proto::collector::v1::{GapReason, ListPodsRequest, ListPodsResponse, View};
use prost::Message as _;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    fake_api::{Answer, FakeApi, mk_pod, mk_pod_of_size},
    support::{collect, get_error, list, mk_namespaces, mk_reader, mk_shop, next, open, reasons},
};

#[tokio::test]
async fn a_whole_list_comes_in_pages_and_says_so() {
    let pages = list(&mk_shop(25), ListPodsRequest { page_size: 10, ..Default::default() }).await.unwrap();
    assert_eq!(pages.pages.iter().map(|page| page.items.len()).collect::<Vec<_>>(), [10, 10, 5]);
    assert!(pages.end.complete && pages.end.consistent);
    assert_eq!(pages.end.items, 25);
    assert_eq!(pages.end.resume_token, "");
}

#[tokio::test]
async fn each_page_token_brings_exactly_what_comes_behind_it() {
    let api = mk_shop(25);
    let request = ListPodsRequest { page_size: 10, ..Default::default() };
    let all = list(&api, request.clone()).await.unwrap();
    for (index, page) in all.pages.iter().enumerate().take(2) {
        api.add_pod(mk_pod("shop", "zzz-new"));
        let request = ListPodsRequest { page_token: page.next_page_token.clone(), ..request.clone() };
        let rest = list(&api, request).await.unwrap();
        assert_eq!(rest.names, all.names[10 * (index + 1)..], "the old set: what came later is not in it");
        assert!(rest.end.complete && rest.end.consistent);
    }
}

#[tokio::test]
async fn a_token_whose_snapshot_is_gone_goes_on_and_says_that_it_is_inconsistent() {
    let api = mk_shop(25);
    let all = list(&api, ListPodsRequest { page_size: 10, ..Default::default() }).await.unwrap();
    api.compact();
    let request = ListPodsRequest { page_token: all.pages[0].next_page_token.clone(), ..Default::default() };
    let rest = list(&api, request).await.unwrap();
    assert_eq!(rest.names, all.names[10..]);
    assert!(rest.end.complete && !rest.end.consistent);
}

#[tokio::test]
async fn a_token_with_another_selector_is_refused() {
    let api = mk_shop(25);
    let all = list(&api, ListPodsRequest { page_size: 10, ..Default::default() }).await.unwrap();
    let request = ListPodsRequest {
        page_token: all.pages[0].next_page_token.clone(),
        label_selector: "app=web".into(),
        ..Default::default()
    };
    let status = list(&api, request).await.err().unwrap();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, "page_token");
}

#[tokio::test]
async fn a_limit_that_cuts_is_a_gap_with_a_token_and_one_that_does_not_is_none() {
    let api = mk_shop(5);
    let cut = list(&api, ListPodsRequest { limit: 3, ..Default::default() }).await.unwrap();
    assert_eq!((cut.names.len(), reasons(&cut.end)), (3, vec![GapReason::Limit]));
    let rest = list(&api, ListPodsRequest { page_token: cut.end.resume_token, ..Default::default() }).await.unwrap();
    assert_eq!(rest.names.len(), 2);
    let exact = list(&api, ListPodsRequest { limit: 5, ..Default::default() }).await.unwrap();
    assert!(exact.end.complete);
}

#[tokio::test]
async fn a_body_that_is_cut_is_taken_up_again_behind_the_last_object() {
    let api = mk_shop(30);
    api.fault("/api/v1/pods", Answer::CutAfter(2000));
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names.len(), 30);
    assert!(pages.names.is_sorted_by(|a, b| a < b), "nothing twice");
    assert!(pages.end.complete && pages.end.consistent);
    let second = &api.requests("/api/v1/pods")[1];
    assert!(second.contains("resourceVersionMatch=Exact"), "{second}");
}

#[tokio::test]
async fn a_body_that_is_cut_again_and_again_ends_in_a_gap_with_a_token() {
    let api = mk_shop(30);
    for _ in 0..3 {
        api.fault("/api/v1/pods", Answer::CutAfter(2000));
    }
    let cut = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(reasons(&cut.end), [GapReason::ReadInterrupted]);
    assert!(cut.end.gaps[0].resumable);
    let rest = list(&api, ListPodsRequest { page_token: cut.end.resume_token, ..Default::default() }).await.unwrap();
    assert_eq!(cut.names.len() + rest.names.len(), 30);
    assert!(rest.end.complete);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_not_waited_for_for_ever() {
    let api = mk_shop(30);
    for _ in 0..3 {
        api.fault("/api/v1/pods", Answer::StallAfter(2000));
    }
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(reasons(&pages.end), [GapReason::ReadInterrupted]);
    assert!(!pages.names.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_does_not_read_gets_a_resumable_gap_and_the_api_server_is_let_go() {
    let api =
        FakeApi::new((0..40).map(|index| mk_pod_of_size("shop", &format!("web-{index:04}"), 512 << 10)).collect());
    let reader = mk_reader(&api, &[]).await;
    let stream = open(&reader, &ListPodsRequest::default()).unwrap();
    tokio::time::timeout(Duration::from_secs(60), api.body_dropped()).await.expect("the read has ended");
    let first = collect::<ListPodsResponse>(stream).await.unwrap();
    assert_eq!(reasons(&first.end), [GapReason::SlowCaller]);
    let request = ListPodsRequest { page_token: first.end.resume_token, ..Default::default() };
    let rest = collect::<ListPodsResponse>(open(&reader, &request).unwrap()).await.unwrap();
    assert_eq!(first.names.len() + rest.names.len(), 40);
    assert!(rest.end.complete);
}

#[tokio::test]
async fn an_object_that_is_too_large_is_a_named_gap() {
    let mut pods = vec![mk_pod("shop", "a"), mk_pod_of_size("shop", "huge", 4 << 20), mk_pod("shop", "z")];
    pods.sort_by_key(|pod| pod.metadata.clone().unwrap().name);
    let pages = list(&FakeApi::new(pods), ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names, ["a", "z"]);
    let gap = &pages.end.gaps[0];
    assert_eq!((gap.reason(), gap.name.as_str()), (GapReason::ItemTooLarge, "huge"));
}

#[tokio::test]
async fn an_older_server_is_asked_page_by_page_and_a_410_in_the_middle_is_told() {
    let api = mk_shop(1200).with_version("32");
    api.fault_continue(1, Answer::Expired);
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names.len(), 1200);
    assert!(pages.end.complete && !pages.end.consistent);
    assert!(api.requests("/api/v1/pods")[0].contains("limit=500"));
}

#[tokio::test]
async fn get_says_not_found_with_the_name() {
    let reader = mk_reader(&mk_shop(1), &[]).await;
    let status = get_error(&reader, "shop", "gone").await;
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.get_error_details().resource_info().unwrap().resource_name, "shop/gone");
}

#[tokio::test(start_paused = true)]
async fn why_a_list_ended_is_told_before_all_else_that_is_missing() {
    let huge = (0..3).map(|index| mk_pod_of_size("shop", &format!("huge-{index}"), (3 << 20) + 1));
    let mut pods: Vec<_> = huge.collect();
    pods.extend((0..40).map(|index| mk_pod_of_size("shop", &format!("web-{index:04}"), 100 << 10)));
    let api = FakeApi::new(pods);
    let reader = mk_reader(&api, &[]).await;
    let stream = open(&reader, &ListPodsRequest::default()).unwrap();
    tokio::time::timeout(Duration::from_secs(60), api.body_dropped()).await.expect("the read has ended");
    let first = collect::<ListPodsResponse>(stream).await.unwrap();
    assert_eq!((first.end.gaps[0].reason(), first.end.gaps[0].resumable), (GapReason::SlowCaller, true));
    assert_eq!(reasons(&first.end)[1..], [GapReason::ItemTooLarge; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_has_patience_left_however_long_earlier_requests_took() {
    let mut pods = vec![mk_pod("a", "one")];
    pods.extend((0..16).map(|index| mk_pod_of_size("b", &format!("web-{index:02}"), 256 << 10)));
    let api = FakeApi::new(pods);
    api.fault("/api/v1/namespaces/a/pods", Answer::Late(51));
    let reader = mk_reader(&api, &[]).await;
    let request = ListPodsRequest { namespaces: mk_namespaces(&["a", "b"]), ..Default::default() };
    let mut stream = open(&reader, &request).unwrap();
    let mut items = 0;
    while let Some(page) = next::<ListPodsResponse>(&mut stream).await {
        let page = page.unwrap();
        items += page.items.len();
        assert_eq!(page.completeness.map(|end| end.gaps).unwrap_or_default(), []);
        // The caller's own time for a page, which the test does not wait for.
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(items, 17);
}

#[tokio::test]
async fn a_warning_of_the_api_server_is_told_even_where_the_list_is_cut() {
    let api = mk_shop(5);
    api.warn("/api/v1/pods", "this version is deprecated");
    let cut = list(&api, ListPodsRequest { limit: 3, ..Default::default() }).await.unwrap();
    assert_eq!(reasons(&cut.end), [GapReason::Limit]);
    assert_eq!(cut.end.warnings, ["this version is deprecated"]);
}

#[tokio::test]
async fn the_bytes_of_an_answer_are_those_of_its_items() {
    let pages = list(&mk_shop(25), ListPodsRequest { page_size: 10, ..Default::default() }).await.unwrap();
    let items = pages.pages.iter().flat_map(|page| &page.items);
    assert_eq!(pages.end.bytes, items.map(|item| item.encoded_len() as u64).sum::<u64>());
}

#[tokio::test]
async fn an_object_that_repairing_makes_too_large_for_a_message_is_a_named_gap() {
    let api = FakeApi::new(vec![mk_pod("shop", "a"), mk_pod_of_size("shop", "b", 1_450_000), mk_pod("shop", "c")]);
    api.spoil("b");
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names, ["a", "c"]);
    let gap = &pages.end.gaps[0];
    assert_eq!((gap.reason(), gap.name.as_str()), (GapReason::ItemTooLarge, "b"));
    let reader = mk_reader(&api, &[]).await;
    let status = get_error(&reader, "shop", "b").await;
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "OBJECT_TOO_LARGE");
}

#[tokio::test(start_paused = true)]
async fn callers_who_do_not_read_keep_others_from_their_lists_for_a_while_only() {
    let api = FakeApi::new((0..40).map(|index| mk_pod_of_size("shop", &format!("web-{index}"), 100 << 10)).collect());
    let reader = mk_reader(&api, &[]).await;
    let open = || open(&reader, &ListPodsRequest::default()).unwrap();
    let mut stalled = Vec::new();
    for _ in 0..16 {
        let mut stream = open();
        stream.next().await.expect("the first page").unwrap();
        stalled.push(stream);
    }
    let begin = tokio::time::Instant::now();
    assert_eq!(collect::<ListPodsResponse>(open()).await.unwrap().names.len(), 40);
    assert!(begin.elapsed() >= Duration::from_secs(60), "it waits for one of the others");
    let status = collect::<ListPodsResponse>(stalled.remove(0)).await.err().unwrap();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_summary_is_metadata_and_columns_and_a_view_that_there_is_not_is_refused() {
    let view = i32::from(View::Summary);
    let pages = list(&mk_shop(3), ListPodsRequest { view, ..Default::default() }).await.unwrap();
    assert_eq!(pages.names.len(), 3);
    let items = pages.pages.iter().flat_map(|page| &page.items);
    assert!(items.into_iter().all(|pod| pod.spec.is_none() && pod.status.is_none() && pod.columns.is_some()));
    let unknown = list(&mk_shop(3), ListPodsRequest { view: 7, ..Default::default() }).await.err().unwrap();
    assert_eq!(unknown.get_error_details().bad_request().unwrap().field_violations[0].field, "view");
}
