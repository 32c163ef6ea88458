//! Dials: TCP, then TLS with the certificates of this moment, within one time-out.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::Service;

use crate::io::Http2Io;
use crate::tls::{ALPN_H2, ClientIdentity};

/// For name look-up, TCP and TLS together. A healthy server answers within a round trip or two; a caller can try again.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The port of an `https` origin without one.
const HTTPS_PORT: u16 = 443;

/// Why no connection came about.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    #[error("origin has no host that TLS can verify")]
    Host,
    #[error("no connection within {DIAL_TIMEOUT:?}")]
    Timeout,
    #[error("TCP")]
    Tcp(#[source] io::Error),
    #[error("TLS")]
    Tls(#[source] io::Error),
    #[error("server does not speak HTTP/2")]
    Protocol,
}

type Dialled = TokioIo<Http2Io<TlsStream<TcpStream>>>;

/// Opens connections for hyper's pool.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    identity: Arc<ClientIdentity>,
}

impl Connector {
    pub(super) fn new(identity: Arc<ClientIdentity>) -> Self {
        Self { identity }
    }

    async fn dial(self, origin: Uri) -> Result<Dialled, DialError> {
        let host =
            origin.host().map(|host| host.trim_start_matches('[').trim_end_matches(']')).ok_or(DialError::Host)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| DialError::Host)?;
        let port = origin.port_u16().unwrap_or(HTTPS_PORT);
        let tcp = TcpStream::connect((host, port)).await.map_err(DialError::Tcp)?;
        // A call's few bytes go out at once rather than wait for more.
        tcp.set_nodelay(true).map_err(DialError::Tcp)?;
        let tls = TlsConnector::from(self.identity.config()).connect(name, tcp).await.map_err(DialError::Tls)?;
        match tls.get_ref().1.alpn_protocol() {
            Some(ALPN_H2) => Ok(TokioIo::new(Http2Io::new(tls))),
            _ => Err(DialError::Protocol),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Dialled;
    type Error = DialError;
    type Future = BoxFuture<'static, Result<Dialled, DialError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, origin: Uri) -> Self::Future {
        let dialled = tokio::time::timeout(DIAL_TIMEOUT, self.clone().dial(origin));
        dialled.map(|result| result.unwrap_or(Err(DialError::Timeout))).boxed()
    }
}
