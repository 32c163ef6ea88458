//! Endpoint slices as `kubectl get endpointslices` prints them, and the backends of a service, of which kubectl has no table.

use gumshoe_proto::collector::v1::{EndpointPort, EndpointSlice, Endpoints, EndpointsBackend};
use prost_types::Timestamp;

use super::{Kind, column::Column};
use crate::page::{Item, Layout};

impl Kind for EndpointSlice {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("ADDRESSTYPE", |it| it.address_type.clone()),
        Column::<Self>::derived("PORTS", |it| it.ports.clone()),
        Column::<Self>::derived("ENDPOINTS", |it| it.endpoints.clone()),
        Column::age(),
    ];
}

/// A row for each backend; one that says why where there is none.
impl Item for Endpoints {
    fn columns(_: Layout) -> Vec<&'static str> {
        vec!["SERVICE", "TARGET", "HEALTH", "ADDRESSES", "PORTS", "NODE", "ZONE"]
    }

    fn rows(&self, _: Layout, _now: &Timestamp) -> Vec<Vec<String>> {
        if self.backends.is_empty() {
            return vec![vec![self.name.clone(), format!("<none>: {}", self.message)]];
        }
        self.backends.iter().map(|backend| row(self, backend)).collect()
    }
}

fn row(endpoints: &Endpoints, backend: &EndpointsBackend) -> Vec<String> {
    let elsewhere = ![&endpoints.namespace, ""].contains(&backend.target_namespace.as_str());
    let target = match backend.target_name.as_str() {
        "" => String::new(),
        name if elsewhere => format!("{}/{}/{name}", backend.target_kind, backend.target_namespace),
        name => format!("{}/{name}", backend.target_kind),
    };
    let health = backend.health().as_str_name().trim_start_matches("BACKEND_HEALTH_").to_ascii_lowercase();
    let ports: Vec<_> = backend.ports.iter().map(port).collect();
    let (addresses, ports) = (backend.addresses.join(","), ports.join(","));
    vec![endpoints.name.clone(), target, health, addresses, ports, backend.node.clone(), backend.zone.clone()]
}

/// `http:8080/TCP`, or `8080/TCP` where it has no name.
fn port(port: &EndpointPort) -> String {
    let number = port.port.map_or("*".to_owned(), |number| number.to_string());
    match port.name.as_deref().unwrap_or_default() {
        "" => format!("{number}/{}", port.protocol),
        name => format!("{name}:{number}/{}", port.protocol),
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::BackendHealth;

    use super::*;

    const LAYOUT: Layout = Layout { with_namespace: false, wide: false };

    #[test]
    fn each_backend_is_a_row_and_none_says_why() {
        let backend = EndpointsBackend {
            addresses: vec!["10.0.0.7".into(), "fd00::7".into()],
            health: BackendHealth::Healthy.into(),
            target_kind: "Pod".into(),
            target_name: "web-0".into(),
            ports: vec![EndpointPort {
                name: Some("http".into()),
                protocol: "TCP".into(),
                port: Some(8080),
                ..EndpointPort::default()
            }],
            ..EndpointsBackend::default()
        };
        let endpoints = Endpoints { name: "web".into(), backends: vec![backend], ..Endpoints::default() };
        let rows = endpoints.rows(LAYOUT, &Timestamp::default());
        assert_eq!(rows, [["web", "Pod/web-0", "healthy", "10.0.0.7,fd00::7", "http:8080/TCP", "", ""]]);
        assert_eq!(rows[0].len(), <Endpoints as Item>::columns(LAYOUT).len());
        let mut elsewhere = endpoints;
        elsewhere.namespace = "shop".into();
        for (namespace, told) in [("", "Pod/web-0"), ("shop", "Pod/web-0"), ("other", "Pod/other/web-0")] {
            elsewhere.backends[0].target_namespace = namespace.into();
            assert_eq!(elsewhere.rows(LAYOUT, &Timestamp::default())[0][1], told);
        }
        let none = Endpoints { name: "web".into(), message: "no slice".into(), ..Endpoints::default() };
        assert_eq!(none.rows(LAYOUT, &Timestamp::default()), [["web", "<none>: no slice"]]);
    }
}
