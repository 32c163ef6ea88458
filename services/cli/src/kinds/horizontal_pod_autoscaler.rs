//! Horizontal pod autoscalers as `kubectl get horizontalpodautoscalers` prints them.

use gumshoe_proto::{collector::v1::HorizontalPodAutoscaler, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for HorizontalPodAutoscaler {
    fn columns(_wide: bool) -> Vec<&'static str> {
        vec!["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]
    }

    fn row(&self, _wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        vec![
            metadata.name,
            derived.reference,
            derived.targets,
            derived.min_pods,
            derived.max_pods.to_string(),
            derived.replicas.to_string(),
            age,
        ]
    }
}
