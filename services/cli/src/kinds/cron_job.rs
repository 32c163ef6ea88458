//! Cron jobs as `kubectl get cronjobs` prints them.

use gumshoe_proto::{
    collector::v1::{CronJob, GetCronJobRequest, ListCronJobsRequest},
    human_duration::human_age,
};
use prost_types::Timestamp;

use super::{Kind, arguments::ByName, names::Names, scope::ScopeArgs};

impl Kind for CronJob {
    type Name = ByName<GetCronJobRequest>;
    type Scope = ScopeArgs;
    type List = ListCronJobsRequest;
    type Flags = ();

    const NAMES: Names = Names { singular: "cronjob", plural: "cronjobs", short: &["cj"] };
    const ABOUT: &'static str = "Cron jobs, with their schedule and last run";
    const FIELDS: &'static str = "metadata.name=report";

    fn columns(wide: bool) -> Vec<&'static str> {
        let mut columns = vec!["NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST SCHEDULE", "AGE"];
        if wide {
            columns.extend(["CONTAINERS", "IMAGES", "SELECTOR"]);
        }
        columns
    }

    fn row(&self, wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        let mut row = vec![
            metadata.name,
            derived.schedule,
            derived.timezone,
            derived.suspend,
            derived.active.to_string(),
            derived.last_schedule,
            age,
        ];
        if wide {
            row.extend([derived.containers, derived.images, derived.selector]);
        }
        row
    }
}
