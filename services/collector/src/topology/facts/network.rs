//! What leads to pods.

use std::collections::{BTreeMap, BTreeSet};

use gumshoe_proto::collector::v1::{
    Endpoint, EndpointSlice, Ingress, IngressBackend, IngressServiceBackend, ObjectMeta, Service, TopologyHealth,
    TopologyRelation,
};

use super::{Facts, Health, Link, Particular, shortened};
use crate::topology::object::{Key, WalkedKind};

/// Names the service of a slice (k8s.io/api: discovery/v1, LabelServiceName).
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// How a service is, its slices say: that is put together when they are known.
pub(in crate::topology) fn service(service: &Service) -> Facts {
    let (no_metadata, no_spec) = (ObjectMeta::default(), Default::default());
    let metadata = service.metadata.as_ref().unwrap_or(&no_metadata);
    let spec = service.spec.as_ref().unwrap_or(&no_spec);
    let is_name = spec.r#type == "ExternalName";
    let particular = Particular::Service {
        // The API server keeps a selector beside an external name, and nobody uses it.
        selector: if is_name { Default::default() } else { spec.selector.clone() },
        external_name: if is_name { spec.external_name.clone() } else { String::new() },
        ports: spec
            .ports
            .iter()
            .flat_map(|port| [port.port.unwrap_or_default().to_string(), port.name.clone()])
            .collect(),
    };
    Facts { particular, ..Facts::new(metadata, Health::healthy(""), Vec::new()) }
}

pub(in crate::topology) fn endpoint_slice(slice: &EndpointSlice) -> Facts {
    let no_metadata = ObjectMeta::default();
    let metadata = slice.metadata.as_ref().unwrap_or(&no_metadata);
    let namespace = &metadata.namespace;
    let service = metadata.labels.get(SERVICE_NAME).map(|name| Link {
        is_backward: true,
        ..Link::to(
            Key::of(WalkedKind::Service, namespace, name),
            TopologyRelation::HasSlice,
            format!("label {SERVICE_NAME}={name}"),
        )
    });
    let ready = slice.endpoints.iter().filter(|endpoint| is_ready(endpoint)).count();
    let total = slice.endpoints.len();
    // The slices of a service for IPv4 and IPv6 have the same pods: they are counted once.
    let (mut targets, mut others) = (BTreeMap::new(), (0, 0));
    for endpoint in &slice.endpoints {
        match &endpoint.target_ref {
            Some(target) => {
                *targets.entry(format!("{}/{}", target.kind, target.name)).or_default() |= is_ready(endpoint)
            }
            None => others = (others.0 + usize::from(is_ready(endpoint)), others.1 + 1),
        }
    }
    let pods = slice.endpoints.iter().filter_map(|endpoint| {
        let target = endpoint.target_ref.as_ref().filter(|target| target.kind == "Pod")?;
        let to = Key::of(WalkedKind::Pod, namespace, &target.name);
        let link = Link::to(to, TopologyRelation::HasEndpoint, format!("endpoint, {}", state(endpoint)));
        Some(Link { uid: target.uid.clone(), ..link })
    });
    let text = format!("{ready}/{total} endpoints ready");
    let health = match (ready, total) {
        (_, 0) => Health::unhealthy("no endpoint"),
        (0, _) => Health::unhealthy(text),
        _ if ready < total => Health::degraded(text),
        _ => Health::healthy(text),
    };
    let links: Vec<_> = service.into_iter().chain(pods).collect();
    let mut facts = Facts::new(metadata, health, links);
    // The service owns its slices too, which says nothing more.
    let of_service = |link: &Link| link.to.walked() == Some(WalkedKind::Service);
    if facts.links.iter().any(|link| of_service(link) && link.relation == TopologyRelation::HasSlice) {
        facts.links.retain(|link| !of_service(link) || link.relation == TopologyRelation::HasSlice);
    }
    Facts { particular: Particular::Endpoints { targets, ready: others.0, total: others.1 }, ..facts }
}

/// Not told means ready (k8s.io/api: discovery/v1, EndpointConditions).
fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
}

fn state(endpoint: &Endpoint) -> &'static str {
    let terminating = endpoint.conditions.as_ref().and_then(|conditions| conditions.terminating) == Some(true);
    match (is_ready(endpoint), terminating) {
        (true, _) => "ready",
        (false, true) => "terminating",
        (false, false) => "not ready",
    }
}

/// Whether the services and the certificates exist that it names is put together when they are known.
pub(in crate::topology) fn ingress(ingress: &Ingress) -> Facts {
    let (no_metadata, no_spec) = (ObjectMeta::default(), Default::default());
    let metadata = ingress.metadata.as_ref().unwrap_or(&no_metadata);
    let spec = ingress.spec.as_ref().unwrap_or(&no_spec);
    let namespace = &metadata.namespace;
    let default = spec.default_backend.iter().map(|backend| ("default backend".to_owned(), backend));
    let rules = spec.rules.iter().flat_map(|rule| {
        let paths = rule.ingress_rule_value.iter().filter_map(|value| value.http.as_ref()).flat_map(|http| &http.paths);
        paths.filter_map(|path| {
            let path_or_root = if path.path.is_empty() { "/" } else { &path.path };
            Some((format!("ingress rule {}{path_or_root}", rule.host), path.backend.as_ref()?))
        })
    });
    let (mut routes, mut backends) = (Vec::new(), BTreeSet::new());
    for (from, backend) in default.chain(rules) {
        routes.extend(route(namespace, &from, backend));
        if let (None, Some(service)) = (&backend.resource, &backend.service) {
            backends.insert((service.name.clone(), port(service)));
        }
    }
    let secrets = spec.tls.iter().filter(|tls| !tls.secret_name.is_empty()).map(|tls| {
        let to = Key::of(WalkedKind::Secret, namespace, &tls.secret_name);
        Link::to(to, TopologyRelation::Uses, format!("tls of {}", tls.hosts.join(",")))
    });
    let balancer = ingress.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let addresses = balancer.iter().flat_map(|balancer| &balancer.ingress);
    let addresses: Vec<_> = addresses.map(|it| if it.ip.is_empty() { &*it.hostname } else { &*it.ip }).collect();
    let health = match addresses.is_empty() {
        // Some controllers never say one; but then nobody says that it is served either.
        true => Health::new(TopologyHealth::Unknown, "no address"),
        false => Health::healthy(format!("address {}", shortened(addresses.join(",")))),
    };
    let facts = Facts::new(metadata, health, routes.into_iter().chain(secrets).collect());
    Facts { particular: Particular::Ingress { backends }, ..facts }
}

/// The way to a service; a backend may also be an object of another kind, whose controller alone knows what it is.
fn route(namespace: &str, from: &str, backend: &IngressBackend) -> Option<Link> {
    if let Some(resource) = &backend.resource {
        let to = Key::of_reference(&format!("{}/", resource.api_group), &resource.kind, namespace, &resource.name);
        let reason = format!("{from} -> {}/{}", resource.kind, resource.name);
        return Some(Link::to(to, TopologyRelation::RoutesTo, reason));
    }
    let service = backend.service.as_ref()?;
    let to = Key::of(WalkedKind::Service, namespace, &service.name);
    Some(Link::to(to, TopologyRelation::RoutesTo, format!("{from} -> {}", name_and_port(service))))
}

fn name_and_port(service: &IngressServiceBackend) -> String {
    let port = port(service);
    if port.is_empty() { service.name.clone() } else { format!("{}:{port}", service.name) }
}

/// The name or the number of a backend's port.
fn port(service: &IngressServiceBackend) -> String {
    match &service.port {
        Some(port) if !port.name.is_empty() => port.name.clone(),
        Some(port) => port.number.to_string(),
        None => String::new(),
    }
}
