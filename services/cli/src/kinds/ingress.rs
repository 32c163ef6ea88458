//! Ingresses as `kubectl get ingresses` prints them.

use gumshoe_proto::collector::v1::Ingress;

use super::{Kind, column::Column};

impl Kind for Ingress {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("CLASS", |it| it.class.clone()),
        Column::<Self>::derived("HOSTS", |it| it.hosts.clone()),
        Column::<Self>::derived("ADDRESS", |it| it.address.clone()),
        Column::<Self>::derived("PORTS", |it| it.ports.clone()),
        Column::age(),
    ];
}
