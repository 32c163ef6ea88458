//! What pods need, and what scales them.

use bytes::Bytes;
use gumshoe_proto::collector::v1::{
    HorizontalPodAutoscaler, Node, ObjectMeta, OwnerReference, PersistentVolumeClaim, TopologyRelation,
};
use prost::Message as _;

use super::{Facts, Health, Link};
use crate::{kubernetes::wire::fields, topology::object::Key};

/// Conditions of a node that should not be.
const TROUBLES: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];

pub(in crate::topology) fn node(node: &Node) -> Facts {
    let (no_metadata, no_status, no_columns) = (ObjectMeta::default(), Default::default(), Default::default());
    let metadata = node.metadata.as_ref().unwrap_or(&no_metadata);
    let status = node.status.as_ref().unwrap_or(&no_status);
    let ready = &node.columns.as_ref().unwrap_or(&no_columns).status;
    let troubles = status.conditions.iter().filter(|it| it.status == "True" && TROUBLES.contains(&it.r#type.as_str()));
    let troubles: Vec<_> = troubles.map(|it| it.r#type.clone()).collect();
    let text = [std::slice::from_ref(ready), &troubles[..]].concat().join(", ");
    let health = match ready.as_str() {
        "Ready" if troubles.is_empty() => Health::healthy(text),
        ready if ready.starts_with("Ready") => Health::degraded(text),
        _ => Health::unhealthy(text),
    };
    Facts::new(metadata, health, Vec::new())
}

pub(in crate::topology) fn claim(claim: &PersistentVolumeClaim) -> Facts {
    let (no_metadata, no_columns) = (ObjectMeta::default(), Default::default());
    let metadata = claim.metadata.as_ref().unwrap_or(&no_metadata);
    let status = &claim.columns.as_ref().unwrap_or(&no_columns).status;
    let health = match status.as_str() {
        "Bound" => Health::healthy(status),
        "Lost" => Health::unhealthy(status),
        _ => Health::degraded(status),
    };
    Facts::new(metadata, health, Vec::new())
}

pub(in crate::topology) fn autoscaler(scaler: &HorizontalPodAutoscaler) -> Facts {
    let (no_metadata, no_spec, no_status) = (ObjectMeta::default(), Default::default(), Default::default());
    let metadata = scaler.metadata.as_ref().unwrap_or(&no_metadata);
    let spec = scaler.spec.as_ref().unwrap_or(&no_spec);
    let status = scaler.status.as_ref().unwrap_or(&no_status);
    let target = spec.scale_target_ref.as_ref().map(|target| {
        let to = Key::of_reference(&target.api_version, &target.kind, &metadata.namespace, &target.name);
        Link::to(to, TopologyRelation::Scales, "scale target")
    });
    // Where the target is scaled to 0 it does nothing, on purpose.
    let wrong = status.conditions.iter().filter(|it| match it.r#type.as_str() {
        "AbleToScale" | "ScalingActive" => it.status == "False" && it.reason != "ScalingDisabled",
        "ScalingLimited" => it.status == "True" && it.reason == "TooManyReplicas",
        _ => false,
    });
    let wrong: Vec<_> = wrong.map(|it| it.reason.clone()).collect();
    let bounds = format!("{} to {}", spec.min_replicas.unwrap_or(1), spec.max_replicas.unwrap_or_default());
    let text = [&[format!("{} replicas of {bounds}", status.current_replicas)], &wrong[..]].concat().join(", ");
    let health = if wrong.is_empty() { Health::healthy(text) } else { Health::degraded(text) };
    Facts::new(metadata, health, target.into_iter().collect())
}

/// Of an object of which only the metadata came, and of that only what it is called: namespace, name, facts. Annotations may hold a
/// copy of all of it, so nothing is decoded that is not needed.
pub(in crate::topology) fn metadata_only(encoded: &Bytes) -> (String, String, Facts) {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let (mut namespace, mut name, mut uid, mut deleted) = (String::new(), String::new(), String::new(), false);
    let mut owner_references = Vec::new();
    let metadata = fields(encoded).find(|(number, _)| *number == 1).map_or(&[][..], |(_, metadata)| metadata);
    // ObjectMeta, from Kubernetes meta/v1.
    for (number, value) in fields(metadata) {
        match number {
            1 => name = text(value),
            3 => namespace = text(value),
            5 => uid = text(value),
            // An empty Time is null.
            9 => deleted = !value.is_empty(),
            13 => owner_references.extend(OwnerReference::decode(value)),
            _ => {}
        }
    }
    let no_metadata = ObjectMeta { uid, namespace: namespace.clone(), owner_references, ..ObjectMeta::default() };
    let facts = Facts::new(&no_metadata, Health::healthy("exists"), Vec::new());
    (namespace, name, Facts { terminating: deleted, ..facts })
}
