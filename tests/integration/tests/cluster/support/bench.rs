//! The one cluster of all tests: started by the first that needs it, gone with the process.

use std::path::PathBuf;
use std::sync::LazyLock;

use gumshoe_devstack::cluster::{Cluster, LongLog};
use gumshoe_devstack::processes::{Binaries, Certificates};
use gumshoe_devstack::tools::{Tools, workspace};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use super::chart::Release;
use super::place::Place;

/// Lines of the log that is longer than what is read by default: 3 MB.
pub(crate) const LONG_LOG_LINES: usize = 30_000;
/// A pod with one container, whose log tests may write to: namespace, pod, container.
pub(crate) const FOLLOWED: (&str, &str, &str) = ("followed", "talker", "talker");

/// One runtime for all tests: the cluster's handles must outlive the test that was first.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
/// Never dropped. The control plane ends all the same, since its standard input ends with this process.
static BENCH: OnceCell<Result<Bench, String>> = OnceCell::const_new();

/// The cluster with the broken shop, the chart installed in it twice, and everybody's certificates.
pub(crate) struct Bench {
    pub(crate) cluster: Cluster,
    pub(crate) binaries: Binaries,
    pub(crate) certificates: Certificates,
    pub(crate) long_log: LongLog,
    /// Of the account of `Release::WIDE`.
    pub(super) wide: PathBuf,
    /// Of the account of `Release::NARROW`.
    pub(super) narrow: PathBuf,
    place: Place,
}

/// Runs a test. Where the cluster does not come up, each of them says why.
pub(crate) fn on_the_bench(test: impl AsyncFnOnce(&'static Bench)) {
    RUNTIME.block_on(async {
        let started = async || Bench::start().await.map_err(|error| format!("{error:#}"));
        match BENCH.get_or_init(started).await {
            Ok(bench) => test(bench).await,
            Err(why) => panic!("the cluster does not come up: {why}"),
        }
    });
}

impl Bench {
    async fn start() -> anyhow::Result<Self> {
        let binaries = Binaries::built()?;
        let place = Place::new()?;
        let certificates = Certificates::make(&binaries, &place.path().join("pki")).await?;
        let cluster = Cluster::start(Tools::find()?, &place.path().join("cluster"), true).await?;
        cluster.put_up_shop().await?;
        cluster.put_up_crowd().await?;
        let long_log = cluster.write_long_log(LONG_LOG_LINES).await?;
        let (namespace, pod, _) = FOLLOWED;
        cluster.kubectl(&["create", "namespace", namespace]).await?;
        cluster.kubectl(&["run", pod, "--namespace", namespace, "--image", "registry.example/talker:1"]).await?;
        let pod = format!("pod/{pod}");
        cluster.kubectl(&["wait", "--namespace", namespace, "--for=condition=Ready", &pod, "--timeout=300s"]).await?;
        let resources = workspace().join("tests/integration/tests/cluster/resources.yaml");
        cluster.kubectl(&["apply", "-f", &resources.display().to_string()]).await?;
        cluster
            .kubectl(&["wait", "pods", "--all", "-n", "resources", "--for=condition=Ready", "--timeout=300s"])
            .await?;
        for release in [Release::WIDE, Release::NARROW] {
            release.install(&cluster, &certificates).await?;
        }
        let wide = cluster.kubeconfig_of(Release::WIDE.namespace, Release::ACCOUNT).await?;
        let narrow = cluster.kubeconfig_of(Release::NARROW.namespace, Release::ACCOUNT).await?;
        Ok(Self { cluster, binaries, certificates, long_log, wide, narrow, place })
    }

    /// A directory for one test.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.place.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }
}
