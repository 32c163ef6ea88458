//! READY, STATUS, RESTARTS and the other columns of a pod. The rules are those of the API server's own table printer (kubernetes:
//! `pkg/printers/internalversion/printers.go`, as of 1.36); its answers are the oracle of the tests.

use gumshoe_proto::{
    collector::v1::{ContainerStateTerminated, ContainerStatus, Pod, PodColumns, PodSpec, PodStatus},
    human_duration::human_age,
};
use prost_types::Timestamp;

use crate::kinds::cells;

/// The columns of a pod at a moment.
pub(super) fn columns(pod: &Pod, now: Timestamp) -> PodColumns {
    let (no_spec, no_status) = (PodSpec::default(), PodStatus::default());
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let status = pod.status.as_ref().unwrap_or(&no_status);

    let init = InitContainers::of(spec, status);
    let mut ready = init.ready;
    let mut restarts = init.restarts.clone();
    let mut text = status_before_containers(status);
    if let Some(reason) = &init.reason {
        text.clone_from(reason);
    }
    if init.reason.is_none() || condition(status, "Initialized") {
        restarts = init.sidecar_restarts.clone();
        let containers = Containers::of(status, &mut restarts);
        ready += containers.ready;
        text = containers.status(text, condition(status, "Ready"));
    }
    if pod.metadata.as_ref().is_some_and(|metadata| metadata.deletion_timestamp.is_some()) {
        if status.reason == "NodeLost" {
            text = "Unknown".to_owned();
        } else if !matches!(status.phase.as_str(), "Succeeded" | "Failed") {
            text = "Terminating".to_owned();
        }
    }

    let sidecars = spec.init_containers.iter().filter(|container| is_sidecar(&container.restart_policy)).count();
    let total = u32::try_from(spec.containers.len() + sidecars).unwrap_or(u32::MAX);
    PodColumns {
        ready: format!("{ready}/{total}"),
        status: text,
        restarts: restarts.text(&now),
        ready_containers: ready,
        total_containers: total,
        restart_count: restarts.count,
        last_restart_time: restarts.last,
        ip: cells::or_none(status.pod_ips.first().map_or("", |ip| ip.ip.as_str())),
        node: cells::or_none(&spec.node_name),
        nominated_node: cells::or_none(&status.nominated_node_name),
        readiness_gates: readiness_gates(spec, status),
    }
}

/// How many of the pod's readiness gates are open: `1/2`.
fn readiness_gates(spec: &PodSpec, status: &PodStatus) -> String {
    let gates = &spec.readiness_gates;
    let open = gates.iter().filter(|gate| condition(status, &gate.condition_type)).count();
    if gates.is_empty() { cells::NONE.to_owned() } else { format!("{open}/{}", gates.len()) }
}

/// Restarts, and the end of the last run before one.
#[derive(Debug, Clone, Default)]
struct Restarts {
    count: u32,
    last: Option<Timestamp>,
}

impl Restarts {
    fn add(&mut self, container: &ContainerStatus) {
        self.count = self.count.saturating_add(u32::try_from(container.restart_count()).unwrap_or_default());
        let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
        if let Some(finished) = ended.and_then(|terminated| terminated.finished_at) {
            let later = self.last.is_none_or(|last| (last.seconds, last.nanos) < (finished.seconds, finished.nanos));
            if later {
                self.last = Some(finished);
            }
        }
    }

    fn text(&self, now: &Timestamp) -> String {
        match &self.last {
            Some(last) if self.count > 0 => format!("{} ({} ago)", self.count, human_age(Some(last), now)),
            _ => self.count.to_string(),
        }
    }
}

/// What the init containers say: those that have done their work are passed over, the first other one decides.
struct InitContainers {
    /// The status while a pod initialises; None when it is past that.
    reason: Option<String>,
    /// Sidecars that are ready.
    ready: u32,
    restarts: Restarts,
    sidecar_restarts: Restarts,
}

impl InitContainers {
    fn of(spec: &PodSpec, status: &PodStatus) -> Self {
        let mut init =
            Self { reason: None, ready: 0, restarts: Restarts::default(), sidecar_restarts: Restarts::default() };
        for (index, container) in status.init_container_statuses.iter().enumerate() {
            let sidecar =
                spec.init_containers.iter().any(|init| init.name == container.name && is_sidecar(&init.restart_policy));
            init.restarts.add(container);
            if sidecar {
                init.sidecar_restarts.add(container);
            }
            let terminated = terminated(container);
            if terminated.is_some_and(|terminated| terminated.exit_code() == 0) {
                continue;
            }
            if sidecar && container.started() {
                init.ready += u32::from(container.ready());
                continue;
            }
            init.reason = Some(match (terminated, waiting_reason(container)) {
                (Some(terminated), _) => format!("Init:{}", reason_of_end(terminated)),
                (None, Some(reason)) if reason != "PodInitializing" => format!("Init:{reason}"),
                _ => format!("Init:{index}/{}", spec.init_containers.len()),
            });
            break;
        }
        init
    }
}

/// What the regular containers say, from the last to the first, so that the first one wins.
#[derive(Default)]
struct Containers {
    reason: Option<String>,
    /// The reason of a container that failed.
    error_reason: Option<String>,
    ready: u32,
}

impl Containers {
    fn of(status: &PodStatus, restarts: &mut Restarts) -> Self {
        let mut containers = Self::default();
        for container in status.container_statuses.iter().rev() {
            restarts.add(container);
            if let Some(reason) = waiting_reason(container) {
                containers.reason = Some(reason.to_owned());
            } else if let Some(terminated) = terminated(container) {
                let reason = reason_of_end(terminated);
                if terminated.exit_code() != 0 {
                    containers.error_reason = Some(reason.clone());
                }
                containers.reason = Some(reason);
            } else if container.ready() && container.state.as_ref().is_some_and(|state| state.running.is_some()) {
                containers.ready += 1;
            }
        }
        containers
    }

    fn status(self, before: String, pod_ready: bool) -> String {
        let text = self.reason.unwrap_or(before);
        if text != "Completed" {
            return text;
        }
        match (self.ready > 0, self.error_reason) {
            (true, _) if pod_ready => "Running".to_owned(),
            (_, Some(reason)) => reason,
            (true, None) => "NotReady".to_owned(),
            (false, None) => text,
        }
    }
}

fn status_before_containers(status: &PodStatus) -> String {
    let gated = |condition: &&gumshoe_proto::collector::v1::PodCondition| {
        condition.r#type == "PodScheduled" && condition.reason == "SchedulingGated"
    };
    if status.conditions.iter().find(gated).is_some() {
        "SchedulingGated".to_owned()
    } else if status.reason.is_empty() {
        status.phase.clone()
    } else {
        status.reason.clone()
    }
}

/// Whether the first condition of this type is True.
fn condition(status: &PodStatus, r#type: &str) -> bool {
    status.conditions.iter().find(|condition| condition.r#type == r#type).is_some_and(|found| found.status == "True")
}

fn is_sidecar(restart_policy: &str) -> bool {
    restart_policy == "Always"
}

fn terminated(container: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    container.state.as_ref()?.terminated.as_ref()
}

fn waiting_reason(container: &ContainerStatus) -> Option<&str> {
    let reason = &container.state.as_ref()?.waiting.as_ref()?.reason;
    (!reason.is_empty()).then_some(reason)
}

fn reason_of_end(terminated: &ContainerStateTerminated) -> String {
    if !terminated.reason.is_empty() {
        terminated.reason.clone()
    } else if terminated.signal != 0 {
        format!("Signal:{}", terminated.signal)
    } else {
        format!("ExitCode:{}", terminated.exit_code())
    }
}
