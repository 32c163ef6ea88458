//! Replica sets: `ReplicaSetService`, and the columns that `kubectl get replicasets` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printReplicaSet).

use gumshoe_proto::collector::v1::{
    GetReplicaSetRequest, ListReplicaSetsRequest, ReplicaSet, ReplicaSetColumns, ReplicaSetSpec, ReplicaSetStatus,
};
use k8s_openapi::api::apps::v1 as apps;
use prost_types::Timestamp;

use super::cells;
use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for ReplicaSet {
    const RESOURCE: Resource = Resource::of::<apps::ReplicaSet>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
    }
}

/// Serves `ReplicaSetService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetReplicaSetRequest>(reader).list::<ListReplicaSetsRequest>(reader)
}

fn columns(set: &ReplicaSet) -> ReplicaSetColumns {
    let (no_spec, no_status) = (ReplicaSetSpec::default(), ReplicaSetStatus::default());
    let spec = set.spec.as_ref().unwrap_or(&no_spec);
    let status = set.status.as_ref().unwrap_or(&no_status);
    let [containers, images] = cells::containers(spec.template.as_ref());
    ReplicaSetColumns {
        desired: spec.replicas.unwrap_or(1),
        current: status.replicas.unwrap_or_default(),
        ready: status.ready_replicas,
        containers,
        images,
        selector: cells::or_none(&cells::selector(spec.selector.as_ref())),
    }
}
