//! A gRPC client that reads as little of a page as counting it needs, so that it takes little of the two cores that server,
//! collector and client share.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use gumshoe_devstack::processes::{Certificates, Identity};
use gumshoe_proto::collector::v1::{
    Completeness, DiscoverTopologyRequest, DiscoverTopologyResponse, GetPodRequest, GetPodResponse, ReadLogsRequest,
    pod_service_client::PodServiceClient,
};
use gumshoe_proto::methods::Method;
use gumshoe_runtime::args::ClientTlsArgs;
use gumshoe_runtime::client::GrpcClient;
use gumshoe_runtime::tls::ClientIdentity;
use http::uri::PathAndQuery;
use tonic::codec::Streaming;
use tonic_prost::ProstCodec;

/// More than the longest read takes on a slow machine.
const DEADLINE: Duration = Duration::from_secs(600);

/// A client of one collector, over mTLS.
#[derive(Debug, Clone)]
pub(crate) struct Client(GrpcClient);

/// What a stream brought.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Read {
    /// Objects or lines.
    pub(crate) items: u64,
    /// Their bytes: of objects as encoded, of lines with a line feed each.
    pub(crate) bytes: u64,
}

/// A page of any list, whose objects are not looked into.
#[derive(Clone, PartialEq, prost::Message)]
struct ListPage {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    items: Vec<Bytes>,
    #[prost(message, optional, tag = "3")]
    completeness: Option<Completeness>,
}

/// A page of lines, of which the text counts.
#[derive(Clone, PartialEq, prost::Message)]
struct LinesPage {
    #[prost(message, repeated, tag = "1")]
    lines: Vec<TextLine>,
    #[prost(message, optional, tag = "4")]
    completeness: Option<Completeness>,
}

/// What is looked at of a line.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TextLine {
    #[prost(message, optional, tag = "1")]
    pub(crate) timestamp: Option<prost_types::Timestamp>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) text: Bytes,
}

impl Client {
    /// As `client`, for the collector at this address.
    pub(crate) fn new(certificates: &Certificates, collector: SocketAddr) -> anyhow::Result<Self> {
        let identity = ClientIdentity::load(&ClientTlsArgs {
            tls_cert: certificates.certificate(Identity::Client),
            tls_key: certificates.key(Identity::Client),
            tls_ca: certificates.ca(),
        })?;
        Ok(Self(GrpcClient::new(format!("https://{collector}").parse()?, identity)?))
    }

    /// Reads a list to its last page.
    pub(crate) async fn list<Q: Method>(&self, request: Q) -> anyhow::Result<Read> {
        let mut pages = self.stream::<_, ListPage>(request).await?;
        let mut read = Read::default();
        let mut end = None;
        while let Some(page) = pages.message().await? {
            read.items += page.items.len() as u64;
            read.bytes += page.items.iter().map(|item| item.len() as u64).sum::<u64>();
            end = page.completeness;
        }
        whole(end, read.items)?;
        Ok(read)
    }

    /// Reads a log to its last page and shows each text to `see`.
    pub(crate) async fn read_logs(
        &self,
        request: ReadLogsRequest,
        mut see: impl FnMut(&TextLine) -> anyhow::Result<()>,
    ) -> anyhow::Result<(Read, Completeness)> {
        let mut pages = self.stream::<_, LinesPage>(request).await?;
        let mut read = Read::default();
        let mut end = None;
        while let Some(page) = pages.message().await? {
            for line in &page.lines {
                read.items += 1;
                read.bytes += line.text.len() as u64 + 1;
                see(line)?;
            }
            end = page.completeness;
        }
        Ok((read, end.context("the stream ended without its completeness")?))
    }

    /// Walks to the end; what is missing is told, and may be.
    pub(crate) async fn discover_topology(&self, request: DiscoverTopologyRequest) -> anyhow::Result<Completeness> {
        let mut pages = self.stream::<_, DiscoverTopologyResponse>(request).await?;
        let mut end = None;
        while let Some(page) = pages.message().await? {
            end = page.completeness;
        }
        end.context("the stream ended without its completeness")
    }

    /// Reads one pod.
    pub(crate) async fn get_pod(&self, request: GetPodRequest) -> anyhow::Result<GetPodResponse> {
        let mut request = tonic::Request::new(request);
        request.set_timeout(DEADLINE);
        Ok(PodServiceClient::new(self.0.clone()).get_pod(request).await?.into_inner())
    }

    async fn stream<Q: Method, P: prost::Message + Default + 'static>(
        &self,
        request: Q,
    ) -> anyhow::Result<Streaming<P>> {
        let mut grpc = tonic::client::Grpc::new(self.0.clone());
        grpc.ready().await?;
        let mut request = tonic::Request::new(request);
        request.set_timeout(DEADLINE);
        let codec = ProstCodec::<Q, P>::default();
        Ok(grpc.server_streaming(request, PathAndQuery::from_static(Q::PATH), codec).await?.into_inner())
    }
}

/// What is not whole is not what was to be measured.
pub(crate) fn whole(end: Option<Completeness>, items: u64) -> anyhow::Result<()> {
    let end = end.context("the stream ended without its completeness")?;
    ensure!(end.complete && end.gaps.is_empty(), "not complete: {:?}", end.gaps);
    ensure!(end.items == items, "{items} items came, and there are {}", end.items);
    Ok(())
}
