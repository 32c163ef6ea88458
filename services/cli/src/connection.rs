//! The connection to a collector: the flags that all commands over gRPC have, and the calls.

use std::{future::Future, pin::Pin, time::Duration};

use clap::Args;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use gumshoe_proto::{
    collector::v1::{GetStatusRequest, GetStatusResponse, status_service_client::StatusServiceClient},
    methods::Method,
    with_request,
};
use gumshoe_runtime::{
    args::ClientTlsArgs,
    client::{GrpcClient, with_deadline},
    tls::ClientIdentity,
};
use http::{Uri, uri::PathAndQuery};
use tokio::time::Instant;
use tonic::{Status, client::Grpc};
use tonic_prost::ProstCodec;

use crate::{
    error::Error,
    page::{Request, Response},
    units,
};

/// Where nothing is said: enough for any list, and short enough that nobody waits for a dead collector.
const TIMEOUT: Duration = Duration::from_secs(60);

/// For logs that are followed: the longest deadline that a collector allows.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(3600);

/// A page is 1 MiB of items at most, but an item larger than that travels alone: up to 3 MiB, and what is derived from it.
const MAX_MESSAGE: usize = 4 << 20;

/// Which collector is asked, and as whom.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// The collector: https://host:port
    #[arg(long, env = "GUMSHOE_SERVER", value_name = "URL")]
    pub(crate) server: Uri,

    #[command(flatten)]
    pub(crate) tls: ClientTlsArgs,

    /// Longest time for the whole answer: 90s, 5m; a number alone is seconds [default: 60s; with --follow 1h]
    #[arg(long, env = "GUMSHOE_TIMEOUT", value_name = "DURATION", value_parser = units::duration)]
    timeout: Option<Duration>,
}

impl ConnectionArgs {
    /// When the answer has to be there.
    pub(crate) fn deadline(&self, follow: bool) -> Instant {
        Instant::now() + self.timeout.unwrap_or(if follow { FOLLOW_TIMEOUT } else { TIMEOUT })
    }
}

/// The pages of one call.
pub(crate) type Pages = Pin<Box<dyn Stream<Item = Result<Response, Status>> + Send>>;

/// Something that answers requests page by page: a collector, or a test's idea of one.
pub(crate) trait Collector {
    /// Calls the method of the request.
    fn call(&self, request: Request, deadline: Instant) -> impl Future<Output = Result<Pages, Status>>;
}

/// A collector over gRPC.
#[derive(Debug)]
pub(crate) struct GrpcCollector {
    client: GrpcClient,
}

impl GrpcCollector {
    /// Reads the TLS files; it does not dial yet.
    pub(crate) fn new(server: &Uri, tls: &ClientTlsArgs) -> Result<Self, Error> {
        let identity = ClientIdentity::load(tls)?;
        let client =
            GrpcClient::new(server.clone(), identity).map_err(|error| Error::Usage(format!("--server: {error}")))?;
        Ok(Self { client })
    }

    /// Asks what it is.
    pub(crate) async fn status(&self, deadline: Instant) -> Result<GetStatusResponse, Status> {
        let asked = with_deadline(GetStatusRequest {}, deadline);
        StatusServiceClient::new(self.client.clone()).get_status(asked).await.map(tonic::Response::into_inner)
    }
}

impl Collector for GrpcCollector {
    async fn call(&self, request: Request, deadline: Instant) -> Result<Pages, Status> {
        with_request!(request, request => pages(self.client.clone(), request, deadline).await)
    }
}

/// Calls a method. A unary one is called as a stream of one page: on the wire it is one.
async fn pages<Q: Method>(client: GrpcClient, request: Q, deadline: Instant) -> Result<Pages, Status> {
    let mut client = Grpc::new(client).max_decoding_message_size(MAX_MESSAGE);
    client.ready().await?;
    let codec = ProstCodec::<Q, Q::Response>::default();
    let path = PathAndQuery::from_static(Q::PATH);
    let pages = client.server_streaming(with_deadline(request, deadline), path, codec).await?.into_inner();
    Ok(pages.map_ok(Into::into).boxed())
}
