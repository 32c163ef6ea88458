//! Cron jobs: `CronJobService`, and the columns that `kubectl get cronjobs` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printCronJob).

use gumshoe_proto::{
    collector::v1::{
        CronJob, CronJobColumns, CronJobSpec, CronJobStatus, GetCronJobRequest, JobSpec, ListCronJobsRequest,
    },
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

impl Kind for CronJob {
    const RESOURCE: Resource = Resource::of::<batch::CronJob>();

    fn derive(&mut self, now: Timestamp) {
        self.columns = Some(columns(self, now));
    }
}

/// Serves `CronJobService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetCronJobRequest>(reader).list::<ListCronJobsRequest>(reader)
}

fn columns(job: &CronJob, now: Timestamp) -> CronJobColumns {
    let (no_spec, no_status) = (CronJobSpec::default(), CronJobStatus::default());
    let spec = job.spec.as_ref().unwrap_or(&no_spec);
    let status = job.status.as_ref().unwrap_or(&no_status);
    let no_job = JobSpec::default();
    let template = spec.job_template.as_ref().and_then(|template| template.spec.as_ref()).unwrap_or(&no_job);
    let [containers, images] = cells::containers(template.template.as_ref());
    CronJobColumns {
        schedule: spec.schedule.clone(),
        timezone: cells::or_none(&spec.time_zone),
        suspend: match spec.suspend {
            Some(true) => "True",
            Some(false) => "False",
            None => "<unset>",
        }
        .to_owned(),
        active: i32::try_from(status.active.len()).unwrap_or(i32::MAX),
        last_schedule: match &status.last_schedule_time {
            None => cells::NONE.to_owned(),
            last => human_age(last.as_ref(), &now),
        },
        containers,
        images,
        selector: cells::or_none(&cells::selector(template.selector.as_ref())),
    }
}
