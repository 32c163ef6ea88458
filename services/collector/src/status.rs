//! What a collector says of itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gumshoe_proto::collector::v1::{GetStatusRequest, GetStatusResponse, status_service_server::StatusService};
use tokio::time::{Instant, timeout};
use tonic::{Request, Response, Status};

use crate::{kinds::ServedKind, kubernetes::api::Call, lists::Reader};

/// The API server tells its version from memory. A bridge waits longer for us, so it hears that this took too long.
const VERSION_TIME: Duration = Duration::from_secs(5);

/// The state of this collector; clones share it.
#[derive(Clone)]
pub struct CollectorStatus {
    reader: Reader,
    kinds: Vec<&'static str>,
    serving: Arc<AtomicBool>,
}

impl CollectorStatus {
    /// Of a collector that serves these kinds, and is not ready yet.
    #[must_use]
    pub fn new(reader: &Reader, kinds: &[ServedKind]) -> Self {
        let kinds = kinds.iter().map(|kind| kind.name).collect();
        Self { reader: reader.clone(), kinds, serving: Arc::default() }
    }

    /// Notes whether it is ready.
    pub fn set_serving(&self, serving: bool) {
        self.serving.store(serving, Ordering::Relaxed);
    }

    async fn not_ready(&self, call: Call) -> String {
        let deadline = call.deadline.min(Instant::now() + VERSION_TIME);
        match timeout(VERSION_TIME, self.reader.api.discover(&Call { deadline, ..call })).await {
            Err(_elapsed) => "the Kubernetes API does not answer".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(_)) if self.serving.load(Ordering::Relaxed) => String::new(),
            Ok(Ok(_)) => "the collector has just begun, or is about to end".to_owned(),
        }
    }
}

#[tonic::async_trait]
impl StatusService for CollectorStatus {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let not_ready = self.not_ready(Call::of(&request)).await;
        let namespaces = self.reader.scope.namespaces().into_iter().flatten();
        Ok(Response::new(GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kubernetes_version: self.reader.api.version().map(|version| version.to_string()).unwrap_or_default(),
            not_ready,
            kinds: self.kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            namespaces: namespaces.map(ToString::to_string).collect(),
        }))
    }
}
