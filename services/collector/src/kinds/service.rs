//! Services: `ServiceService`, and the columns that `kubectl get services` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printService).

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::{
    GetServiceRequest, ListServicesRequest, LoadBalancerIngress, Service, ServiceColumns, ServicePort, ServiceSpec,
    ServiceStatus,
};
use k8s_openapi::api::core::v1 as core;
use prost_types::Timestamp;

use super::cells;
use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for Service {
    const RESOURCE: Resource = Resource::of::<core::Service>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
    }
}

/// Serves `ServiceService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetServiceRequest>(reader).list::<ListServicesRequest>(reader)
}

fn columns(service: &Service) -> ServiceColumns {
    let (no_spec, no_status) = (ServiceSpec::default(), ServiceStatus::default());
    let spec = service.spec.as_ref().unwrap_or(&no_spec);
    let status = service.status.as_ref().unwrap_or(&no_status);
    let ports: Vec<_> = spec.ports.iter().map(port).collect();
    ServiceColumns {
        r#type: spec.r#type.clone(),
        cluster_ip: cells::or_none(spec.cluster_ips.first().map_or("", String::as_str)),
        external_ip: external_ip(spec, status),
        ports: cells::or_none(&ports.join(",")),
        selector: cells::labels(&spec.selector),
    }
}

/// `80/TCP`, or `80:30080/TCP` with the port that every node has for it.
fn port(port: &ServicePort) -> String {
    let number = port.port.unwrap_or_default();
    match port.node_port {
        0 => format!("{number}/{}", port.protocol),
        on_nodes => format!("{number}:{on_nodes}/{}", port.protocol),
    }
}

/// By what the service is reached from outside, as far as its type has such a thing.
fn external_ip(spec: &ServiceSpec, status: &ServiceStatus) -> String {
    let given = spec.external_ips.iter().cloned();
    match spec.r#type.as_str() {
        "ClusterIP" | "NodePort" => cells::or_none(&given.collect::<Vec<_>>().join(",")),
        "LoadBalancer" => {
            let ingress = status.load_balancer.as_ref().map_or(&[][..], |balancer| &balancer.ingress);
            let address = |it: &LoadBalancerIngress| if it.ip.is_empty() { it.hostname.clone() } else { it.ip.clone() };
            let addresses: BTreeSet<_> = ingress.iter().map(address).filter(|address| !address.is_empty()).collect();
            let all: Vec<_> = addresses.into_iter().chain(given).collect();
            if all.is_empty() { "<pending>".to_owned() } else { all.join(",") }
        }
        "ExternalName" => spec.external_name.clone(),
        _ => "<unknown>".to_owned(),
    }
}
