//! Jobs: `JobService`, and the columns that `kubectl get jobs` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printJob).

use gumshoe_proto::{
    collector::v1::{GetJobRequest, Job, JobColumns, JobSpec, JobStatus, ListJobsRequest},
    human_duration::human_age,
};
use k8s_openapi::api::batch::v1 as batch;
use prost_types::Timestamp;

use super::cells;
use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for Job {
    const RESOURCE: Resource = Resource::of::<batch::Job>();

    fn derive(&mut self, now: Timestamp) {
        self.columns = Some(columns(self, now));
    }
}

/// Serves `JobService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetJobRequest>(reader).list::<ListJobsRequest>(reader)
}

fn columns(job: &Job, now: Timestamp) -> JobColumns {
    let (no_spec, no_status) = (JobSpec::default(), JobStatus::default());
    let spec = job.spec.as_ref().unwrap_or(&no_spec);
    let status = job.status.as_ref().unwrap_or(&no_status);
    let [containers, images] = cells::containers(spec.template.as_ref());
    JobColumns {
        status: state(job, status).to_owned(),
        completions: completions(spec, status),
        duration: match (&status.start_time, &status.completion_time) {
            (None, _) => String::new(),
            (start, end) => human_age(start.as_ref(), end.as_ref().unwrap_or(&now)),
        },
        containers,
        images,
        selector: cells::or_none(&cells::selector(spec.selector.as_ref())),
    }
}

/// The first that holds, in the server's order.
fn state(job: &Job, status: &JobStatus) -> &'static str {
    let has = |kind: &str| status.conditions.iter().any(|it| it.r#type == kind && it.status == "True");
    let deleted = job.metadata.as_ref().is_some_and(|metadata| metadata.deletion_timestamp.is_some());
    match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if deleted => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

/// How many pods have succeeded, of how many: a work queue needs one, of however many run at a time.
fn completions(spec: &JobSpec, status: &JobStatus) -> String {
    match (spec.completions, spec.parallelism.unwrap_or_default()) {
        (Some(completions), _) => format!("{}/{completions}", status.succeeded),
        (None, parallelism) if parallelism > 1 => format!("{}/1 of {parallelism}", status.succeeded),
        (None, _) => format!("{}/1", status.succeeded),
    }
}
