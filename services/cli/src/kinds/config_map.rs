//! Config maps as `kubectl get configmaps` prints them.

use gumshoe_proto::collector::v1::ConfigMap;

use super::{Kind, column::Column};

impl Kind for ConfigMap {
    const TABLE: &'static [Column<Self>] =
        &[Column::name(), Column::<Self>::derived("DATA", |it| it.data.to_string()), Column::age()];
}
