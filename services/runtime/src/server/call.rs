//! One call: what the handler is given, how long it may take, how many there may be, and what is recorded of it.
//!
//! The same for unary calls and streams: the call is over when the last frame of its response is, and until then its
//! deadline, its place among the running calls and its record stay with the response's body.

mod body;
mod record;
mod status;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Request, Response};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service as _;
use tracing::Instrument as _;

use super::Peer;
use super::share::{Share, Shares};
use crate::deadline::{self, DEFAULT_TIMEOUT, Deadline, GRPC_TIMEOUT};
use body::Guarded;
use record::Record;

/// The handlers, and the calls that they may have under way together.
#[derive(Clone)]
pub(super) struct Calls {
    routes: Routes,
    shares: Arc<Shares>,
}

/// What a call knows of its connection.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) peer: Peer,
    /// Cancelled when the connection's time is over: calls that still run end with UNAVAILABLE.
    pub(super) cut: CancellationToken,
    /// Cancelled by a call whose client does not take the end of the response: only closing the socket frees its buffers.
    pub(super) unread: CancellationToken,
    pub(super) unread_grace: Duration,
}

/// What lives as long as the call does.
struct Running {
    record: Record,
    deadline: Deadline,
    connection: Connection,
    _share: Share,
}

impl Calls {
    pub(super) fn new(routes: Routes, max: usize) -> Self {
        Self { routes, shares: Shares::new(max) }
    }

    /// Answers a call; its errors are answers too.
    pub(super) async fn answer<B>(
        self,
        request: Request<B>,
        connection: Connection,
    ) -> Result<Response<Body>, Infallible>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<tonic::codegen::StdError>,
    {
        let record = Record::begin(&request, &connection.peer);
        let span = record.span().clone();
        Ok(self.admit(request, connection, record).instrument(span).await)
    }

    async fn admit<B>(self, mut request: Request<B>, connection: Connection, mut record: Record) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<tonic::codegen::StdError>,
    {
        let timeout = match deadline::stated(request.headers()) {
            Ok(timeout) => timeout.unwrap_or(DEFAULT_TIMEOUT),
            Err(malformed) => return record.refuse(status::malformed_timeout(malformed)),
        };
        let Some(share) = self.shares.take(&connection.peer) else {
            return record.refuse(status::overloaded());
        };
        let deadline = Deadline::after(timeout);
        // tonic would end the call by its own reading of it, with another status and only until the first response frame.
        request.headers_mut().remove(GRPC_TIMEOUT);
        let extensions = request.extensions_mut();
        extensions.insert(deadline);
        extensions.insert(connection.peer.clone());
        extensions.insert(record.request_id().clone());
        if let Some(parent) = record.trace_parent() {
            extensions.insert(parent.clone());
        }
        let running = Running { record, deadline, connection, _share: share };
        running.run(self.routes, request).await
    }
}

impl Running {
    async fn run<B>(mut self, mut routes: Routes, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<tonic::codegen::StdError>,
    {
        let handler = AssertUnwindSafe(async move { routes.call(request).await }).catch_unwind();
        let response = tokio::select! {
            answered = handler => answered.map_err(|_| status::panicked()),
            status = status::expiry(self.deadline, &self.connection.cut) => Err(status),
        };
        match response {
            Err(status) => self.record.refuse(status),
            Ok(Ok(response)) => {
                self.record.answered(record::code_of(response.headers()));
                self.guard(response)
            }
            Ok(Err(never)) => match never {},
        }
    }

    fn guard(mut self, response: Response<Body>) -> Response<Body> {
        match record::code_of(response.headers()) {
            // A response of headers alone is over as soon as it begins.
            Some(code) => {
                self.record.end(code);
                response
            }
            None => response.map(|body| Body::new(Guarded::new(body, self))),
        }
    }
}
