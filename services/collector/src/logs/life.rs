//! Whether a container writes now, has written, or will write again: what a reader that follows its log needs to know.

use gumshoe_proto::collector::v1::{Container, ContainerState, ContainerStateTerminated, Pod};

use super::containers::status;

/// Where a container is between its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It has not begun.
    NotStarted,
    /// It has not begun, and the pod is over.
    Never,
    /// It runs.
    Runs,
    /// Its last run has ended.
    Ended {
        /// Whether the kubelet will start it again.
        returns: bool,
    },
}

impl Life {
    /// Of a container of the pod.
    #[must_use]
    pub fn of(pod: &Pod, container: &str) -> Self {
        let before_start = if is_over(pod) { Self::Never } else { Self::NotStarted };
        let Some(status) = status(pod, container) else { return before_start };
        let state = |state: &Option<ContainerState>| state.clone().unwrap_or_default();
        let (now, before) = (state(&status.state), state(&status.last_state));
        if now.running.is_some() {
            return Self::Runs;
        }
        match now.terminated.or(before.terminated) {
            None => before_start,
            Some(end) => Self::Ended { returns: returns(pod, container, &end) },
        }
    }
}

/// Whether the kubelet starts none of the pod's containers any more.
fn is_over(pod: &Pod) -> bool {
    pod.status.as_ref().is_some_and(|status| matches!(status.phase.as_str(), "Succeeded" | "Failed"))
}

/// The kubelet's `ShouldContainerBeRestarted`, and its rules for init containers.
fn returns(pod: &Pod, container: &str, end: &ContainerStateTerminated) -> bool {
    let deleted = pod.metadata.as_ref().is_some_and(|metadata| metadata.deletion_timestamp.is_some());
    let Some(spec) = pod.spec.as_ref().filter(|_| !is_over(pod) && !deleted) else { return false };
    let named = |containers: &'_ [Container]| containers.iter().find(|other| other.name == container).cloned();
    let init = named(&spec.init_containers);
    let failed = end.exit_code.unwrap_or_default() != 0;
    let own = init.clone().or_else(|| named(&spec.containers));
    // An ephemeral container runs once.
    let Some(own) = own else { return false };
    match own.restart_policy.as_str() {
        _ if !own.restart_policy_rules.is_empty() => true,
        "Always" => true,
        "OnFailure" => failed,
        "Never" => false,
        _ => match spec.restart_policy.as_str() {
            "Never" => false,
            "OnFailure" => failed,
            _ => init.is_none() || failed,
        },
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{ContainerStateRunning, ContainerStatus, PodSpec, PodStatus};

    use super::*;

    fn mk_pod(policy: &str, own_policy: &str, init: bool, state: Option<ContainerState>) -> Pod {
        let container = Container { name: "web".into(), restart_policy: own_policy.into(), ..Container::default() };
        let status = ContainerStatus { name: "web".into(), state, ..ContainerStatus::default() };
        let (init_containers, containers) = if init { (vec![container], vec![]) } else { (vec![], vec![container]) };
        Pod {
            spec: Some(PodSpec { restart_policy: policy.into(), init_containers, containers, ..PodSpec::default() }),
            status: Some(PodStatus { container_statuses: vec![status], ..PodStatus::default() }),
            ..Pod::default()
        }
    }

    fn mk_end(exit_code: i32) -> Option<ContainerState> {
        let terminated = ContainerStateTerminated { exit_code: Some(exit_code), ..ContainerStateTerminated::default() };
        Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() })
    }

    #[test]
    fn a_container_comes_back_as_its_restart_policy_has_it() {
        for (policy, own, init, exit_code, returns) in [
            ("Always", "", false, 0, true),
            ("", "", false, 1, true),
            ("OnFailure", "", false, 0, false),
            ("OnFailure", "", false, 1, true),
            ("Never", "", false, 1, false),
            ("Never", "Always", true, 0, true),
            ("Always", "", true, 0, false),
            ("Always", "", true, 1, true),
        ] {
            let pod = mk_pod(policy, own, init, mk_end(exit_code));
            assert_eq!(Life::of(&pod, "web"), Life::Ended { returns }, "{policy} {own} {exit_code}");
        }
        let mut gone = mk_pod("Always", "", false, mk_end(1));
        gone.status.as_mut().unwrap().phase = "Failed".into();
        assert_eq!(Life::of(&gone, "web"), Life::Ended { returns: false });
    }

    #[test]
    fn a_container_that_waits_has_ended_only_if_it_ever_ran() {
        let waits = mk_pod("Always", "", false, Some(ContainerState::default()));
        assert_eq!(Life::of(&waits, "web"), Life::NotStarted);
        assert_eq!(Life::of(&waits, "proxy"), Life::NotStarted);
        let mut rejected = waits.clone();
        rejected.status.as_mut().unwrap().phase = "Failed".into();
        assert_eq!((Life::of(&rejected, "web"), Life::of(&rejected, "proxy")), (Life::Never, Life::Never));
        let mut loops = waits;
        loops.status.as_mut().unwrap().container_statuses[0].last_state = mk_end(2);
        assert_eq!(Life::of(&loops, "web"), Life::Ended { returns: true });
        let running = ContainerState { running: Some(ContainerStateRunning::default()), ..ContainerState::default() };
        assert_eq!(Life::of(&mk_pod("Always", "", false, Some(running)), "web"), Life::Runs);
    }
}
