//! What every gRPC server serves beside its own methods: health and reflection.

use gumshoe_runtime::server::MAX_REQUEST_BYTES;
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::methods::Methods;

/// The paths of those methods.
pub const PATHS: &[&str] = &[
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The methods with health and reflection, and the reporter of the health.
#[must_use]
pub fn routes(methods: &Methods) -> (HealthReporter, Routes) {
    let (reporter, health) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(gumshoe_proto::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    let embedded = "the embedded descriptor sets are what the compiler encoded";
    let routes = methods
        .routes()
        .add_service(health.max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(reflection().build_v1().expect(embedded).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(reflection().build_v1alpha().expect(embedded).max_decoding_message_size(MAX_REQUEST_BYTES));
    (reporter, routes)
}

/// Tells the health service whether the methods are served.
pub async fn set_serving(health: &HealthReporter, methods: &Methods, serving: bool) {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in [""].into_iter().chain(methods.services()) {
        health.set_service_status(service, status).await;
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn the_paths_are_those_of_the_services() {
        let sets = [
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let mut paths = Vec::new();
        for file in sets.into_iter().flat_map(|set| FileDescriptorSet::decode(set).unwrap().file) {
            for service in &file.service {
                let path = |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
                paths.extend(service.method.iter().map(|method| path(method.name())));
            }
        }
        paths.sort();
        assert_eq!(paths, PATHS);
    }
}
