#![allow(clippy::needless_pass_by_value, reason = "json! makes values")]

use gumshoe_proto::{collector::v1 as proto, json};
use prost::{Message as _, Name, bytes::Bytes};
use prost_types::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::lists::kind::Kind;

fn mk<K: Kind + Name>(object: Value) -> K {
    let mut object: K = json::from_value(object).unwrap();
    object.derive(Timestamp::default());
    object
}

fn line(facts: &Facts) -> (TopologyHealth, &str) {
    (facts.health.level, facts.health.text.as_str())
}

fn mk_deployment(wanted: i32, status: Value, spec: Value) -> Facts {
    let mut object = json!({"metadata": {"namespace": "shop", "name": "web"}, "spec": spec, "status": status});
    object["spec"]["replicas"] = wanted.into();
    deployment(&mk(object))
}

#[test]
fn a_deployment_says_how_many_are_ready_and_what_is_wrong() {
    use TopologyHealth::{Degraded, Healthy, Unhealthy};
    let late = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]);
    let refused = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}]);
    let replicas =
        |ready: i32| json!({"readyReplicas": ready, "updatedReplicas": 3, "replicas": 3, "availableReplicas": ready});
    let with = |mut status: Value, conditions: &Value| {
        status["conditions"] = conditions.clone();
        status
    };
    for (facts, expected) in [
        (mk_deployment(3, replicas(3), json!({})), (Healthy, "3/3 ready")),
        (mk_deployment(3, with(replicas(2), &late), json!({})), (Degraded, "2/3 ready, ProgressDeadlineExceeded")),
        (mk_deployment(3, with(replicas(0), &refused), json!({})), (Unhealthy, "0/3 ready, rolling out, FailedCreate")),
        (mk_deployment(0, json!({}), json!({})), (Healthy, "scaled to 0")),
        (mk_deployment(3, replicas(3), json!({"paused": true})), (Degraded, "3/3 ready, paused")),
    ] {
        assert_eq!(line(&facts), expected);
    }
}

/// 2026-11-23T08:10:00Z.
const NOW: i64 = 1_795_421_400;

fn mk_pod(phase: &str, container: Value, conditions: Value) -> Facts {
    let status = json!({"phase": phase, "containerStatuses": [container], "conditions": conditions});
    let spec = json!({"nodeName": "node-1", "containers": [{"name": "web"}]});
    let object = json!({"metadata": {"namespace": "shop", "name": "web-0"}, "spec": spec, "status": status});
    pod(&mk(object), Timestamp { seconds: NOW, nanos: 0 })
}

#[test]
fn a_pod_says_its_status_as_kubectl_does() {
    use TopologyHealth::{Degraded, Healthy, Unhealthy};
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let running = json!({"name": "web", "ready": true, "state": {"running": {}}});
    let begun = |time: &str, started: bool, restarts: i32| {
        let state = json!({"running": {"startedAt": format!("2026-11-23T{time}Z")}});
        json!({"name": "web", "ready": false, "started": started, "restartCount": restarts, "state": state})
    };
    let crashing = json!({"name": "web", "restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}}});
    let creating = json!({"name": "web", "state": {"waiting": {"reason": "ContainerCreating"}}});
    let ended =
        json!({"name": "web", "restartCount": 5, "state": {"terminated": {"reason": "Completed", "exitCode": 0}}});
    let gates = json!([{"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady"}]);
    let unschedulable = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]);
    for (facts, expected) in [
        (mk_pod("Running", running.clone(), ready), (Healthy, "Running, 1/1 ready")),
        // A readiness gate is closed.
        (mk_pod("Running", running.clone(), gates), (Degraded, "Running, 1/1 ready, ReadinessGatesNotReady")),
        (mk_pod("Running", running, json!([])), (Degraded, "Running, 1/1 ready, not Ready")),
        // It ended well, and is to run again.
        (mk_pod("Running", ended.clone(), json!([])), (Unhealthy, "Completed, 0/1 ready, 5 restarts")),
        (mk_pod("Succeeded", ended, json!([])), (Healthy, "Completed")),
        (mk_pod("Running", crashing, json!([])), (Unhealthy, "CrashLoopBackOff, 0/1 ready, 7 restarts")),
        (mk_pod("Pending", creating, json!([])), (Degraded, "ContainerCreating, 0/1 ready")),
        (mk_pod("Pending", json!({"name": "web"}), unschedulable), (Unhealthy, "Pending, Unschedulable")),
        (mk_pod("Running", begun("08:09:30", true, 0), json!([])), (Degraded, "Running, 0/1 ready, starting")),
        (mk_pod("Running", begun("08:00:00", false, 0), json!([])), (Degraded, "Running, 0/1 ready, starting")),
        (mk_pod("Running", begun("08:00:00", true, 0), json!([])), (Unhealthy, "Running, 0/1 ready")),
        (mk_pod("Running", begun("08:09:30", true, 1), json!([])), (Unhealthy, "Running, 0/1 ready, 1 restart")),
    ] {
        assert_eq!(line(&facts), expected);
    }
}

/// An object of this spec and status.
fn mk_of<K: Kind + Name>(spec: Value, status: Value) -> K {
    mk(json!({"metadata": {"namespace": "shop", "name": "db"}, "spec": spec, "status": status}))
}

fn mk_condition(kind: &str, status: &str, reason: &str) -> Value {
    json!([{"type": kind, "status": status, "reason": reason}])
}

#[test]
fn stateful_sets_and_daemon_sets_say_how_many_are_ready() {
    use TopologyHealth::{Degraded, Healthy, Unhealthy};
    let set = |ready: i32| {
        let status = json!({"observedGeneration": 1, "replicas": 2, "readyReplicas": ready, "updatedReplicas": 2, "availableReplicas": ready});
        stateful_set(&mk_of(json!({"replicas": 2, "updateStrategy": {"type": "RollingUpdate"}}), status))
    };
    let everywhere = |wanted: i32, ready: i32| {
        let status = json!({"observedGeneration": 1, "desiredNumberScheduled": wanted, "numberReady": ready, "updatedNumberScheduled": wanted, "numberAvailable": ready});
        daemon_set(&mk_of(json!({"updateStrategy": {"type": "RollingUpdate"}}), status))
    };
    for (facts, expected) in [
        (set(2), (Healthy, "2/2 ready")),
        (set(1), (Degraded, "1/2 ready, rolling out")),
        (set(0), (Unhealthy, "0/2 ready, rolling out")),
        (everywhere(2, 2), (Healthy, "2/2 ready")),
        (everywhere(2, 0), (Unhealthy, "0/2 ready, rolling out")),
        (everywhere(0, 0), (Healthy, "no node wants it")),
    ] {
        assert_eq!(line(&facts), expected);
    }
}

#[test]
fn jobs_and_cron_jobs_say_how_their_runs_ended() {
    use TopologyHealth::{Degraded, Healthy, Unhealthy};
    let run = |status: Value| job(&mk_of(json!({"completions": 1}), status));
    let (done, failed) = (mk_condition("Complete", "True", ""), mk_condition("Failed", "True", "BackoffLimitExceeded"));
    let cron = |suspend: bool, succeeded: &str| {
        let times = json!({"lastScheduleTime": "2026-11-23T08:00:00Z", "lastSuccessfulTime": succeeded});
        cron_job(&mk_of(json!({"suspend": suspend}), times))
    };
    for (facts, expected) in [
        (run(json!({"succeeded": 1, "conditions": done})), (Healthy, "Complete, 1/1")),
        (run(json!({"failed": 2, "conditions": failed})), (Unhealthy, "Failed: BackoffLimitExceeded, 2 pods failed")),
        (run(json!({"active": 1})), (Healthy, "Running, 0/1")),
        (run(json!({"active": 1, "failed": 1})), (Degraded, "Running, 0/1, 1 pod failed")),
        (cron(false, "2026-11-23T08:01:00Z"), (Healthy, "0 active")),
        (cron(false, "2026-11-23T07:01:00Z"), (Degraded, "0 active, the last run did not succeed")),
        (cron(true, "2026-11-23T08:01:00Z"), (Degraded, "suspended")),
    ] {
        assert_eq!(line(&facts), expected);
    }
}

#[test]
fn nodes_claims_and_autoscalers_say_what_is_wrong_with_them() {
    use TopologyHealth::{Degraded, Healthy, Unhealthy};
    let machine = |ready: &str, pressure: &str, cordoned: bool| {
        let conditions = json!([{"type": "Ready", "status": ready}, {"type": "MemoryPressure", "status": pressure}]);
        node(&mk_of(json!({"unschedulable": cordoned}), json!({"conditions": conditions})))
    };
    let volume = |phase: &str| claim(&mk_of(json!({}), json!({"phase": phase})));
    let scaler = |condition: Value| {
        let target = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"});
        let spec = json!({"minReplicas": 2, "maxReplicas": 5, "scaleTargetRef": target});
        autoscaler(&mk_of(spec, json!({"currentReplicas": 3, "conditions": condition})))
    };
    for (facts, expected) in [
        (machine("True", "False", false), (Healthy, "Ready")),
        (machine("True", "True", false), (Degraded, "Ready, MemoryPressure")),
        (machine("True", "False", true), (Degraded, "Ready,SchedulingDisabled")),
        (machine("False", "False", false), (Unhealthy, "NotReady")),
        (volume("Bound"), (Healthy, "Bound")),
        (volume("Pending"), (Degraded, "Pending")),
        (volume("Lost"), (Unhealthy, "Lost")),
        (scaler(mk_condition("ScalingActive", "True", "ValidMetricFound")), (Healthy, "3 replicas of 2 to 5")),
        // Where the target is scaled to 0 it does nothing, on purpose.
        (scaler(mk_condition("ScalingActive", "False", "ScalingDisabled")), (Healthy, "3 replicas of 2 to 5")),
        (
            scaler(mk_condition("ScalingActive", "False", "FailedGetResourceMetric")),
            (Degraded, "3 replicas of 2 to 5, FailedGetResourceMetric"),
        ),
        (
            scaler(mk_condition("ScalingLimited", "True", "TooManyReplicas")),
            (Degraded, "3 replicas of 2 to 5, TooManyReplicas"),
        ),
    ] {
        assert_eq!(line(&facts), expected);
    }
    let scaled = scaler(json!([]));
    assert_eq!(scaled.links[0].to, Key::of(WalkedKind::StatefulSet, "shop", "db"));
}

/// `data-db-0` is the claim of the template `data` of the set `db` (kubernetes: getPersistentVolumeClaimName).
#[test]
fn the_claims_of_a_stateful_set_are_called_by_template_and_set() {
    let spec = json!({"volumeClaimTemplates": [{"metadata": {"name": "data"}}]});
    let Particular::Workload { claims, .. } = stateful_set(&mk_of(spec, json!({}))).particular else {
        panic!("a workload")
    };
    assert_eq!(claims, ["data-db-".to_owned()].into());
}

#[test]
fn what_is_being_deleted_says_so_once() {
    let metadata = json!({"name": "data", "deletionTimestamp": "2026-11-23T08:00:00Z"});
    let replicas = json!({"readyReplicas": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
    for (facts, text) in [
        (claim(&mk(json!({"metadata": metadata, "status": {"phase": "Bound"}}))), "Terminating"),
        (
            deployment(&mk(json!({"metadata": metadata, "spec": {"replicas": 1}, "status": replicas}))),
            "Terminating, 1/1 ready",
        ),
        (service(&mk(json!({"metadata": metadata}))), "Terminating"),
    ] {
        assert!(facts.terminating);
        assert_eq!(facts.health.terminating(), Health::degraded(text));
    }
}

#[test]
fn a_pod_points_at_its_owner_its_node_and_what_it_needs_with_the_reasons() {
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "u"});
    let spec = json!({
        "nodeName": "node-1",
        "volumes": [{"name": "config", "volumeSource": {"configMap": {"localObjectReference": {"name": "c"}, "optional": true}}}],
    });
    let metadata = json!({"namespace": "shop", "name": "web-0", "uid": "p", "ownerReferences": [owner]});
    let facts = pod(&mk(json!({"metadata": metadata, "spec": spec})), Timestamp::default());
    let told = facts.links.iter().map(|link| {
        (
            link.to.group_and_kind().1,
            link.to.name.as_str(),
            link.uid.as_str(),
            link.reason.as_str(),
            link.is_backward,
            link.optional,
        )
    });
    let expected = [
        ("ReplicaSet", "web-1", "u", "owner reference", true, false),
        ("Node", "node-1", "", "runs on node-1", false, false),
        ("ConfigMap", "c", "", "volume config", false, true),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert!(facts.size() > 300, "{}", facts.size());
}

#[test]
fn an_ingress_names_the_rule_of_each_way_and_the_ways_of_one_service_together() {
    let backend = |service: &str| json!({"service": {"name": service, "port": {"number": 80}}});
    let path = |path: &str, service: &str| json!({"path": path, "backend": backend(service)});
    let rule = json!({"host": "shop.example", "ingressRuleValue": {"http": {"paths": [path("/", "web"), path("/api", "api"), path("", "web"), path("/shop", "web")]}}});
    let other = json!({"resource": {"apiGroup": "example.com", "kind": "Bucket", "name": "static"}});
    let spec =
        json!({"defaultBackend": other, "rules": [rule], "tls": [{"hosts": ["shop.example"], "secretName": "tls"}]});
    let facts = ingress(&mk(json!({"metadata": {"namespace": "shop", "name": "shop"}, "spec": spec})));
    let told = facts.links.iter().map(|link| (link.to.group_and_kind().1, link.reason.as_str()));
    let expected = [
        ("Bucket", "default backend -> Bucket/static"),
        ("Service", "ingress rule shop.example/ -> web:80; ingress rule shop.example/shop -> web:80"),
        ("Service", "ingress rule shop.example/api -> api:80"),
        ("Secret", "tls of shop.example"),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn an_ingress_tells_all_its_addresses_and_without_one_nobody_knows() {
    let with = |addresses: Value| {
        let status = json!({"loadBalancer": {"ingress": addresses}});
        ingress(&mk(json!({"metadata": {"namespace": "shop", "name": "shop"}, "status": status})))
    };
    let two = with(json!([{"ip": "192.0.2.1"}, {"hostname": "lb.example"}]));
    assert_eq!(line(&two), (TopologyHealth::Healthy, "address 192.0.2.1,lb.example"));
    assert_eq!(line(&with(json!([]))), (TopologyHealth::Unknown, "no address"));
}

#[test]
fn of_many_reasons_the_first_are_named_and_the_others_counted() {
    let to = Key::of(WalkedKind::Service, "shop", "web");
    let links = (0..7).map(|index| Link::to(to.clone(), TopologyRelation::RoutesTo, format!("r{index}")));
    let merged = merged(links);
    assert_eq!((merged.len(), merged[0].reason.as_str()), (1, "r0; r1; r2; r3 and 3 more"));
}

#[test]
fn a_long_reason_is_cut_before_others_are_compared_with_it() {
    let mut reasons = Reasons::default();
    (0..6).for_each(|index| reasons.add(format!("{index}{}", "x".repeat(150_000))));
    // The lengths that are held are the rule; that it is quick follows from them.
    assert!(reasons.named.iter().all(|reason| reason.len() < 2 * TEXT_BYTES), "{}", reasons.named[0].len());
    assert_eq!((reasons.named.len(), reasons.others), (REASONS_NAMED, 2));
    assert!(reasons.told().ends_with("… and 2 more"));
}

#[test]
fn of_metadata_no_annotation_is_looked_at() {
    let annotations = [("kubectl.kubernetes.io/last-applied-configuration".to_owned(), "c2VjcmV0".to_owned())].into();
    let owner = proto::OwnerReference {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        name: "web".into(),
        uid: "d".into(),
        ..proto::OwnerReference::default()
    };
    let metadata = proto::ObjectMeta {
        name: "token".into(),
        namespace: "shop".into(),
        uid: "u".into(),
        annotations,
        owner_references: vec![owner],
        ..proto::ObjectMeta::default()
    };
    let mut encoded = Vec::new();
    prost::encoding::message::encode(1, &metadata, &mut encoded);
    let (namespace, name, facts) = metadata_only(&Bytes::from(encoded));
    assert_eq!((namespace.as_str(), name.as_str(), facts.uid.as_str()), ("shop", "token", "u"));
    assert_eq!(line(&facts), (TopologyHealth::Healthy, "exists"));
    assert_eq!(facts.links.len(), 1);
    assert_eq!(
        (&facts.links[0].to, facts.links[0].uid.as_str()),
        (&Key::of(WalkedKind::Deployment, "shop", "web"), "d")
    );
    assert!(!format!("{facts:?}").contains("c2VjcmV0"));
    let (_, name, _) = metadata_only(&Bytes::from_static(b"\xff\xff\xff"));
    assert_eq!(name, "");
    assert!(metadata.encoded_len() > 0);
}

#[test]
fn a_slice_points_back_at_its_service_and_tells_ready_endpoints_from_others() {
    let endpoint = |name: &str, ready: Option<bool>, terminating: Option<bool>| proto::Endpoint {
        conditions: Some(proto::EndpointConditions { ready, terminating, ..Default::default() }),
        target_ref: Some(Box::new(proto::ObjectReference {
            kind: "Pod".into(),
            name: name.into(),
            ..Default::default()
        })),
        ..Default::default()
    };
    let service = proto::OwnerReference {
        kind: "Service".into(),
        api_version: "v1".into(),
        name: "web".into(),
        ..Default::default()
    };
    let metadata = proto::ObjectMeta {
        namespace: "shop".into(),
        labels: [("kubernetes.io/service-name".to_owned(), "web".to_owned())].into(),
        owner_references: vec![service],
        ..proto::ObjectMeta::default()
    };
    let endpoints =
        vec![endpoint("a", None, None), endpoint("b", Some(false), Some(true)), endpoint("c", Some(false), None)];
    let facts = endpoint_slice(&proto::EndpointSlice { metadata: Some(metadata), endpoints, ..Default::default() });
    assert_eq!(line(&facts), (TopologyHealth::Degraded, "1/3 endpoints ready"));
    let told: Vec<_> = facts.links.iter().map(|link| (link.to.name.as_str(), link.reason.as_str())).collect();
    let expected = [
        ("web", "label kubernetes.io/service-name=web"),
        ("a", "endpoint, ready"),
        ("b", "endpoint, terminating"),
        ("c", "endpoint, not ready"),
    ];
    assert_eq!(told, expected);
}
