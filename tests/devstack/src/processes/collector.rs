//! How the collector is started.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::binaries::Binaries;
use super::certificates::{Certificates, Identity};
use super::running::Running;

/// The collector's flags.
#[derive(Debug, Clone)]
pub struct CollectorOptions {
    /// The API server.
    pub kubeconfig: PathBuf,
    /// `--namespaces`; empty leaves the flag out.
    pub namespaces: Vec<String>,
    /// Where it serves gRPC; port 0 by default.
    pub listen: SocketAddr,
    /// Its identity and the CA of its callers.
    pub certificates: Certificates,
    /// More arguments.
    pub arguments: Vec<String>,
}

impl CollectorOptions {
    /// Serves on a free port and may read everything.
    #[must_use]
    pub fn new(kubeconfig: PathBuf, certificates: Certificates) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { kubeconfig, namespaces: Vec::new(), listen, certificates, arguments: Vec::new() }
    }

    /// Starts the shipped binary.
    ///
    /// # Errors
    /// It was not built, or cannot be run.
    pub fn start(&self, binaries: &Binaries) -> anyhow::Result<Running> {
        let Self { kubeconfig, namespaces, listen, certificates, arguments } = self;
        let mut command = binaries.command("gumshoe-collector")?;
        command.arg("--listen").arg(listen.to_string()).args(["--admin-listen", "127.0.0.1:0"]);
        command.arg("--tls-cert").arg(certificates.certificate(Identity::Collector));
        command.arg("--tls-key").arg(certificates.key(Identity::Collector));
        command.arg("--tls-client-ca").arg(certificates.ca());
        command.arg("--kubeconfig").arg(kubeconfig);
        if !namespaces.is_empty() {
            command.arg("--namespaces").arg(namespaces.join(","));
        }
        Running::spawn("gumshoe-collector", command.args(arguments))
    }
}
