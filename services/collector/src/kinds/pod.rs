//! Pods: `PodService`, the columns that `kubectl get pods` derives, what a pod refers to, and why it is not
//! ready.

mod columns;
pub mod references;
mod trouble;

use gumshoe_proto::collector::v1::{GetPodRequest, ListPodsRequest, Pod};
use k8s_openapi::api::core::v1 as core;
use prost_types::Timestamp;

use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for Pod {
    const RESOURCE: Resource = Resource::of::<core::Pod>();

    fn derive(&mut self, now: Timestamp) {
        self.columns = Some(columns::columns(self, now));
        self.trouble = trouble::trouble(self);
        let name = self.metadata.as_ref().map(|metadata| metadata.name.as_str());
        self.references = self.spec.as_ref().map(|spec| references::references(name, spec)).unwrap_or_default();
    }
}

/// Serves `PodService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetPodRequest>(reader).list::<ListPodsRequest>(reader)
}
