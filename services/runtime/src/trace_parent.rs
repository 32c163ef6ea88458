//! The W3C trace context that a call brings.

pub use gumshoe_proto::trace_parent::TraceParent;

use gumshoe_proto::trace_parent::TRACEPARENT;
use http::HeaderMap;

/// What the caller brings, if it is valid.
pub(crate) fn of(headers: &HeaderMap) -> Option<TraceParent> {
    headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(TraceParent::parse)
}
