//! gRPC clients of the collector.

use futures::TryStreamExt;
use gumshoe_devstack::processes::{Certificates, Identity};
use gumshoe_devstack::stack::Stack;
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
pub(crate) struct Client {
    pub(crate) pods: PodServiceClient<GrpcClient>,
    pub(crate) events: EventServiceClient<GrpcClient>,
    pub(crate) logs: LogServiceClient<GrpcClient>,
}

/// With the client's certificate.
pub(crate) fn client_of(stack: &Stack) -> Client {
    Client::new(stack, &stack.certificates)
}

impl Client {
    fn new(stack: &Stack, certificates: &Certificates) -> Self {
        let files = ClientTlsArgs {
            tls_cert: certificates.certificate(Identity::Client),
            tls_key: certificates.key(Identity::Client),
            tls_ca: certificates.ca(),
        };
        let origin = format!("https://{}", stack.collector_address()).parse().unwrap();
        let client = GrpcClient::new(origin, ClientIdentity::load(&files).unwrap()).unwrap();
        Self {
            pods: PodServiceClient::new(client.clone()),
            events: EventServiceClient::new(client.clone()),
            logs: LogServiceClient::new(client),
        }
    }

    /// All pages of a list of pods.
    pub(crate) async fn list_pods(&mut self, request: ListPodsRequest) -> Result<Vec<ListPodsResponse>, Status> {
        self.pods.list_pods(request).await?.into_inner().try_collect().await
    }

    /// All pages of a list of events.
    pub(crate) async fn list_events(&mut self, request: ListEventsRequest) -> Result<Vec<ListEventsResponse>, Status> {
        self.events.list_events(request).await?.into_inner().try_collect().await
    }

    /// All pages of a log.
    pub(crate) async fn read_logs(&mut self, request: ReadLogsRequest) -> Result<Vec<ReadLogsResponse>, Status> {
        self.logs.read_logs(request).await?.into_inner().try_collect().await
    }
}
