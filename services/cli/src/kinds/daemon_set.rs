//! Daemon sets as `kubectl get daemonsets` prints them.

use gumshoe_proto::{collector::v1::DaemonSet, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for DaemonSet {
    fn columns(wide: bool) -> Vec<&'static str> {
        let mut columns =
            vec!["NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR", "AGE"];
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
            derived.up_to_date.to_string(),
            derived.available.to_string(),
            derived.node_selector,
            age,
        ];
        if wide {
            row.extend([derived.containers, derived.images, derived.selector]);
        }
        row
    }
}
