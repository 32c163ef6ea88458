//! The wiring: from arguments to a server that runs until it is told to stop.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use futures::future::join;
use gumshoe_runtime::{
    admin::{self, ReadinessGate},
    chain::Chain,
    listen,
    process::Process,
    request_id::RequestId,
    server,
    tls::ServerIdentity,
};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    access,
    args::Args,
    error::ReadError,
    kinds,
    kubernetes::{
        api::{Call, KubernetesApi},
        version::Version,
    },
    lists::{Reader, scope::Scope},
    methods::Methods,
    standard::{self, Health},
    status::CollectorStatus,
};

/// The first question to the API server is asked again so often until it is answered; the collector is not ready before.
const DISCOVERY_INTERVAL: Duration = Duration::from_secs(2);
/// A question that has no answer by then is asked afresh.
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that does not tell its version is asked again so often: one that has just started refuses everybody for a while.
const VERSION_INTERVAL: Duration = Duration::from_secs(60);

/// Serves until the shutdown of the process.
///
/// # Errors
/// Where an address, a certificate or the kubeconfig is of no use.
pub async fn serve(args: Args, process: Process) -> anyhow::Result<()> {
    let Args { listen: address, kubeconfig, namespaces, kinds, admin, tls, limits, log: _ } = args;
    let Process { shutdown, admin: handle } = process;

    let ready = handle.readiness("kubernetes");
    ready.not_ready("the Kubernetes API has not answered yet");
    let admin = admin::bind(&admin).await?;
    let identity = ServerIdentity::load(&tls)?;
    let listener = listen::bind("--listen", address).await?;
    tracing::info!(addr = %listener.local_addr()?, port_name = "grpc", "listening");

    let api = KubernetesApi::new(kubernetes_config(kubeconfig.as_deref()).await?)?;
    let reader = Reader::new(api, Scope::of(namespaces));
    let kinds = kinds::served(&kinds);
    let methods = kinds::methods(&kinds, &reader);
    let (health, routes) = standard::routes(&methods, CollectorStatus::new(&reader, &kinds));
    let names: Vec<_> = [methods.paths(), standard::PATHS].concat().iter().map(|path| path[1..].to_owned()).collect();

    let stop = shutdown.token().clone();
    let background = join(identity.clone().watch(stop.clone()), become_ready(reader, methods, ready, health, stop));
    let served = server::serve(listener, identity, routes, names, limits.limits(), shutdown.clone());
    let (served, _) = admin.serve(&handle, join(served, background)).await;
    Ok(served?)
}

async fn kubernetes_config(kubeconfig: Option<&Path>) -> anyhow::Result<kube::Config> {
    match kubeconfig {
        Some(path) => {
            let named = || format!("--kubeconfig {}", path.display());
            let kubeconfig = Kubeconfig::read_from(path).map_err(without_path).with_context(named)?;
            let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
            config.with_context(named)
        }
        None => kube::Config::incluster().context("this is no pod of a cluster: name a kubeconfig with --kubeconfig"),
    }
}

/// Why a file cannot be read, for somebody who was told which.
fn without_path(error: KubeconfigError) -> anyhow::Error {
    match error {
        KubeconfigError::ReadConfig(error, _) => error.into(),
        other => other.into(),
    }
}

/// Waits for the API server, reports what the collector may read, and says in the health service that it serves.
async fn become_ready(reader: Reader, methods: Methods, ready: ReadinessGate, health: Health, stop: CancellationToken) {
    let first = stop.run_until_cancelled(discovered(&reader.api, &ready)).await;
    if let Some(version) = first {
        ready.ready();
        health.set_serving(true).await;
        let later = join(access::report(&reader, methods.permissions()), version_known(&reader.api, version));
        let _ = stop.run_until_cancelled(later).await;
        stop.cancelled().await;
    }
    health.set_serving(false).await;
}

/// Waits for the first answer, with a version or without.
async fn discovered(api: &KubernetesApi, ready: &ReadinessGate) -> Option<Version> {
    loop {
        match discover(api).await {
            Ok(Some(version)) => {
                tracing::info!(version = %version, "the Kubernetes API answers");
                return Some(version);
            }
            Ok(None) => {
                tracing::warn!("the Kubernetes API answers, but does not tell its version: lists are read in pages");
                return None;
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the Kubernetes API does not answer yet");
                ready.not_ready(error.to_string());
            }
        }
        tokio::time::sleep(DISCOVERY_INTERVAL).await;
    }
}

/// Asks for the version until it is known.
async fn version_known(api: &KubernetesApi, mut version: Option<Version>) {
    while version.is_none() {
        tokio::time::sleep(VERSION_INTERVAL).await;
        version = discover(api).await.ok().flatten();
        if let Some(version) = version {
            tracing::info!(version = %version, "the Kubernetes API tells its version");
        }
    }
}

async fn discover(api: &KubernetesApi) -> Result<Option<Version>, ReadError> {
    let call = Call { deadline: Instant::now() + DISCOVERY_TIMEOUT, request_id: RequestId::fresh() };
    api.discover(&call).await
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use gumshoe_runtime::{Shutdown, admin::AdminHandle};
    use http::{Request, Response, StatusCode};
    use kube::client::Body;

    use super::*;

    const NEW: &str = r#"{"major":"1","minor":"36"}"#;

    /// An API server that gives these answers to `/version`, the last one ever after.
    fn mk_api(answers: &'static [(u16, &'static str)]) -> KubernetesApi {
        let asked = Arc::new(AtomicUsize::new(0));
        let service = tower::service_fn(move |_: Request<Body>| {
            let number = asked.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
            let (status, body) = answers[number];
            let answer = Response::builder().status(StatusCode::from_u16(status).unwrap());
            let answer = answer.header("content-type", "application/json").body(Body::from(body.as_bytes().to_vec()));
            async move { Ok::<_, Infallible>(answer.unwrap()) }
        });
        KubernetesApi::from_client(kube::Client::new(service, "default"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_that_is_told_later_is_known_then() {
        for first in [(403, "{}"), (404, "{}"), (200, r#"{"major":"","minor":""}"#)] {
            let answers = Box::leak(Box::new([first, first, (500, "{}"), (200, NEW)]));
            let api = mk_api(answers);
            let handle = AdminHandle::new(Shutdown::new());
            let begun = Instant::now();
            let version = discovered(&api, &handle.readiness("kubernetes")).await;
            assert!(version.is_none() && begun.elapsed() < DISCOVERY_INTERVAL, "it is ready at once");
            assert!(!api.streams_lists());
            version_known(&api, version).await;
            assert!(api.streams_lists() && begun.elapsed() >= 2 * VERSION_INTERVAL);
        }
    }
}
