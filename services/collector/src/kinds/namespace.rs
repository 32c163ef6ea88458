//! Namespaces: `NamespaceService`
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printNamespace).

use gumshoe_proto::collector::v1::{GetNamespaceRequest, ListNamespacesRequest, Namespace, NamespaceColumns};
use k8s_openapi::api::core::v1 as core;
use prost_types::Timestamp;

use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for Namespace {
    const RESOURCE: Resource = Resource::of::<core::Namespace>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
    }
}

/// Serves `NamespaceService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetNamespaceRequest>(reader).list::<ListNamespacesRequest>(reader)
}

fn columns(namespace: &Namespace) -> NamespaceColumns {
    NamespaceColumns { status: namespace.status.as_ref().map(|status| status.phase.clone()).unwrap_or_default() }
}
