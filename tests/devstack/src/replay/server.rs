//! The server: TLS on a free port of 127.0.0.1, gone when its handle is dropped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use super::access::Access;
use super::faults::Faults;
use super::handler::Api;
use super::journal::{Journal, RecordedRequest};
use super::kubeconfig::kubeconfig;
use super::pki::ServerPki;
use super::shop::{ContainerId, LogAnswer, Shop};
use super::store::Store;

/// A replay to be started.
#[derive(Debug)]
#[must_use]
pub struct ReplayBuilder {
    shop: Shop,
    token: Option<String>,
}

/// A running Kubernetes API. It ends when it is dropped.
#[derive(Debug)]
pub struct Replay {
    api: Arc<Api>,
    address: SocketAddr,
    ca_pem: String,
    _server: AbortOnDropHandle<()>,
}

impl ReplayBuilder {
    /// Requires this bearer token; the kubeconfig holds it.
    pub fn token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// Starts to serve.
    ///
    /// # Errors
    /// No port is free, or no certificate could be made.
    pub async fn start(self) -> anyhow::Result<Replay> {
        let pki = ServerPki::new()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("bind the replay")?;
        let address = listener.local_addr()?;
        let api = Arc::new(Api {
            store: Arc::new(Store::new(self.shop)),
            access: Access::default(),
            faults: Faults::default(),
            journal: Journal::default(),
            token: self.token,
        });
        let server = tokio::spawn(serve(listener, TlsAcceptor::from(pki.config), Arc::clone(&api)));
        Ok(Replay { api, address, ca_pem: pki.ca_pem, _server: AbortOnDropHandle::new(server) })
    }
}

impl Replay {
    /// Serves a cluster.
    pub fn of(shop: Shop) -> ReplayBuilder {
        ReplayBuilder { shop, token: None }
    }

    /// `https://127.0.0.1:…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The CA that a client must trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Writes a kubeconfig for this server into a directory.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_kubeconfig(&self, directory: &Path) -> anyhow::Result<PathBuf> {
        let path = directory.join("kubeconfig");
        let text = kubeconfig(&self.url(), &self.ca_pem, self.api.token.as_deref());
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// What is to go wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.api.faults
    }

    /// Denies every read of a namespace, as RBAC would.
    pub fn deny_namespace(&self, namespace: &str) {
        self.api.access.deny_namespace(namespace);
    }

    /// Denies every read over the whole cluster, as RBAC in single namespaces would.
    pub fn deny_whole_cluster(&self) {
        self.api.access.deny_whole_cluster();
    }

    /// The requests so far, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.api.journal.requests()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.api.journal.forget();
    }

    /// Awaits a request; one that came earlier counts.
    ///
    /// # Errors
    /// None came within 20 seconds.
    pub async fn saw(&self, what: &str, wanted: impl Fn(&RecordedRequest) -> bool) -> anyhow::Result<RecordedRequest> {
        crate::within(what, self.api.journal.saw(wanted)).await
    }

    /// Awaits the moment when no answer is being sent: when every read has ended or was given up.
    ///
    /// # Errors
    /// Some read still goes on after 20 seconds.
    pub async fn idle(&self) -> anyhow::Result<()> {
        crate::within("no read goes on", self.api.journal.idle()).await
    }

    /// Changes the cluster: a new resource version; the old one can still be asked for.
    pub fn change(&self, change: impl FnOnce(&mut Shop)) {
        self.api.store.change(change);
    }

    /// Forgets old resource versions, as etcd's compaction does: their continue tokens expire.
    pub fn compact(&self) {
        self.api.store.compact();
    }

    /// What a container writes now: whole lines with their time stamps.
    pub fn append_log(&self, container: &ContainerId, lines: &str) {
        self.change(|shop| {
            let entry = shop.logs.entry(container.clone());
            let log = entry.or_insert_with(|| LogAnswer::Lines(bytes::Bytes::new()));
            let mut text = match log {
                LogAnswer::Lines(text) => text.to_vec(),
                LogAnswer::Error { .. } => Vec::new(),
            };
            text.extend_from_slice(lines.as_bytes());
            *log = LogAnswer::Lines(text.into());
        });
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, api: Arc<Api>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(connection(stream, tls.clone(), Arc::clone(&api))); }
                Err(error) => tracing::warn!(%error, "the replay cannot accept"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, api: Arc<Api>) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(move |request| Arc::clone(&api).handle(request));
    let served = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(error, "a connection to the replay ended");
    }
}
