//! gRPC clients of the collector.

use std::net::SocketAddr;

use futures::TryStreamExt;
use gumshoe_devstack::processes::{Certificates, Identity};
use gumshoe_proto::collector::v1::event_service_client::EventServiceClient;
use gumshoe_proto::collector::v1::log_service_client::LogServiceClient;
use gumshoe_proto::collector::v1::pod_service_client::PodServiceClient;
use gumshoe_proto::collector::v1::{
    ListEventsRequest, ListEventsResponse, ListPodsRequest, ListPodsResponse, ReadLogsRequest, ReadLogsResponse,
};
use gumshoe_runtime::args::ClientTlsArgs;
use gumshoe_runtime::client::GrpcClient;
use gumshoe_runtime::tls::ClientIdentity;
use tonic::Status;

/// Each service, over one connection.
#[derive(Debug, Clone)]
pub struct Client {
    /// Reads pods.
    pub pods: PodServiceClient<GrpcClient>,
    /// Reads events.
    pub events: EventServiceClient<GrpcClient>,
    /// Reads logs.
    pub logs: LogServiceClient<GrpcClient>,
}

impl Client {
    /// With the client's certificate, for the collector at this address.
    #[must_use]
    pub fn new(collector: SocketAddr, certificates: &Certificates) -> Self {
        let client = grpc_client(collector, certificates);
        Self {
            pods: PodServiceClient::new(client.clone()),
            events: EventServiceClient::new(client.clone()),
            logs: LogServiceClient::new(client),
        }
    }

    /// All pages of a list of pods.
    ///
    /// # Errors
    /// Those of the collector.
    pub async fn list_pods(&mut self, request: ListPodsRequest) -> Result<Vec<ListPodsResponse>, Status> {
        self.pods.list_pods(request).await?.into_inner().try_collect().await
    }

    /// All pages of a list of events.
    ///
    /// # Errors
    /// Those of the collector.
    pub async fn list_events(&mut self, request: ListEventsRequest) -> Result<Vec<ListEventsResponse>, Status> {
        self.events.list_events(request).await?.into_inner().try_collect().await
    }

    /// All pages of a log.
    ///
    /// # Errors
    /// Those of the collector.
    pub async fn read_logs(&mut self, request: ReadLogsRequest) -> Result<Vec<ReadLogsResponse>, Status> {
        self.logs.read_logs(request).await?.into_inner().try_collect().await
    }
}

/// The channel of such clients, for services of others.
#[must_use]
pub fn grpc_client(collector: SocketAddr, certificates: &Certificates) -> GrpcClient {
    let files = ClientTlsArgs {
        tls_cert: certificates.certificate(Identity::Client),
        tls_key: certificates.key(Identity::Client),
        tls_ca: certificates.ca(),
    };
    let origin = format!("https://{collector}").parse().unwrap();
    GrpcClient::new(origin, ClientIdentity::load(&files).unwrap()).unwrap()
}
