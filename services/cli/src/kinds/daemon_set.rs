//! Daemon sets as `kubectl get daemonsets` prints them.

use gumshoe_proto::collector::v1::DaemonSet;

use super::{Kind, column::Column};

impl Kind for DaemonSet {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("DESIRED", |it| it.desired.to_string()),
        Column::<Self>::derived("CURRENT", |it| it.current.to_string()),
        Column::<Self>::derived("READY", |it| it.ready.to_string()),
        Column::<Self>::derived("UP-TO-DATE", |it| it.up_to_date.to_string()),
        Column::<Self>::derived("AVAILABLE", |it| it.available.to_string()),
        Column::<Self>::derived("NODE SELECTOR", |it| it.node_selector.clone()),
        Column::age(),
        Column::<Self>::derived("CONTAINERS", |it| it.containers.clone()).wide(),
        Column::<Self>::derived("IMAGES", |it| it.images.clone()).wide(),
        Column::<Self>::derived("SELECTOR", |it| it.selector.clone()).wide(),
    ];
}
