//! How far the newest template of a workload has come, in the words of `kubectl rollout status` (kubectl:
//! `pkg/polymorphichelpers/rollout_status.go`).

use gumshoe_proto::collector::v1::{
    DaemonSet, DaemonSetStatus, Deployment, DeploymentStatus, ObjectMeta, Rollout, RolloutStatus, StatefulSet,
    StatefulSetStatus,
};

const REVISION: &str = "deployment.kubernetes.io/revision";
const ROLLING_UPDATE: &str = "RollingUpdate";

fn rollout(status: RolloutStatus, message: String) -> Rollout {
    Rollout { status: status.into(), message }
}

fn in_progress(message: String) -> Rollout {
    rollout(RolloutStatus::InProgress, message)
}

fn complete(message: String) -> Rollout {
    rollout(RolloutStatus::Complete, message)
}

fn not_tracked() -> Rollout {
    rollout(RolloutStatus::NotTracked, "rollout status is only available for RollingUpdate strategy type".to_owned())
}

/// The number of the newest template.
pub(super) fn revision(deployment: &Deployment) -> i64 {
    let annotation = deployment.metadata.as_ref().and_then(|metadata| metadata.annotations.get(REVISION));
    annotation.and_then(|revision| revision.parse().ok()).unwrap_or_default()
}

pub(super) fn of_deployment(deployment: &Deployment) -> Rollout {
    let (no_metadata, no_status) = (ObjectMeta::default(), DeploymentStatus::default());
    let metadata = deployment.metadata.as_ref().unwrap_or(&no_metadata);
    let status = deployment.status.as_ref().unwrap_or(&no_status);
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let (name, updated) = (&metadata.name, status.updated_replicas);
    let waiting = |what: String| in_progress(format!("Waiting for deployment {name:?} rollout to finish: {what}..."));
    if metadata.generation > status.observed_generation {
        return in_progress("Waiting for deployment spec update to be observed...".to_owned());
    }
    let progress = status.conditions.iter().find(|condition| condition.r#type == "Progressing");
    if progress.is_some_and(|condition| condition.reason == "ProgressDeadlineExceeded") {
        return rollout(RolloutStatus::Failed, format!("deployment {name:?} exceeded its progress deadline"));
    }
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new replicas have been updated"));
    }
    if status.replicas > updated {
        return waiting(format!("{} old replicas are pending termination", status.replicas - updated));
    }
    if status.available_replicas < updated {
        return waiting(format!("{} of {updated} updated replicas are available", status.available_replicas));
    }
    complete(format!("deployment {name:?} successfully rolled out"))
}

pub(super) fn of_daemon_set(set: &DaemonSet) -> Rollout {
    let (no_metadata, no_status) = (ObjectMeta::default(), DaemonSetStatus::default());
    let metadata = set.metadata.as_ref().unwrap_or(&no_metadata);
    let status = set.status.as_ref().unwrap_or(&no_status);
    let strategy = set.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref());
    let (name, wanted) = (&metadata.name, status.desired_number_scheduled.unwrap_or_default());
    let waiting = |what: String| in_progress(format!("Waiting for daemon set {name:?} rollout to finish: {what}..."));
    if strategy.is_none_or(|strategy| strategy.r#type != ROLLING_UPDATE) {
        return not_tracked();
    }
    if metadata.generation > status.observed_generation {
        return in_progress("Waiting for daemon set spec update to be observed...".to_owned());
    }
    if status.updated_number_scheduled < wanted {
        return waiting(format!("{} out of {wanted} new pods have been updated", status.updated_number_scheduled));
    }
    if status.number_available < wanted {
        return waiting(format!("{} of {wanted} updated pods are available", status.number_available));
    }
    complete(format!("daemon set {name:?} successfully rolled out"))
}

pub(super) fn of_stateful_set(set: &StatefulSet) -> Rollout {
    let no_status = StatefulSetStatus::default();
    let status = set.status.as_ref().unwrap_or(&no_status);
    let generation = set.metadata.as_ref().map(|metadata| metadata.generation).unwrap_or_default();
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let updated = status.updated_replicas;
    let Some(strategy) = set.spec.as_ref().and_then(|spec| spec.update_strategy.as_ref()) else { return not_tracked() };
    if strategy.r#type != ROLLING_UPDATE {
        return not_tracked();
    }
    if status.observed_generation == 0 || generation > status.observed_generation {
        return in_progress("Waiting for statefulset spec update to be observed...".to_owned());
    }
    if status.ready_replicas < wanted {
        return in_progress(format!("Waiting for {} pods to be ready...", wanted - status.ready_replicas));
    }
    if let Some(rolling) = &strategy.rolling_update {
        let part = wanted - rolling.partition.unwrap_or_default();
        if rolling.partition.is_some() && updated < part {
            return in_progress(format!(
                "Waiting for partitioned roll out to finish: {updated} out of {part} new pods have been updated..."
            ));
        }
        return complete(format!("partitioned roll out complete: {updated} new pods have been updated..."));
    }
    if status.update_revision != status.current_revision {
        let revision = &status.update_revision;
        return in_progress(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {revision}..."
        ));
    }
    let (current, revision) = (status.current_replicas, &status.current_revision);
    complete(format!("statefulset rolling update complete {current} pods at revision {revision}..."))
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{
        DeploymentCondition, DeploymentSpec, RollingUpdateStatefulSetStrategy, StatefulSetSpec,
        StatefulSetUpdateStrategy,
    };

    use super::*;

    fn mk_deployment(status: DeploymentStatus) -> Deployment {
        let metadata = ObjectMeta { name: "web".into(), generation: 3, ..ObjectMeta::default() };
        let spec = DeploymentSpec { replicas: Some(3), ..DeploymentSpec::default() };
        Deployment { metadata: Some(metadata), spec: Some(spec), status: Some(status), ..Deployment::default() }
    }

    fn mk_status(updated: i32, replicas: i32, available: i32) -> DeploymentStatus {
        DeploymentStatus {
            observed_generation: 3,
            updated_replicas: updated,
            replicas,
            available_replicas: available,
            ..DeploymentStatus::default()
        }
    }

    #[test]
    fn a_deployment_goes_through_its_steps_in_this_order() {
        let late = DeploymentCondition {
            r#type: "Progressing".into(),
            reason: "ProgressDeadlineExceeded".into(),
            ..DeploymentCondition::default()
        };
        let observed = DeploymentStatus { observed_generation: 2, ..mk_status(3, 3, 3) };
        let failed = DeploymentStatus { conditions: vec![late], ..mk_status(1, 3, 1) };
        for (status, expected, words) in [
            (observed, RolloutStatus::InProgress, "spec update to be observed"),
            (failed, RolloutStatus::Failed, "exceeded its progress deadline"),
            (mk_status(1, 3, 3), RolloutStatus::InProgress, "1 out of 3 new replicas have been updated"),
            (mk_status(3, 5, 3), RolloutStatus::InProgress, "2 old replicas are pending termination"),
            (mk_status(3, 3, 2), RolloutStatus::InProgress, "2 of 3 updated replicas are available"),
            (mk_status(3, 3, 3), RolloutStatus::Complete, "deployment \"web\" successfully rolled out"),
        ] {
            let rollout = of_deployment(&mk_deployment(status));
            assert_eq!(rollout.status(), expected, "{rollout:?}");
            assert!(rollout.message.contains(words), "{rollout:?}");
        }
    }

    #[test]
    fn a_stateful_set_with_a_partition_is_complete_without_the_rest() {
        let strategy = |kind: &str, partition| StatefulSetUpdateStrategy {
            r#type: kind.into(),
            rolling_update: Some(RollingUpdateStatefulSetStrategy { partition, ..Default::default() }),
        };
        let set = |strategy, updated| StatefulSet {
            spec: Some(StatefulSetSpec {
                replicas: Some(3),
                update_strategy: Some(strategy),
                ..StatefulSetSpec::default()
            }),
            status: Some(StatefulSetStatus {
                observed_generation: 1,
                ready_replicas: 3,
                updated_replicas: updated,
                ..StatefulSetStatus::default()
            }),
            ..StatefulSet::default()
        };
        let status = |set: StatefulSet| of_stateful_set(&set).status();
        assert_eq!(status(set(strategy("RollingUpdate", Some(2)), 0)), RolloutStatus::InProgress);
        assert_eq!(status(set(strategy("RollingUpdate", Some(2)), 1)), RolloutStatus::Complete);
        assert_eq!(status(set(strategy("OnDelete", None), 1)), RolloutStatus::NotTracked);
    }
}
