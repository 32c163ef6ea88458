//! Services as `kubectl get services` prints them.

use gumshoe_proto::collector::v1::Service;

use super::{Kind, column::Column};

impl Kind for Service {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("TYPE", |it| it.r#type.clone()),
        Column::<Self>::derived("CLUSTER-IP", |it| it.cluster_ip.clone()),
        Column::<Self>::derived("EXTERNAL-IP", |it| it.external_ip.clone()),
        Column::<Self>::derived("PORT(S)", |it| it.ports.clone()),
        Column::age(),
        Column::<Self>::derived("SELECTOR", |it| it.selector.clone()).wide(),
    ];
}
