//! What the tests have in common: the cluster with the shop and the installed chart, and collectors that read it.

pub(crate) mod audit;
mod bench;
mod chart;
mod collector;
mod oracle;
mod place;

pub(crate) use bench::{Bench, FOLLOWED, on_the_bench};
pub(crate) use chart::Release;
pub(crate) use collector::Collector;
pub(crate) use oracle::{ended, kubectl, kubectl_logs, settled};

/// The name of a pod of the shop with this label `app`.
pub(crate) async fn pod_of(bench: &Bench, app: &str) -> String {
    let arguments =
        ["get", "pods", "-n", "shop", "-l", &format!("app={app}"), "-o", "jsonpath={.items[0].metadata.name}"];
    kubectl(bench, &arguments).await
}
