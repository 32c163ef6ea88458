//! The kinds that are served: one file a kind, which holds what is particular to it. What they have in common is in `lists`.

pub mod event;
pub mod log;
pub mod pod;

use crate::{lists::Reader, methods::Methods};

/// One line a kind: its methods, from which follow its health status and the permissions that it needs.
const KINDS: &[fn(Methods, &Reader) -> Methods] = &[pod::serve, event::serve, log::serve];

/// The methods of all kinds.
#[must_use]
pub fn methods(reader: &Reader) -> Methods {
    KINDS.iter().fold(Methods::default(), |methods, serve| serve(methods, reader))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use kube::client::Body;

    use super::*;
    use crate::{kubernetes::api::KubernetesApi, lists::scope::Scope};

    #[test]
    fn every_method_of_the_contract_is_served() {
        let nobody =
            tower::service_fn(async |_: http::Request<Body>| Ok::<_, Infallible>(http::Response::new(Body::empty())));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _context = runtime.enter();
        let api = KubernetesApi::from_client(kube::Client::new(nobody, "default"));
        let mut served = methods(&Reader::new(api, Scope::default())).paths().to_vec();
        let mut declared = gumshoe_proto::methods::PATHS.to_vec();
        served.sort_unstable();
        declared.sort_unstable();
        assert_eq!(served, declared);
    }
}
