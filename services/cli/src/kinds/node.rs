//! Nodes as `kubectl get nodes` prints them.

use gumshoe_proto::collector::v1::Node;

use super::{Kind, column::Column};

impl Kind for Node {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("STATUS", |it| it.status.clone()),
        Column::<Self>::derived("ROLES", |it| it.roles.clone()),
        Column::age(),
        Column::<Self>::derived("VERSION", |it| it.version.clone()),
        Column::<Self>::derived("INTERNAL-IP", |it| it.internal_ip.clone()).wide(),
        Column::<Self>::derived("EXTERNAL-IP", |it| it.external_ip.clone()).wide(),
        Column::<Self>::derived("OS-IMAGE", |it| it.os_image.clone()).wide(),
        Column::<Self>::derived("KERNEL-VERSION", |it| it.kernel_version.clone()).wide(),
        Column::<Self>::derived("CONTAINER-RUNTIME", |it| it.container_runtime.clone()).wide(),
    ];
}
