//! Nodes as `kubectl get nodes` prints them.

use gumshoe_proto::{collector::v1::Node, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for Node {
    fn columns(wide: bool) -> Vec<&'static str> {
        let mut columns = vec!["NAME", "STATUS", "ROLES", "AGE", "VERSION"];
        if wide {
            columns.extend(["INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"]);
        }
        columns
    }

    fn row(&self, wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        let mut row = vec![metadata.name, derived.status, derived.roles, age, derived.version];
        if wide {
            row.extend([
                derived.internal_ip,
                derived.external_ip,
                derived.os_image,
                derived.kernel_version,
                derived.container_runtime,
            ]);
        }
        row
    }
}
