//! What every call gets and what is kept of it.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gumshoe_runtime::Shutdown;
use gumshoe_runtime::admin::AdminHandle;
use gumshoe_runtime::server::{Limits, MAX_REQUEST_BYTES};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_types::StatusExt as _;
use tracing_subscriber::fmt::MakeWriter;

use crate::bench::{TestServer, ask, within};
use crate::pki::{Pki, SPIFFE};

#[tokio::test]
async fn a_panic_is_internal_and_harms_no_other_call() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.bare_client(&pki).await;
    let status = within(client.check(ask("panic"))).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status}");
    assert!(!status.message().contains("handler's panic"), "{status}");
    client.check(ask("")).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_panic_in_the_middle_of_a_stream_is_internal() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.bare_client(&pki).await;
    let mut stream = client.watch(ask("panic")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let status = within(stream.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status}");
    client.check(ask("")).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn more_calls_than_the_server_takes_wait_a_little_and_are_told_to_try_again() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits { max_calls: 4, ..Limits::default() }).await;
    let mut client = server.client(&pki);
    let first = client.watch(ask("")).await.unwrap();
    let second = client.watch(ask("")).await.unwrap();
    let (mut impatient, begun) = (ask(""), Instant::now());
    impatient.set_timeout(Duration::from_secs(1));
    let status = client.check(impatient).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(begun.elapsed() >= Duration::from_millis(400), "half of its time is for waiting: {:?}", begun.elapsed());
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("OVERLOADED", "gumshoe.dev"));
    drop((first, second));
    within(async { while client.check(ask("")).await.is_err() {} }).await;
    server.stop().await;
}

#[tokio::test]
async fn the_handler_knows_its_peer_and_the_callers_request_id() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.client(&pki);
    let mut request = ask("");
    request.metadata_mut().insert("x-request-id", "01JB-command.query_1".parse().unwrap());
    let response = client.check(request).await.unwrap();
    assert_eq!(response.metadata().get("peer").unwrap(), SPIFFE);
    assert_eq!(response.metadata().get("request-id").unwrap(), "01JB-command.query_1");

    let mut forged = ask("");
    forged.metadata_mut().insert("x-request-id", "a b\"c".parse().unwrap());
    let response = client.check(forged).await.unwrap();
    assert_eq!(response.metadata().get("request-id").unwrap().len(), 26, "a fresh ULID instead");
    server.stop().await;
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_refused_before_it_is_held() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let status = server.client(&pki).check(ask(&"x".repeat(MAX_REQUEST_BYTES))).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    server.stop().await;
}

/// The log of the process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// The audit lines of calls with the request id.
    fn audit(&self, request_id: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let request_id = format!(r#""request_id":"{request_id}""#);
        let audit = text.lines().filter(|line| line.contains(r#""target":"audit""#));
        audit.filter(|line| line.contains(&request_id)).map(str::to_owned).collect()
    }
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A request by which the audit lines of this test are found among those of the others.
fn traced(manner: &str) -> tonic::Request<HealthCheckRequest> {
    let mut request = ask(manner);
    request.metadata_mut().insert("x-request-id", "audited".parse().unwrap());
    request.metadata_mut().insert("traceparent", TRACE.parse().unwrap());
    request
}

#[tokio::test]
async fn every_call_leaves_one_audit_line_whatever_becomes_of_it() {
    let log = Log::default();
    // Of the whole process: an event that another thread is the first to reach may be switched off for this one.
    tracing_subscriber::fmt().json().flatten_event(true).with_writer(log.clone()).init();
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.client(&pki);
    client.check(traced("missing")).await.unwrap_err();
    client.check(traced("")).await.unwrap();
    client.check(traced("panic")).await.unwrap_err();
    drop(client.watch(traced("")).await.unwrap());
    server.stop().await;
    let lines = log.audit("audited");
    let codes = ["NOT_FOUND", "OK", "INTERNAL", "CANCELLED"];
    assert_eq!(lines.len(), codes.len(), "{lines:?}");
    for (line, code) in lines.iter().zip(codes) {
        assert!(line.contains(&format!(r#""code":"{code}""#)), "{line}");
        assert!(line.contains(&format!(r#""peer":"{SPIFFE}""#)), "{line}");
        assert!(line.contains(r#""method":"grpc.health.v1.Health/"#), "{line}");
        assert!(line.contains(r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736""#), "{line}");
    }
}

fn metrics() -> String {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &AdminHandle::new(Shutdown::new()).registry()).unwrap();
    text
}

#[tokio::test]
async fn calls_are_measured_by_method_and_code() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.client(&pki);
    client.check(ask("missing")).await.unwrap_err();
    server.stop().await;
    let line = metrics()
        .lines()
        .find(|line| {
            line.starts_with("rpc_server_call_duration_seconds_count{")
                && line.contains(r#"rpc_system_name="grpc""#)
                && line.contains(r#"rpc_method="grpc.health.v1.Health/Check""#)
                && line.contains(r#"rpc_response_status_code="NOT_FOUND""#)
        })
        .map(str::to_owned);
    assert!(line.is_some(), "{}", metrics());
}

#[tokio::test]
async fn a_method_that_nobody_has_makes_no_series() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let origin = format!("https://{}", server.address).parse().unwrap();
    let client = gumshoe_runtime::client::GrpcClient::new(origin, pki.client_identity()).unwrap();
    let mut grpc = tonic::client::Grpc::new(client);
    grpc.ready().await.unwrap();
    let codec =
        tonic_prost::ProstCodec::<tonic_health::pb::HealthCheckRequest, tonic_health::pb::HealthCheckResponse>::default(
        );
    let status = grpc.unary(ask(""), "/made.up.Service/Method".parse().unwrap(), codec).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    server.stop().await;
    assert!(!metrics().contains("made.up"));
    assert!(metrics().contains(r#"rpc_method="_OTHER""#));
}
