//! Stateful sets as `kubectl get statefulsets` prints them.

use gumshoe_proto::{collector::v1::StatefulSet, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for StatefulSet {
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
