//! What is kept of a call: one audit line and one measurement, whatever becomes of it.

use http::{HeaderMap, Request, Response};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

use super::Peer;
use crate::errors::code_name;
use crate::metrics;
use crate::request_id::RequestId;
use crate::trace_parent::{self, TraceParent};

/// No method of ours comes near; what a stranger asks for is cut before it is logged.
const MAX_METHOD: usize = 200;

/// The record of one call. Dropped before its end, it records CANCELLED: the caller went away.
pub(super) struct Record {
    method: String,
    peer: Peer,
    request_id: RequestId,
    trace_parent: Option<TraceParent>,
    span: Span,
    started: Instant,
    ended: bool,
}

impl Record {
    pub(super) fn begin<B>(request: &Request<B>, peer: &Peer) -> Self {
        metrics::rpc().started();
        let method = method(request.uri().path());
        let request_id = RequestId::of(request.headers());
        let trace_parent = trace_parent::of(request.headers());
        let trace_id = trace_parent.as_ref().map(TraceParent::trace_id);
        // Of the highest level, so that no filter takes the ids from the events inside it.
        let span = tracing::error_span!(parent: None, "call", method, %request_id, trace_id, %peer);
        let started = Instant::now();
        Self { method, peer: peer.clone(), request_id, trace_parent, span, started, ended: false }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    pub(super) fn trace_parent(&self) -> Option<&TraceParent> {
        self.trace_parent.as_ref()
    }

    /// Ends the call with a status instead of a response.
    pub(super) fn refuse(&mut self, status: Status) -> Response<Body> {
        self.end(status.code());
        status.into_http()
    }

    /// Writes the record; only the first end counts.
    pub(super) fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let duration = self.started.elapsed();
        metrics::rpc().ended(&self.method, code, duration);
        tracing::info!(
            target: "audit",
            parent: None,
            method = self.method,
            peer = %self.peer,
            address = %self.peer.address(),
            request_id = %self.request_id,
            trace_id = self.trace_parent.as_ref().map(TraceParent::trace_id),
            code = code_name(code),
            duration_ms = duration.as_secs_f64() * 1e3,
            "call"
        );
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// The code in headers or trailers, if they hold one.
pub(super) fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|value| Code::from_bytes(value.as_bytes()))
}

/// `package.Service/Method`, as OpenTelemetry has it.
fn method(path: &str) -> String {
    path.trim_start_matches('/').chars().take(MAX_METHOD).collect()
}
