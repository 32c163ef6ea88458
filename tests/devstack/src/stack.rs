//! All parts, connected: replay and SQS in this process, collector and bridge as their shipped binaries, mTLS between them.

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::processes::{Binaries, BridgeOptions, Certificates, Cli, CollectorOptions, Running};
use crate::replay::{Replay, Shop};
use crate::sqs::{Server, Sqs};

/// The queue that the bridge takes commands from.
pub const COMMANDS: &str = "gumshoe-commands";
/// The queue that it answers to by default; its name in the bridge's configuration is "default".
pub const RESULTS: &str = "gumshoe-results";

/// A bridge that is told to end lets its last receive call come back first: nobody should wait for that here.
const RECEIVE_WAIT: [&str; 2] = ["GUMSHOE_RECEIVE_WAIT", "1"];

/// A stack to be started.
#[derive(Debug, Clone)]
#[must_use]
pub struct StackBuilder {
    shop: Shop,
    sqs_server: Server,
    namespaces: Vec<String>,
    collector_arguments: Vec<String>,
    bridge_arguments: Vec<String>,
}

/// A running stack. All of it ends when this is dropped.
pub struct Stack {
    /// The Kubernetes API.
    pub replay: Replay,
    /// The queues.
    pub sqs: Sqs,
    /// The collector; none while it is down.
    pub collector: Option<Running>,
    /// The bridge; none while it is down.
    pub bridge: Option<Running>,
    /// How the collector is started again on its port.
    pub collector_options: CollectorOptions,
    /// How the bridge is started again.
    pub bridge_options: BridgeOptions,
    /// Everybody's.
    pub certificates: Certificates,
    /// The shipped binaries.
    pub binaries: Binaries,
    directory: TempDir,
}

impl StackBuilder {
    /// Has another server carry out the calls of SQS.
    pub fn sqs_server(self, sqs_server: Server) -> Self {
        Self { sqs_server, ..self }
    }

    /// Has the collector read these namespaces only.
    pub fn namespaces(self, namespaces: &[&str]) -> Self {
        Self { namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(), ..self }
    }

    /// More arguments for the collector.
    pub fn collector_arguments(self, arguments: &[&str]) -> Self {
        Self { collector_arguments: arguments.iter().map(|name| (*name).to_owned()).collect(), ..self }
    }

    /// More arguments for the bridge.
    pub fn bridge_arguments(self, arguments: &[&str]) -> Self {
        Self { bridge_arguments: arguments.iter().map(|name| (*name).to_owned()).collect(), ..self }
    }

    /// Starts replay, queues and collector; the bridge is started by `start_bridge`.
    ///
    /// # Errors
    /// A part does not come up.
    pub async fn start_without_bridge(self) -> anyhow::Result<Stack> {
        self.start_parts(&mut |_, _| ()).await
    }

    /// Starts everything.
    ///
    /// # Errors
    /// A part does not come up.
    pub async fn start(self) -> anyhow::Result<Stack> {
        self.start_watched(&mut |_, _| ()).await
    }

    /// Starts everything, and tells of each part that has come up.
    ///
    /// # Errors
    /// A part does not come up.
    pub async fn start_watched(self, tell: &mut dyn FnMut(Part, &str)) -> anyhow::Result<Stack> {
        let mut stack = self.start_parts(tell).await?;
        stack.start_bridge().await?;
        tell(Part::Bridge, &stack.bridge_options.command_queue);
        Ok(stack)
    }

    async fn start_parts(self, tell: &mut dyn FnMut(Part, &str)) -> anyhow::Result<Stack> {
        let Self { shop, sqs_server, namespaces, collector_arguments, bridge_arguments } = self;
        let binaries = Binaries::built()?;
        let directory = TempDir::with_prefix("gumshoe-")?;
        let replay = Replay::of(shop).token("replay-token").start().await?;
        tell(Part::Kubernetes, &replay.url());
        let sqs = Sqs::start_on(sqs_server, &[COMMANDS, RESULTS]).await?;
        tell(Part::Queues, &sqs.url());
        let certificates = Certificates::make(&binaries, &directory.path().join("pki")).await?;
        tell(Part::Certificates, &directory.path().join("pki").display().to_string());
        let mut collector_options = CollectorOptions {
            namespaces,
            arguments: collector_arguments,
            ..CollectorOptions::new(replay.write_kubeconfig(directory.path())?, certificates.clone())
        };
        let mut collector = collector_options.start(&binaries)?;
        collector_options.listen = collector.address("grpc").await?;
        collector.ready().await?;
        let origin = format!("https://{}", collector_options.listen);
        tell(Part::Collector, &origin);
        let bridge_options = BridgeOptions {
            command_queue: sqs.queue_url(COMMANDS),
            result_queues: vec![("default".to_owned(), sqs.queue_url(RESULTS))],
            collectors: vec![("default".to_owned(), origin)],
            certificates: certificates.clone(),
            environment: [sqs.environment(), vec![RECEIVE_WAIT.map(str::to_owned).into()]].concat(),
            arguments: bridge_arguments,
        };
        let (collector, bridge) = (Some(collector), None);
        Ok(Stack {
            replay,
            sqs,
            collector,
            bridge,
            collector_options,
            bridge_options,
            certificates,
            binaries,
            directory,
        })
    }
}

/// A part of the stack, in the order in which they come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The replay.
    Kubernetes,
    /// The SQS server.
    Queues,
    /// Those of `gumshoe pki`.
    Certificates,
    /// The shipped collector.
    Collector,
    /// The shipped bridge.
    Bridge,
}

impl Stack {
    /// A stack over a cluster.
    pub fn of(shop: Shop) -> StackBuilder {
        StackBuilder {
            shop,
            sqs_server: Server::default(),
            namespaces: Vec::new(),
            collector_arguments: Vec::new(),
            bridge_arguments: Vec::new(),
        }
    }

    /// Where the collector serves gRPC.
    #[must_use]
    pub fn collector_address(&self) -> SocketAddr {
        self.collector_options.listen
    }

    /// A directory that ends with the stack.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// `gumshoe` with everything it needs to reach collector and queues.
    #[must_use]
    pub fn cli(&self) -> Cli {
        let queues = [("COMMAND", COMMANDS), ("REPLY", RESULTS)];
        let queues = queues.map(|(kind, name)| (format!("GUMSHOE_{kind}_QUEUE"), self.sqs.queue_url(name)));
        Cli::new(self.binaries.clone(), &self.certificates, self.collector_address())
            .with_environment(queues.to_vec())
            .with_environment(self.sqs.environment())
    }

    /// Starts the collector, on the port that it had.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start_collector(&mut self) -> anyhow::Result<()> {
        let mut collector = self.collector_options.start(&self.binaries)?;
        collector.ready().await?;
        self.collector = Some(collector);
        Ok(())
    }

    /// Kills the collector with SIGKILL.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn kill_collector(&mut self) -> anyhow::Result<()> {
        match self.collector.take() {
            Some(collector) => collector.kill().await,
            None => Ok(()),
        }
    }

    /// Starts the bridge.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start_bridge(&mut self) -> anyhow::Result<()> {
        let mut bridge = self.bridge_options.start(&self.binaries)?;
        bridge.ready().await?;
        self.bridge = Some(bridge);
        Ok(())
    }

    /// Kills the bridge with SIGKILL.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn kill_bridge(&mut self) -> anyhow::Result<()> {
        match self.bridge.take() {
            Some(bridge) => bridge.kill().await,
            None => Ok(()),
        }
    }

    /// Ends both processes as an operator would, and reaps them.
    ///
    /// # Errors
    /// One had to be killed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let stop = async |process: Option<Running>| match process {
            Some(process) => process.stop().await.map(drop),
            None => Ok(()),
        };
        // The bridge first: it may still be reading from the collector.
        let bridge = stop(self.bridge.take()).await;
        stop(self.collector.take()).await.and(bridge)
    }
}
