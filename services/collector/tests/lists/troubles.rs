//! What is sent to an API server, and what is made of its refusals.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gumshoe_collector::{
    error::ReadError,
    kubernetes::{api::Call, resource::Target},
};
use gumshoe_proto::collector::v1::ListPodsRequest;
use gumshoe_runtime::request_id::RequestId;
use tokio::time::Instant;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::{
    fake_api::Answer,
    support::{list, mk_reader, mk_shop},
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

#[tokio::test]
async fn a_wait_longer_than_any_clock_tells_is_not_waited_for() {
    let api = mk_shop(3);
    api.fault("/api/v1/pods", Answer::Throttle(u64::MAX));
    let status = list(&api, ListPodsRequest::default()).await.err().unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "KUBERNETES_API_THROTTLED");
}

#[tokio::test]
async fn what_a_proxy_refuses_is_not_to_be_tried_again() {
    for code in [404, 405, 414, 422] {
        let api = mk_shop(3);
        api.fault("/api/v1/pods", Answer::Html(code));
        let status = list(&api, ListPodsRequest::default()).await.err().unwrap();
        assert_eq!(status.code(), Code::FailedPrecondition, "{code}");
        assert!(status.message().contains(&code.to_string()) && !status.message().contains("internal.example"));
    }
    let api = mk_shop(3);
    api.fault("/api/v1/pods", Answer::Html(408));
    assert_eq!(list(&api, ListPodsRequest::default()).await.err().unwrap().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_server_that_does_not_tell_its_version_is_read_page_by_page() {
    let api = mk_shop(1200);
    api.refuse_version(403);
    let pages = list(&api, ListPodsRequest::default()).await.unwrap();
    assert_eq!(pages.names.len(), 1200);
    assert_eq!(api.requests("/api/v1/pods").len(), 3);
}

#[tokio::test]
async fn only_refused_credentials_keep_a_server_that_does_not_tell_its_version_from_answering() {
    let call = Call { deadline: Instant::now() + Duration::from_secs(10), request_id: RequestId::fresh() };
    let discover = async |status| {
        let api = mk_shop(0);
        api.refuse_version(status);
        api.client().discover(&call).await
    };
    assert!(matches!(discover(403).await, Ok(None)));
    assert!(matches!(discover(404).await, Ok(None)));
    assert!(matches!(discover(401).await, Err(ReadError::Unauthenticated)));
    assert!(discover(500).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_refusal_is_not_waited_for() {
    let api = mk_shop(3);
    api.fault("/api/v1/pods", Answer::Stalled(403));
    let begin = Instant::now();
    let status = list(&api, ListPodsRequest::default()).await.err().unwrap();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_snapshot_out_of_a_forged_token_is_refused_before_it_is_asked_for() {
    let api = mk_shop(30);
    let first = list(&api, ListPodsRequest { page_size: 10, ..Default::default() }).await.unwrap();
    let token = URL_SAFE_NO_PAD.decode(&first.pages[0].next_page_token).unwrap();
    let mut token: serde_json::Value = serde_json::from_slice(&token).unwrap();
    token[2]["resource_version"] = "%".repeat(30_000).into();
    let page_token = URL_SAFE_NO_PAD.encode(token.to_string());
    let status = list(&api, ListPodsRequest { page_token, ..Default::default() }).await.err().unwrap();
    assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, "page_token");
}

#[tokio::test]
async fn a_request_line_that_no_server_takes_is_refused_and_does_not_panic() {
    let api = mk_shop(1).client();
    let call = Call { deadline: Instant::now() + Duration::from_secs(10), request_id: RequestId::fresh() };
    let target = Target::fixed("/version").with("continue", "%".repeat(60_000));
    let failure = api.send(&call, &target, "application/json").await.err().unwrap();
    assert!(matches!(failure.into_read_error("list pods"), ReadError::Unexpected(what) if what.contains("414")));
}

#[tokio::test]
async fn an_answer_to_an_access_review_never_stands_in_the_log() {
    const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let log = Log::default();
    let written = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || written.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let api = mk_shop(1);
    api.fault(REVIEWS, Answer::Body(r#"{"kind":"Secret","data":{"password":"aHVudGVyMg=="},"status":7}"#));
    let reader = mk_reader(&api, &[]).await;
    let methods = gumshoe_collector::kinds::methods(gumshoe_collector::kinds::KINDS, &reader);
    gumshoe_collector::access::report(&reader, methods.permissions()).await;
    assert_eq!(api.requests(REVIEWS).len(), methods.permissions().len());
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("cannot tell whether this is permitted"), "{log}");
    assert!(!log.contains("aHVudGVyMg"), "{log}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
