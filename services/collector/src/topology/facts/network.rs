//! What leads to pods.

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::{
    EndpointSlice, Ingress, IngressBackend, IngressServiceBackend, ObjectMeta, Service, TopologyHealth,
    TopologyRelation,
};

use super::{Facts, Health, Link, Particular, shortened};
use crate::{
    kinds::endpoint::state::{Counts, Identity, SERVICE_NAME, State},
    topology::object::{Key, WalkedKind},
};

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
    let namespace = metadata.namespace.as_str();
    let service = metadata.labels.get(SERVICE_NAME).map(|name| Link {
        is_backward: true,
        ..Link::to(
            Key::of(WalkedKind::Service, namespace, name),
            TopologyRelation::HasSlice,
            format!("label {SERVICE_NAME}={name}"),
        )
    });
    let states: Vec<_> = slice.endpoints.iter().filter_map(|it| Some((Identity::of(it)?, State::of(it)))).collect();
    let pods = slice.endpoints.iter().filter_map(|endpoint| {
        let target = endpoint.target_ref.as_ref().filter(|target| target.kind == "Pod")?;
        // A slice that somebody made by hand may lead out of the namespace, to a pod that has the name of one that is here.
        let to = match [namespace, ""].contains(&target.namespace.as_str()) {
            true => Key::of(WalkedKind::Pod, namespace, &target.name),
            false => Key::elsewhere(WalkedKind::Pod, &target.namespace, &target.name),
        };
        let link = Link::to(to, TopologyRelation::HasEndpoint, format!("endpoint, {}", State::of(endpoint).told()));
        Some(Link { uid: target.uid.clone(), ..link })
    });
    let health = match states.is_empty() {
        true => Health::unhealthy("no endpoint"),
        false => Health::of_backends(Counts::of(&states)),
    };
    let links: Vec<_> = service.into_iter().chain(pods).collect();
    let mut facts = Facts::new(metadata, health, links);
    // The service owns its slices too, which says nothing more.
    let of_service = |link: &Link| link.to.walked() == Some(WalkedKind::Service);
    if facts.links.iter().any(|link| of_service(link) && link.relation == TopologyRelation::HasSlice) {
        facts.links.retain(|link| !of_service(link) || link.relation == TopologyRelation::HasSlice);
    }
    Facts { particular: Particular::Endpoints { states }, ..facts }
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
