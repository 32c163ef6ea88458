//! How connections end: by age, by their client's certificate, by the shutdown; and that no call is lost by it.

use std::time::{Duration, SystemTime};

use gumshoe_runtime::server::Limits;
use rustls::version::TLS13;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tonic::Code;

use crate::bench::{TestServer, ask, within};
use crate::pki::Pki;

const NEVER: Duration = Duration::from_secs(3600);

fn draining(drain: Duration) -> Limits {
    Limits { drain, ..Limits::default() }
}

#[tokio::test]
async fn a_drain_ends_though_a_stream_is_open_and_tells_its_client_to_go_elsewhere() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, draining(Duration::from_millis(300))).await;
    let mut stream = server.client(&pki).watch(ask("")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    server.stop().await;
    let status = within(stream.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(status.message().contains("try again"), "trailers, not a broken socket: {status}");
}

#[tokio::test]
async fn a_drain_waits_for_calls_that_run() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, draining(NEVER)).await;
    let mut stream = server.client(&pki).watch(ask("ticks")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    server.shutdown.begin();
    let mut messages = 1;
    while within(stream.message()).await.unwrap().is_some() {
        messages += 1;
    }
    assert_eq!(messages, 20);
    server.ended().await;
}

#[tokio::test]
async fn a_drain_does_not_wait_for_idle_connections_and_those_that_never_speak() {
    let pki = Pki::new();
    let limits = Limits { handshake_timeout: NEVER, ..draining(NEVER) };
    let server = TestServer::start(&pki, limits).await;
    let mut idle = server.client(&pki);
    idle.check(ask("")).await.unwrap();
    let _mute = TcpStream::connect(server.address).await.unwrap();
    let client = pki.client(|_| {});
    let _no_preface = server.connect(pki.tls(&TLS13, Some(&client))).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn nobody_is_let_in_once_the_drain_began() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, draining(NEVER)).await;
    let mut stream = server.client(&pki).watch(ask("")).await.unwrap().into_inner();
    stream.message().await.unwrap();
    server.shutdown.begin();
    within(async { while TcpStream::connect(server.address).await.is_ok() {} }).await;
    drop(stream);
    server.ended().await;
}

#[tokio::test]
async fn the_age_of_connections_loses_no_call() {
    let pki = Pki::new();
    let limits = Limits {
        connection_age: Duration::from_millis(100),
        connection_grace: Duration::from_secs(10),
        ..Limits::default()
    };
    let server = TestServer::start(&pki, limits).await;
    let mut client = server.client(&pki);
    // A stream stays open on the old connection while calls go to new ones.
    let mut stream = client.watch(ask("ticks")).await.unwrap().into_inner();
    let (mut calls, mut messages) = (0, 0);
    loop {
        tokio::select! {
            message = stream.message() => match message.unwrap() {
                Some(_) => messages += 1,
                None => break,
            },
            checked = client.check(ask("")) => {
                checked.unwrap();
                calls += 1;
            }
        }
    }
    assert_eq!(messages, 20);
    assert!(calls > 20, "{calls} calls");
    assert!(server.seen.connections() >= 4, "{} connections", server.seen.connections());
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_outlives_its_connections_grace_is_told_to_go_elsewhere() {
    let pki = Pki::new();
    let short = Duration::from_millis(200);
    let limits = Limits { connection_age: short, connection_grace: short, ..Limits::default() };
    let server = TestServer::start(&pki, limits).await;
    let mut stream = server.client(&pki).watch(ask("")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let status = within(stream.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    server.stop().await;
}

#[tokio::test]
async fn a_connection_ends_with_its_clients_certificate() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let end = SystemTime::now() + Duration::from_secs(2);
    pki.write("client", &pki.client(|params| params.not_after = end.into()));
    let mut client = server.client(&pki);
    let began = Instant::now();
    let mut stream = client.watch(ask("")).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    within(stream.message()).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10));
    // The last second of a certificate is still valid, so a new connection may begin within it, but none after it.
    within(async { while client.check(ask("")).await.is_ok() {} }).await;
    server.stop().await;
}
