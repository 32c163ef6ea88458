//! What a pod requests and may use, as kubectl and the scheduler count it (component-helpers: `resource/helpers.go`, PodRequests and
//! PodLimits): the sum of its containers and sidecars, or what its init containers need at one time where that is more; what is set for
//! the pod as a whole in its place; and its overhead.

use std::collections::{BTreeMap, btree_map::Entry};

use gumshoe_proto::collector::v1::{Container, ContainerStatus, Pod, PodSpec, PodStatus, ResourceRequirements};

use crate::kinds::quantity::Quantity;

/// Amounts by resource.
pub(super) type Resources = BTreeMap<String, Quantity>;

/// Which side is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Requests,
    Limits,
}

/// What a pod's containers, overhead and all come to. `resized` counts what the status says of a resize that is under way.
pub(super) fn of_pod(pod: &Pod, side: Side, resized: bool) -> Resources {
    let (no_spec, no_status) = (PodSpec::default(), PodStatus::default());
    let spec = pod.spec.as_ref().unwrap_or(&no_spec);
    let status = pod.status.as_ref().filter(|_| resized).unwrap_or(&no_status);
    let mut all = of_containers(spec, status, side);
    if let Some(whole) = &spec.resources {
        // Limits count where either side is set for the pod, requests where they are: as the map is empty else, that is one rule.
        let whole = parsed(side.of(whole));
        all.extend(whole.into_iter().filter(|(name, _)| is_for_pods(name)));
    }
    for (name, overhead) in parsed(&spec.overhead) {
        match (side, all.entry(name)) {
            (_, Entry::Occupied(mut amount)) if side == Side::Requests || !amount.get().is_zero() => {
                amount.get_mut().add(overhead);
            }
            (Side::Requests, Entry::Vacant(amount)) => {
                amount.insert(overhead);
            }
            _ => {}
        }
    }
    all
}

/// Adds each amount.
pub(super) fn add(all: &mut Resources, more: Resources) {
    for (name, amount) in more {
        match all.entry(name) {
            Entry::Occupied(mut sum) => sum.get_mut().add(amount),
            Entry::Vacant(sum) => {
                sum.insert(amount);
            }
        }
    }
}

fn of_containers(spec: &PodSpec, status: &PodStatus, side: Side) -> Resources {
    let mut all = Resources::new();
    for container in &spec.containers {
        add(&mut all, of_container(container, status, side));
    }
    let (mut sidecars, mut most) = (Resources::new(), Resources::new());
    for container in &spec.init_containers {
        let is_sidecar = container.restart_policy == "Always";
        let own = match is_sidecar {
            true => of_container(container, status, side),
            false => parsed_of(container.resources.as_deref(), side),
        };
        // A sum has the form of its first part: Kubernetes adds the sidecars to what runs to its end, not the other way round.
        let at_one_time = if is_sidecar {
            add(&mut all, own.clone());
            add(&mut sidecars, own);
            sidecars.clone()
        } else {
            let mut at_one_time = own;
            add(&mut at_one_time, sidecars.clone());
            at_one_time
        };
        larger(&mut most, at_one_time);
    }
    larger(&mut all, most);
    all
}

/// Of a container that is being resized, the larger of what is wanted and what it has.
fn of_container(container: &Container, status: &PodStatus, side: Side) -> Resources {
    let wanted = parsed_of(container.resources.as_deref(), side);
    let mut known = status.container_statuses.iter().chain(&status.init_container_statuses);
    let Some(ContainerStatus { resources: Some(actual), allocated_resources, .. }) =
        known.find(|it| it.name == container.name)
    else {
        return wanted;
    };
    let actual = parsed(side.of(actual));
    let mut effective = if is_infeasible(status) { Resources::new() } else { wanted };
    larger(&mut effective, actual);
    if side == Side::Requests {
        larger(&mut effective, parsed(allocated_resources));
    }
    effective
}

/// The node can never grant the resize that is asked for.
fn is_infeasible(status: &PodStatus) -> bool {
    let pending = status.conditions.iter().find(|condition| condition.r#type == "PodResizePending");
    pending.is_some_and(|condition| condition.reason == "Infeasible")
}

/// Resources that can be set for a pod as a whole.
fn is_for_pods(name: &str) -> bool {
    ["cpu", "memory"].contains(&name) || name.starts_with("hugepages-")
}

impl Side {
    fn of(self, resources: &ResourceRequirements) -> &BTreeMap<String, String> {
        match self {
            Self::Requests => &resources.requests,
            Self::Limits => &resources.limits,
        }
    }
}

fn parsed_of(resources: Option<&ResourceRequirements>, side: Side) -> Resources {
    resources.map(|resources| parsed(side.of(resources))).unwrap_or_default()
}

/// The API server takes nothing that is no quantity.
fn parsed(amounts: &BTreeMap<String, String>) -> Resources {
    amounts.iter().filter_map(|(name, amount)| Some((name.clone(), Quantity::parse(amount)?))).collect()
}

/// Keeps the larger of each.
fn larger(all: &mut Resources, others: Resources) {
    for (name, amount) in others {
        match all.entry(name) {
            Entry::Occupied(mut known) if amount.is_more_than(*known.get()) => {
                known.insert(amount);
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(known) => {
                known.insert(amount);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use serde_json::{Value, json};

    use super::*;

    fn of(pod: &Value, side: Side, resized: bool) -> String {
        let pod: Pod = json::from_value(pod.clone()).unwrap();
        let all = of_pod(&pod, side, resized);
        all.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(",")
    }

    fn mk_container(name: &str, cpu: &str, always: bool) -> Value {
        let resources = json!({"requests": {"cpu": cpu}, "limits": {"cpu": cpu}});
        let policy = if always { "Always" } else { "" };
        json!({"name": name, "resources": resources, "restartPolicy": policy})
    }

    #[test]
    fn an_init_container_counts_with_the_sidecars_before_it_where_that_is_more() {
        let pod = |init: &str| {
            json!({"spec": {
                "initContainers": [mk_container("proxy", "100m", true), mk_container("migrate", init, false), mk_container("late", "50m", true)],
                "containers": [mk_container("web", "200m", false), mk_container("log", "100m", false)]}})
        };
        assert_eq!(of(&pod("1"), Side::Requests, false), "cpu=1100m");
        assert_eq!(of(&pod("10m"), Side::Requests, false), "cpu=450m");
        assert_eq!(of(&pod("10m"), Side::Limits, false), "cpu=450m");
    }

    #[test]
    fn a_sum_is_written_as_its_first_part_is() {
        let container = |memory: &str, always: &str| json!({"resources": {"requests": {"memory": memory}}, "restartPolicy": always});
        let pod = json!({"spec": {"initContainers": [container("128M", "Always"), container("1Gi", "")]}});
        assert_eq!(of(&pod, Side::Requests, false), "memory=1173576Ki");
    }

    #[test]
    fn overhead_is_added_to_requests_and_to_limits_that_are_set() {
        let pod = json!({"spec": {"overhead": {"cpu": "250m", "memory": "120Mi"}, "containers": [mk_container("web", "1", false)]}});
        assert_eq!(of(&pod, Side::Requests, false), "cpu=1250m,memory=120Mi");
        assert_eq!(of(&pod, Side::Limits, false), "cpu=1250m");
    }

    #[test]
    fn what_is_set_for_the_pod_as_a_whole_stands_in_place_of_the_sum() {
        let pod = json!({"spec": {"resources": {"requests": {"cpu": "3", "example.com/gpu": "9"}, "limits": {"memory": "1Gi"}},
            "containers": [mk_container("web", "1", false)]}});
        assert_eq!(of(&pod, Side::Requests, false), "cpu=3");
        assert_eq!(of(&pod, Side::Limits, false), "cpu=1,memory=1Gi");
    }

    #[test]
    fn a_resize_under_way_counts_what_is_larger_unless_it_can_never_be() {
        let pod = |reason: &str| {
            json!({"spec": {"containers": [mk_container("web", "2", false)]},
                "status": {"conditions": [{"type": "PodResizePending", "reason": reason}], "containerStatuses": [{"name": "web",
                    "allocatedResources": {"cpu": "1500m"}, "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}}]}})
        };
        assert_eq!(of(&pod("Deferred"), Side::Requests, true), "cpu=2");
        assert_eq!(of(&pod("Infeasible"), Side::Requests, true), "cpu=1500m");
        assert_eq!(of(&pod("Infeasible"), Side::Limits, true), "cpu=1");
        assert_eq!(of(&pod("Infeasible"), Side::Requests, false), "cpu=2");
    }
}
