//! Secrets as `kubectl get secrets` prints them.

use gumshoe_proto::collector::v1::SecretMetadata;

use super::{Kind, column::Column};

impl Kind for SecretMetadata {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("TYPE", |it| it.r#type.clone()),
        Column::<Self>::derived("DATA", |it| it.data.to_string()),
        Column::age(),
    ];
}
