//! Secrets as `kubectl get secrets` prints them.

use gumshoe_proto::{collector::v1::SecretMetadata, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for SecretMetadata {
    fn columns(_wide: bool) -> Vec<&'static str> {
        vec!["NAME", "TYPE", "DATA", "AGE"]
    }

    fn row(&self, _wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        vec![metadata.name, derived.r#type, derived.data.to_string(), age]
    }
}
