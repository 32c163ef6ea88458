//! A real control plane: etcd, kube-apiserver, controller manager, scheduler, and nodes played by kwok (tests/cluster).

pub mod crowd;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::tools::{Tools, workspace};

/// The command bounds each of its steps itself and says which one failed; this is more than all of them take on two cores
/// that compile beside it.
const PATIENCE: Duration = Duration::from_secs(600);
/// It kills its children and waits for them, which takes no longer than the kernel needs to free their memory.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(20);

/// A running control plane. It ends when this is dropped, since its standard input then does.
#[derive(Debug)]
pub struct Cluster {
    tools: Tools,
    directory: PathBuf,
    environment: HashMap<String, String>,
    up: Child,
}

/// A log that the cluster's kubelets serve.
#[derive(Debug, Clone)]
pub struct LongLog {
    /// The file, in the format of the container runtimes.
    pub file: PathBuf,
    /// The pod's namespace.
    pub namespace: &'static str,
    /// The pod's name.
    pub pod: &'static str,
    /// The container's name.
    pub container: &'static str,
    /// How many lines it has.
    pub lines: usize,
}

/// A kind as the API has it: an entry of `resources.json` of the recording.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Resource {
    /// The API group; empty for the core.
    pub group: String,
    /// The version of the group.
    pub version: String,
    /// As paths name it: "deployments".
    pub plural: String,
    /// As objects name it: "Deployment".
    pub kind: String,
}

impl Resource {
    /// The path of its objects, in one namespace or in all.
    #[must_use]
    pub fn path(&self, namespace: Option<&str>) -> String {
        let Self { group, version, plural, .. } = self;
        let group = if group.is_empty() { "/api".to_owned() } else { format!("/apis/{group}") };
        let namespace = namespace.map(|namespace| format!("/namespaces/{namespace}")).unwrap_or_default();
        format!("{group}/{version}{namespace}/{plural}")
    }
}

impl Cluster {
    /// Starts one, with everything that it writes in this directory, and an audit log where that is asked for.
    ///
    /// # Errors
    /// It does not come up; the message has the last words of the part that failed.
    pub async fn start(tools: Tools, directory: &Path, audit: bool) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let said = directory.join("cluster.log");
        let mut command = Command::new(tools.program("cluster")?);
        command.arg("up").arg("--dir").arg(directory).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(std::fs::File::create(&said)?).kill_on_drop(true);
        if audit {
            command.arg("--audit");
        }
        let mut up = command.spawn().context("run cluster up")?;
        let stdout = up.stdout.take().context("a pipe that was just asked for")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = tokio::time::timeout(PATIENCE, lines.next_line()).await.context("cluster up")??;
        if !ready.is_some_and(|line| line.starts_with("ready ")) {
            bail!("cluster up: {}", std::fs::read_to_string(said)?);
        }
        let environment = std::fs::read_to_string(directory.join("env"))?;
        let environment = environment
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.into(), value.into()));
        Ok(Self { tools, directory: directory.to_owned(), environment: environment.collect(), up })
    }

    /// Puts the broken shop of tests/fixtures into it and awaits that every pod shows what it should.
    ///
    /// # Errors
    /// It does not come to that state.
    pub async fn put_up_shop(&self) -> anyhow::Result<()> {
        let fixtures = workspace().join("tests/fixtures/shop");
        self.act("shop", &["--fixtures".as_ref(), fixtures.as_os_str()]).await.map(drop)
    }

    /// Fills it with pods, up to this number.
    ///
    /// # Errors
    /// The API server or its store refuses them.
    pub async fn seed(&self, pods: usize) -> anyhow::Result<()> {
        self.act("seed", &["--pods".as_ref(), pods.to_string().as_ref()]).await.map(drop)
    }

    /// Makes a pod with a long log.
    ///
    /// # Errors
    /// The API server refuses it, or the disk is full.
    pub async fn write_long_log(&self, lines: usize) -> anyhow::Result<LongLog> {
        let (namespace, pod, container) = ("bench-log", "chatty", "app");
        let arguments = ["--namespace", namespace, "--pod", pod, "--container", container, "--lines"].map(OsStr::new);
        let number = lines.to_string();
        self.act("log", &[&arguments[..], &[number.as_ref()]].concat()).await?;
        let file = self.logs()?.join(namespace).join(pod).join(container).join("0.log");
        Ok(LongLog { file, namespace, pod, container, lines })
    }

    /// Makes pods `<name>-00`, `<name>-01`, … with the label `app=<name>`, each with a log of so many lines.
    ///
    /// # Errors
    /// The API server refuses one, or the disk is full.
    pub async fn write_logs(&self, namespace: &str, name: &str, pods: usize, lines: usize) -> anyhow::Result<()> {
        let (pods, lines) = (pods.to_string(), lines.to_string());
        let arguments = ["--namespace", namespace, "--pod", name, "--pods", &pods, "--lines", &lines];
        self.act("log", &arguments.map(OsStr::new)).await.map(drop)
    }

    /// Copies the objects of a kind into a namespace, until there are so many copies.
    ///
    /// # Errors
    /// There is none to copy, or the store refuses them.
    pub async fn copy(&self, resource: &Resource, namespace: &str, objects: usize) -> anyhow::Result<()> {
        let Resource { group, version, plural, .. } = resource;
        let objects = objects.to_string();
        let arguments = ["--group", group, "--version", version, "--resource", plural, "--namespace", namespace];
        let arguments = [&arguments[..], &["--objects", &objects]].concat();
        self.act("copies", &arguments.iter().map(OsStr::new).collect::<Vec<_>>()).await.map(drop)
    }

    /// The administrator's kubeconfig.
    ///
    /// # Errors
    /// The cluster did not name it.
    pub fn kubeconfig(&self) -> anyhow::Result<&Path> {
        self.value("KUBECONFIG").map(Path::new)
    }

    /// The API server's origin: `https://127.0.0.1:…`.
    ///
    /// # Errors
    /// The cluster did not name it.
    pub fn server(&self) -> anyhow::Result<&str> {
        self.value("CLUSTER_SERVER")
    }

    /// The CA of the API server's certificate.
    ///
    /// # Errors
    /// The cluster did not name it.
    pub fn ca(&self) -> anyhow::Result<&Path> {
        self.value("CLUSTER_CA").map(Path::new)
    }

    /// The administrator's token.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn token(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.value("CLUSTER_TOKEN_FILE")?)?)
    }

    /// Where the API server writes what it was asked, a JSON object a line.
    ///
    /// # Errors
    /// The cluster did not name it.
    pub fn audit_log(&self) -> anyhow::Result<&Path> {
        self.value("CLUSTER_AUDIT_LOG").map(Path::new)
    }

    /// Where its kubelets find the logs of containers, which a test may write: `<namespace>/<pod>/<container>/<run>.log`, in the
    /// format of the container runtimes.
    ///
    /// # Errors
    /// The cluster did not name it.
    pub fn logs(&self) -> anyhow::Result<&Path> {
        self.value("CLUSTER_LOGS").map(Path::new)
    }

    /// Runs kubectl as the administrator.
    ///
    /// # Errors
    /// It failed; the message has what it said.
    pub async fn kubectl(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        run(&mut self.kubectl_command(arguments)?).await
    }

    /// kubectl as the administrator, still to be run.
    ///
    /// # Errors
    /// It is not installed.
    pub fn kubectl_command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(self.tools.program("kubectl")?);
        // Its caches of what the server offers lie in the home directory.
        command.env("HOME", &self.directory).arg("--kubeconfig").arg(self.kubeconfig()?).args(arguments);
        Ok(command)
    }

    /// Installs a chart with Helm.
    ///
    /// # Errors
    /// It failed; the message has what Helm said.
    pub async fn helm_install(
        &self,
        chart: &Path,
        release: &str,
        namespace: &str,
        sets: &[&str],
    ) -> anyhow::Result<()> {
        let mut command = Command::new(self.tools.program("helm")?);
        command.env("HOME", &self.directory).arg("--kubeconfig").arg(self.kubeconfig()?);
        command.args(["install", release]).arg(chart).args(["--namespace", namespace, "--create-namespace"]);
        for set in sets {
            command.args(["--set", set]);
        }
        run(&mut command).await.map(drop)
    }

    /// Writes a kubeconfig with which a process is a service account and nothing more.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn kubeconfig_of(&self, namespace: &str, service_account: &str) -> anyhow::Result<PathBuf> {
        let token = self.kubectl(&["create", "token", service_account, "--namespace", namespace]).await?;
        // A kubeconfig is YAML, and JSON is that.
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": self.server()?, "certificate-authority": self.ca()?}}],
            "users": [{"name": "test", "user": {"token": String::from_utf8(token)?.trim()}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        });
        let path = self.directory.join(format!("{namespace}.{service_account}.kubeconfig"));
        std::fs::write(&path, config.to_string())?;
        Ok(path)
    }

    /// The tools that it runs with.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Ends it and awaits that.
    ///
    /// # Errors
    /// It does not end.
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        drop(self.up.stdin.take());
        let ended = tokio::time::timeout(PATIENCE_AT_THE_END, self.up.wait()).await;
        Ok(ended.context("the end of the cluster")??)
    }

    async fn act(&self, what: &str, arguments: &[&OsStr]) -> anyhow::Result<Vec<u8>> {
        let mut command = Command::new(self.tools.program("cluster")?);
        run(command.arg(what).arg("--dir").arg(&self.directory).args(arguments)).await
    }

    fn value(&self, name: &str) -> anyhow::Result<&str> {
        self.environment.get(name).map(String::as_str).with_context(|| format!("the cluster's env has no {name}"))
    }
}

async fn run(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let shown = format!("{:?}", command.as_std());
    let output = tokio::time::timeout(PATIENCE, command.output()).await.with_context(|| shown.clone())?;
    let output = output.with_context(|| shown.clone())?;
    ensure!(output.status.success(), "{shown}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(output.stdout)
}
