//! What all measurements need: the control plane, and the collector as the chart's service account.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use gumshoe_devstack::cluster::Cluster;
use gumshoe_devstack::processes::{Binaries, Certificates, CollectorOptions, Running};
use gumshoe_devstack::tools::{Tools, workspace};
use tempfile::TempDir;

use crate::args::Args;
use crate::client::Client;
use crate::peers::Curl;

/// A running control plane, and what is measured on it.
pub(crate) struct Setup {
    pub(crate) cluster: Cluster,
    pub(crate) binaries: Binaries,
    pub(crate) certificates: Certificates,
    pub(crate) curl: Curl,
    pub(crate) sizes: Sizes,
    kubeconfig: PathBuf,
    _directory: TempDir,
}

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) few_pods: usize,
    pub(crate) pods: usize,
    pub(crate) log_lines: usize,
    pub(crate) merged_lines: usize,
    pub(crate) objects: usize,
    pub(crate) pairs: usize,
    pub(crate) commands: usize,
}

/// A collector that has just become ready.
pub(crate) struct Collector {
    pub(crate) process: Running,
    pub(crate) address: SocketAddr,
}

impl Setup {
    /// Starts the control plane and installs the chart into it.
    pub(crate) async fn start(args: &Args) -> anyhow::Result<Self> {
        let Args { pods, few_pods, log_lines, merged_lines, objects, pairs, commands, .. } = *args;
        let directory = TempDir::with_prefix("gumshoe-bench-")?;
        let binaries = Binaries::built()?;
        let certificates = Certificates::make(&binaries, &directory.path().join("pki")).await?;
        eprintln!("starting the control plane");
        let cluster = Cluster::start(Tools::find()?, &directory.path().join("cluster"), false).await?;
        cluster
            .helm_install(&workspace().join("deploy/chart"), "gumshoe", "gumshoe", &["collector.kinds.secrets=true"])
            .await?;
        let kubeconfig = cluster.kubeconfig_of("gumshoe", "gumshoe-collector").await?;
        Ok(Self {
            curl: Curl::new(&cluster, directory.path())?,
            sizes: Sizes { few_pods, pods, log_lines, merged_lines, objects, pairs, commands },
            cluster,
            binaries,
            certificates,
            kubeconfig,
            _directory: directory,
        })
    }

    /// A collector that has not yet done anything.
    pub(crate) async fn collector(&self) -> anyhow::Result<Collector> {
        self.start_collector(&self.collector_options()).await
    }

    /// One that serves this kind alone, whether others are served without being named or not.
    pub(crate) async fn collector_of(&self, plural: &str) -> anyhow::Result<Collector> {
        let arguments = vec![format!("--kinds={plural}")];
        self.start_collector(&CollectorOptions { arguments, ..self.collector_options() }).await
    }

    async fn start_collector(&self, options: &CollectorOptions) -> anyhow::Result<Collector> {
        let mut process = options.start(&self.binaries)?;
        process.ready().await?;
        let address = process.address("grpc").await?;
        Ok(Collector { process, address })
    }

    /// Namespace and name of a pod.
    pub(crate) async fn any_pod(&self) -> anyhow::Result<(String, String)> {
        const NAMESPACE: &str = "bench-0";
        self.cluster.seed(self.sizes.few_pods).await?;
        let names = self.cluster.kubectl(&["get", "pods", "--namespace", NAMESPACE, "--output", "name"]).await?;
        let names = String::from_utf8(names)?;
        let name = names.lines().next().and_then(|name| name.strip_prefix("pod/")).context("a pod that was seeded")?;
        Ok((NAMESPACE.to_owned(), name.to_owned()))
    }

    /// How the collector is started.
    pub(crate) fn collector_options(&self) -> CollectorOptions {
        CollectorOptions::new(self.kubeconfig.clone(), self.certificates.clone())
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.cluster.stop().await.map(drop)
    }
}

impl Collector {
    /// A client that has not dialled yet: like curl, each read pays for its handshake.
    pub(crate) fn client(&self, setup: &Setup) -> anyhow::Result<Client> {
        Client::new(&setup.certificates, self.address)
    }
}
