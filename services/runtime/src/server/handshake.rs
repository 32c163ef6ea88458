//! From a TCP connection to a known client that begins to speak HTTP/2, or to the reason why not.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Peer;
use crate::io::Http2Io;
use crate::tls::{ALPN_H2, PeerCertificate, PeerCertificateError};

/// What an HTTP/2 client sends first (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a refused client may take to read the TLS alert that tells it why. A socket that is closed with bytes unread
/// (such a client has often sent its first request already) takes the alert with it.
const LINGER: Duration = Duration::from_millis(500);

/// A client that proved who it is and began to speak HTTP/2.
#[derive(Debug)]
pub(super) struct Established {
    pub(super) io: Http2Io<TlsStream<TcpStream>>,
    pub(super) peer: Peer,
    /// The end of the client's certificate.
    pub(super) not_after: SystemTime,
}

/// Why a connection came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("closed by the client before it said anything")]
    Closed,
    #[error("TLS handshake failed")]
    Tls(#[source] io::Error),
    #[error("client offers no ALPN protocol h2")]
    Alpn,
    #[error(transparent)]
    Certificate(#[from] PeerCertificateError),
    #[error("no HTTP/2 preface")]
    Preface,
    #[error("handshake took too long")]
    Timeout,
    #[error("too many unfinished handshakes: the oldest gives way")]
    Flood,
    #[error("too many connections")]
    Limit,
}

impl Refused {
    /// The label under which it is counted.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Tls(_) => "tls",
            Self::Alpn => "alpn",
            Self::Certificate(_) => "certificate",
            Self::Preface => "preface",
            Self::Timeout => "timeout",
            Self::Flood => "flood",
            Self::Limit => "limit",
        }
    }
}

/// Does TLS, learns who the client is, and waits for it to begin HTTP/2, all within one time-out.
pub(super) async fn shake(
    stream: TcpStream,
    address: SocketAddr,
    config: Arc<ServerConfig>,
    timeout: Duration,
) -> Result<Established, Refused> {
    let handshake = async {
        let mut tls = encrypt(stream, config).await?;
        let certificate = identify(&tls)?;
        read_preface(&mut tls).await?;
        Ok(Established {
            io: Http2Io::rewound(Bytes::from_static(PREFACE), tls),
            peer: Peer::new(certificate.name, address),
            not_after: certificate.not_after,
        })
    };
    tokio::time::timeout(timeout, handshake).await.unwrap_or(Err(Refused::Timeout))
}

async fn encrypt(stream: TcpStream, config: Arc<ServerConfig>) -> Result<TlsStream<TcpStream>, Refused> {
    // A page's last bytes go out at once rather than wait for more.
    stream.set_nodelay(true).map_err(Refused::Tls)?;
    if !stream.peek(&mut [0]).await.is_ok_and(|count| count > 0) {
        return Err(Refused::Closed);
    }
    match TlsAcceptor::from(config).accept(stream).into_fallible().await {
        Ok(tls) => Ok(tls),
        Err((error, stream)) => {
            linger(stream).await;
            Err(Refused::Tls(error))
        }
    }
}

async fn linger(mut stream: TcpStream) {
    let until_closed = async {
        let mut unread = [0; 1024];
        while stream.shutdown().await.is_ok() && stream.read(&mut unread).await.is_ok_and(|count| count > 0) {}
    };
    let _ = tokio::time::timeout(LINGER, until_closed).await;
}

fn identify(tls: &TlsStream<TcpStream>) -> Result<PeerCertificate, Refused> {
    let (_, session) = tls.get_ref();
    if session.alpn_protocol() != Some(ALPN_H2) {
        return Err(Refused::Alpn);
    }
    let chain = session.peer_certificates().unwrap_or_default();
    let certificate = chain.first().ok_or(PeerCertificateError::Malformed)?;
    Ok(PeerCertificate::of(certificate)?)
}

async fn read_preface(tls: &mut TlsStream<TcpStream>) -> Result<(), Refused> {
    let mut preface = [0; PREFACE.len()];
    match tls.read_exact(&mut preface).await {
        Ok(_) if preface == *PREFACE => Ok(()),
        _ => Err(Refused::Preface),
    }
}
