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
use tokio::time::Instant;
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

/// So long a call waits for others to end before it is refused, and at most half of its own time, so that it can still be tried
/// elsewhere. Long enough for what comes in a burst, such as the commands of several bridges.
const PATIENCE: Duration = Duration::from_secs(5);

/// The handlers, and the calls that they may have under way together.
#[derive(Clone)]
pub(super) struct Calls {
    routes: Routes,
    shares: Arc<Shares>,
    /// As many again may wait for a share.
    waiting: Arc<Shares>,
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
        Self { routes, shares: Shares::new(max), waiting: Shares::new(max) }
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
        let deadline = Deadline::after(timeout);
        let share = tokio::select! {
            share = self.share(&connection.peer, deadline) => share.ok_or_else(status::overloaded),
            status = status::expiry(deadline, &connection.cut) => Err(status),
        };
        let share = match share {
            Ok(share) => share,
            Err(status) => return record.refuse(status),
        };
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

    /// Room for one more call of the peer, at once or a little later.
    async fn share(&self, peer: &Peer, deadline: Deadline) -> Option<Share> {
        if let Some(share) = self.shares.take(peer) {
            return Some(share);
        }
        let _place = self.waiting.take(peer)?;
        self.shares.wait(peer, Instant::now() + PATIENCE.min(deadline.remaining() / 2)).await
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
            Ok(Ok(response)) => self.guard(response),
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
