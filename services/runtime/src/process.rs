//! The frame around a process: TLS provider, logs, tokio runtime, signals, and one place that reports why it ended.

use std::process::ExitCode;

use anyhow::Context as _;
use tokio::runtime;

use crate::admin::AdminHandle;
use crate::args::LogArgs;
use crate::chain::Chain;
use crate::log;
use crate::shutdown::{Shutdown, Signals};

/// Work is mostly waiting on sockets; two threads keep one busy stream from holding up the others and cost little
/// memory. tokio's own variable TOKIO_WORKER_THREADS overrides it.
const WORKER_THREADS: usize = 2;

/// What the frame gives to the process's own code; clones share one state.
#[derive(Clone, Debug)]
pub struct Process {
    /// When to end.
    pub shutdown: Shutdown,
    /// Readiness and metrics.
    pub admin: AdminHandle,
}

/// Runs `main` as the process called `name` and says how it went.
///
/// The first SIGTERM or SIGINT cancels `Process::shutdown`, upon which `main` is expected to return; the second one ends
/// the process with exit code 143 or 130. An error is logged with its whole chain and gives exit code 1.
pub fn run(name: &str, log: &LogArgs, main: impl AsyncFnOnce(Process) -> anyhow::Result<()>) -> ExitCode {
    match try_run(name, log, main) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %Chain(&*error), "{name} ends with an error");
            ExitCode::FAILURE
        }
    }
}

fn try_run(name: &str, log: &LogArgs, main: impl AsyncFnOnce(Process) -> anyhow::Result<()>) -> anyhow::Result<()> {
    log::init(log).context("logging")?;
    install_crypto_provider();
    let runtime = build_runtime().context("tokio runtime")?;
    let shutdown = Shutdown::new();
    let process = Process { admin: AdminHandle::new(shutdown.clone()), shutdown };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "{name} starts");
    let result = runtime.block_on(until_done(process, main));
    // Every task is joined by its owner; what is left can only be a blocking name look-up, which nothing waits for.
    runtime.shutdown_background();
    result.inspect(|()| tracing::info!("{name} ends"))
}

async fn until_done(process: Process, main: impl AsyncFnOnce(Process) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let signals = Signals::take().context("signals")?;
    let shutdown = process.shutdown.clone();
    tokio::select! {
        result = main(process) => result,
        code = signals.watch(&shutdown) => std::process::exit(code),
    }
}

fn build_runtime() -> std::io::Result<runtime::Runtime> {
    let mut builder = runtime::Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        builder.worker_threads(WORKER_THREADS);
    }
    builder.enable_all().build()
}

/// Makes aws-lc-rs the provider of every rustls configuration of the process, whoever builds it. A second call is
/// without effect, so tests may call it too.
pub fn install_crypto_provider() {
    // An error means that one is installed already, by an earlier call or by the program around us.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
