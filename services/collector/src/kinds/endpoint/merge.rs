//! The backends of a service out of its slices. A service has a slice for each address family and for each hundred endpoints, and while
//! they are rewritten an endpoint may be in two of them (KEP-752): what is one target is one backend.

use std::collections::BTreeMap;

use gumshoe_proto::collector::v1::{BackendHealth, Endpoint, EndpointPort, EndpointSlice, EndpointsBackend};

/// A service of more backends is given in part: with this many, the answer is well below what a message may hold.
pub(super) const BACKENDS_MAX: usize = 10_000;

/// Slices in the making of one answer.
#[derive(Debug, Default)]
pub(super) struct Merge {
    slices: Vec<String>,
    backends: BTreeMap<Target, EndpointsBackend>,
    left_out: u64,
}

/// What makes two endpoints the same backend.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Object {
        kind: String,
        namespace: String,
        name: String,
    },
    /// Somebody else's slices need not say what is behind an address.
    Address(String),
}

impl Merge {
    /// Adds all that a slice says.
    pub(super) fn add(&mut self, slice: EndpointSlice) {
        let EndpointSlice { metadata, endpoints, ports, .. } = slice;
        self.slices.push(metadata.unwrap_or_default().name);
        for endpoint in endpoints {
            self.add_endpoint(endpoint, &ports);
        }
    }

    fn add_endpoint(&mut self, endpoint: Endpoint, ports: &[EndpointPort]) {
        let Some(target) = target(&endpoint) else { return };
        if self.backends.len() >= BACKENDS_MAX && !self.backends.contains_key(&target) {
            self.left_out += 1;
            return;
        }
        let said = backend(endpoint, ports);
        match self.backends.get_mut(&target) {
            Some(known) => join(known, said),
            None => {
                self.backends.insert(target, said);
            }
        }
    }

    /// The slices, the backends in the order of their first addresses, and how many there was no room for.
    pub(super) fn finish(self) -> (Vec<String>, Vec<EndpointsBackend>, u64) {
        let mut backends: Vec<_> = self.backends.into_values().collect();
        backends.sort_by(|one, other| one.addresses.cmp(&other.addresses));
        (self.slices, backends, self.left_out)
    }
}

/// None for an endpoint that has neither a target nor an address: there is nothing to say of it.
fn target(endpoint: &Endpoint) -> Option<Target> {
    match &endpoint.target_ref {
        Some(object) if !object.name.is_empty() => Some(Target::Object {
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        }),
        _ => endpoint.addresses.first().cloned().map(Target::Address),
    }
}

/// What is not said means: ready, serving, not terminating (k8s.io/api: `discovery/v1/types.go`).
fn backend(endpoint: Endpoint, ports: &[EndpointPort]) -> EndpointsBackend {
    let conditions = endpoint.conditions.unwrap_or_default();
    let (ready, serving) = (conditions.ready.unwrap_or(true), conditions.serving.unwrap_or(true));
    let terminating = conditions.terminating.unwrap_or(false);
    let target = endpoint.target_ref.unwrap_or_default();
    EndpointsBackend {
        addresses: endpoint.addresses,
        health: health(ready, terminating).into(),
        ready,
        serving,
        terminating,
        target_kind: target.kind,
        target_name: target.name,
        node: endpoint.node_name,
        zone: endpoint.zone,
        hostname: endpoint.hostname,
        ports: ports.to_vec(),
    }
}

fn health(ready: bool, terminating: bool) -> BackendHealth {
    match (terminating, ready) {
        (true, _) => BackendHealth::Terminating,
        (false, true) => BackendHealth::Healthy,
        (false, false) => BackendHealth::Unhealthy,
    }
}

/// Of two that say different things of one backend, one is older; the better of the two counts, as for kube-proxy, which sends traffic to
/// what is ready in either.
fn join(known: &mut EndpointsBackend, said: EndpointsBackend) {
    known.ready |= said.ready;
    known.serving |= said.serving;
    known.terminating &= said.terminating;
    known.health = health(known.ready, known.terminating).into();
    for (known, said) in
        [(&mut known.node, said.node), (&mut known.zone, said.zone), (&mut known.hostname, said.hostname)]
    {
        if known.is_empty() {
            *known = said;
        }
    }
    known.addresses.extend(said.addresses);
    known.addresses.sort();
    known.addresses.dedup();
    for port in said.ports {
        if !known.ports.contains(&port) {
            known.ports.push(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use gumshoe_proto::collector::v1::{EndpointConditions, ObjectMeta, ObjectReference};
    use proptest::prelude::*;

    use super::*;

    fn mk_endpoint(pod: Option<&str>, addresses: &[&str], conditions: [Option<bool>; 3]) -> Endpoint {
        let [ready, serving, terminating] = conditions;
        Endpoint {
            addresses: addresses.iter().map(|&address| address.to_owned()).collect(),
            conditions: Some(EndpointConditions { ready, serving, terminating }),
            target_ref: pod
                .map(|name| Box::new(ObjectReference { kind: "Pod".into(), name: name.into(), ..Default::default() })),
            node_name: "node-1".into(),
            ..Endpoint::default()
        }
    }

    fn mk_slice(name: &str, port: i32, endpoints: Vec<Endpoint>) -> EndpointSlice {
        let ports = vec![EndpointPort { port: Some(port), ..EndpointPort::default() }];
        EndpointSlice {
            metadata: Some(ObjectMeta { name: name.into(), ..ObjectMeta::default() }),
            endpoints,
            ports,
            ..EndpointSlice::default()
        }
    }

    fn merged(slices: Vec<EndpointSlice>) -> Vec<EndpointsBackend> {
        let mut merge = Merge::default();
        slices.into_iter().for_each(|slice| merge.add(slice));
        merge.finish().1
    }

    #[test]
    fn the_addresses_of_both_families_are_those_of_one_pod() {
        let ready = [Some(true), Some(true), Some(false)];
        let backends = merged(vec![
            mk_slice("web-v6", 80, vec![mk_endpoint(Some("web-0"), &["fd00::7"], ready)]),
            mk_slice("web-v4", 80, vec![mk_endpoint(Some("web-0"), &["10.0.0.7"], ready)]),
        ]);
        assert_eq!(backends.len(), 1);
        assert_eq!(
            (&backends[0].addresses[..], backends[0].ports.len()),
            (&["10.0.0.7", "fd00::7"].map(str::to_owned)[..], 1)
        );
        assert_eq!((backends[0].target_name.as_str(), backends[0].node.as_str()), ("web-0", "node-1"));
    }

    #[test]
    fn what_a_slice_does_not_say_is_ready_serving_and_not_terminating() {
        let health =
            |conditions| merged(vec![mk_slice("s", 80, vec![mk_endpoint(None, &["a"], conditions)])])[0].clone();
        let unsaid = health([None, None, None]);
        assert_eq!((unsaid.ready, unsaid.serving, unsaid.terminating), (true, true, false));
        assert_eq!(unsaid.health(), BackendHealth::Healthy);
        assert_eq!(health([Some(false), None, None]).health(), BackendHealth::Unhealthy);
        assert_eq!(health([Some(false), Some(true), Some(true)]).health(), BackendHealth::Terminating);
        // With publishNotReadyAddresses, what goes is still called ready.
        assert_eq!(health([Some(true), Some(true), Some(true)]).health(), BackendHealth::Terminating);
    }

    #[test]
    fn of_more_than_an_answer_may_hold_the_rest_is_counted() {
        let names: Vec<_> = (0..BACKENDS_MAX + 5).map(|index| format!("10.{index}")).collect();
        let endpoints = names.iter().map(|name| mk_endpoint(None, &[name], [None; 3])).collect();
        let mut merge = Merge::default();
        merge.add(mk_slice("s", 80, endpoints));
        let (_, backends, left_out) = merge.finish();
        assert_eq!((backends.len(), left_out), (BACKENDS_MAX, 5));
    }

    proptest! {
        #[test]
        fn every_address_is_there_once_and_ready_where_any_slice_says_so(
            slices in prop::collection::vec(prop::collection::vec((0_u8..6, any::<bool>()), 0..8), 0..4),
        ) {
            let made = slices.iter().enumerate().map(|(index, endpoints)| {
                let endpoints = endpoints.iter().map(|(pod, ready)| {
                    // An address is either always a pod's or never.
                    let name = format!("web-{pod}");
                    let target = (pod % 2 == 0).then_some(name.as_str());
                    mk_endpoint(target, &[&format!("10.0.0.{name}")], [Some(*ready), None, None])
                });
                mk_slice(&index.to_string(), 80, endpoints.collect())
            });
            let backends = merged(made.collect());
            let addresses: Vec<_> = backends.iter().flat_map(|backend| backend.addresses.clone()).collect();
            let all: BTreeSet<_> = slices.iter().flatten().map(|(pod, _)| format!("10.0.0.web-{pod}")).collect();
            prop_assert_eq!(addresses, all.into_iter().collect::<Vec<_>>());
            for backend in backends {
                let is_it = |pod: &u8| backend.addresses == [format!("10.0.0.web-{pod}")];
                let ready = slices.iter().flatten().any(|(pod, ready)| *ready && is_it(pod));
                prop_assert_eq!(backend.ready, ready);
            }
        }
    }
}
