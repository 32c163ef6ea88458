//! The kinds that are served: one file a kind, which holds what is particular to it. What they have in common is in `lists`.

pub mod event;
pub mod log;
pub mod pod;

use gumshoe_proto::collector::v1::{event_service_server::EventServiceServer, pod_service_server::PodServiceServer};
use gumshoe_runtime::server::MAX_REQUEST_BYTES;
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tonic::{server::NamedService, service::Routes};
use tonic_health::{ServingStatus, server::HealthReporter};

use self::{event::Events, log::Logs, pod::Pods};
use crate::lists::Reader;

/// A permission that a service needs; together they are the rules of the chart's Role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// "get" or "list".
    pub verb: &'static str,
    /// The plural.
    pub resource: &'static str,
    /// Empty for the object itself.
    pub subresource: &'static str,
}

/// All that the collector needs to read. Where it may also get namespaces, it tells one that does not exist from an empty one.
pub const PERMISSIONS: &[Permission] = &[
    Permission { verb: "get", resource: "pods", subresource: "" },
    Permission { verb: "list", resource: "pods", subresource: "" },
    Permission { verb: "get", resource: "pods", subresource: "log" },
    Permission { verb: "list", resource: "events", subresource: "" },
];

/// The services of all kinds, and reflection over them.
#[must_use]
pub fn routes(reader: &Reader) -> Routes {
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(gumshoe_proto::DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    let embedded = "the embedded descriptor sets are what the compiler encoded";
    Routes::new(PodServiceServer::new(Pods(reader.clone())).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(EventServiceServer::new(Events::new(reader.clone())).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(Logs::new(reader.clone()))
        .add_service(reflection().build_v1().expect(embedded).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(reflection().build_v1alpha().expect(embedded).max_decoding_message_size(MAX_REQUEST_BYTES))
}

/// The methods of all routes and of the health service, each `package.Service/Method`.
#[must_use]
pub fn methods() -> Vec<String> {
    let sets = [
        gumshoe_proto::DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let decode = |set: &[u8]| {
        FileDescriptorSet::decode(set).expect("the embedded descriptor sets are what the compiler encoded")
    };
    let files = sets.into_iter().flat_map(|set| decode(set).file);
    let of = |file: FileDescriptorProto| {
        let package = file.package().to_owned();
        file.service.into_iter().flat_map(move |service| {
            let service_name = format!("{package}.{}", service.name());
            service.method.into_iter().map(move |method| format!("{service_name}/{}", method.name()))
        })
    };
    files.flat_map(of).collect()
}

/// Tells the health service whether the kinds are served.
pub async fn set_serving(health: &HealthReporter, serving: bool) {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    for service in [
        "",
        <PodServiceServer<Pods> as NamedService>::NAME,
        <EventServiceServer<Events> as NamedService>::NAME,
        <Logs as NamedService>::NAME,
    ] {
        health.set_service_status(service, status).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_of_all_services_are_known() {
        let methods = methods();
        for served in [
            "gumshoe.collector.v1.PodService/ListPods",
            "gumshoe.collector.v1.EventService/ListEvents",
            "gumshoe.collector.v1.LogService/ReadLogs",
            "grpc.health.v1.Health/Check",
            "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            assert!(methods.iter().any(|method| method == served), "{served}");
        }
    }
}
