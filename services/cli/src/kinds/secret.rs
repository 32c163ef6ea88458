//! Secrets as `kubectl get secrets` prints them.

use gumshoe_proto::collector::v1::{SecretColumns, SecretMetadata};

use super::{Kind, column::Column};

impl Kind for SecretMetadata {
    type Derived = SecretColumns;

    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("TYPE", |it| it.r#type.clone()),
        Column::<Self>::derived("DATA", |it| it.data.to_string()),
        Column::age(),
    ];

    fn derived(&self) -> Option<&SecretColumns> {
        self.columns.as_ref()
    }
}
