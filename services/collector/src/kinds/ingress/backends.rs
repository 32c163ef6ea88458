//! Whether the backends that an ingress names exist: their services, and the ports of these.

use std::{
    collections::{BTreeSet, HashSet},
    hash::{DefaultHasher, Hash, Hasher as _},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use gumshoe_proto::collector::v1::{
    BackendExistence, Gap, GapReason, Ingress, IngressBackend, IngressBackendStatus, Service, ServiceBackendPort,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use crate::{
    error::ReadError,
    kubernetes::{
        api::Call,
        names::{Namespace, ObjectName},
        selector::Selectors,
    },
    lists::{Reader, collection::is_written_behind, list::Supplement, scope::Places},
    pages::report::Report,
};

/// What is known of services takes 9 bytes a fact, so this is a good megabyte: some 20,000 services of two ports.
const FACTS_MAX: usize = 100_000;
/// So many services are asked for by their names, all at once; of more than these a list is cheaper.
const NAMES_MAX: usize = 10;
/// An ingress is not kept back for longer than this by what is said of its services.
const PATIENCE: Duration = Duration::from_secs(3);

/// Says of ingresses which of their backends exist.
pub(super) struct Backends {
    reader: Reader,
    call: Call,
    known: Known,
}

/// What is known of services, by hashes alone: whole clusters of them have to fit.
#[derive(Debug, Default)]
struct Known {
    facts: HashSet<u64>,
    /// When they were listed; empty where each was asked for.
    snapshot: String,
}

/// Of the service of a namespace and a name.
#[derive(Hash)]
enum Fact<'a> {
    Exists(&'a str, &'a str),
    /// It has a port of this name, or of this number.
    Port(&'a str, &'a str, &'a str, i32),
    /// It is another name for something elsewhere, which may have any port.
    AnyPort(&'a str, &'a str),
    /// It may exist or not. Without a name that goes for all of the namespace, without a namespace for all.
    NotRead(&'a str, &'a str),
}

impl Backends {
    pub(super) fn new(reader: &Reader, call: &Call) -> Self {
        Self { reader: reader.clone(), call: call.clone(), known: Known::default() }
    }

    /// Says it of one ingress. What could not be read is unknown and no gap: nobody has asked for it.
    pub(super) async fn of(mut self, ingress: &mut Ingress) {
        let namespace = namespace_of(ingress);
        let services = named(ingress).into_iter().filter(|(_, port)| port.is_some()).map(|(status, _)| status.service);
        let services: BTreeSet<_> = services.collect();
        self.call.deadline = self.call.deadline.min(Instant::now() + PATIENCE);
        if services.len() > NAMES_MAX {
            match self.permitted(&namespace).await {
                Ok((place, _permit)) => self.read(vec![Some(place)], &mut Report::default()).await,
                Err(_) => self.known.not_read(&namespace, ""),
            }
        } else {
            let gets = services.iter().map(|name| self.get(&namespace, name));
            for (name, got) in services.iter().zip(join_all(gets).await) {
                match got {
                    Ok(service) => _ = self.known.add(&service),
                    Err(ReadError::NotFound { .. }) => {}
                    Err(_) => self.known.not_read(&namespace, name),
                }
            }
        }
        self.known.say_of(ingress);
    }

    async fn get(&self, namespace: &str, name: &str) -> Result<Service, ReadError> {
        let (namespace, name) = (Namespace::parse("namespace", namespace)?, ObjectName::parse("name", name)?);
        let get = self.reader.object::<Service>(&self.call, Some(&namespace), &name);
        let (service, _) = timeout_at(self.call.deadline, get).await.unwrap_or(Err(ReadError::Deadline))?;
        Ok(service)
    }

    async fn permitted(&self, namespace: &str) -> Result<(Namespace, OwnedSemaphorePermit), ReadError> {
        let namespace = Namespace::parse("namespace", namespace)?;
        self.reader.scope.permits(&namespace)?;
        Ok((namespace, self.reader.may_list(&self.call).await?))
    }

    async fn list(&mut self, places: Vec<Option<Namespace>>, left_out: &mut u64) -> Result<Report, ReadError> {
        let places = Places { places, gaps: Vec::new() };
        let known = &mut self.known;
        let take = |service: Service| *left_out += u64::from(!known.add(&service));
        let (report, snapshot) = self.reader.each_beside(&self.call, places, Selectors::default(), take).await?;
        self.known.snapshot = snapshot;
        Ok(report)
    }
}

impl Supplement<Ingress> for Backends {
    fn read<'a>(&'a mut self, places: Vec<Option<Namespace>>, report: &'a mut Report) -> BoxFuture<'a, ()> {
        async move {
            // The ingresses are to have as much of the time.
            self.call.deadline -= self.call.deadline.saturating_duration_since(Instant::now()) / 2;
            let mut left_out = 0;
            match self.list(places, &mut left_out).await {
                Ok(read) => {
                    read.gaps().for_each(|gap| self.known.not_read(&gap.namespace, &gap.name));
                    report.adopt(read);
                }
                Err(error) => {
                    self.known.not_read("", "");
                    let message = format!("whether the backends of the ingresses exist is not known: {error}");
                    report.gap(Gap { message, ..error.gap() });
                }
            }
            if left_out > 0 {
                self.known.not_read("", "");
                let message = format!(
                    "whether {left_out} services exist that ingresses may name is not kept: there are too many"
                );
                report.gap(Gap { reason: GapReason::Limit.into(), message, ..Gap::default() });
            }
        }
        .boxed()
    }

    fn add(&self, ingress: &mut Ingress) {
        self.known.say_of(ingress);
    }
}

impl Known {
    /// Says of an ingress which of its backends exist.
    fn say_of(&self, ingress: &mut Ingress) {
        let namespace = namespace_of(ingress);
        // What it names may have been made with it.
        let is_newer = is_written_behind(ingress.metadata.as_ref(), &self.snapshot);
        let backends = named(ingress).into_iter().map(|(mut status, port)| {
            let existence = match &port {
                Some(port) => self.existence(&namespace, &status.service, port),
                None => BackendExistence::NotAService,
            };
            status.existence = match existence {
                BackendExistence::NoService | BackendExistence::NoPort if is_newer => BackendExistence::Unknown,
                existence => existence,
            }
            .into();
            status
        });
        ingress.backends = backends.collect();
    }

    /// Keeps what is to be known of a service; false where there is no room.
    fn add(&mut self, service: &Service) -> bool {
        let no_spec = Default::default();
        let (metadata, spec) = (service.metadata.as_ref(), service.spec.as_ref().unwrap_or(&no_spec));
        let Some((namespace, name)) = metadata.map(|it| (it.namespace.as_str(), it.name.as_str())) else {
            return false;
        };
        if self.facts.len() + 2 + 2 * spec.ports.len() > FACTS_MAX {
            return false;
        }
        self.note(&Fact::Exists(namespace, name));
        for port in &spec.ports {
            self.note(&Fact::Port(namespace, name, "", port.port.unwrap_or_default()));
            if !port.name.is_empty() {
                self.note(&Fact::Port(namespace, name, &port.name, 0));
            }
        }
        if spec.r#type == "ExternalName" && spec.ports.is_empty() {
            self.note(&Fact::AnyPort(namespace, name));
        }
        true
    }

    fn not_read(&mut self, namespace: &str, name: &str) {
        self.note(&Fact::NotRead(namespace, name));
    }

    fn note(&mut self, fact: &Fact<'_>) {
        self.facts.insert(hashed(fact));
    }

    fn has(&self, fact: &Fact<'_>) -> bool {
        self.facts.contains(&hashed(fact))
    }

    fn existence(&self, namespace: &str, name: &str, port: &ServiceBackendPort) -> BackendExistence {
        let number = if port.name.is_empty() { port.number } else { 0 };
        let not_read = [(namespace, name), (namespace, ""), ("", "")];
        if self.has(&Fact::Port(namespace, name, &port.name, number)) || self.has(&Fact::AnyPort(namespace, name)) {
            BackendExistence::Exists
        } else if self.has(&Fact::Exists(namespace, name)) {
            BackendExistence::NoPort
        } else if not_read.iter().any(|(namespace, name)| self.has(&Fact::NotRead(namespace, name))) {
            BackendExistence::Unknown
        } else {
            BackendExistence::NoService
        }
    }
}

fn hashed(fact: &Fact<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    fact.hash(&mut hasher);
    hasher.finish()
}

fn namespace_of(ingress: &Ingress) -> String {
    ingress.metadata.as_ref().map(|metadata| metadata.namespace.clone()).unwrap_or_default()
}

/// The backends that an ingress names, each once, in its order, with the port of those that are services.
fn named(ingress: &Ingress) -> Vec<(IngressBackendStatus, Option<ServiceBackendPort>)> {
    let Some(spec) = &ingress.spec else { return Vec::new() };
    let default = spec.default_backend.iter().map(|backend| ("default backend".to_owned(), backend));
    let paths = spec.rules.iter().flat_map(|rule| {
        let http = rule.ingress_rule_value.as_ref().and_then(|value| value.http.as_ref());
        http.into_iter().flat_map(|http| &http.paths).filter_map(|path| {
            let host = if rule.host.is_empty() { "*" } else { &rule.host };
            Some((format!("{host}{}", path.path), path.backend.as_ref()?))
        })
    });
    let mut named: Vec<(IngressBackendStatus, Option<ServiceBackendPort>)> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (named_by, backend) in default.chain(paths) {
        let (service, port) = identity(backend);
        let text =
            port.as_ref().map(|port| if port.name.is_empty() { port.number.to_string() } else { port.name.clone() });
        let text = text.unwrap_or_default();
        if seen.insert((service.clone(), text.clone())) {
            named.push((IngressBackendStatus { service, port: text, named_by, ..Default::default() }, port));
        }
    }
    named
}

/// The service and its port; the kind and name of what is none.
fn identity(backend: &IngressBackend) -> (String, Option<ServiceBackendPort>) {
    match (&backend.service, &backend.resource) {
        (Some(service), _) => (service.name.clone(), Some(service.port.clone().unwrap_or_default())),
        (None, Some(object)) => (format!("{}/{}", object.kind, object.name), None),
        (None, None) => (String::new(), None),
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use serde_json::json;

    use super::*;

    fn mk_service(service: serde_json::Value) -> Service {
        json::from_value(service).unwrap()
    }

    #[test]
    fn each_backend_is_named_once_and_said_to_exist_or_not() {
        let backend = |name: &str, port: serde_json::Value| json!({"service": {"name": name, "port": port}});
        let path = |path: &str, backend: serde_json::Value| json!({"path": path, "backend": backend});
        let ingress: Ingress = json::from_value(json!({"metadata": {"namespace": "shop"}, "spec": {
            "defaultBackend": backend("web", json!({"number": 80})),
            "rules": [{"host": "shop.example", "ingressRuleValue": {"http": {"paths": [
                path("/", backend("web", json!({"number": 80}))),
                path("/named", backend("web", json!({"name": "http"}))),
                path("/port", backend("web", json!({"number": 81}))),
                path("/gone", backend("gone", json!({"number": 80}))),
                path("/elsewhere", backend("elsewhere", json!({"number": 443}))),
                path("/files", json!({"resource": {"kind": "Bucket", "name": "files"}}))]}}}]}}))
        .unwrap();
        let mut known = Known::default();
        for service in [
            json!({"metadata": {"namespace": "shop", "name": "web"},
                "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80}]}}),
            json!({"metadata": {"namespace": "shop", "name": "elsewhere"},
                "spec": {"type": "ExternalName", "externalName": "a.example"}}),
            json!({"metadata": {"namespace": "other", "name": "gone"}, "spec": {"ports": [{"port": 80}]}}),
        ] {
            assert!(known.add(&mk_service(service)));
        }
        let said_of = |known: &Known, mut ingress: Ingress| -> Vec<_> {
            known.say_of(&mut ingress);
            ingress.backends.iter().map(|it| (it.named_by.clone(), it.existence())).collect()
        };
        let said = |known: &Known| said_of(known, ingress.clone());
        let mut expected = [
            ("default backend", BackendExistence::Exists),
            ("shop.example/named", BackendExistence::Exists),
            ("shop.example/port", BackendExistence::NoPort),
            ("shop.example/gone", BackendExistence::NoService),
            ("shop.example/elsewhere", BackendExistence::Exists),
            ("shop.example/files", BackendExistence::NotAService),
        ]
        .map(|(by, existence)| (by.to_owned(), existence));
        known.not_read("other", "");
        known.not_read("shop", "web");
        assert_eq!(said(&known), expected);
        known.snapshot = "100".to_owned();
        let written = |version: &str| {
            let mut ingress = ingress.clone();
            ingress.metadata.as_mut().unwrap().resource_version = version.to_owned();
            ingress
        };
        assert_eq!(said_of(&known, written("100")), expected);
        let mut of_newer = expected.clone();
        [2, 3].into_iter().for_each(|index| of_newer[index].1 = BackendExistence::Unknown);
        assert_eq!(said_of(&known, written("101")), of_newer);
        expected[3].1 = BackendExistence::Unknown;
        for (namespace, name) in [("shop", "gone"), ("shop", ""), ("", "")] {
            let mut known = Known { facts: known.facts.clone(), ..Known::default() };
            known.not_read(namespace, name);
            assert_eq!(said(&known), expected);
        }
    }

    #[test]
    fn there_is_room_for_the_services_of_a_cluster_and_no_more() {
        let mut known = Known::default();
        let service = |index: u32| {
            mk_service(json!({"metadata": {"namespace": "shop", "name": format!("web-{index}")},
                "spec": {"ports": [{"name": "http", "port": 80}, {"name": "metrics", "port": 9090}]}}))
        };
        let added = (0..60_000).filter(|&index| known.add(&service(index))).count();
        assert!((19_000..21_000).contains(&added), "{added}");
        assert!(known.facts.capacity() < 120_000, "{}", known.facts.capacity());
    }
}
