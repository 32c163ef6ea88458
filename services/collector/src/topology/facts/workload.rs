//! What makes pods.

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::{
    CronJob, DaemonSet, Deployment, Job, ObjectMeta, PodTemplateSpec, ReplicaSet, Rollout, RolloutStatus, StatefulSet,
};

use super::{Facts, Health, Link, Particular, uses};

/// What the template of a workload names.
fn template_uses(metadata: &ObjectMeta, template: Option<&PodTemplateSpec>) -> Vec<Link> {
    let spec = template.and_then(|template| template.spec.as_ref());
    let of_template = |link: Link| Link { reason: format!("template: {}", link.reason), ..link };
    uses(&metadata.namespace, None, spec).into_iter().map(of_template).collect()
}

/// What services select by, where there are no pods.
fn workload(template: Option<&PodTemplateSpec>, claims: BTreeSet<String>) -> Particular {
    let metadata = template.and_then(|template| template.metadata.as_ref());
    Particular::Workload { labels: metadata.map(|metadata| metadata.labels.clone()).unwrap_or_default(), claims }
}

/// A rollout that goes on, in one word.
fn rollout_note(rollout: Option<&Rollout>) -> Option<String> {
    match rollout?.status() {
        RolloutStatus::InProgress => Some("rolling out".to_owned()),
        RolloutStatus::Failed => Some("ProgressDeadlineExceeded".to_owned()),
        RolloutStatus::Unspecified | RolloutStatus::Complete | RolloutStatus::NotTracked => None,
    }
}

pub(in crate::topology) fn deployment(deployment: &Deployment) -> Facts {
    let (no_metadata, no_spec, no_status) = (ObjectMeta::default(), Default::default(), Default::default());
    let metadata = deployment.metadata.as_ref().unwrap_or(&no_metadata);
    let spec = deployment.spec.as_ref().unwrap_or(&no_spec);
    let status = deployment.status.as_ref().unwrap_or(&no_status);
    let failure = status.conditions.iter().find(|it| it.r#type == "ReplicaFailure" && it.status == "True");
    let paused = spec.paused.then(|| "paused".to_owned());
    let wanted = spec.replicas.unwrap_or(1);
    // What is missing says already that a rollout goes on.
    let rollout = rollout_note(deployment.rollout.as_ref()).filter(|_| paused.is_none());
    let notes: Vec<_> = rollout.into_iter().chain(failure.map(|it| it.reason.clone())).chain(paused).collect();
    let health = Health::of_replicas(status.ready_replicas, wanted, &notes);
    Facts {
        particular: workload(spec.template.as_ref(), BTreeSet::new()),
        ..Facts::new(metadata, health, template_uses(metadata, spec.template.as_ref()))
    }
}

/// The template of a Deployment's is the Deployment's, which is told of that.
pub(in crate::topology) fn replica_set(set: &ReplicaSet) -> Facts {
    let (no_metadata, no_status) = (ObjectMeta::default(), Default::default());
    let metadata = set.metadata.as_ref().unwrap_or(&no_metadata);
    let status = set.status.as_ref().unwrap_or(&no_status);
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let failure = status.conditions.iter().find(|it| it.r#type == "ReplicaFailure" && it.status == "True");
    let notes: Vec<_> = failure.map(|it| it.reason.clone()).into_iter().collect();
    let health = Health::of_replicas(status.ready_replicas, wanted, &notes);
    if metadata.owner_references.iter().any(|owner| owner.kind == "Deployment") {
        return Facts::new(metadata, health, Vec::new());
    }
    let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
    Facts {
        particular: workload(template, BTreeSet::new()),
        ..Facts::new(metadata, health, template_uses(metadata, template))
    }
}

pub(in crate::topology) fn stateful_set(set: &StatefulSet) -> Facts {
    let (no_metadata, no_spec, no_status) = (ObjectMeta::default(), Default::default(), Default::default());
    let metadata = set.metadata.as_ref().unwrap_or(&no_metadata);
    let spec = set.spec.as_ref().unwrap_or(&no_spec);
    let status = set.status.as_ref().unwrap_or(&no_status);
    let notes: Vec<_> = rollout_note(set.rollout.as_ref()).into_iter().collect();
    let health = Health::of_replicas(status.ready_replicas, spec.replicas.unwrap_or(1), &notes);
    // kubernetes: pkg/controller/statefulset/stateful_set_utils.go, getPersistentVolumeClaimName.
    let claim = |template: &ObjectMeta| format!("{}-{}-", template.name, metadata.name);
    let templates = spec.volume_claim_templates.iter().filter_map(|template| template.metadata.as_ref());
    Facts {
        particular: workload(spec.template.as_ref(), templates.map(claim).collect()),
        ..Facts::new(metadata, health, template_uses(metadata, spec.template.as_ref()))
    }
}

pub(in crate::topology) fn daemon_set(set: &DaemonSet) -> Facts {
    let (no_metadata, no_status) = (ObjectMeta::default(), Default::default());
    let metadata = set.metadata.as_ref().unwrap_or(&no_metadata);
    let status = set.status.as_ref().unwrap_or(&no_status);
    let ready = status.number_ready.unwrap_or_default();
    let wanted = status.desired_number_scheduled.unwrap_or_default();
    let notes: Vec<_> = rollout_note(set.rollout.as_ref()).into_iter().collect();
    let health = if wanted == 0 && ready == 0 && notes.is_empty() {
        Health::healthy("no node wants it")
    } else {
        Health::of_replicas(ready, wanted, &notes)
    };
    let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref());
    Facts {
        particular: workload(template, BTreeSet::new()),
        ..Facts::new(metadata, health, template_uses(metadata, template))
    }
}

pub(in crate::topology) fn job(job: &Job) -> Facts {
    let (no_metadata, no_status, no_columns) = (ObjectMeta::default(), Default::default(), Default::default());
    let metadata = job.metadata.as_ref().unwrap_or(&no_metadata);
    let status = job.status.as_ref().unwrap_or(&no_status);
    let columns = job.columns.as_ref().unwrap_or(&no_columns);
    let failed = status.conditions.iter().find(|it| it.r#type == "Failed" && it.status == "True");
    let pods = match status.failed {
        0 => String::new(),
        1 => ", 1 pod failed".to_owned(),
        many => format!(", {many} pods failed"),
    };
    let text = format!("{}, {}{pods}", columns.status, columns.completions);
    let health = match (failed, columns.status.as_str()) {
        (Some(failed), _) => Health::unhealthy(format!("Failed: {}{pods}", failed.reason)),
        (None, "Complete") => Health::healthy(text),
        (None, "Running") if status.failed == 0 => Health::healthy(text),
        (None, "FailureTarget") => Health::unhealthy(text),
        (None, _) => Health::degraded(text),
    };
    let template = job.spec.as_ref().and_then(|spec| spec.template.as_ref());
    Facts::new(metadata, health, template_uses(metadata, template))
}

pub(in crate::topology) fn cron_job(job: &CronJob) -> Facts {
    let (no_metadata, no_spec, no_status) = (ObjectMeta::default(), Default::default(), Default::default());
    let metadata = job.metadata.as_ref().unwrap_or(&no_metadata);
    let spec = job.spec.as_ref().unwrap_or(&no_spec);
    let status = job.status.as_ref().unwrap_or(&no_status);
    let seconds = |time: Option<&prost_types::Timestamp>| time.map(|time| time.seconds);
    let scheduled = seconds(status.last_schedule_time.as_ref());
    let unsuccessful = scheduled.is_some() && seconds(status.last_successful_time.as_ref()) < scheduled;
    let text = format!("{} active", status.active.len());
    let health = if spec.suspend == Some(true) {
        Health::degraded("suspended")
    } else if unsuccessful && status.active.is_empty() {
        Health::degraded(format!("{text}, the last run did not succeed"))
    } else {
        Health::healthy(text)
    };
    let template = spec.job_template.as_ref().and_then(|template| template.spec.as_ref());
    Facts::new(metadata, health, template_uses(metadata, template.and_then(|job| job.template.as_ref())))
}
