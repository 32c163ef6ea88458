//! Objects as the API server would hold them, for tests that need a state which the recorded shop does not have, or many.

use std::collections::BTreeMap;

use k8s_pb::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    Event, EventSource, Namespace, NamespaceStatus, ObjectReference, Pod, PodCondition, PodSpec, PodStatus,
};
use k8s_pb::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde_json::{Value, json};

/// When the synthetic cluster was made: 2026-11-01T12:00:00Z.
pub const EPOCH: i64 = 1_793_534_400;

/// What `/version` answers.
#[must_use]
pub fn version(major: u32, minor: u32) -> Value {
    json!({
        "major": major.to_string(),
        "minor": minor.to_string(),
        "gitVersion": format!("v{major}.{minor}.0"),
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.26.0",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// A running pod with the container `app` on the node `node-1`.
#[must_use]
pub fn pod(namespace: &str, name: &str) -> Pod {
    let status = ContainerStatus {
        state: Some(ContainerState {
            running: Some(ContainerStateRunning { started_at: Some(time(EPOCH)) }),
            ..ContainerState::default()
        }),
        ready: Some(true),
        started: Some(true),
        ..container_status("app")
    };
    Pod {
        metadata: Some(metadata(namespace, name)),
        spec: Some(PodSpec {
            containers: vec![container("app")],
            node_name: Some("node-1".to_owned()),
            restart_policy: Some("Always".to_owned()),
            scheduler_name: Some("default-scheduler".to_owned()),
            service_account_name: Some("default".to_owned()),
            ..PodSpec::default()
        }),
        status: Some(PodStatus {
            phase: Some("Running".to_owned()),
            conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(condition).to_vec(),
            pod_ip: Some("10.0.0.7".to_owned()),
            start_time: Some(time(EPOCH)),
            container_statuses: vec![status],
            ..PodStatus::default()
        }),
    }
}

/// A pod whose container `app` has crashed `restarts` times and waits for its next start.
#[must_use]
pub fn crashing_pod(namespace: &str, name: &str, restarts: i32) -> Pod {
    let terminated = ContainerStateTerminated {
        exit_code: Some(1),
        reason: Some("Error".to_owned()),
        started_at: Some(time(EPOCH)),
        finished_at: Some(time(EPOCH + 5)),
        ..ContainerStateTerminated::default()
    };
    let waiting = ContainerStateWaiting {
        reason: Some("CrashLoopBackOff".to_owned()),
        message: Some("back-off 5m0s restarting failed container".to_owned()),
    };
    let mut pod = pod(namespace, name);
    let status = pod.status.get_or_insert_default();
    status.container_statuses = vec![ContainerStatus {
        state: Some(ContainerState { waiting: Some(waiting), ..ContainerState::default() }),
        last_state: Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() }),
        restart_count: Some(restarts),
        ..container_status("app")
    }];
    pod
}

/// A pod that no node could take.
#[must_use]
pub fn unscheduled_pod(namespace: &str, name: &str) -> Pod {
    let mut pod = pod(namespace, name);
    pod.spec.get_or_insert_default().node_name = None;
    pod.status = Some(PodStatus { phase: Some("Pending".to_owned()), ..PodStatus::default() });
    pod
}

/// An event about a pod, last seen `seconds` after the epoch.
#[must_use]
pub fn event(namespace: &str, name: &str, about: &str, reason: &str, seconds: i64) -> Event {
    Event {
        metadata: Some(metadata(namespace, name)),
        involved_object: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(about.to_owned()),
            api_version: Some("v1".to_owned()),
            ..ObjectReference::default()
        }),
        reason: Some(reason.to_owned()),
        message: Some(format!("{reason} of {about}")),
        source: Some(EventSource { component: Some("kubelet".to_owned()), host: Some("node-1".to_owned()) }),
        first_timestamp: Some(time(EPOCH)),
        last_timestamp: Some(time(EPOCH + seconds)),
        count: Some(1),
        r#type: Some("Warning".to_owned()),
        ..Event::default()
    }
}

/// An active namespace.
#[must_use]
pub fn namespace(name: &str) -> Namespace {
    Namespace {
        metadata: Some(ObjectMeta {
            labels: BTreeMap::from([("kubernetes.io/metadata.name".to_owned(), name.to_owned())]),
            namespace: None,
            ..metadata("", name)
        }),
        status: Some(NamespaceStatus { phase: Some("Active".to_owned()), ..NamespaceStatus::default() }),
        ..Namespace::default()
    }
}

/// Lines of a log as `timestamps=true` gives them, one a millisecond.
#[must_use]
pub fn log_lines(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut log = String::new();
    for (number, text) in texts.into_iter().enumerate() {
        log.push_str(&log_line(number, text.as_ref()));
    }
    log
}

/// One line of a log as `timestamps=true` gives it, `number` milliseconds after the epoch.
#[must_use]
pub fn log_line(number: usize, text: &str) -> String {
    let nanos = i128::from(EPOCH) * 1_000_000_000 + number as i128 * 1_000_000 + 123;
    let timestamp = jiff::Timestamp::from_nanosecond(nanos).unwrap_or_default();
    format!("{timestamp:.9} {text}\n")
}

/// The time so many seconds after 1970.
#[must_use]
pub fn time(seconds: i64) -> Time {
    Time { seconds: Some(seconds), nanos: Some(0) }
}

fn metadata(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        uid: Some(format!("00000000-0000-4000-8000-{:012x}", checksum(&format!("{namespace}/{name}")))),
        resource_version: Some("1".to_owned()),
        creation_timestamp: Some(time(EPOCH)),
        labels: BTreeMap::from([("app".to_owned(), name.split('-').next().unwrap_or(name).to_owned())]),
        ..ObjectMeta::default()
    }
}

/// Something that differs from name to name, for a uid.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(7, |sum: u64, byte| (sum * 31 + u64::from(byte)) & 0xffff_ffff_ffff)
}

fn container(name: &str) -> Container {
    Container { name: Some(name.to_owned()), image: Some("registry.local/app:1".to_owned()), ..Container::default() }
}

fn container_status(name: &str) -> ContainerStatus {
    ContainerStatus {
        name: Some(name.to_owned()),
        image: Some("registry.local/app:1".to_owned()),
        container_id: Some(format!("containerd://{:064x}", checksum(name))),
        ready: Some(false),
        restart_count: Some(0),
        ..ContainerStatus::default()
    }
}

fn condition(name: &str) -> PodCondition {
    PodCondition {
        r#type: Some(name.to_owned()),
        status: Some("True".to_owned()),
        last_transition_time: Some(time(EPOCH)),
        ..PodCondition::default()
    }
}
