//! Services as `kubectl get services` prints them.

use gumshoe_proto::{collector::v1::Service, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for Service {
    fn columns(wide: bool) -> Vec<&'static str> {
        let mut columns = vec!["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"];
        if wide {
            columns.extend(["SELECTOR"]);
        }
        columns
    }

    fn row(&self, wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        let mut row = vec![metadata.name, derived.r#type, derived.cluster_ip, derived.external_ip, derived.ports, age];
        if wide {
            row.extend([derived.selector]);
        }
        row
    }
}
