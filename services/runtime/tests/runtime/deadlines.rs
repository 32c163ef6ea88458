//! Deadlines end calls of every shape, on either side.

use std::sync::Arc;
use std::time::Duration;

use gumshoe_runtime::client::{GrpcClient, with_deadline};
use gumshoe_runtime::deadline::{DEFAULT_TIMEOUT, MAX_TIMEOUT};
use gumshoe_runtime::server::Limits;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::bench::{TestServer, ask, within};
use crate::pki::Pki;

const SHORT: Duration = Duration::from_millis(300);

fn ask_within(manner: &str, timeout: Duration) -> Request<HealthCheckRequest> {
    let mut request = ask(manner);
    request.set_timeout(timeout);
    request
}

#[tokio::test]
async fn a_stream_ends_with_deadline_exceeded() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.bare_client(&pki).await;
    let began = Instant::now();
    let mut stream = client.watch(ask_within("", SHORT)).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let status = within(stream.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert!(began.elapsed() >= SHORT);
    server.seen.running(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_busy_stream_ends_with_deadline_exceeded_too() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.bare_client(&pki).await;
    let mut stream = client.watch(ask_within("flood", SHORT)).await.unwrap().into_inner();
    let status = within(async {
        loop {
            if let Err(status) = stream.message().await {
                break status;
            }
        }
    })
    .await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    server.stop().await;
}

#[tokio::test]
async fn a_unary_call_ends_with_deadline_exceeded() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.bare_client(&pki).await;
    let status = within(client.check(ask_within("hang", SHORT))).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    server.seen.running(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_handler_is_let_go_at_the_deadline_though_its_client_does_not_read() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits { unread_grace: SHORT, ..Limits::default() }).await;
    let mut client = server.bare_client(&pki).await;
    let mut stream = client.watch(ask_within("flood", SHORT)).await.unwrap().into_inner();
    server.seen.running(0).await;
    // And the connection, which holds the unread rest, is closed.
    let mut other = client.clone();
    within(async { while other.check(ask("")).await.is_ok() {} }).await;
    within(async { while let Ok(Some(_)) = stream.message().await {} }).await;
    server.stop().await;
}

async fn remaining(timeout: Option<Duration>) -> Duration {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.bare_client(&pki).await;
    let request = timeout.map_or_else(|| ask(""), |timeout| ask_within("", timeout));
    let response = client.check(request).await.unwrap();
    assert!(!response.metadata().contains_key("saw-grpc-timeout"), "nothing below may keep a deadline of its own");
    let millis = response.metadata().get("remaining-ms").unwrap().to_str().unwrap().parse().unwrap();
    server.stop().await;
    Duration::from_millis(millis)
}

fn is_about(actual: Duration, expected: Duration) -> bool {
    actual <= expected && actual > expected - Duration::from_secs(20)
}

#[tokio::test]
async fn a_missing_deadline_is_the_default() {
    let remaining = remaining(None).await;
    assert!(is_about(remaining, DEFAULT_TIMEOUT), "{remaining:?}");
}

#[tokio::test]
async fn a_longer_deadline_than_the_longest_is_cut() {
    let remaining = remaining(Some(2 * MAX_TIMEOUT)).await;
    assert!(is_about(remaining, MAX_TIMEOUT), "{remaining:?}");
}

#[tokio::test]
async fn the_callers_deadline_reaches_the_handler() {
    let remaining = remaining(Some(Duration::from_secs(100))).await;
    assert!(is_about(remaining, Duration::from_secs(100)), "{remaining:?}");
}

#[tokio::test]
async fn a_malformed_deadline_is_an_invalid_argument() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.bare_client(&pki).await;
    let mut request = ask("");
    request.metadata_mut().insert("grpc-timeout", "1 hour".parse().unwrap());
    let status = client.check(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    server.stop().await;
}

#[tokio::test]
async fn our_client_keeps_its_deadline_though_the_server_says_nothing() {
    let pki = Pki::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let tls = Arc::new(pki.lax_server());
    let mute = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut tls = TlsAcceptor::from(tls).accept(tcp).await.unwrap();
        let mut swallowed = Vec::new();
        let _ = tls.read_to_end(&mut swallowed).await;
    });
    let mut client = HealthClient::new(GrpcClient::new(origin, pki.client_identity()).unwrap());
    let request = with_deadline(ask(""), Instant::now() + SHORT);
    let status = within(client.check(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    drop(client);
    within(mute).await.unwrap();
}

#[tokio::test]
async fn our_client_ends_a_stream_at_its_deadline() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let request = with_deadline(ask(""), Instant::now() + SHORT);
    let mut stream = server.client(&pki).watch(request).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let status = within(stream.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    server.seen.running(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_call_that_its_client_drops_is_let_go() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.client(&pki);
    let stream = client.watch(ask("")).await.unwrap();
    server.seen.running(1).await;
    drop(stream);
    server.seen.running(0).await;
    server.stop().await;
}
