//! Horizontal pod autoscalers as `kubectl get horizontalpodautoscalers` prints them.

use gumshoe_proto::collector::v1::HorizontalPodAutoscaler;

use super::{Kind, column::Column};

impl Kind for HorizontalPodAutoscaler {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("REFERENCE", |it| it.reference.clone()),
        Column::<Self>::derived("TARGETS", |it| it.targets.clone()),
        Column::<Self>::derived("MINPODS", |it| it.min_pods.clone()),
        Column::<Self>::derived("MAXPODS", |it| it.max_pods.to_string()),
        Column::<Self>::derived("REPLICAS", |it| it.replicas.to_string()),
        Column::age(),
    ];
}
