//! Pods as `kubectl get pods` prints them.

use gumshoe_proto::collector::v1::Pod;

use super::{Kind, column::Column};

impl Kind for Pod {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("READY", |it| it.ready.clone()),
        Column::<Self>::derived("STATUS", |it| it.status.clone()),
        Column::<Self>::derived("RESTARTS", |it| it.restarts.clone()),
        Column::age(),
        Column::<Self>::derived("IP", |it| it.ip.clone()).wide(),
        Column::<Self>::derived("NODE", |it| it.node.clone()).wide(),
        Column::<Self>::derived("NOMINATED NODE", |it| it.nominated_node.clone()).wide(),
        Column::<Self>::derived("READINESS GATES", |it| it.readiness_gates.clone()).wide(),
    ];
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{ObjectMeta, PodColumns};
    use prost_types::Timestamp;

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
        let titles: Vec<_> = Column::<Pod>::titles(false).collect();
        assert_eq!(titles, ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
        assert_eq!(Column::cells(&mk_pod(), false, &NOW), ["web-0", "1/2", "CrashLoopBackOff", "3 (5m ago)", "5m"]);
    }

    #[test]
    fn the_wide_columns_are_those_that_the_collector_derives() {
        let mut pod = mk_pod();
        let columns = pod.columns.as_mut().unwrap();
        (columns.ip, columns.node) = ("10.0.0.1".into(), "node-1".into());
        (columns.nominated_node, columns.readiness_gates) = ("<none>".into(), "1/3".into());
        assert_eq!(Column::cells(&pod, true, &NOW)[5..], ["10.0.0.1", "node-1", "<none>", "1/3"]);
    }
}
