//! What is sent to an API server, and what is made of its refusals.

use std::time::Duration;

use gumshoe_proto::collector::v1::ListPodsRequest;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    fake_api::Answer,
    support::{list, mk_shop},
};

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out_as_the_server_asks() {
    let api = mk_shop(3);
    api.fault("/api/v1/pods", Answer::Throttle(7));
    let begin = tokio::time::Instant::now();
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert!(pages.end.complete);
    assert!(begin.elapsed() >= Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn throttling_without_end_is_unavailable_with_the_time_to_wait() {
    let api = mk_shop(3);
    for _ in 0..3 {
        api.fault("/api/v1/pods", Answer::Throttle(2));
    }
    let status = list(&api, ListPodsRequest::default()).await.err().unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    let retry = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
    assert_eq!(retry, Some(Duration::from_secs(2)));
    assert_eq!(api.requests("/api/v1/pods").len(), 3);
}

#[tokio::test]
async fn every_request_carries_its_deadline_and_the_id_of_the_call() {
    let api = mk_shop(1);
    list(&api, ListPodsRequest::default()).await.unwrap();
    assert!(api.requests("/api/v1/pods")[0].contains("timeout="));
    let headers = api.last_headers();
    assert!(headers.contains_key("audit-id"));
    assert!(!headers.contains_key("accept-encoding"));
}
