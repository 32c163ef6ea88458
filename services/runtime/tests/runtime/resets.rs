//! What our client makes of a server that resets calls and of one that breaks off.

use std::sync::Arc;

use gumshoe_runtime::client::GrpcClient;
use h2::Reason;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::{Code, Status};
use tonic_health::pb::health_client::HealthClient;

use crate::bench::{ask, within};
use crate::pki::Pki;

/// The status of a call to a server that does `manner` with its first one.
async fn status_of(manner: impl AsyncFnOnce(Exchange)) -> Status {
    let pki = Pki::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let tls = TlsAcceptor::from(Arc::new(pki.lax_server()));
    let server = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(tls.accept(tcp).await.unwrap()).await.unwrap();
        let (_request, respond) = connection.accept().await.unwrap().unwrap();
        manner(Exchange { connection, respond }).await;
        std::future::pending().await
    };
    let mut client = HealthClient::new(GrpcClient::new(origin, pki.client_identity()).unwrap());
    within(async {
        tokio::select! {
            answer = client.check(ask("")) => answer.unwrap_err(),
            () = server => unreachable!("the server never ends by itself"),
        }
    })
    .await
}

type Tls = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

struct Exchange {
    connection: h2::server::Connection<Tls, bytes::Bytes>,
    respond: h2::server::SendResponse<bytes::Bytes>,
}

async fn code_of_reset(reason: Reason) -> Code {
    let status = status_of(async |mut exchange: Exchange| {
        exchange.respond.send_reset(reason);
        while exchange.connection.accept().await.is_some() {}
    });
    status.await.code()
}

#[tokio::test]
async fn a_reset_has_the_code_that_grpc_gives_to_its_reason() {
    assert_eq!(code_of_reset(Reason::REFUSED_STREAM).await, Code::Unavailable);
    assert_eq!(code_of_reset(Reason::CANCEL).await, Code::Cancelled);
    assert_eq!(code_of_reset(Reason::ENHANCE_YOUR_CALM).await, Code::ResourceExhausted);
    assert_eq!(code_of_reset(Reason::PROTOCOL_ERROR).await, Code::Internal);
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_unavailable() {
    let status = status_of(async |exchange: Exchange| drop(exchange)).await;
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[tokio::test]
async fn a_connection_that_ends_with_an_error_is_unavailable() {
    let status = status_of(async |mut exchange: Exchange| {
        exchange.connection.abrupt_shutdown(Reason::INTERNAL_ERROR);
        while exchange.connection.accept().await.is_some() {}
    });
    assert_eq!(status.await.code(), Code::Unavailable);
}
