//! Cron jobs as `kubectl get cronjobs` prints them.

use gumshoe_proto::{collector::v1::CronJob, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for CronJob {
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
