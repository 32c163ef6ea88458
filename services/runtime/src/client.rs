//! The gRPC client of one origin: reconnects by itself, keeps the caller's deadline, and loses no call when the server asks
//! a connection to end.
//!
//! Over hyper-util's client rather than tonic's channel, which fails the first call after a GOAWAY while a stream is open
//! (grpc/grpc-rust#2185).

mod body;
mod connector;
mod error;

pub use body::ResponseBody;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{IntoRequest, Status};
use tower::Service;

use crate::deadline::{self, Deadline};
use crate::tasks::Tasks;
use crate::tls::ClientIdentity;
use connector::Connector;

/// A server that is silent for so long is asked for a sign of life ...
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// ... and taken for dead when none comes within this time: its calls end with UNAVAILABLE and can be tried elsewhere.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// What one call may have under way towards us unread: one page of the largest size, so that the next is on its way
/// while one is handled.
const STREAM_WINDOW: u32 = 1024 * 1024;

/// What all calls of the connection may have under way together: this bounds what the client holds in memory.
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The largest set of response headers or trailers: gRPC keeps error details under 8 KiB, and this is twice that.
const MAX_HEADERS: u32 = 16 * 1024;

/// A client of one origin, for generated gRPC clients: `PodServiceClient::new(client)`. Clones share the connection.
///
/// Dials when the first call needs it and again whenever the connection is gone, each time with the certificates of that
/// moment. Any failure of the transport is UNAVAILABLE. A `grpc-timeout` in the request (see `with_deadline`) is also
/// kept here, whatever the server does.
#[derive(Clone)]
pub struct GrpcClient {
    scheme: Scheme,
    authority: Authority,
    http: Client<Connector, Body>,
    /// Ends the connection with the last clone and the last response.
    tasks: Tasks,
}

/// The origin is not one that a client can call.
#[derive(Debug, thiserror::Error)]
#[error("{0} must be https://host[:port] without a path")]
pub struct OriginError(Uri);

impl GrpcClient {
    /// A client of the origin; it does not dial yet.
    ///
    /// # Errors
    /// The origin is not `https://host[:port]`.
    pub fn new(origin: Uri, identity: Arc<ClientIdentity>) -> Result<Self, OriginError> {
        let parts = origin.clone().into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path == PathAndQuery::from_static("/"));
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority)) if scheme == Scheme::HTTPS && bare => {
                let tasks = Tasks::default();
                let http = http_client(&tasks, Connector::new(identity));
                Ok(Self { scheme, authority, http, tasks })
            }
            _ => Err(OriginError(origin)),
        }
    }

    /// Completes the URI of a request, of which a generated client states only the path.
    fn address(&self, request: &mut Request<Body>) {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path make a URI");
    }
}

impl Service<Request<Body>> for GrpcClient {
    type Response = Response<ResponseBody>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        self.address(&mut request);
        let stated = deadline::stated(request.headers());
        let response = self.http.request(request);
        let tasks = self.tasks.clone();
        async move {
            let deadline = stated.map_err(|error| Status::invalid_argument(error.to_string()))?.map(Deadline::after);
            let response = until(deadline, response).await?.map_err(|error| error::status(&error))?;
            Ok(response.map(|body| ResponseBody::new(body, deadline, tasks)))
        }
        .boxed()
    }
}

impl fmt::Debug for GrpcClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GrpcClient").field("authority", &self.authority).finish_non_exhaustive()
    }
}

/// The request with the deadline that both sides keep: it goes out as `grpc-timeout`.
pub fn with_deadline<T>(request: impl IntoRequest<T>, deadline: Instant) -> tonic::Request<T> {
    let mut request = request.into_request();
    request.set_timeout(Deadline::at(deadline).remaining());
    request
}

async fn until<T>(deadline: Option<Deadline>, work: impl Future<Output = T>) -> Result<T, Status> {
    match deadline {
        None => Ok(work.await),
        Some(deadline) => {
            tokio::time::timeout_at(deadline.instant(), work).await.map_err(|_| error::deadline_exceeded())
        }
    }
}

fn http_client(tasks: &Tasks, connector: Connector) -> Client<Connector, Body> {
    Client::builder(tasks.executor())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_only(true)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        // So that the next call does not wait for a connection that died unnoticed; hyper closes an idle one after 90 s.
        .http2_keep_alive_while_idle(true)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_header_list_size(MAX_HEADERS)
        .build(connector)
}
