//! Daemon sets: `DaemonSetService`, and the columns that `kubectl get daemonsets` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printDaemonSet).

use gumshoe_proto::collector::v1::{
    DaemonSet, DaemonSetColumns, DaemonSetSpec, DaemonSetStatus, GetDaemonSetRequest, ListDaemonSetsRequest, PodSpec,
};
use k8s_openapi::api::apps::v1 as apps;
use prost_types::Timestamp;

use super::{cells, rollout};
use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for DaemonSet {
    const RESOURCE: Resource = Resource::of::<apps::DaemonSet>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
        self.rollout = Some(rollout::of_daemon_set(self));
    }
}

/// Serves `DaemonSetService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetDaemonSetRequest>(reader).list::<ListDaemonSetsRequest>(reader)
}

fn columns(set: &DaemonSet) -> DaemonSetColumns {
    let (no_spec, no_status) = (DaemonSetSpec::default(), DaemonSetStatus::default());
    let spec = set.spec.as_ref().unwrap_or(&no_spec);
    let status = set.status.as_ref().unwrap_or(&no_status);
    let [containers, images] = cells::containers(spec.template.as_ref());
    let no_pod = PodSpec::default();
    let pod = spec.template.as_ref().and_then(|template| template.spec.as_ref()).unwrap_or(&no_pod);
    DaemonSetColumns {
        desired: status.desired_number_scheduled.unwrap_or_default(),
        current: status.current_number_scheduled.unwrap_or_default(),
        ready: status.number_ready.unwrap_or_default(),
        up_to_date: status.updated_number_scheduled,
        available: status.number_available,
        node_selector: cells::labels(&pod.node_selector),
        containers,
        images,
        selector: cells::or_none(&cells::selector(spec.selector.as_ref())),
    }
}
