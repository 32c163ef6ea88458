//! Namespaces as `kubectl get namespaces` prints them.

use gumshoe_proto::collector::v1::{Namespace, NamespaceColumns};

use super::{Kind, column::Column};

impl Kind for Namespace {
    type Derived = NamespaceColumns;

    const TABLE: &'static [Column<Self>] =
        &[Column::name(), Column::<Self>::derived("STATUS", |it| it.status.clone()), Column::age()];

    fn derived(&self) -> Option<&NamespaceColumns> {
        self.columns.as_ref()
    }
}
