//! Deployments as `kubectl get deployments` prints them.

use gumshoe_proto::collector::v1::Deployment;

use super::{Kind, column::Column};

impl Kind for Deployment {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("READY", |it| it.ready.clone()),
        Column::<Self>::derived("UP-TO-DATE", |it| it.up_to_date.to_string()),
        Column::<Self>::derived("AVAILABLE", |it| it.available.to_string()),
        Column::age(),
        Column::<Self>::derived("CONTAINERS", |it| it.containers.clone()).wide(),
        Column::<Self>::derived("IMAGES", |it| it.images.clone()).wide(),
        Column::<Self>::derived("SELECTOR", |it| it.selector.clone()).wide(),
    ];
}
