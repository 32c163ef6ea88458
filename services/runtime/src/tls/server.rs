//! The identity of a gRPC server: TLS 1.3 only, a client certificate from our CA required.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use tokio_util::sync::CancellationToken;

use super::files::{Material, Paths};
use super::reload::Watched;
use super::{ALPN_H2, RELOAD_INTERVAL, TlsError};
use crate::args::ServerTlsArgs;
use crate::{metrics, process};

/// A server's certificate and key, and the CA of its clients.
pub struct ServerIdentity {
    files: Watched,
    config: ArcSwap<ServerConfig>,
}

impl ServerIdentity {
    /// Reads the files and checks all of them.
    ///
    /// # Errors
    /// Names the file that cannot be used, and why.
    pub fn load(args: &ServerTlsArgs) -> Result<Arc<Self>, TlsError> {
        process::install_crypto_provider();
        let ServerTlsArgs { tls_cert, tls_key, tls_client_ca } = args.clone();
        let (files, material) = Watched::load(Paths { cert: tls_cert, key: tls_key, ca: tls_client_ca })?;
        let config = ArcSwap::from_pointee(build(material, files.paths())?);
        Ok(Arc::new(Self { files, config }))
    }

    /// Puts changed files into use for new connections, until the shutdown. Files that cannot be used are refused as a
    /// whole, with a warning, and the old ones stay.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        self.watch_every(RELOAD_INTERVAL, shutdown).await;
    }

    /// `watch` with an interval of one's own, for tests.
    pub async fn watch_every(self: Arc<Self>, interval: Duration, shutdown: CancellationToken) {
        let install = |material| build(material, self.files.paths()).map(|config| self.config.store(Arc::new(config)));
        self.files.poll(interval, shutdown, install).await;
    }

    /// What the next handshake uses.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerIdentity").field("files", self.files.paths()).finish_non_exhaustive()
    }
}

/// Always a new configuration: a resumed session would skip the verifier, so neither tickets nor stored sessions may
/// carry the trust of an old CA over a reload.
fn build(material: Material, paths: &Paths) -> Result<ServerConfig, TlsError> {
    let Material { chain, key, roots, not_after } = material;
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots))
        .build()
        .map_err(|source| TlsError::Verifier { path: paths.ca.clone(), source })?;
    let mut config = ServerConfig::builder_with_protocol_versions(&[&TLS13])
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|source| TlsError::Identity { cert: paths.cert.clone(), key: paths.key.clone(), source })?;
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    metrics::tls().certificate("server", not_after);
    Ok(config)
}
