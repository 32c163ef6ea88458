//! The service as tonic's own client sees it.

use gumshoe_collector::{kinds::log, methods::Methods};
use gumshoe_proto::collector::v1::{
    GetPodRequest, ReadLogsRequest, log_service_client::LogServiceClient, pod_service_client::PodServiceClient,
};
use tonic::{Code, service::Routes};
use tonic_types::StatusExt as _;

use crate::{kubelet::FakeKubelet, support::*};

/// `LogService` alone.
fn mk_routes() -> Routes {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..20));
    log::serve(Methods::default(), &mk_reader(&kubelet)).routes()
}

#[tokio::test]
async fn pages_that_are_encoded_by_hand_are_messages_to_a_client() {
    let mut client = LogServiceClient::new(mk_routes());
    let request = ReadLogsRequest { page_size: 7, ..whole() };
    let mut stream = client.read_logs(request).await.unwrap().into_inner();
    let mut pages = Vec::new();
    while let Some(page) = stream.message().await.unwrap() {
        pages.push(page);
    }
    let answer = Answer::of(pages);
    assert_eq!(answer.texts(), (0..20).map(|line| format!("line {line}")).collect::<Vec<_>>());
    assert_eq!(answer.pages.iter().map(|page| page.lines.len()).collect::<Vec<_>>(), [7, 7, 6]);
    assert!(answer.completeness.complete);
}

#[tokio::test]
async fn a_wrong_request_is_refused_with_the_field_named() {
    let mut client = LogServiceClient::new(mk_routes());
    let status = client.read_logs(ReadLogsRequest { pod: "..".into(), ..whole() }).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations[0].field, "pod");
}

#[tokio::test]
async fn another_method_is_not_implemented() {
    let mut client = PodServiceClient::new(mk_routes());
    let status = client.get_pod(GetPodRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}
