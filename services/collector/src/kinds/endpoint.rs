//! Endpoints: `EndpointService`, the columns that `kubectl get endpointslices` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printEndpointSlice), and the backends of a service.

mod merge;
mod read;
pub(crate) mod state;

use gumshoe_proto::collector::v1::{
    EndpointSlice, EndpointSliceColumns, GetEndpointSliceRequest, GetEndpointsRequest, ListEndpointSlicesRequest, Pod,
    Service,
};
use k8s_openapi::api::discovery::v1 as discovery;
use prost_types::Timestamp;

use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for EndpointSlice {
    const RESOURCE: Resource = Resource::of::<discovery::EndpointSlice>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
    }
}

/// Serves `EndpointService`. The backends of a service need no more than its slices; where more may be read, more is said.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    let reads = reader.among(&methods, EndpointSlice::RESOURCE, &[Service::RESOURCE, Pod::RESOURCE]);
    methods.get::<GetEndpointSliceRequest>(reader).list::<ListEndpointSlicesRequest>(reader).once(
        move |call, request: GetEndpointsRequest| {
            let reader = reads.clone();
            async move { read::endpoints(&reader, &call, &request).await }
        },
    )
}

/// Ports and addresses that a row shows.
const SHOWN: usize = 3;

fn columns(slice: &EndpointSlice) -> EndpointSliceColumns {
    let ports = slice.ports.iter().map(|port| match (port.port, &port.name) {
        (Some(number), _) => number.to_string(),
        (None, Some(name)) => name.clone(),
        (None, None) => "*".to_owned(),
    });
    let addresses = slice.endpoints.iter().flat_map(|endpoint| endpoint.addresses.iter().cloned());
    EndpointSliceColumns {
        address_type: slice.address_type.clone(),
        ports: shown(&ports.collect::<Vec<_>>()),
        endpoints: shown(&addresses.collect::<Vec<_>>()),
    }
}

/// Three of them at most, and how many more.
fn shown(texts: &[String]) -> String {
    let some = texts[..texts.len().min(SHOWN)].join(",");
    match texts.len().saturating_sub(SHOWN) {
        0 if some.is_empty() => "<unset>".to_owned(),
        0 => some,
        more => format!("{some} + {more} more..."),
    }
}
