//! What the gRPC server serves beside the methods that read: health, reflection and the collector's status.

use gumshoe_proto::collector::v1::status_service_server::{SERVICE_NAME as STATUS_SERVICE, StatusServiceServer};
use gumshoe_runtime::server::MAX_REQUEST_BYTES;
use tonic::service::Routes;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{methods::Methods, status::CollectorStatus};

/// The paths of those methods.
pub const PATHS: &[&str] = &[
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/gumshoe.collector.v1.StatusService/GetStatus",
];

/// Tells whether the methods are served, in the health service and in the collector's status.
pub struct Health {
    reporter: HealthReporter,
    status: CollectorStatus,
    services: Vec<&'static str>,
}

/// The methods with all that, and what tells of their health.
#[must_use]
pub fn routes(methods: &Methods, status: CollectorStatus) -> (Health, Routes) {
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
        .add_service(reflection().build_v1alpha().expect(embedded).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(StatusServiceServer::new(status.clone()).max_decoding_message_size(MAX_REQUEST_BYTES));
    let services = [methods.services(), vec![STATUS_SERVICE]].concat();
    (Health { reporter, status, services }, routes)
}

impl Health {
    /// Says whether the methods are served.
    pub async fn set_serving(&self, serving: bool) {
        self.status.set_serving(serving);
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in [""].iter().chain(&self.services) {
            self.reporter.set_service_status(*service, status).await;
        }
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
        let mut paths = vec!["/gumshoe.collector.v1.StatusService/GetStatus".to_owned()];
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
