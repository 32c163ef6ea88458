//! The answers, with bodies that may be streamed.

use bytes::Bytes;
use futures::Stream;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use prost::Message;
use serde_json::Value;

use super::failure::Failure;
use super::wire;

pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Body = UnsyncBoxBody<Bytes, BodyError>;

pub(super) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const JSON: &str = "application/json";
/// A Table and nothing else: who also accepts plain JSON could get the objects.
pub(super) const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
/// The same of the metadata of an object, and of those of a list: neither is taken for the other.
const METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const TEXT: &str = "text/plain";

/// Which encoding the caller accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Table,
    /// Of one object, nothing but the metadata, as protobuf.
    Metadata,
    /// The same of each object of a list.
    MetadataList,
    Json,
}

impl Encoding {
    pub(super) fn accepted(headers: &http::HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let values: Vec<_> = values.collect();
        if values == [METADATA] {
            Self::Metadata
        } else if values == [METADATA_LIST] {
            Self::MetadataList
        } else if values.iter().any(|value| value.contains(PROTOBUF)) {
            Self::Protobuf
        } else if values == [TABLE] {
            Self::Table
        } else {
            Self::Json
        }
    }
}

pub(super) fn json(code: StatusCode, value: &Value) -> Response<Body> {
    whole(code, JSON, value.to_string())
}

pub(super) fn object(kind: &str, raw: &[u8]) -> Response<Body> {
    whole(StatusCode::OK, PROTOBUF, wire::object(kind, raw))
}

pub(super) fn failure(failure: &Failure, encoding: Encoding) -> Response<Body> {
    match encoding {
        Encoding::Protobuf | Encoding::Metadata | Encoding::MetadataList => {
            whole(failure.code, PROTOBUF, wire::object("Status", &failure.status().encode_to_vec()))
        }
        Encoding::Table | Encoding::Json => json(failure.code, &failure.json()),
    }
}

/// The body of a list, chunk by chunk.
pub(super) fn list(chunks: impl Iterator<Item = Bytes> + Send + 'static) -> Response<Body> {
    stream(PROTOBUF, futures::stream::iter(chunks.map(Ok)))
}

/// The body of a Table, chunk by chunk.
pub(super) fn table(chunks: impl Iterator<Item = Bytes> + Send + 'static) -> Response<Body> {
    stream(JSON, futures::stream::iter(chunks.map(Ok)))
}

/// The body of a log, chunk by chunk.
pub(super) fn log(chunks: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Response<Body> {
    stream(TEXT, chunks)
}

/// A pod that is on no node has no log, and this is how the API server says so.
pub(super) fn no_content() -> Response<Body> {
    whole(StatusCode::NO_CONTENT, TEXT, Bytes::new())
}

pub(super) fn whole(code: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    response(code, content_type, body)
}

fn stream(
    content_type: &'static str,
    chunks: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
) -> Response<Body> {
    use futures::StreamExt;
    let body = StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data)));
    response(StatusCode::OK, content_type, BodyExt::boxed_unsync(body))
}

fn response(code: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}
