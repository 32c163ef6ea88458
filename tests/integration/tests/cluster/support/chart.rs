//! The chart, installed as README says: with Secrets from `gumshoe pki`, then `helm install`.

use std::path::Path;

use gumshoe_devstack::cluster::Cluster;
use gumshoe_devstack::processes::{Certificates, Identity};
use gumshoe_devstack::tools::workspace;

/// Values of a chart with a bridge.
const BRIDGE: [&str; 4] = [
    "bridge.enabled=true",
    "bridge.commandQueue=https://sqs.eu-central-1.amazonaws.com/111122223333/gumshoe-commands",
    "bridge.resultQueues[0].name=engine",
    "bridge.resultQueues[0].url=https://sqs.eu-central-1.amazonaws.com/111122223333/gumshoe-results",
];

/// An installed release of the chart, called "gumshoe".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Release {
    /// Where it is installed.
    pub(crate) namespace: &'static str,
    /// `collector.namespaces`; empty means all.
    pub(crate) reads: &'static [&'static str],
}

impl Release {
    /// May read all namespaces, and every kind.
    pub(crate) const WIDE: Self = Self { namespace: "gumshoe", reads: &[] };
    /// May read two namespaces, and what the chart serves unless it is told otherwise.
    pub(crate) const NARROW: Self = Self { namespace: "gumshoe-narrow", reads: &["payments", "shop"] };

    /// The name of the collector's account, in the release's namespace.
    pub(crate) const ACCOUNT: &'static str = "gumshoe-collector";

    /// The collector's account, as the API server names it.
    pub(crate) fn user(self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, Self::ACCOUNT)
    }

    /// Installs it and awaits its pods.
    pub(super) async fn install(self, cluster: &Cluster, certificates: &Certificates) -> anyhow::Result<()> {
        let Self { namespace, reads } = self;
        cluster.kubectl(&["create", "namespace", namespace]).await?;
        for (secret, identity) in
            [("gumshoe-collector-tls", Identity::Collector), ("gumshoe-bridge-tls", Identity::Bridge)]
        {
            let file = |key: &str, path: &Path| format!("--from-file={key}={}", path.display());
            let files = [
                file("tls.crt", &certificates.certificate(identity)),
                file("tls.key", &certificates.key(identity)),
                file("ca.crt", &certificates.ca()),
            ];
            let create = ["create", "secret", "generic", secret, "--namespace", namespace];
            cluster.kubectl(&[&create[..], &files.each_ref().map(String::as_str)].concat()).await?;
        }
        let namespaces = format!("collector.namespaces={{{}}}", reads.join(","));
        let own = if reads.is_empty() { "collector.kinds.secrets=true" } else { &namespaces };
        let sets = [&BRIDGE[..], &[own]].concat();
        cluster.helm_install(&workspace().join("deploy/chart"), "gumshoe", namespace, &sets).await?;
        for deployment in ["deployment/gumshoe-collector", "deployment/gumshoe-bridge"] {
            let status = ["rollout", "status", deployment, "--namespace", namespace, "--timeout=300s"];
            cluster.kubectl(&status).await?;
        }
        Ok(())
    }
}
