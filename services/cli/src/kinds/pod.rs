//! Pods as `kubectl get pods` prints them.

use gumshoe_proto::{
    collector::v1::{GetPodRequest, ListPodsRequest, Pod, PodSpec, PodStatus},
    human_duration::human_age,
};
use prost_types::Timestamp;

use super::{Kind, arguments::ByName, names::Names, scope::ScopeArgs};

/// What kubectl prints where a column has nothing to say.
const NONE: &str = "<none>";

impl Kind for Pod {
    type Name = ByName<GetPodRequest>;
    type Scope = ScopeArgs;
    type List = ListPodsRequest;
    type Flags = ();

    const NAMES: Names = Names { singular: "pod", plural: "pods", short: &["po"] };
    const ABOUT: &'static str = "Pods, with STATUS, READY and RESTARTS as kubectl prints them";
    const FIELDS: &'static str = "status.phase=Running,spec.nodeName=node-1";

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
            row.extend(wide_cells(self.spec.as_ref(), self.status.as_ref()));
        }
        row
    }
}

fn wide_cells(spec: Option<&PodSpec>, status: Option<&PodStatus>) -> [String; 4] {
    let ip = status.and_then(|status| status.pod_ips.first()).map(|ip| ip.ip.as_str());
    let node = spec.map(|spec| spec.node_name.as_str());
    let nominated = status.map(|status| status.nominated_node_name.as_str());
    [or_none(ip), or_none(node), or_none(nominated), readiness_gates(spec, status)]
}

fn or_none(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or(NONE).to_owned()
}

/// How many of the pod's readiness gates are open: `1/2`.
fn readiness_gates(spec: Option<&PodSpec>, status: Option<&PodStatus>) -> String {
    let gates = spec.map_or(&[][..], |spec| &spec.readiness_gates);
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let conditions = status.map_or(&[][..], |status| &status.conditions);
    let is_true = |gate: &str| conditions.iter().find(|it| it.r#type == gate).is_some_and(|it| it.status == "True");
    let open = gates.iter().filter(|gate| is_true(&gate.condition_type)).count();
    format!("{open}/{}", gates.len())
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{ObjectMeta, PodColumns, PodCondition, PodIp, PodReadinessGate};

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
    fn the_wide_columns_say_none_where_there_is_nothing() {
        assert_eq!(mk_pod().row(true, &NOW)[4..], ["5m", "<none>", "<none>", "<none>", "<none>"]);
        assert_eq!(Pod::columns(true).len(), mk_pod().row(true, &NOW).len());
    }

    #[test]
    fn the_wide_columns_hold_address_node_and_gates() {
        let mut pod = mk_pod();
        let gate = |name: &str| PodReadinessGate { condition_type: name.to_owned() };
        pod.spec = Some(PodSpec {
            node_name: "node-1".into(),
            readiness_gates: vec![gate("a"), gate("b"), gate("c")],
            ..PodSpec::default()
        });
        let condition = |name: &str, status: &str| PodCondition {
            r#type: name.to_owned(),
            status: status.to_owned(),
            ..PodCondition::default()
        };
        pod.status = Some(PodStatus {
            pod_ips: vec![PodIp { ip: "10.0.0.1".into() }, PodIp { ip: "fd00::1".into() }],
            nominated_node_name: "node-2".into(),
            conditions: vec![condition("a", "True"), condition("b", "False")],
            ..PodStatus::default()
        });
        assert_eq!(pod.row(true, &NOW)[5..], ["10.0.0.1", "node-1", "node-2", "1/3"]);
    }
}
