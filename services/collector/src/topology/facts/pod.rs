//! Pods.

use gumshoe_proto::collector::v1::{ContainerStatus, ObjectMeta, Pod, PodColumns, PodStatus, TopologyRelation};
use prost_types::Timestamp;

use super::{Facts, Health, Link, Particular, uses};
use crate::topology::object::{Key, WalkedKind};

/// A pod whose containers have run for no longer is starting where they are not ready yet: that is some tries of a readiness probe.
const STARTING_SECONDS: i64 = 60;

/// What is kept of a pod, whose columns are derived.
pub(in crate::topology) fn pod(pod: &Pod, now: Timestamp) -> Facts {
    let no_metadata = ObjectMeta::default();
    let metadata = pod.metadata.as_ref().unwrap_or(&no_metadata);
    let spec = pod.spec.as_ref();
    let node = spec.map(|spec| spec.node_name.as_str()).filter(|node| !node.is_empty());
    let runs_on = node
        .map(|node| Link::to(Key::of(WalkedKind::Node, "", node), TopologyRelation::RunsOn, format!("runs on {node}")));
    let links = runs_on.into_iter().chain(uses(&metadata.namespace, Some(&metadata.name), spec)).collect();
    Facts {
        particular: Particular::Pod { labels: metadata.labels.clone() },
        ..Facts::new(metadata, health(pod.status.as_ref(), pod.columns.as_ref(), now), links)
    }
}

fn health(status: Option<&PodStatus>, columns: Option<&PodColumns>, now: Timestamp) -> Health {
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
        "Running" if is_starting(status, now) => Health::degraded(format!("{text}, starting")),
        "Pending" if unschedulable => Health::unhealthy("Pending, Unschedulable"),
        "Pending" | "ContainerCreating" | "PodInitializing" | "SchedulingGated" | "Terminating" => {
            Health::degraded(text)
        }
        _ if initialising => Health::degraded(text),
        _ => Health::unhealthy(text),
    }
}

/// Whether all that is not ready runs for the first time, and has not had the time: its startup probe goes on, or it has just begun.
fn is_starting(status: &PodStatus, now: Timestamp) -> bool {
    let starts = |container: &&ContainerStatus| {
        let running = container.state.as_ref().and_then(|state| state.running.as_ref());
        let since = running.and_then(|running| running.started_at.as_ref()).map(|since| since.seconds);
        let is_new = since.is_some_and(|since| now.seconds.saturating_sub(since) < STARTING_SECONDS);
        container.restart_count.unwrap_or_default() == 0
            && running.is_some()
            && (container.started == Some(false) || is_new)
    };
    let mut waiting = status.container_statuses.iter().filter(|container| container.ready != Some(true)).peekable();
    waiting.peek().is_some() && waiting.all(|container| starts(&container))
}
