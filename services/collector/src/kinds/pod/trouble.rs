//! Why a pod is not ready, gathered from its status: what its containers wait for, how they ended, which conditions fail.

use gumshoe_proto::collector::v1::{
    ContainerState, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus, ContainerTrouble, Pod,
    PodCondition, PodSpec, PodStatus, PodTrouble,
};

/// What the kubelet takes of a container's termination message: what is longer would make the object twice as large.
const TEXT_MAX: usize = 4096;

/// Conditions that mean something bad where they are True (k8s.io/api: `core/v1/types.go`); all others where they are not.
const BAD_IF_TRUE: [&str; 4] =
    ["DisruptionTarget", "PodResizePending", "PodResizeInProgress", "AllContainersRestarting"];

/// What stands against a pod; None where there is nothing.
pub(super) fn trouble(pod: &Pod) -> Option<PodTrouble> {
    let status = pod.status.as_ref()?;
    let no_spec = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let trouble = PodTrouble {
        containers: containers(spec, status),
        conditions: status.conditions.iter().filter(|condition| is_bad(condition, status)).map(brief).collect(),
        reason: status.reason.clone(),
        message: begin(&status.message),
    };
    (trouble != PodTrouble::default()).then_some(trouble)
}

/// The beginning of a text: what is longer stands whole in the status.
fn begin(text: &str) -> String {
    if text.len() <= TEXT_MAX { text.to_owned() } else { format!("{}…", &text[..text.floor_char_boundary(TEXT_MAX)]) }
}

fn brief(condition: &PodCondition) -> PodCondition {
    PodCondition { message: begin(&condition.message), ..condition.clone() }
}

fn ended(state: Option<&ContainerState>) -> Option<Box<ContainerStateTerminated>> {
    let end = state?.terminated.clone()?;
    Some(Box::new(ContainerStateTerminated { message: begin(&end.message), ..end }))
}

fn is_bad(condition: &PodCondition, status: &PodStatus) -> bool {
    match condition.status.as_str() {
        "True" => BAD_IF_TRUE.contains(&condition.r#type.as_str()),
        // A pod that is done is not ready, and that is well.
        _ => !BAD_IF_TRUE.contains(&condition.r#type.as_str()) && status.phase != "Succeeded",
    }
}

fn containers(spec: &PodSpec, status: &PodStatus) -> Vec<ContainerTrouble> {
    let is_sidecar = |it: &&ContainerStatus| {
        spec.init_containers.iter().any(|init| init.name == it.name && init.restart_policy == "Always")
    };
    let done = status.phase == "Succeeded";
    let init = status.init_container_statuses.iter().filter_map(|it| {
        let runs_to_its_end = !is_sidecar(&it);
        let bad = match (runs_to_its_end, done) {
            (true, _) => is_unfinished(it) || it.restart_count() > 0,
            // The kubelet stops the sidecars of a pod that is done: how they end says nothing.
            (false, true) => it.restart_count() > 0,
            (false, false) => is_troubled(it, done),
        };
        bad.then(|| ContainerTrouble { init: runs_to_its_end, ..describe(it) })
    });
    let regular = status.container_statuses.iter().filter(|it| is_troubled(it, done)).map(describe);
    // They are never ready, and are there for whoever looks into the pod.
    let ephemeral = status.ephemeral_container_statuses.iter().filter(|it| !runs(it) && is_unfinished(it));
    let ephemeral = ephemeral.map(|it| ContainerTrouble { ephemeral: true, ..describe(it) });
    init.chain(regular).chain(ephemeral).collect()
}

fn is_troubled(status: &ContainerStatus, done: bool) -> bool {
    status.restart_count() > 0 || (!status.ready() && (!done || is_unfinished(status)))
}

/// It has not ended, or not well.
fn is_unfinished(status: &ContainerStatus) -> bool {
    let terminated = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    terminated.is_none_or(|end| end.exit_code() != 0 || end.signal != 0)
}

fn runs(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| state.running.is_some())
}

fn describe(status: &ContainerStatus) -> ContainerTrouble {
    let waiting = status.state.as_ref().and_then(|state| state.waiting.clone());
    let waiting = waiting.map(|it| Box::new(ContainerStateWaiting { message: begin(&it.message), ..it }));
    ContainerTrouble {
        name: status.name.clone(),
        ready: status.ready(),
        restart_count: status.restart_count(),
        waiting,
        terminated: ended(status.state.as_ref()),
        last_termination: ended(status.last_state.as_ref()),
        ..ContainerTrouble::default()
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use serde_json::{Value, json};

    use super::*;

    fn mk_trouble(pod: Value) -> Option<PodTrouble> {
        trouble(&json::from_value(pod).unwrap())
    }

    #[test]
    fn a_pod_that_is_well_or_done_has_none() {
        let well = json!({"status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "DisruptionTarget", "status": "False"}],
            "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 0}}}],
            "containerStatuses": [{"name": "web", "ready": true, "restartCount": 0, "state": {"running": {}}}],
            "ephemeralContainerStatuses": [{"name": "debug", "state": {"running": {}}}]}});
        assert_eq!(mk_trouble(well), None);
        let done = json!({"status": {"phase": "Succeeded",
            "conditions": [{"type": "Ready", "status": "False", "reason": "PodCompleted"}],
            "containerStatuses": [{"name": "job", "ready": false, "state": {"terminated": {"exitCode": 0}}}]}});
        assert_eq!(mk_trouble(done), None);
        assert_eq!(mk_trouble(json!({})), None);
        let stopped = |restarts| {
            json!({"spec": {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}, "status": {"phase": "Succeeded",
                "initContainerStatuses": [{"name": "proxy", "restartCount": restarts, "state": {"terminated": {"exitCode": 143}}}]}})
        };
        assert_eq!(mk_trouble(stopped(0)), None);
        assert!(mk_trouble(stopped(2)).is_some());
    }

    #[test]
    fn a_crash_loop_says_what_it_waits_for_and_how_the_last_run_ended() {
        let last = json!({"terminated": {"exitCode": 137, "signal": 9, "reason": "OOMKilled", "message": "killed"}});
        let pod = json!({"status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady"}, {"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [
                {"name": "web", "ready": true, "restartCount": 0, "state": {"running": {}}},
                {"name": "app", "ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": last}]}});
        let trouble = mk_trouble(pod).unwrap();
        assert_eq!(trouble.conditions.iter().map(|it| it.r#type.as_str()).collect::<Vec<_>>(), ["Ready"]);
        let [app] = &trouble.containers[..] else { panic!("{trouble:?}") };
        assert_eq!((app.name.as_str(), app.waiting.as_ref().unwrap().reason.as_str()), ("app", "CrashLoopBackOff"));
        let end = app.last_termination.as_ref().unwrap();
        assert_eq!(
            (end.exit_code(), end.signal, end.reason.as_str(), end.message.as_str()),
            (137, 9, "OOMKilled", "killed")
        );
    }

    #[test]
    fn what_keeps_a_pod_from_starting_is_told_of_init_containers_sidecars_and_the_pod_itself() {
        let pod = json!({
            "spec": {"initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}, {"name": "later"}]},
            "status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory.",
                "conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}],
                "initContainerStatuses": [
                    {"name": "migrate", "restartCount": 0, "state": {"terminated": {"exitCode": 2}}},
                    {"name": "proxy", "ready": false, "state": {"running": {}}},
                    {"name": "later", "state": {"waiting": {"reason": "PodInitializing"}}}],
                "ephemeralContainerStatuses": [{"name": "debug", "state": {"waiting": {"reason": "ErrImagePull"}}}]}});
        let trouble = mk_trouble(pod).unwrap();
        let told: Vec<_> = trouble.containers.iter().map(|it| (it.name.as_str(), it.init, it.ephemeral)).collect();
        assert_eq!(
            told,
            [("migrate", true, false), ("proxy", false, false), ("later", true, false), ("debug", false, true)]
        );
        assert_eq!((trouble.reason.as_str(), trouble.conditions.len()), ("Evicted", 1));
    }
}
