//! Namespaces as `kubectl get namespaces` prints them.

use gumshoe_proto::{
    collector::v1::{GetNamespaceRequest, ListNamespacesRequest, Namespace},
    human_duration::human_age,
};
use prost_types::Timestamp;

use super::{Kind, arguments::ByName, names::Names, scope::NoScopeArgs};

impl Kind for Namespace {
    type Name = ByName<GetNamespaceRequest>;
    type Scope = NoScopeArgs;
    type List = ListNamespacesRequest;
    type Flags = ();

    const NAMES: Names = Names { singular: "namespace", plural: "namespaces", short: &["ns"] };
    const ABOUT: &'static str = "Namespaces, with their phase";
    const FIELDS: &'static str = "metadata.name=shop";

    fn columns(_wide: bool) -> Vec<&'static str> {
        vec!["NAME", "STATUS", "AGE"]
    }

    fn row(&self, _wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        vec![metadata.name, derived.status, age]
    }
}
