//! What belongs together: `TopologyService`.

use std::collections::BTreeSet;

use gumshoe_proto::collector::v1::DiscoverTopologyRequest;

use crate::{
    lists::Reader,
    methods::Methods,
    topology::{Topology, object::WalkedKind},
};

/// Serves `TopologyService` over the kinds that are served already: it needs nothing beyond what they need.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    let topology = Topology::new(reader.clone(), granted(&methods));
    methods.streams(move |call, request: DiscoverTopologyRequest| topology.discover(call, &request))
}

/// The kinds whose lists are served: what another method needs of a kind, as logs need pods, does not switch the kind on.
fn granted(methods: &Methods) -> BTreeSet<WalkedKind> {
    WalkedKind::ALL.into_iter().filter(|kind| methods.lists(kind.resource())).collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use kube::client::Body;

    use super::*;
    use crate::{
        kinds::{self, KINDS, ServedKind},
        kubernetes::api::KubernetesApi,
        lists::scope::Scope,
        methods::Permission,
    };

    fn mk_methods(kinds: &[ServedKind]) -> Methods {
        let nobody =
            tower::service_fn(async |_: http::Request<Body>| Ok::<_, Infallible>(http::Response::new(Body::empty())));
        let api = KubernetesApi::from_client(kube::Client::new(nobody, "default"));
        kinds::methods(kinds, &Reader::new(api, Scope::default()))
    }

    #[tokio::test]
    async fn a_kind_is_walked_over_where_it_is_served_and_not_where_something_else_needs_it() {
        let all = granted(&mk_methods(KINDS));
        let is_served = |kind: &WalkedKind| KINDS.iter().any(|served| served.name == kind.resource().plural);
        assert_eq!(all, WalkedKind::ALL.into_iter().filter(is_served).collect());
        assert!(all.contains(&WalkedKind::Secret));
        let logs = mk_methods(&["logs".parse().unwrap()]);
        assert_eq!(granted(&logs), BTreeSet::new());
    }

    #[tokio::test]
    async fn what_is_walked_over_may_be_listed() {
        let methods = mk_methods(KINDS);
        for kind in granted(&methods) {
            let list = Permission { verb: "list", resource: kind.resource(), subresource: "" };
            assert!(methods.permissions().contains(&list), "{kind:?}");
        }
    }
}
