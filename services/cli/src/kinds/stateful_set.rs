//! Stateful sets as `kubectl get statefulsets` prints them.

use gumshoe_proto::collector::v1::StatefulSet;

use super::{Kind, column::Column};

impl Kind for StatefulSet {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("READY", |it| it.ready.clone()),
        Column::age(),
        Column::<Self>::derived("CONTAINERS", |it| it.containers.clone()).wide(),
        Column::<Self>::derived("IMAGES", |it| it.images.clone()).wide(),
    ];
}
