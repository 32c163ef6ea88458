//! Horizontal pod autoscalers as `kubectl get horizontalpodautoscalers` prints them.

use gumshoe_proto::{
    collector::v1::{GetHorizontalPodAutoscalerRequest, HorizontalPodAutoscaler, ListHorizontalPodAutoscalersRequest},
    human_duration::human_age,
};
use prost_types::Timestamp;

use super::{Kind, arguments::ByName, names::Names, scope::ScopeArgs};

impl Kind for HorizontalPodAutoscaler {
    type Name = ByName<GetHorizontalPodAutoscalerRequest>;
    type Scope = ScopeArgs;
    type List = ListHorizontalPodAutoscalersRequest;
    type Flags = ();

    const NAMES: Names =
        Names { singular: "horizontalpodautoscaler", plural: "horizontalpodautoscalers", short: &["hpa"] };
    const ABOUT: &'static str = "Horizontal pod autoscalers, with what they measure and want";
    const FIELDS: &'static str = "metadata.name=web";

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
