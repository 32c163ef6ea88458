//! Nodes: `NodeService`, the pods on a node, and the columns that `kubectl get nodes` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printNode).

mod pods;
mod resources;

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::{
    GetNodeRequest, ListNodesRequest, Node, NodeColumns, NodeSpec, NodeStatus, NodeSystemInfo, ObjectMeta, Pod,
};
use k8s_openapi::api::core::v1 as core;
use prost_types::Timestamp;

use super::cells;
use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::{Methods, Permission},
};

impl Kind for Node {
    const RESOURCE: Resource = Resource::of::<core::Node>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
    }
}

/// Serves `NodeService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    let reads = reader.among(&methods, Node::RESOURCE, &[Pod::RESOURCE]);
    methods
        .needs(Permission { verb: "get", resource: Node::RESOURCE, subresource: "" })
        .once(move |call, request: GetNodeRequest| {
            let reader = reads.clone();
            async move { pods::node(&reader, &call, &request).await }
        })
        .list::<ListNodesRequest>(reader)
}

/// What a label's key begins with that says a role.
const ROLE_PREFIX: &str = "node-role.kubernetes.io/";
/// The older label, whose value is the role.
const ROLE: &str = "kubernetes.io/role";

fn columns(node: &Node) -> NodeColumns {
    let (no_spec, no_status) = (NodeSpec::default(), NodeStatus::default());
    let spec = node.spec.as_ref().unwrap_or(&no_spec);
    let status = node.status.as_ref().unwrap_or(&no_status);
    let no_info = NodeSystemInfo::default();
    let info = status.node_info.as_ref().unwrap_or(&no_info);
    let or_unknown = |text: &str| if text.is_empty() { "<unknown>".to_owned() } else { text.to_owned() };
    let mut kernel_version = or_unknown(&info.kernel_version);
    if !info.architecture.is_empty() {
        kernel_version = format!("{kernel_version} ({})", info.architecture);
    }
    NodeColumns {
        status: state(spec, status),
        roles: cells::or_none(&roles(node.metadata.as_ref())),
        version: info.kubelet_version.clone(),
        internal_ip: address(status, "InternalIP"),
        external_ip: address(status, "ExternalIP"),
        os_image: or_unknown(&info.os_image),
        kernel_version,
        container_runtime: or_unknown(&info.container_runtime_version),
    }
}

/// Ready, NotReady, or Unknown where the node has never said; then whether pods are kept from it.
fn state(spec: &NodeSpec, status: &NodeStatus) -> String {
    let ready = status.conditions.iter().rev().find(|condition| condition.r#type == "Ready");
    let ready = match ready.map(|condition| condition.status.as_str()) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if spec.unschedulable { format!("{ready},SchedulingDisabled") } else { ready.to_owned() }
}

fn roles(metadata: Option<&ObjectMeta>) -> String {
    let labels = metadata.into_iter().flat_map(|metadata| &metadata.labels);
    let role = |(key, value): (&String, &String)| match key.strip_prefix(ROLE_PREFIX) {
        Some(role) => Some(role.to_owned()),
        None => (key == ROLE).then(|| value.clone()),
    };
    let roles: BTreeSet<_> = labels.filter_map(role).filter(|role| !role.is_empty()).collect();
    roles.into_iter().collect::<Vec<_>>().join(",")
}

fn address(status: &NodeStatus, kind: &str) -> String {
    let of_kind = status.addresses.iter().find(|address| address.r#type == kind);
    cells::or_none(of_kind.map_or("", |address| address.address.as_str()))
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::NodeCondition;

    use super::*;

    #[test]
    fn a_node_that_has_never_said_how_it_is_is_unknown_and_one_that_no_longer_does_is_not_ready() {
        let said = |status: &str| NodeStatus {
            conditions: vec![NodeCondition { r#type: "Ready".into(), status: status.into(), ..Default::default() }],
            ..NodeStatus::default()
        };
        let kept_from = NodeSpec { unschedulable: true, ..NodeSpec::default() };
        for (status, expected) in [
            (NodeStatus::default(), "Unknown"),
            (said("True"), "Ready"),
            (said("False"), "NotReady"),
            (said("Unknown"), "NotReady"),
        ] {
            assert_eq!(state(&NodeSpec::default(), &status), expected);
            assert_eq!(state(&kept_from, &status), format!("{expected},SchedulingDisabled"));
        }
    }
}
