//! Stateful sets as `kubectl get statefulsets` prints them.

use gumshoe_proto::{
    collector::v1::{GetStatefulSetRequest, ListStatefulSetsRequest, StatefulSet},
    human_duration::human_age,
};
use prost_types::Timestamp;

use super::{Kind, arguments::ByName, names::Names, scope::ScopeArgs};

impl Kind for StatefulSet {
    type Name = ByName<GetStatefulSetRequest>;
    type Scope = ScopeArgs;
    type List = ListStatefulSetsRequest;
    type Flags = ();

    const NAMES: Names = Names { singular: "statefulset", plural: "statefulsets", short: &["sts"] };
    const ABOUT: &'static str = "Stateful sets, with wanted and ready replicas";
    const FIELDS: &'static str = "metadata.name=db";

    fn columns(wide: bool) -> Vec<&'static str> {
        let mut columns = vec!["NAME", "READY", "AGE"];
        if wide {
            columns.extend(["CONTAINERS", "IMAGES"]);
        }
        columns
    }

    fn row(&self, wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        let mut row = vec![metadata.name, derived.ready, age];
        if wide {
            row.extend([derived.containers, derived.images]);
        }
        row
    }
}
