//! Dials: TCP, then TLS with the certificates of this moment, within one time-out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::Service;

use crate::io::Http2Io;
use crate::tls::{ALPN_H2, ClientIdentity};

/// For name look-up, TCP and TLS together. A healthy server answers within a round trip or two; a caller can try again.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one address may be silent before the next one is tried too (RFC 8305, section 8).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

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
        let addresses = lookup_host((host, port)).await.map_err(DialError::Tcp)?;
        let tcp = first_that_answers(addresses, TcpStream::connect).await.map_err(DialError::Tcp)?;
        // A call's few bytes go out at once rather than wait for more.
        tcp.set_nodelay(true).map_err(DialError::Tcp)?;
        let tls = TlsConnector::from(self.identity.config()).connect(name, tcp).await.map_err(DialError::Tls)?;
        match tls.get_ref().1.alpn_protocol() {
            Some(ALPN_H2) => Ok(TokioIo::new(Http2Io::new(tls))),
            _ => Err(DialError::Protocol),
        }
    }
}

/// Dials one address after the other, each a little later than the one before it, or when that has failed; what answers first is taken.
/// One address that swallows everything (IPv6 without a way out, a pod that is gone) does not keep us from the others.
async fn first_that_answers<T, F>(
    mut addresses: impl Iterator<Item = SocketAddr>,
    dial: impl Fn(SocketAddr) -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut dials = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    loop {
        let more = addresses.next().map(|address| dials.push(dial(address))).is_some();
        tokio::select! {
            Some(dialled) = dials.next() => match dialled {
                Ok(answered) => return Ok(answered),
                Err(error) => failure = error,
            },
            () = sleep(NEXT_ADDRESS), if more => {}
            else => return Err(failure),
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

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Port 1 is silent, port 2 refuses, all others answer.
    async fn dial(address: SocketAddr) -> io::Result<u16> {
        match address.port() {
            1 => std::future::pending().await,
            2 => Err(io::ErrorKind::ConnectionRefused.into()),
            port => Ok(port),
        }
    }

    async fn answers(ports: &[u16]) -> (Result<u16, io::ErrorKind>, Duration) {
        let begun = Instant::now();
        let addresses = ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port)));
        let answer = first_that_answers(addresses, dial).await;
        (answer.map_err(|error| error.kind()), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_does_not_answer_does_not_keep_from_the_next() {
        assert_eq!(answers(&[3, 4]).await, (Ok(3), Duration::ZERO));
        assert_eq!(answers(&[2, 4]).await, (Ok(4), Duration::ZERO));
        assert_eq!(answers(&[1, 1, 4]).await, (Ok(4), 2 * NEXT_ADDRESS));
        assert_eq!(answers(&[2, 2]).await, (Err(io::ErrorKind::ConnectionRefused), Duration::ZERO));
        assert_eq!(answers(&[]).await, (Err(io::ErrorKind::NotFound), Duration::ZERO));
    }
}
