//! The kinds of objects that can be read, one file each: what people call them, and their table.
//!
//! Not here: what is the same for every kind. Their arguments are in `arguments`, the way back to words in `query`, how tables are
//! written in `render`; how a kind is read is no business of ours.

mod arguments;
mod config_map;
mod cron_job;
mod daemon_set;
mod deployment;
mod event;
mod horizontal_pod_autoscaler;
mod ingress;
mod job;
pub(crate) mod names;
mod namespace;
mod node;
mod persistent_volume_claim;
mod pod;
mod replica_set;
pub(crate) mod scope;
mod service;
mod stateful_set;
mod words;

use clap::{ArgMatches, Args, Command};
use gumshoe_proto::{
    collector::v1::{
        ConfigMap, CronJob, DaemonSet, Deployment, Event, HorizontalPodAutoscaler, Ingress, Job, Namespace, Node,
        PersistentVolumeClaim, Pod, ReplicaSet, Service, StatefulSet,
    },
    methods::{ListRequest, Object, Page},
};
use prost_types::Timestamp;

pub(crate) use self::words::Words;
use self::{arguments::Name, names::Names};
use crate::{
    page::{Item, Layout, Request},
    units::Noun,
};

/// One line a kind, in the order of `--help`: from it follow `gumshoe get KIND`, the `--query` of `run`, and `--for KIND/NAME`.
pub(crate) const KINDS: &[Entry] = &[
    Entry::of::<Pod>(),
    Entry::of::<Event>(),
    Entry::of::<Deployment>(),
    Entry::of::<ReplicaSet>(),
    Entry::of::<StatefulSet>(),
    Entry::of::<DaemonSet>(),
    Entry::of::<Job>(),
    Entry::of::<CronJob>(),
    Entry::of::<Service>(),
    Entry::of::<Ingress>(),
    Entry::of::<ConfigMap>(),
    Entry::of::<PersistentVolumeClaim>(),
    Entry::of::<HorizontalPodAutoscaler>(),
    Entry::of::<Node>(),
    Entry::of::<Namespace>(),
];

/// A kind of objects, as people ask for it and see it.
pub(crate) trait Kind: Object {
    /// One object by its name: [`ByName`](arguments::ByName), or `()` where they can only be listed.
    type Name: Name;
    /// Where they are: [`ScopeArgs`](scope::ScopeArgs), or [`NoScopeArgs`](scope::NoScopeArgs) where they are in no namespace.
    type Scope: scope::Scope;
    /// A list of them.
    type List: ListRequest<Response: Page<Item = Self>>;
    /// The flags that only lists of this kind have.
    type Flags: Flags<Self::List>;

    /// As people name it.
    const NAMES: Names;
    /// A line for `--help`.
    const ABOUT: &'static str;
    /// What can be selected by fields, for `--help`: `status.phase=Running`.
    const FIELDS: &'static str;
    /// What `--limit` is, for `--help`.
    const LIMIT: &'static str = "Most {objects} to read";

    /// The table's header, without the namespace.
    fn columns(wide: bool) -> Vec<&'static str>;

    /// One object as a row of that table.
    fn row(&self, wide: bool, now: &Timestamp) -> Vec<String>;
}

/// Flags that only lists of one kind have. The way back, from a request to its words, is in `query/describe.rs`.
pub(crate) trait Flags<L>: Args {
    /// Puts them into the request.
    fn apply(self, list: &mut L);
}

impl<L> Flags<L> for () {
    fn apply(self, _: &mut L) {}
}

/// A kind in the list of all.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As objects write it: `Pod`.
    kind: &'static str,
    /// As people name it.
    pub(crate) names: Names,
    /// A line for `--help`.
    pub(crate) about: &'static str,
    /// Its arguments.
    pub(crate) command: fn() -> Command,
    /// The request that arguments ask for, else how they contradict each other.
    pub(crate) request: fn(&ArgMatches) -> Result<Result<Request, String>, clap::Error>,
}

impl Entry {
    const fn of<K: Kind>() -> Self {
        Self {
            kind: K::NAME,
            names: K::NAMES,
            about: K::ABOUT,
            command: arguments::command::<K>,
            request: arguments::request::<K>,
        }
    }
}

impl<K: Kind> Item for K {
    const NOUN: Noun = Noun { one: K::NAMES.singular, many: K::NAMES.plural };

    fn columns(layout: Layout) -> Vec<&'static str> {
        let namespace = layout.with_namespace.then_some("NAMESPACE");
        namespace.into_iter().chain(K::columns(layout.wide)).collect()
    }

    fn row(&self, layout: Layout, now: &Timestamp) -> Vec<String> {
        let namespace = || self.metadata().map(|metadata| metadata.namespace.clone()).unwrap_or_default();
        let namespace = layout.with_namespace.then(namespace);
        namespace.into_iter().chain(Kind::row(self, layout.wide, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_namespace_in_front_where_there_are_several() {
        let layout = |with_namespace| Layout { with_namespace, wide: false };
        for with_namespace in [false, true] {
            let (columns, row) = (
                <Pod as Item>::columns(layout(with_namespace)),
                Item::row(&Pod::default(), layout(with_namespace), &Timestamp::default()),
            );
            assert_eq!(columns.len(), row.len());
            assert_eq!(columns[0], if with_namespace { "NAMESPACE" } else { "NAME" });
        }
    }

    #[test]
    fn a_kind_is_named_as_objects_write_it() {
        for entry in KINDS {
            assert_eq!(entry.kind.to_ascii_lowercase(), entry.names.singular);
        }
    }
}
