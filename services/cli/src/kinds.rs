//! The tables of the kinds, one file each, as kubectl prints them.
//!
//! Not here: what people call a kind, and the requests that read it, which are in gumshoe-kubectl; how tables are written, in `render`.

mod column;
mod config_map;
mod cron_job;
mod daemon_set;
mod deployment;
mod endpoint;
mod event;
mod horizontal_pod_autoscaler;
mod ingress;
mod job;
mod namespace;
mod node;
mod persistent_volume_claim;
mod pod;
mod replica_set;
mod secret;
mod service;
mod stateful_set;

use gumshoe_proto::methods::Columned;
use prost_types::Timestamp;

use self::column::Column;
use crate::page::{Item, Layout};

/// The table of a kind.
pub(crate) trait Kind: Columned {
    /// The columns, without the namespace.
    const TABLE: &'static [Column<Self>];
}

impl<K: Kind> Item for K {
    fn columns(layout: Layout) -> Vec<&'static str> {
        let namespace = layout.with_namespace.then_some("NAMESPACE");
        namespace.into_iter().chain(Column::<K>::titles(layout.wide)).collect()
    }

    fn rows(&self, layout: Layout, now: &Timestamp) -> Vec<Vec<String>> {
        let namespace = || self.metadata().map(|metadata| metadata.namespace.clone()).unwrap_or_default();
        let namespace = layout.with_namespace.then(namespace);
        vec![namespace.into_iter().chain(Column::cells(self, layout.wide, now)).collect()]
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::Pod;

    use super::*;

    #[test]
    fn a_table_has_the_namespace_in_front_where_there_are_several() {
        let layout = |with_namespace| Layout { with_namespace, wide: false };
        for with_namespace in [false, true] {
            let (columns, row) = (
                <Pod as Item>::columns(layout(with_namespace)),
                Item::rows(&Pod::default(), layout(with_namespace), &Timestamp::default()).concat(),
            );
            assert_eq!(columns.len(), row.len());
            assert_eq!(columns[0], if with_namespace { "NAMESPACE" } else { "NAME" });
        }
    }
}
