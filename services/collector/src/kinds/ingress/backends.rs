//! Whether the backends that an ingress names exist: their services, and the ports of these.

use std::collections::BTreeMap;

use futures::{FutureExt as _, future::BoxFuture};
use gumshoe_proto::collector::v1::{
    BackendExistence, Gap, GapReason, Ingress, IngressBackend, IngressBackendStatus, Service, ServiceBackendPort,
    ServicePort,
};

use crate::{
    error::ReadError,
    kubernetes::{api::Call, names::Namespace, selector::Selectors},
    lists::{Reader, list::Supplement, scope::Places},
    pages::report::Report,
};

/// The services of a namespace are held by name and ports while its ingresses pass by; of more than this, those beyond are unknown.
const SERVICES_MAX: usize = 20_000;

/// Says of ingresses which of their backends exist. They come in the order of their namespaces, so the services of one are held.
pub(super) struct Backends {
    reader: Reader,
    call: Call,
    /// Whether the caller has asked for it: then it is a gap where services cannot be read.
    asked: bool,
    known: Option<(String, Result<Services, ()>)>,
}

/// Ports by the service's name.
#[derive(Debug, Default)]
struct Services {
    ports: BTreeMap<String, Ports>,
    /// There are others.
    more: bool,
}

#[derive(Debug)]
struct Ports {
    ports: Vec<(String, i32)>,
    /// Another name for something elsewhere, which may have any port.
    any: bool,
}

impl Backends {
    pub(super) fn new(reader: &Reader, call: &Call, asked: bool) -> Self {
        Self { reader: reader.clone(), call: call.clone(), asked, known: None }
    }

    async fn services(&mut self, namespace: &str, report: &mut Report) -> Option<&Services> {
        if self.known.as_ref().is_none_or(|(known, _)| known != namespace) {
            let services = self.read(namespace).await;
            let services = services.map_err(|error| self.note(&error, namespace, report));
            self.known = Some((namespace.to_owned(), services));
        }
        self.known.as_ref().and_then(|(_, services)| services.as_ref().ok())
    }

    async fn read(&self, namespace: &str) -> Result<Services, ReadError> {
        let place = Namespace::parse("namespace", namespace)?;
        self.reader.scope.permits(&place)?;
        let places = Places { places: vec![Some(place)], gaps: Vec::new() };
        let mut services = Services::default();
        self.reader.each_beside(&self.call, places, Selectors::default(), |service| services.add(service)).await?;
        Ok(services)
    }

    fn note(&self, error: &ReadError, namespace: &str, report: &mut Report) {
        if self.asked {
            report.gap(Gap {
                reason: match error {
                    ReadError::Denied(_) => GapReason::KindNotRead.into(),
                    ReadError::Deadline => GapReason::Deadline.into(),
                    _ => GapReason::ReadInterrupted.into(),
                },
                namespace: namespace.to_owned(),
                message: format!("whether the backends of the ingresses exist is not known: {error}"),
                ..Gap::default()
            });
        }
    }
}

impl Supplement<Ingress> for Backends {
    fn add<'a>(&'a mut self, ingress: &'a mut Ingress, report: &'a mut Report) -> BoxFuture<'a, ()> {
        async move {
            let mut backends = named(ingress);
            if !backends.is_empty() {
                let namespace = ingress.metadata.as_ref().map(|it| it.namespace.clone()).unwrap_or_default();
                let services = self.services(&namespace, report).await;
                backends.iter_mut().for_each(|(status, port)| {
                    let existence = existence(services, &status.service, port.as_ref());
                    status.existence = existence.into();
                });
            }
            ingress.backends = backends.into_iter().map(|(status, _)| status).collect();
        }
        .boxed()
    }
}

impl Services {
    fn add(&mut self, service: Service) {
        if self.ports.len() >= SERVICES_MAX {
            self.more = true;
            return;
        }
        let spec = service.spec.unwrap_or_default();
        let port = |port: ServicePort| (port.name, port.port.unwrap_or_default());
        let any = spec.r#type == "ExternalName" && spec.ports.is_empty();
        let ports = Ports { ports: spec.ports.into_iter().map(port).collect(), any };
        self.ports.insert(service.metadata.unwrap_or_default().name, ports);
    }
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

fn existence(services: Option<&Services>, name: &str, port: Option<&ServiceBackendPort>) -> BackendExistence {
    let Some(port) = port else { return BackendExistence::NotAService };
    let Some(services) = services else { return BackendExistence::Unknown };
    match services.ports.get(name) {
        None if services.more => BackendExistence::Unknown,
        None => BackendExistence::NoService,
        Some(service) => {
            let is_it = |(name, number): &(String, i32)| {
                if port.name.is_empty() { *number == port.number } else { *name == port.name }
            };
            if service.any || service.ports.iter().any(is_it) {
                BackendExistence::Exists
            } else {
                BackendExistence::NoPort
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_backend_is_named_once_and_said_to_exist_or_not() {
        let backend = |name: &str, port: serde_json::Value| json!({"service": {"name": name, "port": port}});
        let path = |path: &str, backend: serde_json::Value| json!({"path": path, "backend": backend});
        let ingress: Ingress = json::from_value(json!({"spec": {
            "defaultBackend": backend("web", json!({"number": 80})),
            "rules": [{"host": "shop.example", "ingressRuleValue": {"http": {"paths": [
                path("/", backend("web", json!({"number": 80}))),
                path("/named", backend("web", json!({"name": "http"}))),
                path("/port", backend("web", json!({"number": 81}))),
                path("/gone", backend("gone", json!({"number": 80}))),
                path("/elsewhere", backend("elsewhere", json!({"number": 443}))),
                path("/files", json!({"resource": {"kind": "Bucket", "name": "files"}}))]}}}]}}))
        .unwrap();
        let mut services = Services::default();
        for service in [
            json!({"metadata": {"name": "web"}, "spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80}]}}),
            json!({"metadata": {"name": "elsewhere"}, "spec": {"type": "ExternalName", "externalName": "a.example"}}),
        ] {
            services.add(json::from_value(service).unwrap());
        }
        let said = |services: Option<&Services>| -> Vec<_> {
            let named = named(&ingress).into_iter();
            let said = named.map(|(it, port)| (it.named_by, existence(services, &it.service, port.as_ref())));
            said.collect()
        };
        let expected = [
            ("default backend", BackendExistence::Exists),
            ("shop.example/named", BackendExistence::Exists),
            ("shop.example/port", BackendExistence::NoPort),
            ("shop.example/gone", BackendExistence::NoService),
            ("shop.example/elsewhere", BackendExistence::Exists),
            ("shop.example/files", BackendExistence::NotAService),
        ];
        assert_eq!(said(Some(&services)), expected.map(|(by, existence)| (by.to_owned(), existence)));
        assert_eq!(said(None)[0].1, BackendExistence::Unknown);
    }
}
