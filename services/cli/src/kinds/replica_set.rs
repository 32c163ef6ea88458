//! Replica sets as `kubectl get replicasets` prints them.

use gumshoe_proto::{collector::v1::ReplicaSet, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for ReplicaSet {
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
