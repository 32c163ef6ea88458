//! What belongs together: `TopologyService`.

use gumshoe_proto::collector::v1::DiscoverTopologyRequest;

use crate::{
    lists::Reader,
    methods::{Methods, Permission},
    topology::{Topology, object::WalkedKind},
};

/// Serves `TopologyService` over the kinds that are served already: it needs nothing beyond what they need.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    let granted = |kind: &WalkedKind| {
        ["get", "list"].into_iter().all(|verb| {
            methods.permissions().contains(&Permission { verb, resource: kind.resource(), subresource: "" })
        })
    };
    let topology = Topology::new(reader.clone(), WalkedKind::ALL.into_iter().filter(granted).collect());
    methods.streams(move |call, request: DiscoverTopologyRequest| topology.discover(call, &request))
}
