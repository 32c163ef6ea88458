//! Cron jobs as `kubectl get cronjobs` prints them.

use gumshoe_proto::collector::v1::CronJob;

use super::{Kind, column::Column};

impl Kind for CronJob {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("SCHEDULE", |it| it.schedule.clone()),
        Column::<Self>::derived("TIMEZONE", |it| it.timezone.clone()),
        Column::<Self>::derived("SUSPEND", |it| it.suspend.clone()),
        Column::<Self>::derived("ACTIVE", |it| it.active.to_string()),
        Column::<Self>::derived("LAST SCHEDULE", |it| it.last_schedule.clone()),
        Column::age(),
        Column::<Self>::derived("CONTAINERS", |it| it.containers.clone()).wide(),
        Column::<Self>::derived("IMAGES", |it| it.images.clone()).wide(),
        Column::<Self>::derived("SELECTOR", |it| it.selector.clone()).wide(),
    ];
}
