//! The identity of a gRPC client: its certificate, and the CA that the server's certificate must come from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::version::TLS13;
use tokio_util::sync::CancellationToken;

use super::files::{Material, Paths};
use super::reload::Watched;
use super::{ALPN_H2, RELOAD_INTERVAL, TlsError};
use crate::args::ClientTlsArgs;
use crate::{metrics, process};

/// A client's certificate and key, and the CA of its servers.
pub struct ClientIdentity {
    files: Watched,
    config: ArcSwap<ClientConfig>,
}

impl ClientIdentity {
    /// Reads the files and checks all of them.
    ///
    /// # Errors
    /// Names the file that cannot be used, and why.
    pub fn load(args: &ClientTlsArgs) -> Result<Arc<Self>, TlsError> {
        process::install_crypto_provider();
        let ClientTlsArgs { tls_cert, tls_key, tls_ca } = args.clone();
        let (files, material) = Watched::load(Paths { cert: tls_cert, key: tls_key, ca: tls_ca })?;
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

    /// What the next dial uses.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.config.load_full()
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClientIdentity").field("files", self.files.paths()).finish_non_exhaustive()
    }
}

fn build(material: Material, paths: &Paths) -> Result<ClientConfig, TlsError> {
    let Material { chain, key, roots, not_after } = material;
    let mut config = ClientConfig::builder_with_protocol_versions(&[&TLS13])
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|source| TlsError::Identity { cert: paths.cert.clone(), key: paths.key.clone(), source })?;
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    // Connections are few and long; a resumed one would show an old certificate after a rotation.
    config.resumption = Resumption::disabled();
    metrics::tls().certificate("client", not_after);
    Ok(config)
}
