//! One call of one method.

use bytes::Bytes;
use gumshoe_proto::trace_parent::TRACEPARENT;
use gumshoe_runtime::{client::with_deadline, request_id};
use prost_reflect::DynamicMessage;
use tokio::time::Instant;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    metadata::{AsciiMetadataKey, AsciiMetadataValue},
};

use super::{Channel, codec::RawResponses, method::Method};

/// What goes with a call and is not part of its request.
#[derive(Clone, Debug)]
pub(super) struct CallContext {
    /// When the answer is no longer of use.
    pub(super) deadline: Instant,
    /// `<run>.<query id>`: found in the collector's log and in Kubernetes' audit log.
    pub(super) request_id: String,
    /// W3C trace context; may be empty.
    pub(super) traceparent: String,
}

/// Calls the method. A unary method is called as a stream of one response: on the wire it is one.
pub(super) async fn call(
    channel: Channel,
    method: &Method,
    request: DynamicMessage,
    context: &CallContext,
) -> Result<Streaming<Bytes>, Status> {
    let mut request = with_deadline(Request::new(request), context.deadline);
    insert(&mut request, request_id::HEADER, &context.request_id);
    insert(&mut request, TRACEPARENT, &context.traceparent);
    let mut client = Grpc::new(channel);
    client.ready().await?;
    client.server_streaming(request, method.path.clone(), RawResponses).await.map(tonic::Response::into_inner)
}

fn insert<T>(request: &mut Request<T>, key: &'static str, value: &str) {
    match AsciiMetadataValue::try_from(value) {
        Ok(value) if !value.is_empty() => {
            drop(request.metadata_mut().insert(AsciiMetadataKey::from_static(key), value))
        }
        _ => {}
    }
}
