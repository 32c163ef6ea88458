//! Stateful sets: `StatefulSetService`, and the columns that `kubectl get statefulsets` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printStatefulSet).

use gumshoe_proto::collector::v1::{
    GetStatefulSetRequest, ListStatefulSetsRequest, StatefulSet, StatefulSetColumns, StatefulSetSpec, StatefulSetStatus,
};
use k8s_openapi::api::apps::v1 as apps;
use prost_types::Timestamp;

use super::{cells, rollout};
use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for StatefulSet {
    const RESOURCE: Resource = Resource::of::<apps::StatefulSet>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
        self.rollout = Some(rollout::of_stateful_set(self));
    }
}

/// Serves `StatefulSetService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetStatefulSetRequest>(reader).list::<ListStatefulSetsRequest>(reader)
}

fn columns(set: &StatefulSet) -> StatefulSetColumns {
    let (no_spec, no_status) = (StatefulSetSpec::default(), StatefulSetStatus::default());
    let spec = set.spec.as_ref().unwrap_or(&no_spec);
    let status = set.status.as_ref().unwrap_or(&no_status);
    let [containers, images] = cells::containers(spec.template.as_ref());
    let ready = format!("{}/{}", status.ready_replicas, spec.replicas.unwrap_or(1));
    StatefulSetColumns { ready, containers, images }
}
