use std::collections::{BTreeMap, BTreeSet};

use gumshoe_proto::collector::v1::{
    Endpoint, EndpointConditions, EndpointSlice, ObjectMeta, ObjectReference, TopologyRelation,
};
use proptest::prelude::*;

use super::*;
use crate::{
    kinds::endpoint::state::{Identity, State},
    topology::{
        facts::{Link, Particular, endpoint_slice},
        known::Known,
    },
};

const NAMESPACE: &str = "shop";

/// All there is, and what of it may not be read.
#[derive(Debug, Clone, Default)]
struct Soup {
    objects: BTreeMap<Key, Facts>,
    unreadable: BTreeSet<WalkedKind>,
}

fn mk_key(kind: WalkedKind, name: &str) -> Key {
    Key::of(kind, NAMESPACE, name)
}

fn mk_facts(uid: &str) -> Facts {
    Facts {
        uid: uid.into(),
        health: Health::healthy("fine"),
        terminating: false,
        links: Vec::new(),
        particular: Particular::None,
    }
}

fn mk_link(to: Key, uid: &str, relation: TopologyRelation) -> Link {
    let is_backward = matches!(relation, TopologyRelation::Owns | TopologyRelation::HasSlice);
    Link { to, uid: uid.into(), relation, is_backward, reason: "because".into(), optional: false }
}

/// Endpoints at addresses that begin so, the first of them ready.
fn mk_endpoints(addresses: &str, ready: usize, total: usize) -> Particular {
    let endpoint = |index: usize| Endpoint {
        addresses: vec![format!("{addresses}-{index}")],
        conditions: Some(EndpointConditions { ready: Some(index < ready), ..Default::default() }),
        ..Default::default()
    };
    let endpoints: Vec<_> = (0..total).map(endpoint).collect();
    Particular::Endpoints { states: endpoints.iter().map(|it| (Identity::of(it).unwrap(), State::of(it))).collect() }
}

fn mk_readable() -> Readable {
    Readable { kinds: WalkedKind::ALL.into(), cluster: true, namespaces: vec![None] }
}

impl Soup {
    fn with(mut self, kind: WalkedKind, name: &str, links: Vec<Link>, particular: Particular) -> Self {
        self.objects.insert(mk_key(kind, name), Facts { links, particular, ..mk_facts(name) });
        self
    }

    fn of_kind(&self, wanted: impl Fn(&Key, &Facts) -> bool) -> Answer {
        let found = self.objects.iter().filter(|(key, facts)| wanted(key, facts));
        let known = |(key, facts): (&Key, &Facts)| -> Known { (key.clone(), Arc::new(facts.clone())) };
        Answer { objects: found.map(known).collect(), gaps: Vec::new() }
    }

    fn answer(&self, read: &Read) -> Answer {
        let kind = match read {
            Read::Get(key) => key.walked().unwrap(),
            Read::List { kind, .. } => *kind,
            Read::OnNode { .. } => WalkedKind::Pod,
        };
        if self.unreadable.contains(&kind) {
            let name = if let Read::Get(key) = read { key.name.clone() } else { String::new() };
            let message = "forbidden".to_owned();
            return Answer::not_read(Gap { reason: GapReason::KindNotRead.into(), message, name, ..Gap::default() });
        }
        match read {
            Read::Get(wanted) => self.of_kind(|key, _| key == wanted),
            Read::List { kind, .. } => self.of_kind(|key, _| key.walked() == Some(*kind)),
            Read::OnNode { node, .. } => self.of_kind(|key, facts| {
                let node = Key::of(WalkedKind::Node, "", node);
                key.walked() == Some(WalkedKind::Pod) && facts.links.iter().any(|link| link.to == node)
            }),
        }
    }
}

/// What came of a walk.
#[derive(Debug, Default)]
struct Walked {
    nodes: Vec<TopologyNode>,
    edges: Vec<TopologyEdge>,
    reads: Vec<Read>,
    rounds: usize,
    gaps: Vec<Gap>,
}

impl Walked {
    fn names(&self) -> BTreeSet<(String, String, bool)> {
        let identity = |node: &TopologyNode| {
            let gone = node.health() == TopologyHealth::Missing && !node.uid.is_empty();
            (node.kind.clone(), node.name.clone(), gone)
        };
        self.nodes.iter().map(identity).collect()
    }

    fn node(&self, kind: &str, name: &str) -> &TopologyNode {
        self.nodes.iter().find(|node| node.kind == kind && node.name == name).unwrap()
    }
}

fn walk(soup: &Soup, seed: Key, bounds: Bounds, readable: Readable) -> Walked {
    let mut walk = Walk::new(seed.clone(), bounds, readable);
    let mut walked = Walked::default();
    walk.learn(Read::Get(seed.clone()), soup.answer(&Read::Get(seed)));
    loop {
        let step = walk.step();
        let elements = walk.take();
        assert!(elements.len() <= STEP_ELEMENTS + soup.objects.len() * 3, "{}", elements.len());
        assert!(walk.work <= STEP_WORK + soup.objects.len() * 3, "{}", walk.work);
        for element in elements {
            match element.element.unwrap() {
                Element::Node(node) => walked.nodes.push(node),
                Element::Edge(edge) => {
                    // Both ends came before.
                    assert!([edge.from, edge.to].iter().all(|end| (1..=walked.nodes.len()).contains(&(*end as usize))));
                    walked.edges.push(edge);
                }
            }
        }
        let reads = match step {
            Step::Read(reads) => reads,
            Step::More => continue,
            Step::Done => break,
        };
        assert!(!reads.is_empty(), "it waits for something");
        walked.rounds += 1;
        for read in reads {
            let answer = soup.answer(&read);
            walked.reads.push(read.clone());
            walk.learn(read, answer);
        }
    }
    walked.gaps = walk.take_gaps();
    walked
}

fn far() -> Bounds {
    Bounds { depth: 1000, nodes: 10_000 }
}

/// A deployment with three pods on two nodes, and all that belongs to it.
fn mk_app() -> Soup {
    use TopologyRelation::{HasEndpoint, HasSlice, Owns, RoutesTo, RunsOn, Scales, Uses};
    use WalkedKind::*;
    let labels: BTreeMap<_, _> = [("app".to_owned(), "web".to_owned())].into();
    let to = |kind, name, relation| mk_link(mk_key(kind, name), "", relation);
    let needs =
        || vec![to(ConfigMap, "config", Uses), to(Secret, "token", Uses), to(PersistentVolumeClaim, "data", Uses)];
    let mut soup = Soup::default()
        .with(Deployment, "web", needs(), Particular::None)
        .with(ReplicaSet, "web-1", vec![mk_link(mk_key(Deployment, "web"), "web", Owns)], Particular::None)
        .with(
            Service,
            "web",
            vec![],
            Particular::Service { selector: labels.clone(), external_name: String::new(), ports: BTreeSet::new() },
        )
        .with(Ingress, "web", vec![to(Service, "web", RoutesTo), to(Secret, "tls", Uses)], Particular::None)
        .with(HorizontalPodAutoscaler, "web", vec![to(Deployment, "web", Scales)], Particular::None)
        .with(ConfigMap, "config", vec![], Particular::None)
        .with(ConfigMap, "root-ca", vec![], Particular::None)
        .with(PersistentVolumeClaim, "data", vec![], Particular::None)
        .with(Secret, "tls", vec![], Particular::None)
        .with(Node, "node-1", vec![], Particular::None)
        .with(Node, "node-2", vec![], Particular::None);
    let mut endpoints = vec![to(Service, "web", HasSlice)];
    for (pod, node) in [("web-1-a", "node-1"), ("web-1-b", "node-1"), ("web-1-c", "node-2")] {
        endpoints.push(mk_link(mk_key(Pod, pod), pod, HasEndpoint));
        let own = [
            mk_link(mk_key(ReplicaSet, "web-1"), "web-1", Owns),
            to(Node, node, RunsOn),
            to(ConfigMap, "root-ca", Uses),
        ];
        let links = own.into_iter().chain(needs()).collect();
        soup = soup.with(Pod, pod, links, Particular::Pod { labels: labels.clone() });
    }
    soup.with(EndpointSlice, "web-x", endpoints, mk_endpoints("", 3, 3))
}

#[test]
fn the_walk_from_a_deployment_costs_nine_lists_in_two_rounds_and_one_read_a_node() {
    let walked = walk(&mk_app(), mk_key(WalkedKind::Deployment, "web"), Bounds { depth: 5, nodes: 300 }, mk_readable());
    let lists = walked.reads.iter().filter(|read| matches!(read, Read::List { .. })).count();
    assert_eq!((lists, walked.reads.len(), walked.rounds), (9, 9 + 2, 2), "{:?}", walked.reads);
    assert_eq!(walked.nodes.len(), 16, "{:?}", walked.names());
    assert_eq!(walked.node("Secret", "token").health(), TopologyHealth::Missing);
    assert_eq!(walked.node("Service", "web").status, "3/3 endpoints ready");
    assert_eq!(walked.gaps, []);
}

#[test]
fn whatever_the_walk_begins_at_it_finds_the_same() {
    let soup = mk_app();
    let of = |kind, name| walk(&soup, mk_key(kind, name), far(), mk_readable()).names();
    let expected = of(WalkedKind::Deployment, "web");
    for key in soup.objects.keys().filter(|key| !key.walked().unwrap().is_shared()) {
        assert_eq!(of(key.walked().unwrap(), &key.name), expected, "{key:?}");
    }
}

#[test]
fn what_many_share_is_followed_only_where_the_walk_begins_there() {
    use TopologyRelation::{RunsOn, Uses};
    let pod = |config: &str| {
        vec![
            mk_link(mk_key(WalkedKind::Node, "node-1"), "", RunsOn),
            mk_link(mk_key(WalkedKind::ConfigMap, config), "", Uses),
        ]
    };
    let soup = Soup::default()
        .with(WalkedKind::Node, "node-1", vec![], Particular::None)
        .with(WalkedKind::ConfigMap, "shared", vec![], Particular::None)
        .with(WalkedKind::Pod, "a", pod("shared"), Particular::None)
        .with(WalkedKind::Pod, "b", pod("shared"), Particular::None);
    let names = |kind, name| walk(&soup, mk_key(kind, name), far(), mk_readable()).nodes.len();
    assert_eq!(names(WalkedKind::Pod, "a"), 3);
    assert_eq!(names(WalkedKind::Node, "node-1"), 4);
    assert_eq!(names(WalkedKind::ConfigMap, "shared"), 4);
}

#[test]
fn an_owner_of_another_uid_is_gone_and_its_namesake_is_another_object() {
    let owned_by = |uid| vec![mk_link(mk_key(WalkedKind::ReplicaSet, "web-1"), uid, TopologyRelation::Owns)];
    let soup = Soup::default()
        .with(WalkedKind::ReplicaSet, "web-1", vec![], Particular::None)
        .with(WalkedKind::Pod, "old", owned_by("before"), Particular::None)
        .with(WalkedKind::Pod, "new", owned_by("web-1"), Particular::None);
    let of_old = walk(&soup, mk_key(WalkedKind::Pod, "old"), far(), mk_readable());
    let owner = of_old.node("ReplicaSet", "web-1");
    assert_eq!((owner.health(), owner.uid.as_str(), of_old.nodes.len()), (TopologyHealth::Missing, "before", 2));
    assert!(owner.status.starts_with("gone"), "{}", owner.status);
    let of_new = walk(&soup, mk_key(WalkedKind::Pod, "new"), far(), mk_readable());
    assert_eq!((of_new.node("ReplicaSet", "web-1").health(), of_new.nodes.len()), (TopologyHealth::Healthy, 2));
}

#[test]
fn a_service_without_slices_and_one_without_ready_endpoints_are_told_apart() {
    let service = |selector: &[(&str, &str)]| {
        let selector = selector.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Particular::Service { selector, external_name: String::new(), ports: BTreeSet::new() }
    };
    let status = |slices: &[(usize, usize)]| {
        let mut soup = Soup::default().with(WalkedKind::Service, "web", vec![], service(&[("app", "web")]));
        for (index, (ready, total)) in slices.iter().enumerate() {
            let of_it = mk_link(mk_key(WalkedKind::Service, "web"), "", TopologyRelation::HasSlice);
            let endpoints = mk_endpoints(&index.to_string(), *ready, *total);
            soup = soup.with(WalkedKind::EndpointSlice, &format!("web-{index}"), vec![of_it], endpoints);
        }
        let walked = walk(&soup, mk_key(WalkedKind::Service, "web"), far(), mk_readable());
        walked.node("Service", "web").status.clone()
    };
    assert_eq!(status(&[]), "no endpoint slice");
    assert!(status(&[(0, 0)]).starts_with("no ready backend; its selector"));
    assert_eq!(status(&[(0, 2), (0, 1)]), "no ready backend, 0/3 endpoints ready");
    assert_eq!(status(&[(1, 2), (3, 3)]), "4/5 endpoints ready");
}

#[test]
fn an_ingress_is_as_well_as_the_services_their_ports_and_the_certificates_that_it_names() {
    use TopologyHealth::{Degraded, Healthy, Unhealthy};
    let status = |backends: &[(&str, &str)], secret: &str, readable: Readable| {
        let backends = backends.iter().map(|(name, port)| ((*name).to_owned(), (*port).to_owned())).collect();
        let service = |external_name: &str, ports: &[&str]| Particular::Service {
            selector: BTreeMap::new(),
            external_name: external_name.to_owned(),
            ports: ports.iter().map(|port| (*port).to_owned()).collect(),
        };
        let tls = mk_link(mk_key(WalkedKind::Secret, secret), "", TopologyRelation::Uses);
        let soup = Soup::default()
            .with(WalkedKind::Service, "web", vec![], service("", &["80", "http"]))
            .with(WalkedKind::Service, "elsewhere", vec![], service("db.example", &[]))
            .with(WalkedKind::Secret, "tls", vec![], Particular::None)
            .with(WalkedKind::Ingress, "web", vec![tls], Particular::Ingress { backends });
        let walked = walk(&soup, mk_key(WalkedKind::Ingress, "web"), Bounds { depth: 0, nodes: 9 }, readable);
        (walked.nodes[0].health(), walked.nodes[0].status.clone())
    };
    for (backends, secret, expected) in [
        (&[("web", "80"), ("web", "http"), ("elsewhere", "443")][..], "tls", (Healthy, "fine")),
        (&[("web", "80"), ("web", "81")], "tls", (Degraded, "fine, service web has no port 81")),
        (&[("web", "https")], "tls", (Unhealthy, "fine, service web has no port https")),
        (&[("gone", "80"), ("web", "80")], "tls", (Degraded, "fine, no service gone")),
        (&[("web", "80")], "gone", (Degraded, "fine, no secret gone")),
        (&[], "gone", (Degraded, "fine, no secret gone")),
    ] {
        let (level, text) = status(backends, secret, mk_readable());
        assert_eq!((level, text.as_str()), expected, "{backends:?}");
    }
    let mut readable = mk_readable();
    readable.kinds.remove(&WalkedKind::Secret);
    assert_eq!(status(&[("web", "80")], "gone", readable.clone()).0, Healthy);
    readable.kinds.remove(&WalkedKind::Service);
    assert_eq!(status(&[("web", "80")], "gone", readable).0, TopologyHealth::Unknown);
}

#[test]
fn what_is_in_two_slices_of_a_service_is_counted_once_and_slices_that_are_unread_make_its_health_unknown() {
    let of_it = || vec![mk_link(mk_key(WalkedKind::Service, "web"), "", TopologyRelation::HasSlice)];
    let endpoints = || mk_endpoints("", 2, 2);
    let service =
        Particular::Service { selector: BTreeMap::new(), external_name: String::new(), ports: BTreeSet::new() };
    let soup = Soup::default()
        .with(WalkedKind::Service, "web", vec![], service)
        .with(WalkedKind::EndpointSlice, "web-ipv4", of_it(), endpoints())
        .with(WalkedKind::EndpointSlice, "web-ipv6", of_it(), endpoints());
    let seed = mk_key(WalkedKind::Service, "web");
    let walked = walk(&soup, seed.clone(), far(), mk_readable());
    assert_eq!(walked.node("Service", "web").status, "2/2 endpoints ready");

    for (name, slices) in [("web-large", 2), ("", 2), ("web-large", 0)] {
        let mut walk = Walk::new(seed.clone(), far(), mk_readable());
        walk.learn(Read::Get(seed.clone()), soup.answer(&Read::Get(seed.clone())));
        let list = Read::List { kind: WalkedKind::EndpointSlice, namespace: NAMESPACE.to_owned() };
        let mut answer = soup.answer(&list);
        answer.objects.truncate(slices);
        let message = "it is too large".to_owned();
        answer.gaps.push(Gap { name: name.to_owned(), message, ..Gap::default() });
        walk.learn(list, answer);
        walk.step();
        let Some(Element::Node(service)) = walk.take().remove(0).element else { panic!("the seed comes first") };
        assert_eq!(service.health(), TopologyHealth::Unknown, "{}", service.status);
    }
}

/// One endpoint of a slice: its pod and that one's uid, its address, and whether it is ready, serving and terminating.
fn mk_endpoint(pod: &str, uid: &str, address: &str, conditions: [bool; 3]) -> Endpoint {
    let [ready, serving, terminating] = conditions.map(Some);
    let target = || ObjectReference { kind: "Pod".into(), name: pod.into(), uid: uid.into(), ..Default::default() };
    Endpoint {
        addresses: vec![address.to_owned()],
        conditions: Some(EndpointConditions { ready, serving, terminating }),
        target_ref: (!pod.is_empty()).then(|| Box::new(target())),
        ..Default::default()
    }
}

/// `GetEndpoints` counts the same by the same rule.
#[test]
fn a_service_is_as_well_as_its_backends_and_not_as_what_is_said_of_them_twice() {
    use TopologyHealth::{Degraded, Healthy, Unhealthy};
    let (well, not, going) = ([true, true, false], [false, false, false], [true, true, true]);
    let service =
        || Particular::Service { selector: BTreeMap::new(), external_name: String::new(), ports: BTreeSet::new() };
    for (one, other, expected) in [
        // The addresses of two families are those of one pod, which is as well as the slice says that says the worse.
        (
            ("a", "u", "10.0.0.1", well),
            ("a", "u", "fd00::1", not),
            (Unhealthy, "no ready backend, 0/1 endpoints ready"),
        ),
        (("a", "u", "10.0.0.1", well), ("a", "u", "fd00::1", well), (Healthy, "1/1 endpoints ready")),
        // A pod that was replaced under its name.
        (("a", "old", "10.0.0.1", not), ("a", "new", "10.0.0.2", well), (Degraded, "1/2 endpoints ready")),
        // One address in two slices, while they are rewritten.
        (("", "", "10.0.0.1", not), ("", "", "10.0.0.1", well), (Healthy, "1/1 endpoints ready")),
        // publishNotReadyAddresses.
        (("a", "u", "10.0.0.1", going), ("b", "v", "10.0.0.2", well), (Degraded, "2/2 endpoints ready, 1 healthy")),
    ] {
        let mut soup = Soup::default().with(WalkedKind::Service, "web", vec![], service());
        for (name, (pod, uid, address, conditions)) in [("web-1", one), ("web-2", other)] {
            let endpoints = vec![mk_endpoint(pod, uid, address, conditions)];
            let facts = endpoint_slice(&EndpointSlice { endpoints, ..Default::default() });
            let of_it = mk_link(mk_key(WalkedKind::Service, "web"), "", TopologyRelation::HasSlice);
            soup = soup.with(WalkedKind::EndpointSlice, name, vec![of_it], facts.particular);
        }
        let walked = walk(&soup, mk_key(WalkedKind::Service, "web"), far(), mk_readable());
        let service = walked.node("Service", "web");
        assert_eq!((service.health(), service.status.as_str()), expected, "{one:?} {other:?}");
    }
}

#[test]
fn an_endpoint_in_another_namespace_is_not_the_pod_of_its_name_that_is_here() {
    let mut endpoint = mk_endpoint("web-0", "", "10.0.0.1", [true, true, false]);
    let slice_to = |endpoint: &Endpoint| {
        let metadata = ObjectMeta { namespace: NAMESPACE.into(), ..Default::default() };
        let endpoints = vec![endpoint.clone()];
        endpoint_slice(&EndpointSlice { metadata: Some(metadata), endpoints, ..Default::default() })
    };
    for (namespace, expected) in
        [("", TopologyHealth::Healthy), (NAMESPACE, TopologyHealth::Healthy), ("other", TopologyHealth::NotRead)]
    {
        endpoint.target_ref.as_mut().unwrap().namespace = namespace.into();
        let slice = slice_to(&endpoint);
        let soup = Soup::default().with(WalkedKind::Pod, "web-0", vec![], Particular::None).with(
            WalkedKind::EndpointSlice,
            "web-x",
            slice.links,
            slice.particular,
        );
        let walked = walk(&soup, mk_key(WalkedKind::EndpointSlice, "web-x"), far(), mk_readable());
        let pod = walked.node("Pod", "web-0");
        assert_eq!((walked.nodes.len(), pod.health()), (2, expected), "{pod:?}");
        if expected == TopologyHealth::NotRead {
            assert_eq!(pod.namespace, namespace);
            assert!(pod.status.contains("another namespace"), "{pod:?}");
        }
    }
}

#[test]
fn what_begins_at_a_claim_finds_its_stateful_set_and_at_a_driver_its_executors() {
    let claims = Particular::Workload { labels: BTreeMap::new(), claims: ["data-".to_owned()].into() };
    let owned = vec![mk_link(mk_key(WalkedKind::Pod, "driver"), "driver", TopologyRelation::Owns)];
    let soup = Soup::default()
        .with(WalkedKind::StatefulSet, "db", vec![], claims)
        .with(WalkedKind::PersistentVolumeClaim, "data-0", vec![], Particular::None)
        .with(WalkedKind::Pod, "driver", vec![], Particular::Pod { labels: BTreeMap::new() })
        .with(WalkedKind::Pod, "executor", owned, Particular::Pod { labels: BTreeMap::new() });
    for (kind, name) in [(WalkedKind::PersistentVolumeClaim, "data-0"), (WalkedKind::Pod, "driver")] {
        assert_eq!(walk(&soup, mk_key(kind, name), far(), mk_readable()).nodes.len(), 2, "{name}");
    }
}

#[test]
fn whatever_objects_are_called_and_say_no_element_is_over_4_kib() {
    let long = "x".repeat(300_000);
    let owner = Key::of_reference(&format!("{long}/v1"), &long, &long, &long);
    let missing = mk_key(WalkedKind::ConfigMap, &long);
    let backends = (0..4_500).map(|index| (format!("service-{index}"), "80".to_owned())).collect();
    let owned = vec![
        mk_link(owner, &long, TopologyRelation::Owns),
        mk_link(missing, "", TopologyRelation::Uses),
        mk_link(mk_key(WalkedKind::Ingress, "web"), "", TopologyRelation::RoutesTo),
    ];
    let mut soup = Soup::default().with(WalkedKind::Deployment, "web", owned, Particular::None).with(
        WalkedKind::Ingress,
        "web",
        vec![],
        Particular::Ingress { backends },
    );
    soup.objects.get_mut(&mk_key(WalkedKind::Deployment, "web")).unwrap().health = Health::degraded(long);
    let walked = walk(&soup, mk_key(WalkedKind::Deployment, "web"), far(), mk_readable());
    let longest = walked.nodes.iter().map(prost::Message::encoded_len).max();
    assert!(longest < Some(4 << 10), "{longest:?}");
    assert_eq!(walked.nodes.len(), 4);
    assert!(walked.nodes.iter().any(|node| node.name.ends_with("x…")));
}

/// Not all of it is looked at in one step, so that others have their turn.
fn is_told_in_steps(soup: &Soup, seed: Key) -> bool {
    let mut walk = Walk::new(seed.clone(), far(), mk_readable());
    walk.learn(Read::Get(seed.clone()), soup.answer(&Read::Get(seed)));
    let mut paused = false;
    loop {
        match walk.step() {
            Step::Read(reads) => reads.into_iter().for_each(|read| {
                let answer = soup.answer(&read);
                walk.learn(read, answer);
            }),
            Step::More => paused = true,
            Step::Done => return paused,
        }
    }
}

#[test]
fn the_claims_that_a_stateful_set_is_compared_with_are_work() {
    let claims = Particular::Workload { labels: BTreeMap::new(), claims: ["data-db-".to_owned()].into() };
    let mut soup = Soup::default().with(WalkedKind::StatefulSet, "db", vec![], claims);
    for claim in 0..STEP_WORK {
        let name = format!("other-{claim}");
        soup = soup.with(WalkedKind::PersistentVolumeClaim, &name, vec![], Particular::None);
    }
    assert!(is_told_in_steps(&soup, mk_key(WalkedKind::StatefulSet, "db")));
}

#[test]
fn a_service_that_is_being_deleted_is_not_healthy() {
    for external_name in ["", "db.example"] {
        let service = Particular::Service {
            selector: BTreeMap::new(),
            external_name: external_name.to_owned(),
            ports: BTreeSet::new(),
        };
        let of_it = vec![mk_link(mk_key(WalkedKind::Service, "web"), "", TopologyRelation::HasSlice)];
        let endpoints = mk_endpoints("", 1, 1);
        let mut soup = Soup::default().with(WalkedKind::Service, "web", vec![], service).with(
            WalkedKind::EndpointSlice,
            "web-x",
            of_it,
            endpoints,
        );
        let key = mk_key(WalkedKind::Service, "web");
        soup.objects.get_mut(&key).unwrap().terminating = true;
        let walked = walk(&soup, key, far(), mk_readable());
        let service = walked.node("Service", "web");
        assert_eq!(service.health(), TopologyHealth::Degraded, "{}", service.status);
        assert!(service.status.starts_with("Terminating, "), "{}", service.status);
    }
}

#[test]
fn a_kind_that_is_not_served_is_not_read_and_never_missing() {
    let mut readable = mk_readable();
    readable.kinds.remove(&WalkedKind::Secret);
    readable.cluster = false;
    let walked = walk(&mk_app(), mk_key(WalkedKind::Deployment, "web"), far(), readable);
    assert_eq!(walked.node("Secret", "token").health(), TopologyHealth::NotRead);
    assert_eq!(walked.node("Node", "node-1").health(), TopologyHealth::NotRead);
    let gaps: Vec<_> = walked.gaps.iter().map(|gap| (gap.reason(), gap.message.as_str())).collect();
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert!(gaps.iter().all(|(reason, _)| *reason == GapReason::KindNotRead));
    assert!(gaps.iter().any(|(_, message)| message.contains("secrets")), "{gaps:?}");
}

#[test]
fn a_workload_without_pods_and_what_leads_to_it_find_each_other() {
    use TopologyRelation::{RoutesTo, Uses};
    let labels: BTreeMap<_, _> = [("app".to_owned(), "web".to_owned())].into();
    let workload = || Particular::Workload { labels: labels.clone(), claims: BTreeSet::new() };
    let service =
        Particular::Service { selector: labels.clone(), external_name: String::new(), ports: BTreeSet::new() };
    let to = |kind, relation| mk_link(mk_key(kind, "web"), "", relation);
    for kind in WalkedKind::WORKLOADS {
        let soup = Soup::default()
            .with(kind, "web", vec![to(WalkedKind::ConfigMap, Uses)], workload())
            .with(WalkedKind::Service, "web", vec![], service.clone())
            .with(WalkedKind::ConfigMap, "web", vec![], Particular::None)
            .with(WalkedKind::Ingress, "web", vec![to(WalkedKind::Service, RoutesTo)], Particular::None);
        for seed in soup.objects.keys() {
            let walked = walk(&soup, seed.clone(), far(), mk_readable());
            assert_eq!(walked.nodes.len(), 4, "{seed:?}: {:?}", walked.names());
            assert!(walked.edges.iter().any(|edge| edge.reason == "selector app=web matches its template"));
        }
    }
    // Where there are pods, they lead to it: no edge beside theirs, and no list of workloads.
    for (kind, lists) in [(WalkedKind::Deployment, 0), (WalkedKind::Service, 1)] {
        let walked = walk(&mk_app(), mk_key(kind, "web"), far(), mk_readable());
        assert!(walked.edges.iter().all(|edge| !edge.reason.contains("template")));
        let of_workloads = |read: &&Read| matches!(read, Read::List { kind: WalkedKind::DaemonSet, .. });
        assert_eq!(walked.reads.iter().filter(of_workloads).count(), lists);
    }
}

#[test]
fn a_workload_without_pods_is_found_beside_one_that_has_the_pods_of_its_service() {
    let labels = |track: &str| -> BTreeMap<_, _> {
        [("app", "web"), ("track", track)].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    };
    let workload = |track| Particular::Workload { labels: labels(track), claims: BTreeSet::new() };
    let selector = [("app".to_owned(), "web".to_owned())].into();
    let owner = mk_link(mk_key(WalkedKind::DaemonSet, "stable"), "stable", TopologyRelation::Owns);
    let soup = Soup::default()
        .with(WalkedKind::DaemonSet, "stable", vec![], workload("stable"))
        .with(WalkedKind::Deployment, "canary", vec![], workload("canary"))
        .with(WalkedKind::Pod, "stable-1", vec![owner], Particular::Pod { labels: labels("stable") })
        .with(
            WalkedKind::Service,
            "web",
            vec![],
            Particular::Service { selector, external_name: String::new(), ports: BTreeSet::new() },
        );
    for (kind, name) in [(WalkedKind::Deployment, "canary"), (WalkedKind::Service, "web")] {
        let walked = walk(&soup, mk_key(kind, name), far(), mk_readable());
        let by_template: Vec<_> = walked.edges.iter().filter(|edge| edge.reason.contains("template")).collect();
        assert_eq!((walked.nodes.len(), by_template.len()), (4, 1), "{name}");
    }
}

#[test]
fn many_workloads_without_pods_beside_many_pods_are_looked_for_in_steps() {
    let labels = |name: &str| -> BTreeMap<_, _> {
        [("app", "web"), ("name", name)].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    };
    let selector = [("app".to_owned(), "web".to_owned())].into();
    let service = Particular::Service { selector, external_name: String::new(), ports: BTreeSet::new() };
    let mut soup = Soup::default().with(WalkedKind::Service, "web", vec![], service);
    for index in 0..100 {
        let workload = Particular::Workload { labels: labels(&format!("w{index}")), claims: BTreeSet::new() };
        soup = soup.with(WalkedKind::Deployment, &format!("w{index}"), vec![], workload);
    }
    for index in 0..500 {
        soup = soup.with(WalkedKind::Pod, &format!("p{index}"), vec![], Particular::Pod { labels: labels("other") });
    }
    let walked = walk(&soup, mk_key(WalkedKind::Service, "web"), Bounds { depth: 1, nodes: 10_000 }, mk_readable());
    assert_eq!((walked.nodes.len(), walked.edges.len()), (601, 600));
}

/// Services that all select the same pods.
fn mk_crowd(services: usize, pods: usize) -> Soup {
    let labels: BTreeMap<_, _> = [("app".to_owned(), "x".repeat(400))].into();
    let mut soup = Soup::default();
    for pod in 0..pods {
        let labels = labels.clone();
        soup = soup.with(WalkedKind::Pod, &format!("pod-{pod}"), vec![], Particular::Pod { labels });
    }
    for service in 0..services {
        let selector = labels.clone();
        let service_of = Particular::Service { selector, external_name: String::new(), ports: BTreeSet::new() };
        soup = soup.with(WalkedKind::Service, &format!("service-{service}"), vec![], service_of);
    }
    soup
}

#[test]
fn connections_are_bounded_and_are_given_while_the_walk_goes_on() {
    let soup = mk_crowd(100, 300);
    let seed = mk_key(WalkedKind::Service, "service-0");
    let bounds = Bounds { depth: 5, nodes: 400 };
    let mut walk = Walk::new(seed.clone(), bounds, mk_readable());
    walk.learn(Read::Get(seed.clone()), soup.answer(&Read::Get(seed)));
    let (mut edges, mut nodes) = (0, 0);
    loop {
        let step = walk.step();
        let elements = walk.take();
        assert!(elements.len() <= STEP_ELEMENTS + soup.objects.len(), "{}", elements.len());
        for element in elements {
            match element.element.unwrap() {
                Element::Node(_) => nodes += 1,
                Element::Edge(edge) => {
                    edges += 1;
                    assert!(edge.reason.len() < 300, "{}", edge.reason);
                }
            }
        }
        match step {
            Step::Read(reads) => reads.into_iter().for_each(|read| {
                let answer = soup.answer(&read);
                walk.learn(read, answer);
            }),
            Step::More => {}
            Step::Done => break,
        }
    }
    assert_eq!((nodes, edges), (400, 399 + EDGES_PER_NODE * 400));
    let gaps: Vec<_> = walk.take_gaps();
    assert_eq!(gaps.iter().map(Gap::reason).collect::<Vec<_>>(), [GapReason::Limit; 1]);
    assert!(gaps[0].message.contains("connections"), "{}", gaps[0].message);
}

#[test]
fn what_is_newer_than_the_list_of_its_kind_is_not_gone() {
    use TopologyRelation::Owns;
    let owned = |uid| vec![mk_link(mk_key(WalkedKind::ReplicaSet, "web-2"), uid, Owns)];
    let now = Soup::default().with(WalkedKind::ReplicaSet, "web-2", vec![], Particular::None).with(
        WalkedKind::Pod,
        "new",
        owned("web-2"),
        Particular::None,
    );
    // The list of replica sets was made before there was this one.
    let mut walk = Walk::new(mk_key(WalkedKind::Pod, "new"), far(), mk_readable());
    let seed = Read::Get(mk_key(WalkedKind::Pod, "new"));
    walk.learn(seed.clone(), now.answer(&seed));
    let mut elements = Vec::new();
    loop {
        let step = walk.step();
        elements.extend(walk.take());
        let Step::Read(reads) = step else { break };
        for read in reads {
            let is_early = matches!(read, Read::List { kind: WalkedKind::ReplicaSet, .. });
            let answer = if is_early { Answer::default() } else { now.answer(&read) };
            walk.learn(read, answer);
        }
    }
    let owner = elements.into_iter().find_map(|element| match element.element {
        Some(Element::Node(node)) if node.kind == "ReplicaSet" => Some(node),
        _ => None,
    });
    assert_eq!(owner.map(|owner| (owner.health(), owner.uid)), Some((TopologyHealth::Healthy, "web-2".to_owned())));
}

#[test]
fn of_many_that_are_gone_only_the_first_are_looked_for_once_more() {
    let mut soup = Soup::default().with(WalkedKind::Deployment, "web", vec![], Particular::None);
    let mut owners = vec![mk_link(mk_key(WalkedKind::Deployment, "web"), "web", TopologyRelation::Owns)];
    let gone = |name: &str| mk_link(mk_key(WalkedKind::ReplicaSet, name), "gone", TopologyRelation::Owns);
    owners.extend(["a", "b", "c", "d", "e", "f", "g"].map(gone));
    soup = soup.with(WalkedKind::ReplicaSet, "web-1", owners, Particular::None);
    let walked = walk(&soup, mk_key(WalkedKind::Deployment, "web"), far(), mk_readable());
    let gets = walked.reads.iter().filter(|read| matches!(read, Read::Get(_))).count();
    assert_eq!(gets, SECOND_LOOKS);
    let with = |status| walked.nodes.iter().filter(|node| node.status == status).count();
    assert_eq!((with("gone"), with("gone, or newer than what was read")), (SECOND_LOOKS, 2));
}

#[test]
fn an_owner_of_another_kind_keeps_its_uid_and_two_of_one_name_are_two() {
    let owned = |uid| {
        let rollout = Key::of_reference("argoproj.io/v1alpha1", "Rollout", NAMESPACE, "web");
        vec![
            mk_link(rollout, uid, TopologyRelation::Owns),
            mk_link(mk_key(WalkedKind::Node, "n"), "", TopologyRelation::RunsOn),
        ]
    };
    let soup = Soup::default()
        .with(WalkedKind::Node, "n", vec![], Particular::None)
        .with(WalkedKind::Pod, "a", owned("one"), Particular::None)
        .with(WalkedKind::Pod, "b", owned("two"), Particular::None)
        .with(WalkedKind::Pod, "c", owned("two"), Particular::None);
    let walked = walk(&soup, Key::of(WalkedKind::Node, "", "n"), far(), mk_readable());
    let owners: Vec<_> =
        walked.nodes.iter().filter(|node| node.kind == "Rollout").map(|node| node.uid.as_str()).collect();
    assert_eq!(owners, ["one", "two"]);
}

#[test]
fn a_bound_on_objects_leaves_a_gap_and_the_nearest() {
    let bounds = Bounds { depth: 5, nodes: 5 };
    let walked = walk(&mk_app(), mk_key(WalkedKind::Deployment, "web"), bounds, mk_readable());
    assert_eq!(walked.nodes.len(), 5);
    assert!(walked.nodes.iter().all(|node| node.distance <= 1));
    assert_eq!(walked.gaps.iter().map(Gap::reason).collect::<Vec<_>>(), [GapReason::Limit]);
}

/// What can point at what: written out once more, for what the walk has of it is what is tested.
const MEANT: &[(WalkedKind, WalkedKind, TopologyRelation)] = {
    use TopologyRelation::{HasEndpoint, HasSlice, Owns, RoutesTo, RunsOn, Scales, Selects, Uses};
    use WalkedKind::*;
    &[
        (Pod, ReplicaSet, Owns),
        (Pod, StatefulSet, Owns),
        (Pod, DaemonSet, Owns),
        (Pod, Job, Owns),
        (Pod, Pod, Owns),
        (ReplicaSet, Deployment, Owns),
        (Job, CronJob, Owns),
        (Service, Pod, Selects),
        (EndpointSlice, Service, HasSlice),
        (EndpointSlice, Pod, HasEndpoint),
        (Ingress, Service, RoutesTo),
        (HorizontalPodAutoscaler, Deployment, Scales),
        (HorizontalPodAutoscaler, ReplicaSet, Scales),
        (HorizontalPodAutoscaler, StatefulSet, Scales),
        (Pod, Node, RunsOn),
        (Ingress, Secret, Uses),
        (Pod, ConfigMap, Uses),
        (Pod, Secret, Uses),
        (Pod, PersistentVolumeClaim, Uses),
        (Deployment, ConfigMap, Uses),
        (Deployment, Secret, Uses),
        (Deployment, PersistentVolumeClaim, Uses),
        (StatefulSet, ConfigMap, Uses),
        (StatefulSet, Secret, Uses),
        (StatefulSet, PersistentVolumeClaim, Uses),
        (DaemonSet, ConfigMap, Uses),
        (DaemonSet, Secret, Uses),
        (DaemonSet, PersistentVolumeClaim, Uses),
        (ReplicaSet, ConfigMap, Uses),
        (ReplicaSet, Secret, Uses),
        (ReplicaSet, PersistentVolumeClaim, Uses),
        (Job, ConfigMap, Uses),
        (Job, Secret, Uses),
        (Job, PersistentVolumeClaim, Uses),
        (CronJob, ConfigMap, Uses),
        (CronJob, Secret, Uses),
        (CronJob, PersistentVolumeClaim, Uses),
    ]
};

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "d"])
}

fn particular(kind: WalkedKind, label: bool, selector: bool) -> Particular {
    let labels = |set: bool| if set { [("app".to_owned(), "web".to_owned())].into() } else { BTreeMap::new() };
    match kind {
        WalkedKind::Pod => Particular::Pod { labels: labels(label) },
        WalkedKind::Service => {
            Particular::Service { selector: labels(selector), external_name: String::new(), ports: BTreeSet::new() }
        }
        WalkedKind::EndpointSlice => mk_endpoints("", 0, usize::from(label)),
        WalkedKind::StatefulSet => Particular::Workload { labels: labels(label), claims: ["data-".to_owned()].into() },
        WalkedKind::Deployment => Particular::Workload { labels: labels(label), claims: BTreeSet::new() },
        _ => Particular::None,
    }
}

fn soup(meant: bool) -> impl Strategy<Value = Soup> {
    let uid = || prop::sample::select(vec!["a", "b", "c", "d", ""]);
    let anything = (
        prop::sample::select(WalkedKind::ALL.to_vec()),
        prop::sample::select(WalkedKind::ALL.to_vec()),
        prop::sample::select(vec![TopologyRelation::Owns, TopologyRelation::Uses, TopologyRelation::HasEndpoint]),
    );
    let pair = if meant { prop::sample::select(MEANT.to_vec()).boxed() } else { anything.boxed() };
    let object = (pair, name(), name(), uid(), any::<bool>(), any::<bool>());
    prop::collection::vec(object, 0..40).prop_map(|objects| {
        let mut soup = Soup::default();
        for ((from, to, relation), name, target, uid, label, selector) in objects {
            // Each object is there, most of what is pointed at too.
            let own = if label { from } else { to };
            let facts = |kind| Facts { particular: particular(kind, label, selector), ..mk_facts(name) };
            soup.objects.entry(mk_key(own, name)).or_insert_with(|| facts(own));
            let pointing = soup.objects.entry(mk_key(from, name)).or_insert_with(|| facts(from));
            let link = mk_link(mk_key(to, target), uid, relation);
            // An object says each thing once: that is so by how facts are made.
            let identity = |link: &Link| (link.to.clone(), link.uid.clone(), link.relation);
            if pointing.links.iter().all(|other| identity(other) != identity(&link)) {
                pointing.links.push(link);
            }
        }
        soup
    })
}

/// What there is to be found, by asking every object about every other one again and again.
fn closure(soup: &Soup, seed: &Key, depth: u32) -> BTreeSet<(String, String, bool)> {
    let mut found = BTreeMap::from([((seed.clone(), false), 0)]);
    for distance in 0..depth {
        let level: Vec<_> = found.iter().filter(|(_, at)| **at == distance).map(|(it, _)| it.clone()).collect();
        if level.is_empty() {
            break;
        }
        for (key, gone) in level {
            let kind = key.walked().unwrap();
            let Some(facts) = soup.objects.get(&key).filter(|_| !gone) else { continue };
            if kind.is_shared() && key != *seed {
                continue;
            }
            let mut next = Vec::new();
            for link in &facts.links {
                let there = soup.objects.get(&link.to);
                let gone = !link.uid.is_empty() && there.is_none_or(|there| there.uid != link.uid);
                next.push((link.to.clone(), gone));
            }
            for (other, its) in &soup.objects {
                let is_it = |link: &&Link| link.to == key && (link.uid.is_empty() || link.uid == facts.uid);
                let pointing = its.links.iter().any(|link| is_it(&link));
                let is_on_it = kind == WalkedKind::Node
                    && other.walked() == Some(WalkedKind::Pod)
                    && its.links.iter().any(|link| link.to == key);
                let matches = |service: &Facts, pod: &Facts| match (&service.particular, &pod.particular) {
                    (Particular::Service { selector, .. }, Particular::Pod { labels }) => {
                        !selector.is_empty() && selector == labels
                    }
                    _ => false,
                };
                let claims = kind == WalkedKind::StatefulSet
                    && other.walked() == Some(WalkedKind::PersistentVolumeClaim)
                    && other.name.strip_prefix("data-").is_some_and(|rest| rest.parse::<u32>().is_ok());
                // A service that selects no pod is connected with the workloads whose template it matches, and such without pods with it.
                let labels_of = |facts: &Facts| facts.template_labels().cloned().unwrap_or_default();
                let pods = || soup.objects.values().filter_map(Facts::labels);
                let selector = |service: &Facts| match &service.particular {
                    Particular::Service { selector, .. } => selector.clone(),
                    _ => BTreeMap::new(),
                };
                let by_template = |service: &Facts, workload: &Facts| {
                    let (selector, labels) = (selector(service), labels_of(workload));
                    !selector.is_empty() && selector == labels && pods().all(|pod| *pod != selector)
                };
                let claimed = kind == WalkedKind::PersistentVolumeClaim
                    && other.walked() == Some(WalkedKind::StatefulSet)
                    && key.name.strip_prefix("data-").is_some_and(|rest| rest.parse::<u32>().is_ok());
                let is_meant = |(from, to, _): &_| (Some(*from), *to) == (other.walked(), kind);
                if pointing && (MEANT.iter().any(is_meant) && kind != WalkedKind::Node)
                    || is_on_it
                    || claims
                    || claimed
                    || matches(facts, its)
                    || matches(its, facts)
                    || by_template(facts, its)
                    || by_template(its, facts)
                {
                    next.push((other.clone(), false));
                }
            }
            for it in next {
                found.entry(it).or_insert(distance + 1);
            }
        }
    }
    found.into_keys().map(|(key, gone)| (key.group_and_kind().1.to_owned(), key.name, gone)).collect()
}

proptest! {
    #[test]
    fn all_that_is_connected_is_found_and_each_thing_once(soup in soup(false), depth in 0..7_u32) {
        for seed in soup.objects.keys() {
            let walked = walk(&soup, seed.clone(), Bounds { depth, nodes: 10_000 }, mk_readable());
            prop_assert_eq!(walked.names(), closure(&soup, seed, depth), "{:?}", seed);
            let ids: Vec<_> = walked.nodes.iter().map(|node| node.id as usize).collect();
            prop_assert_eq!(ids, (1..=walked.nodes.len()).collect::<Vec<_>>());
            let identity = |node: &TopologyNode| (node.kind.clone(), node.namespace.clone(), node.name.clone(), node.health() == TopologyHealth::Missing, node.uid.clone());
            let identities: BTreeSet<_> = walked.nodes.iter().map(identity).collect();
            prop_assert_eq!(identities.len(), walked.nodes.len());
            let edges: BTreeSet<_> = walked.edges.iter().map(|edge| (edge.from, edge.to, edge.relation)).collect();
            prop_assert_eq!(edges.len(), walked.edges.len());
            let reads: BTreeSet<_> = walked.reads.iter().collect();
            prop_assert_eq!(reads.len(), walked.reads.len(), "nothing is read twice");
        }
    }

    #[test]
    fn both_directions_find_each_other(soup in soup(true)) {
        let objects: Vec<_> = soup.objects.keys().filter(|key| !key.walked().unwrap().is_shared()).collect();
        let found: Vec<_> = objects.iter().map(|key| walk(&soup, (*key).clone(), far(), mk_readable()).names()).collect();
        let identity = |key: &Key| (key.group_and_kind().1.to_owned(), key.name.clone(), false);
        for (one, from_one) in objects.iter().zip(&found) {
            for (other, from_other) in objects.iter().zip(&found) {
                prop_assert_eq!(from_one.contains(&identity(other)), from_other.contains(&identity(one)));
            }
        }
    }

    #[test]
    fn bounds_hold_and_what_cannot_be_read_is_never_missing(
        soup in soup(false),
        nodes in 1..12_usize,
        unreadable in prop::collection::btree_set(prop::sample::select(WalkedKind::ALL.to_vec()), 0..6),
    ) {
        for seed in soup.objects.keys().filter(|seed| !unreadable.contains(&seed.walked().unwrap())) {
            let soup = Soup { unreadable: unreadable.clone(), ..soup.clone() };
            let whole = walk(&soup, seed.clone(), far(), mk_readable());
            let walked = walk(&soup, seed.clone(), Bounds { nodes, ..far() }, mk_readable());
            prop_assert!(walked.nodes.len() <= nodes);
            let cut = walked.gaps.iter().any(|gap| gap.reason() == GapReason::Limit);
            prop_assert!(cut || walked.nodes.len() == whole.nodes.len());
            for node in &whole.nodes {
                let kind = WalkedKind::of_name(&node.kind).unwrap();
                prop_assert!(!unreadable.contains(&kind) || node.health() == TopologyHealth::NotRead);
            }
            let is_refused = |read: &Read| matches!(read, Read::List { kind, .. } if unreadable.contains(kind));
            let told = !whole.gaps.is_empty() || !whole.reads.iter().any(is_refused);
            prop_assert!(told);
        }
    }
}
