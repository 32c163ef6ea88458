//! Jobs as `kubectl get jobs` prints them.

use gumshoe_proto::collector::v1::Job;

use super::{Kind, column::Column};

impl Kind for Job {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("STATUS", |it| it.status.clone()),
        Column::<Self>::derived("COMPLETIONS", |it| it.completions.clone()),
        Column::<Self>::derived("DURATION", |it| it.duration.clone()),
        Column::age(),
        Column::<Self>::derived("CONTAINERS", |it| it.containers.clone()).wide(),
        Column::<Self>::derived("IMAGES", |it| it.images.clone()).wide(),
        Column::<Self>::derived("SELECTOR", |it| it.selector.clone()).wide(),
    ];
}
