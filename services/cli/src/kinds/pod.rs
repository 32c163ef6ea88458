//! Pods as `kubectl get pods` prints them.

use gumshoe_proto::{collector::v1::Pod, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for Pod {
    fn columns(wide: bool) -> Vec<&'static str> {
        let mut columns = vec!["NAME", "READY", "STATUS", "RESTARTS", "AGE"];
        if wide {
            columns.extend(["IP", "NODE", "NOMINATED NODE", "READINESS GATES"]);
        }
        columns
    }

    fn row(&self, wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        let mut row = vec![metadata.name, derived.ready, derived.status, derived.restarts, age];
        if wide {
            row.extend([derived.ip, derived.node, derived.nominated_node, derived.readiness_gates]);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{ObjectMeta, PodColumns};

    use super::*;

    const NOW: Timestamp = Timestamp { seconds: 1_000, nanos: 0 };

    fn mk_pod() -> Pod {
        Pod {
            metadata: Some(ObjectMeta {
                name: "web-0".into(),
                namespace: "shop".into(),
                creation_timestamp: Some(Timestamp { seconds: 700, nanos: 0 }),
                ..ObjectMeta::default()
            }),
            columns: Some(PodColumns {
                ready: "1/2".into(),
                status: "CrashLoopBackOff".into(),
                restarts: "3 (5m ago)".into(),
                ..PodColumns::default()
            }),
            ..Pod::default()
        }
    }

    #[test]
    fn a_pod_reads_as_in_kubectl() {
        assert_eq!(Pod::columns(false), ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
        assert_eq!(mk_pod().row(false, &NOW), ["web-0", "1/2", "CrashLoopBackOff", "3 (5m ago)", "5m"]);
    }

    #[test]
    fn the_wide_columns_are_those_that_the_collector_derives() {
        let mut pod = mk_pod();
        let columns = pod.columns.as_mut().unwrap();
        (columns.ip, columns.node) = ("10.0.0.1".into(), "node-1".into());
        (columns.nominated_node, columns.readiness_gates) = ("<none>".into(), "1/3".into());
        assert_eq!(pod.row(true, &NOW)[5..], ["10.0.0.1", "node-1", "<none>", "1/3"]);
        assert_eq!(Pod::columns(true).len(), pod.row(true, &NOW).len());
    }
}
