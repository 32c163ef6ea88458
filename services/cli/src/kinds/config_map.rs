//! Config maps as `kubectl get configmaps` prints them.

use gumshoe_proto::collector::v1::{ConfigMap, ConfigMapColumns};

use super::{Kind, column::Column};

impl Kind for ConfigMap {
    type Derived = ConfigMapColumns;

    const TABLE: &'static [Column<Self>] =
        &[Column::name(), Column::<Self>::derived("DATA", |it| it.data.to_string()), Column::age()];

    fn derived(&self) -> Option<&ConfigMapColumns> {
        self.columns.as_ref()
    }
}
