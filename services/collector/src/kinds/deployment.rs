//! Deployments: `DeploymentService`, and the columns that `kubectl get deployments` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printDeployment).

use gumshoe_proto::collector::v1::{
    Deployment, DeploymentColumns, DeploymentSpec, DeploymentStatus, GetDeploymentRequest, ListDeploymentsRequest,
};
use k8s_openapi::api::apps::v1 as apps;
use prost_types::Timestamp;

use super::{cells, rollout};
use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for Deployment {
    const RESOURCE: Resource = Resource::of::<apps::Deployment>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
        self.rollout = Some(rollout::of_deployment(self));
        self.revision = rollout::revision(self);
    }
}

/// Serves `DeploymentService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetDeploymentRequest>(reader).list::<ListDeploymentsRequest>(reader)
}

fn columns(deployment: &Deployment) -> DeploymentColumns {
    let (no_spec, no_status) = (DeploymentSpec::default(), DeploymentStatus::default());
    let spec = deployment.spec.as_ref().unwrap_or(&no_spec);
    let status = deployment.status.as_ref().unwrap_or(&no_status);
    let [containers, images] = cells::containers(spec.template.as_ref());
    DeploymentColumns {
        ready: format!("{}/{}", status.ready_replicas, spec.replicas.unwrap_or(1)),
        up_to_date: status.updated_replicas,
        available: status.available_replicas,
        containers,
        images,
        selector: cells::selector(spec.selector.as_ref()),
    }
}
