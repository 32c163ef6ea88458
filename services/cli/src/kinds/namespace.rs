//! Namespaces as `kubectl get namespaces` prints them.

use gumshoe_proto::{collector::v1::Namespace, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for Namespace {
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
