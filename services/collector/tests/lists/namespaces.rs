//! Which namespaces are read, and what is said of those that are not.

use gumshoe_proto::collector::v1::{GapReason, ListPodsRequest};
use tonic::Code;

use crate::{
    fake_api::{Answer, FakeApi, mk_pod},
    support::{get_error, list, list_within, mk_namespaces, mk_reader, mk_shop, reasons},
};

#[tokio::test]
async fn a_denied_namespace_among_several_is_a_gap_and_alone_an_error() {
    let api = FakeApi::new(vec![mk_pod("a", "one"), mk_pod("b", "two"), mk_pod("c", "three")]);
    api.deny("b");
    let request = |names: &[&str]| ListPodsRequest { namespaces: mk_namespaces(names), ..Default::default() };
    let pages = list(&api, request(&["a", "b", "c"])).await.unwrap();
    assert_eq!(pages.names, ["one", "three"]);
    assert_eq!(reasons(&pages.end), [GapReason::NamespaceDenied]);
    assert_eq!(pages.end.gaps[0].namespace, "b");
    let status = list(&api, request(&["b"])).await.err().unwrap();
    assert_eq!(status.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn an_absent_namespace_among_several_is_a_gap() {
    let api = FakeApi::new(vec![mk_pod("a", "one")]);
    let request = ListPodsRequest { namespaces: mk_namespaces(&["a", "nowhere"]), ..Default::default() };
    let pages = list(&api, request).await.unwrap();
    assert_eq!(reasons(&pages.end), [GapReason::NamespaceNotFound]);
}

#[tokio::test]
async fn a_denied_list_of_the_whole_cluster_names_the_flag() {
    let api = mk_shop(1);
    api.fault("/api/v1/pods", Answer::Status(403));
    let status = list(&api, ListPodsRequest::default()).await.err().unwrap();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("--namespaces"), "{}", status.message());
}

#[tokio::test]
async fn nothing_outside_the_flag_is_read() {
    let api = FakeApi::new(vec![mk_pod("a", "one"), mk_pod("secret", "two")]);
    let pages = list_within(&api, &["a"], ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names, ["one"]);
    let request = ListPodsRequest { namespaces: mk_namespaces(&["secret"]), ..Default::default() };
    assert_eq!(list_within(&api, &["a"], request).await.err().unwrap().code(), Code::PermissionDenied);
    let reader = mk_reader(&api, &["a"]).await;
    let status = get_error(&reader, "secret", "two").await;
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(api.all_requests().iter().all(|request| !request.contains("secret")));
}

#[tokio::test]
async fn every_denied_namespace_is_named_however_many_there_are() {
    let names: Vec<_> = (0..500).map(|index| format!("{}-{index:03}", "x".repeat(59))).collect();
    let api = FakeApi::new(vec![mk_pod(&names[0], "one")]);
    names[1..].iter().for_each(|name| api.deny(name));
    let pages = list(&api, ListPodsRequest { namespaces: names.clone(), ..Default::default() }).await.unwrap();
    let mut denied: Vec<_> = pages.end.gaps.iter().map(|gap| (gap.reason(), gap.namespace.clone())).collect();
    denied.sort();
    let expected: Vec<_> = names[1..].iter().map(|name| (GapReason::NamespaceDenied, name.clone())).collect();
    assert_eq!(denied, expected);
}

#[tokio::test]
async fn where_namespaces_may_not_be_read_it_is_said_once_and_asked_once() {
    let api = FakeApi::new(vec![mk_pod("a", "one")]);
    api.forbid_namespaces();
    let empty: Vec<_> = (0..25).map(|index| format!("empty-{index:02}")).collect();
    api.warn(&format!("/api/v1/namespaces/{}/pods", empty[24]), "of the server");
    let namespaces = [vec!["a".to_owned()], empty].concat();
    let pages = list(&api, ListPodsRequest { namespaces, ..Default::default() }).await.unwrap();
    let [of_server, ours] = pages.end.warnings.as_slice() else { panic!("{:?}", pages.end.warnings) };
    assert_eq!(of_server, "of the server");
    assert!(ours.contains("empty-00, empty-01") && ours.contains("15 others"), "{ours}");
    let asked = api.all_requests().into_iter().filter(|request| request.starts_with("/api/v1/namespaces/empty"));
    assert_eq!(asked.filter(|request| !request.contains("/pods")).count(), 1);
    assert!(pages.end.complete);
}
