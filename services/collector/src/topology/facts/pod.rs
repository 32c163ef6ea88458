//! Pods.

use gumshoe_proto::collector::v1::{ObjectMeta, Pod, PodColumns, PodStatus, TopologyRelation};

use super::{Facts, Health, Link, Particular, uses};
use crate::topology::object::{Key, WalkedKind};

/// What is kept of a pod, whose columns are derived.
pub(in crate::topology) fn pod(pod: &Pod) -> Facts {
    let no_metadata = ObjectMeta::default();
    let metadata = pod.metadata.as_ref().unwrap_or(&no_metadata);
    let spec = pod.spec.as_ref();
    let node = spec.map(|spec| spec.node_name.as_str()).filter(|node| !node.is_empty());
    let runs_on = node
        .map(|node| Link::to(Key::of(WalkedKind::Node, "", node), TopologyRelation::RunsOn, format!("runs on {node}")));
    let links = runs_on.into_iter().chain(uses(&metadata.namespace, Some(&metadata.name), spec)).collect();
    Facts {
        particular: Particular::Pod { labels: metadata.labels.clone() },
        ..Facts::new(metadata, health(pod.status.as_ref(), pod.columns.as_ref()), links)
    }
}

fn health(status: Option<&PodStatus>, columns: Option<&PodColumns>) -> Health {
    let (no_status, no_columns) = (PodStatus::default(), PodColumns::default());
    let (status, columns) = (status.unwrap_or(&no_status), columns.unwrap_or(&no_columns));
    let condition = |kind: &str| status.conditions.iter().find(|condition| condition.r#type == kind);
    let ready = condition("Ready").is_some_and(|ready| ready.status == "True");
    let unschedulable = condition("PodScheduled").is_some_and(|scheduled| scheduled.reason == "Unschedulable");
    let restarts = match columns.restart_count {
        0 => String::new(),
        1 => ", 1 restart".to_owned(),
        many => format!(", {many} restarts"),
    };
    let text = format!("{}, {} ready{restarts}", columns.status, columns.ready);
    let initialising = columns.status.strip_prefix("Init:").is_some_and(|rest| rest.contains('/'));
    match columns.status.as_str() {
        // A container that ended well and is to run again says Completed too.
        "Completed" | "Succeeded" if status.phase == "Succeeded" => Health::healthy(columns.status.clone()),
        "Running" if ready => Health::healthy(text),
        "Running" if columns.ready_containers > 0 => {
            let is_whole = columns.ready_containers == columns.total_containers;
            let reason = condition("Ready").map(|ready| ready.reason.as_str()).filter(|reason| !reason.is_empty());
            Health::degraded(if is_whole { format!("{text}, {}", reason.unwrap_or("not Ready")) } else { text })
        }
        "Pending" if unschedulable => Health::unhealthy("Pending, Unschedulable"),
        "Pending" | "ContainerCreating" | "PodInitializing" | "SchedulingGated" | "Terminating" => {
            Health::degraded(text)
        }
        _ if initialising => Health::degraded(text),
        _ => Health::unhealthy(text),
    }
}
