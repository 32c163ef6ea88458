//! A connection up to the server's first word of HTTP/2. With TLS 1.3 a client believes in a connection that the server has refused,
//! until it reads.

use std::net::SocketAddr;
use std::sync::Arc;

use gumshoe_devstack::within;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::authority::Identity;

/// The preface of HTTP/2 and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The type of a SETTINGS frame, with which every server begins.
const SETTINGS: u8 = 4;

/// How to connect.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    pub(super) address: SocketAddr,
    pub(super) ca: CertificateDer<'static>,
    pub(super) client: Option<Identity>,
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
    pub(super) alpn: &'static str,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server spoke HTTP/2.
    Served,
    /// It did not say a word of it.
    Refused,
}

impl Dial {
    pub(super) async fn outcome(&self) -> Outcome {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::from(self.address.ip());
        match within("a handshake", TlsConnector::from(self.config()).connect(name, stream)).await.unwrap() {
            Ok(stream) => speak(stream).await,
            Err(_) => Outcome::Refused,
        }
    }

    fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&self.versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match self.client.clone() {
            Some(client) => builder.with_client_auth_cert(vec![client.certificate], client.key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![self.alpn.as_bytes().to_vec()];
        Arc::new(config)
    }
}

/// HTTP/2 without TLS.
pub(super) async fn plaintext(address: SocketAddr) -> Outcome {
    speak(TcpStream::connect(address).await.unwrap()).await
}

async fn speak(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Outcome {
    let mut frame = [0; 9];
    let spoken = async {
        stream.write_all(PREFACE).await?;
        stream.flush().await?;
        stream.read_exact(&mut frame).await
    };
    match within("an answer or the end", spoken).await.unwrap() {
        Ok(_) if frame[3] == SETTINGS => Outcome::Served,
        Ok(_) | Err(_) => Outcome::Refused,
    }
}
