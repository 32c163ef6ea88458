//! Ingresses: `IngressService`, and the columns that `kubectl get ingresses` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printIngress).

mod backends;

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::{
    GetIngressRequest, GetIngressResponse, Ingress, IngressColumns, IngressLoadBalancerIngress, IngressRule,
    IngressSpec, IngressStatus, ListIngressesRequest, Service,
};
use k8s_openapi::api::networking::v1 as networking;
use prost_types::Timestamp;

use self::backends::Backends;
use super::cells;
use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind, list::Supplements},
    methods::{Methods, Permission},
};

impl Kind for Ingress {
    const RESOURCE: Resource = Resource::of::<networking::Ingress>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
    }
}

/// Serves `IngressService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    let reads = reader.among(&methods, Ingress::RESOURCE, &[Service::RESOURCE]);
    let (gets, lists) = (reads.clone(), reads);
    methods
        .needs(Permission { verb: "get", resource: Ingress::RESOURCE, subresource: "" })
        .once(move |call, request: GetIngressRequest| {
            let reader = gets.clone();
            async move {
                let mut named = reader.named(&call, &request).await?;
                Backends::new(&reader, &call).of(&mut named.item).await;
                Ok(named.answer::<GetIngressResponse>())
            }
        })
        .needs(Permission { verb: "list", resource: Ingress::RESOURCE, subresource: "" })
        .streams(move |call, request: ListIngressesRequest| {
            let supplement =
                request.with_backends.then(|| -> Supplements<Ingress> { Box::new(Backends::new(&lists, &call)) });
            lists.list_with(&call, &request, supplement)
        })
}

fn columns(ingress: &Ingress) -> IngressColumns {
    let (no_spec, no_status) = (IngressSpec::default(), IngressStatus::default());
    let spec = ingress.spec.as_ref().unwrap_or(&no_spec);
    let status = ingress.status.as_ref().unwrap_or(&no_status);
    let balanced = status.load_balancer.as_ref().map_or(&[][..], |balancer| &balancer.ingress);
    let address = |it: &IngressLoadBalancerIngress| if it.ip.is_empty() { it.hostname.clone() } else { it.ip.clone() };
    let addresses: BTreeSet<_> = balanced.iter().map(address).filter(|address| !address.is_empty()).collect();
    IngressColumns {
        class: cells::or_none(&spec.ingress_class_name),
        hosts: hosts(&spec.rules),
        address: addresses.into_iter().collect::<Vec<_>>().join(","),
        ports: if spec.tls.is_empty() { "80" } else { "80, 443" }.to_owned(),
    }
}

/// The hosts of the rules: three of them at most, and how many rules more.
fn hosts(rules: &[IngressRule]) -> String {
    const SHOWN: usize = 3;
    let mut hosts = Vec::new();
    let mut more = false;
    for rule in rules {
        more |= hosts.len() == SHOWN;
        if !more && !rule.host.is_empty() {
            hosts.push(rule.host.as_str());
        }
    }
    match hosts.join(",") {
        none if none.is_empty() => "*".to_owned(),
        some if more => format!("{some} + {} more...", rules.len() - SHOWN),
        all => all,
    }
}
