//! Whom the server does not let in, and that it says or shows so.

use std::io;
use std::time::Duration;

use gumshoe_runtime::server::Limits;
use rcgen::{ExtendedKeyUsagePurpose, SanType, date_time_ymd};
use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;

use crate::bench::{TestServer, ask, within};
use crate::pki::{Pair, Pki};

/// The client's preface and an empty SETTINGS frame.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Begins HTTP/2; succeeds when the server answers with its SETTINGS.
async fn greet(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.write_all(HELLO).await?;
    stream.flush().await?;
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await?;
    assert_eq!(frame[3], 4, "the server's first frame is SETTINGS");
    Ok(())
}

async fn attempt(server: &TestServer, tls: ClientConfig) -> io::Result<()> {
    within(async { greet(server.connect(tls).await?).await }).await
}

/// Starts a server, lets in a client in order, and gives what the other one got.
async fn refused(tls: impl FnOnce(&Pki) -> ClientConfig) -> io::Error {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let client = pki.client(|_| {});
    attempt(&server, pki.tls(&TLS13, Some(&client))).await.unwrap();
    let error = attempt(&server, tls(&pki)).await.unwrap_err();
    server.stop().await;
    error
}

async fn refused_pair(pair: impl FnOnce(&Pki) -> Pair) -> String {
    refused(|pki| pki.tls(&TLS13, Some(&pair(pki)))).await.to_string()
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_and_told_so() {
    let error = refused(|pki| pki.tls(&TLS13, None)).await;
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_ca_is_refused() {
    let error = refused_pair(|_| Pki::new().client(|_| {})).await;
    assert!(error.contains("UnknownCA") || error.contains("DecryptError"), "{error}");
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let error = refused_pair(|pki| pki.client(|params| params.not_after = date_time_ymd(2020, 1, 1))).await;
    assert!(error.contains("CertificateExpired"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_is_not_yet_valid_is_refused() {
    let error = refused_pair(|pki| pki.client(|params| params.not_before = date_time_ymd(4000, 1, 1))).await;
    assert!(error.contains("Certificate"), "{error}");
}

#[tokio::test]
async fn a_certificate_for_servers_is_refused() {
    let usage = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let error = refused_pair(|pki| pki.client(|params| params.extended_key_usages = usage)).await;
    assert!(error.contains("Certificate"), "{error}");
}

#[tokio::test]
async fn a_certificate_with_two_uris_is_refused() {
    let uri = |path: &str| SanType::URI(format!("spiffe://example.org/{path}").try_into().unwrap());
    let uris = vec![uri("one"), uri("two")];
    refused_pair(|pki| pki.client(|params| params.subject_alt_names = uris)).await;
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let error = refused(|pki| pki.tls(&TLS12, Some(&pki.client(|_| {})))).await;
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
}

#[tokio::test]
async fn a_client_that_does_not_ask_for_http_2_is_refused() {
    refused(|pki| {
        let mut tls = pki.tls(&TLS13, Some(&pki.client(|_| {})));
        tls.alpn_protocols.clear();
        tls
    })
    .await;
}

#[tokio::test]
async fn plaintext_is_refused() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let mut stream = tokio::io::BufReader::new(stream);
    stream.write_all(HELLO).await.unwrap();
    let mut answer = Vec::new();
    // A TLS alert, or nothing at all; never a frame of HTTP/2.
    let _ = within(stream.read_to_end(&mut answer)).await;
    assert!(answer.is_empty() || answer[0] == 0x15, "{answer:?}");
    server.stop().await;
}

fn impatient() -> Limits {
    Limits { handshake_timeout: Duration::from_millis(300), ..Limits::default() }
}

/// Waits for the server to close the connection.
async fn closed(mut stream: impl AsyncRead + Unpin) {
    let mut rest = Vec::new();
    let _ = within(stream.read_to_end(&mut rest)).await;
}

#[tokio::test]
async fn a_handshake_that_stalls_is_closed() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, impatient()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The head of a TLS record whose rest never comes.
    stream.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await.unwrap();
    closed(stream).await;
    server.stop().await;
}

#[tokio::test]
async fn silence_after_the_handshake_is_closed() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, impatient()).await;
    let tls = pki.tls(&TLS13, Some(&pki.client(|_| {})));
    closed(server.connect(tls).await.unwrap()).await;
    server.stop().await;
}

#[tokio::test]
async fn silence_after_half_a_preface_is_closed() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, impatient()).await;
    let mut stream = server.connect(pki.tls(&TLS13, Some(&pki.client(|_| {})))).await.unwrap();
    stream.write_all(&HELLO[..12]).await.unwrap();
    closed(stream).await;
    server.stop().await;
}

#[tokio::test]
async fn a_flood_of_handshakes_closes_the_oldest_and_locks_nobody_out() {
    let pki = Pki::new();
    let limits = Limits { max_handshakes: 4, handshake_timeout: Duration::from_secs(3600), ..Limits::default() };
    let server = TestServer::start(&pki, limits).await;
    let mut stalled = Vec::new();
    for _ in 0..8 {
        stalled.push(TcpStream::connect(server.address).await.unwrap());
    }
    let client = pki.client(|_| {});
    attempt(&server, pki.tls(&TLS13, Some(&client))).await.unwrap();
    // Eight came before the client: of nine, the first five had to give way.
    for oldest in stalled.drain(..5) {
        closed(oldest).await;
    }
    for young in stalled {
        assert_eq!(young.try_read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
    server.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits { max_connections: 1, ..Limits::default() }).await;
    let client = pki.client(|_| {});
    let mut first = server.connect(pki.tls(&TLS13, Some(&client))).await.unwrap();
    within(greet(&mut first)).await.unwrap();
    attempt(&server, pki.tls(&TLS13, Some(&client))).await.unwrap_err();
    drop(first);
    server.stop().await;
}

#[tokio::test]
async fn our_client_refuses_a_server_of_another_ca() {
    let (pki, other) = (Pki::new(), Pki::new());
    let server = TestServer::start(&pki, Limits::default()).await;
    let status = within(server.client(&other).check(ask(""))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    server.stop().await;
}

#[tokio::test]
async fn our_client_gives_unavailable_for_a_port_where_nobody_listens() {
    let pki = Pki::new();
    let server = TestServer::start(&pki, Limits::default()).await;
    let mut client = server.client(&pki);
    server.stop().await;
    let status = within(client.check(ask(""))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}
