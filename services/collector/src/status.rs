//! What a collector says of itself.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use gumshoe_proto::collector::v1::{GetStatusRequest, GetStatusResponse, status_service_server::StatusService};
use tonic::{Request, Response, Status};

use crate::{kinds::ServedKind, lists::Reader};

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
}

#[tonic::async_trait]
impl StatusService for CollectorStatus {
    async fn get_status(&self, _: Request<GetStatusRequest>) -> Result<Response<GetStatusResponse>, Status> {
        let namespaces = self.reader.scope.namespaces().into_iter().flatten();
        Ok(Response::new(GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kubernetes_version: self.reader.api.version().map(|version| version.to_string()).unwrap_or_default(),
            ready: self.serving.load(Ordering::Relaxed),
            kinds: self.kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            namespaces: namespaces.map(ToString::to_string).collect(),
        }))
    }
}
