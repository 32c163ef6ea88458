//! Replica sets as `kubectl get replicasets` prints them.

use gumshoe_proto::{
    collector::v1::{GetReplicaSetRequest, ListReplicaSetsRequest, ReplicaSet},
    human_duration::human_age,
};
use prost_types::Timestamp;

use super::{Kind, arguments::ByName, names::Names, scope::ScopeArgs};

impl Kind for ReplicaSet {
    type Name = ByName<GetReplicaSetRequest>;
    type Scope = ScopeArgs;
    type List = ListReplicaSetsRequest;
    type Flags = ();

    const NAMES: Names = Names { singular: "replicaset", plural: "replicasets", short: &["rs"] };
    const ABOUT: &'static str = "Replica sets, with wanted and ready replicas";
    const FIELDS: &'static str = "metadata.name=web-5d4";

    fn columns(wide: bool) -> Vec<&'static str> {
        let mut columns = vec!["NAME", "DESIRED", "CURRENT", "READY", "AGE"];
        if wide {
            columns.extend(["CONTAINERS", "IMAGES", "SELECTOR"]);
        }
        columns
    }

    fn row(&self, wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        let mut row = vec![
            metadata.name,
            derived.desired.to_string(),
            derived.current.to_string(),
            derived.ready.to_string(),
            age,
        ];
        if wide {
            row.extend([derived.containers, derived.images, derived.selector]);
        }
        row
    }
}
