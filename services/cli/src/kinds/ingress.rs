//! Ingresses as `kubectl get ingresses` prints them.

use gumshoe_proto::{collector::v1::Ingress, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for Ingress {
    fn columns(_wide: bool) -> Vec<&'static str> {
        vec!["NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS", "AGE"]
    }

    fn row(&self, _wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        vec![metadata.name, derived.class, derived.hosts, derived.address, derived.ports, age]
    }
}
