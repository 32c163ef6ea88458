//! The backends of a service out of its slices. A service has a slice for each address family and for each hundred endpoints, and while
//! they are rewritten an endpoint may be in two of them (KEP-752): what is one target is one backend.
//!
//! Somebody else's slices may name 1,000 endpoints and 20,000 ports, which are the ports of each of the endpoints. So what is held is
//! bounded in bytes, and what there is no room for is counted.

use std::collections::{HashMap, HashSet};

use gumshoe_proto::collector::v1::{BackendHealth, Endpoint, EndpointPort, EndpointSlice, EndpointsBackend};

use super::state::{Counts, Identity, Known, State};

/// Most bytes of backends that are given, as JSON: an answer is one item, and a message of a result queue may hold no more than 256 KiB.
pub(super) const GIVEN_MAX: usize = 180 << 10;
/// Most bytes of names of slices.
const SLICES_MAX: usize = 20 << 10;
/// Most ports of one backend.
const PORTS_MAX: usize = 1_000;
/// So many addresses of backends are known by what they are. Those beyond are counted as often as they are named.
const KNOWN_MAX: usize = 100_000;

/// Slices in the making of one answer.
#[derive(Debug, Default)]
pub(super) struct Merge {
    slices: Vec<String>,
    slices_bytes: usize,
    known: Known,
    beyond: Counts,
    /// By their targets; None where there was no room.
    held: HashMap<u64, Option<Box<EndpointsBackend>>>,
    /// Bytes of the held ones that were healthy when they came, and of the others: these are given first.
    held_bytes: [usize; 2],
    /// Bytes of what further slices said of held ones.
    added_bytes: usize,
    shortened: bool,
}

/// What came of the slices.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) slices: Vec<String>,
    /// In the order of their first addresses.
    pub(super) backends: Vec<EndpointsBackend>,
    pub(super) counts: Counts,
    /// Backends that there was no room for.
    pub(super) left_out: u64,
    /// There was no room for all slices' names, or for all that is to be said of the backends that are given.
    pub(super) shortened: bool,
}

impl Merge {
    /// Adds all that a slice says.
    pub(super) fn add(&mut self, slice: EndpointSlice) {
        let EndpointSlice { metadata, endpoints, ports, .. } = slice;
        let name = metadata.unwrap_or_default().name;
        self.slices_bytes += name.len() + 3;
        if self.slices_bytes <= SLICES_MAX || self.slices.is_empty() {
            self.slices.push(name);
        } else {
            self.shortened = true;
        }
        for endpoint in endpoints {
            self.add_endpoint(endpoint, &ports);
        }
    }

    fn add_endpoint(&mut self, endpoint: Endpoint, ports: &[EndpointPort]) {
        let Some(identity) = Identity::of(&endpoint) else { return };
        let (target, said) = (identity.target, State::of(&endpoint));
        if !self.known.has(identity) && self.known.len() >= KNOWN_MAX {
            self.beyond.add(said);
            return;
        }
        self.known.add(identity, said);
        if self.held.contains_key(&target) {
            self.say_more(target, endpoint, ports);
        } else {
            let held = self.hold(said.health(), endpoint, ports).map(Box::new);
            self.held.insert(target, held);
        }
    }

    fn hold(&mut self, health: BackendHealth, endpoint: Endpoint, ports: &[EndpointPort]) -> Option<EndpointsBackend> {
        let held = &mut self.held_bytes[usize::from(health == BackendHealth::Healthy)];
        if *held >= GIVEN_MAX {
            return None;
        }
        self.shortened |= ports.len() > PORTS_MAX;
        let backend = backend(endpoint, &ports[..ports.len().min(PORTS_MAX)]);
        *held += json_bytes(&backend);
        Some(backend)
    }

    /// Adds what another slice says of a backend.
    fn say_more(&mut self, target: u64, said: Endpoint, ports: &[EndpointPort]) {
        let Some(Some(known)) = self.held.get_mut(&target) else { return };
        let added = &mut self.added_bytes;
        let mut more = |bytes: usize| {
            let fits = *added + bytes <= GIVEN_MAX;
            *added += if fits { bytes } else { 0 };
            self.shortened |= !fits;
            fits
        };
        for (known, said) in
            [(&mut known.node, said.node_name), (&mut known.zone, said.zone), (&mut known.hostname, said.hostname)]
        {
            if known.is_empty() && more(text_bytes(&said)) {
                *known = said;
            }
        }
        for address in said.addresses {
            if !known.addresses.contains(&address) && more(text_bytes(&address)) {
                known.addresses.push(address);
            }
        }
        if known.ports[..] == ports[..ports.len().min(PORTS_MAX)] {
            return;
        }
        let there: HashSet<_> = known.ports.iter().map(identity).collect();
        let others: Vec<_> = ports.iter().take(PORTS_MAX).filter(|port| !there.contains(&identity(port))).collect();
        for port in others {
            if known.ports.len() < PORTS_MAX && more(port_bytes(port)) {
                known.ports.push(port.clone());
            }
        }
    }

    /// All backends are counted, and as many given as there is room for: first those that are not well.
    pub(super) fn finish(self) -> Merged {
        let mut counts = self.beyond;
        let known = self.known.targets();
        known.values().for_each(|state| counts.add(*state));
        let mut backends = Vec::new();
        for (target, backend) in self.held {
            let (Some(mut backend), Some(state)) = (backend, known.get(&target)) else { continue };
            backend.addresses.sort();
            (backend.ready, backend.serving, backend.terminating) = (state.ready, state.serving, state.terminating);
            backend.health = state.health().into();
            backends.push(*backend);
        }
        let is_well = |backend: &EndpointsBackend| backend.health() == BackendHealth::Healthy;
        backends.sort_by(|one, other| {
            (is_well(one), &one.addresses, &one.target_name).cmp(&(
                is_well(other),
                &other.addresses,
                &other.target_name,
            ))
        });
        let mut room = GIVEN_MAX;
        backends.retain(|backend| {
            let rest = room.checked_sub(json_bytes(backend));
            room = rest.unwrap_or(room);
            rest.is_some()
        });
        backends.sort_by(|one, other| one.addresses.cmp(&other.addresses));
        let left_out = u64::from(counts.all()).saturating_sub(backends.len() as u64);
        Merged { slices: self.slices, backends, counts, left_out, shortened: self.shortened }
    }
}

fn backend(endpoint: Endpoint, ports: &[EndpointPort]) -> EndpointsBackend {
    let target = endpoint.target_ref.unwrap_or_default();
    EndpointsBackend {
        addresses: endpoint.addresses,
        target_kind: target.kind,
        target_name: target.name,
        target_namespace: target.namespace,
        node: endpoint.node_name,
        zone: endpoint.zone,
        hostname: endpoint.hostname,
        ports: ports.to_vec(),
        ..EndpointsBackend::default()
    }
}

fn identity(port: &EndpointPort) -> (Option<&str>, &str, Option<i32>, &str) {
    (port.name.as_deref(), &port.protocol, port.port, &port.app_protocol)
}

/// At least as many bytes as a backend takes as JSON.
fn json_bytes(backend: &EndpointsBackend) -> usize {
    const FIELDS: usize = 220;
    let target = [&backend.target_kind, &backend.target_name, &backend.target_namespace];
    let place = [&backend.node, &backend.zone, &backend.hostname];
    let texts = target.into_iter().chain(place).chain(&backend.addresses).map(|text| text_bytes(text));
    FIELDS + texts.sum::<usize>() + backend.ports.iter().map(port_bytes).sum::<usize>()
}

fn port_bytes(port: &EndpointPort) -> usize {
    const FIELDS: usize = 64;
    let name = port.name.as_deref().unwrap_or_default();
    FIELDS + text_bytes(name) + text_bytes(&port.protocol) + text_bytes(&port.app_protocol)
}

/// With its quotes and a comma.
fn text_bytes(text: &str) -> usize {
    let escaped = text.bytes().filter(|byte| byte.is_ascii_control() || matches!(byte, b'"' | b'\\'));
    text.len() + 3 + 5 * escaped.count()
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
            target_ref: pod.map(|name| {
                let (kind, namespace, name) = ("Pod".into(), "shop".into(), name.into());
                Box::new(ObjectReference { kind, namespace, name, ..Default::default() })
            }),
            node_name: "node-1".into(),
            zone: "west-1a".into(),
            hostname: "web-0".into(),
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
        merge.finish().backends
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
        let EndpointsBackend { target_kind, target_namespace, target_name, .. } = &backends[0];
        assert_eq!([target_kind, target_namespace, target_name], ["Pod", "shop", "web-0"]);
        let EndpointsBackend { node, zone, hostname, .. } = &backends[0];
        assert_eq!([node, zone, hostname], ["node-1", "west-1a", "web-0"]);
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

    fn mk_ports(count: i32) -> Vec<EndpointPort> {
        let port = |port| EndpointPort {
            name: Some(format!("port-{port}")),
            protocol: "TCP".into(),
            port: Some(port),
            ..EndpointPort::default()
        };
        (0..count).map(port).collect()
    }

    fn json_of(backends: &[EndpointsBackend]) -> usize {
        backends.iter().map(|backend| gumshoe_proto::json::to_string(backend).len() + 1).sum()
    }

    #[test]
    fn of_more_than_an_answer_may_hold_the_rest_is_counted_and_the_unhealthy_are_given() {
        let endpoints = (0..3_000).map(|index| {
            let ready = Some(index < 2_998);
            mk_endpoint(Some(&format!("web-{index}")), &[&format!("10.0.{index}")], [ready, ready, Some(false)])
        });
        let mut merge = Merge::default();
        merge.add(mk_slice("s", 80, endpoints.collect()));
        let merged = merge.finish();
        let counts = Counts { healthy: 2_998, unhealthy: 2, terminating: 0, ready: 2_998 };
        assert_eq!((merged.counts, merged.left_out), (counts, 3_000 - merged.backends.len() as u64));
        let unhealthy = merged.backends.iter().filter(|it| it.health() == BackendHealth::Unhealthy).count();
        assert!(merged.backends.len() > 300 && unhealthy == 2, "{} {unhealthy}", merged.backends.len());
        assert!(json_of(&merged.backends) <= GIVEN_MAX, "{}", json_of(&merged.backends));
    }

    #[test]
    fn many_ports_of_many_endpoints_are_bounded_in_bytes_and_soon_merged() {
        let mk_wide = |name: &str| {
            let names: Vec<_> = (0..1_000).map(|index| format!("10.{index}")).collect();
            let endpoints = names.iter().map(|name| mk_endpoint(None, &[name], [None; 3])).collect();
            EndpointSlice { ports: mk_ports(10_000), ..mk_slice(name, 80, endpoints) }
        };
        let mut merge = Merge::default();
        let slices = [mk_wide("one"), mk_wide("same")];
        // The lengths that are held are the rule; that it is quick follows from them.
        slices.into_iter().for_each(|slice| merge.add(slice));
        let held: usize = merge.held.values().flatten().map(|backend| backend.ports.len()).sum();
        assert!(held <= 5 * PORTS_MAX, "{held}");
        let merged = merge.finish();
        assert!(!merged.backends.is_empty() && merged.shortened);
        assert_eq!((merged.counts.all(), merged.left_out), (1_000, 1_000 - merged.backends.len() as u64));
        assert!(json_of(&merged.backends) <= GIVEN_MAX);
    }

    #[test]
    fn slices_that_say_more_and_more_of_the_same_backends_are_bounded_too() {
        let mut merge = Merge::default();
        for slice in 0..100 {
            let names: Vec<_> = (0..100).map(|index| format!("10.{index}")).collect();
            let endpoints = names.iter().map(|name| mk_endpoint(None, &[name], [None; 3])).collect();
            let ports = mk_ports(100 * slice + 100).split_off(100 * slice as usize);
            merge.add(EndpointSlice { ports, ..mk_slice("s", 80, endpoints) });
        }
        let held: usize = merge.held.values().flatten().map(|backend| json_bytes(backend)).sum();
        assert!(held <= 4 * GIVEN_MAX, "{held}");
        assert!(merge.finish().shortened);
    }

    #[test]
    fn a_pod_terminates_in_all_families_at_once() {
        let [going, well] = [true, false].map(|it| [Some(!it), Some(true), Some(it)]);
        for order in [[going, well], [well, going]] {
            let [v4, v6] = order;
            let backends = merged(vec![
                mk_slice("v4", 80, vec![mk_endpoint(Some("web-0"), &["10.0.0.7"], v4)]),
                mk_slice("v6", 80, vec![mk_endpoint(Some("web-0"), &["fd00::7"], v6)]),
            ]);
            assert_eq!((backends.len(), backends[0].health()), (1, BackendHealth::Terminating));
        }
    }

    #[test]
    fn a_pod_that_was_replaced_under_its_name_is_another_backend() {
        let of_uid = |uid: &str, address| {
            let mut endpoint = mk_endpoint(Some("web-0"), &[address], [None; 3]);
            endpoint.target_ref.iter_mut().for_each(|target| target.uid = uid.to_owned());
            endpoint
        };
        let backends = merged(vec![mk_slice("s", 80, vec![of_uid("old", "10.0.0.1"), of_uid("new", "10.0.0.2")])]);
        assert_eq!(backends.len(), 2);
    }

    #[test]
    fn what_is_called_ready_and_does_not_serve_is_not_healthy() {
        let backends = merged(vec![mk_slice(
            "s",
            80,
            vec![mk_endpoint(Some("kafka-0"), &["10.0.0.1"], [Some(true), Some(false), Some(false)])],
        )]);
        assert_eq!(backends[0].health(), BackendHealth::Unhealthy);
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
