//! Namespaces as `kubectl get namespaces` prints them.

use gumshoe_proto::collector::v1::Namespace;

use super::{Kind, column::Column};

impl Kind for Namespace {
    const TABLE: &'static [Column<Self>] =
        &[Column::name(), Column::<Self>::derived("STATUS", |it| it.status.clone()), Column::age()];
}
