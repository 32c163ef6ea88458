//! Replica sets as `kubectl get replicasets` prints them.

use gumshoe_proto::collector::v1::ReplicaSet;

use super::{Kind, column::Column};

impl Kind for ReplicaSet {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("DESIRED", |it| it.desired.to_string()),
        Column::<Self>::derived("CURRENT", |it| it.current.to_string()),
        Column::<Self>::derived("READY", |it| it.ready.to_string()),
        Column::age(),
        Column::<Self>::derived("CONTAINERS", |it| it.containers.clone()).wide(),
        Column::<Self>::derived("IMAGES", |it| it.images.clone()).wide(),
        Column::<Self>::derived("SELECTOR", |it| it.selector.clone()).wide(),
    ];
}
