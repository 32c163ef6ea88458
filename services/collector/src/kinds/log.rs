//! Logs: `LogService`.
//!
//! Its pages are encoded while the lines are read (`logs::page`), so it is served without the generated server, which would
//! encode them a second time from messages.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::BufMut as _;
use futures::future::BoxFuture;
use gumshoe_proto::collector::v1::{ReadLogsRequest, log_service_server::SERVICE_NAME};
use gumshoe_runtime::server::MAX_REQUEST_BYTES;
use prost::Message as _;
use tonic::{
    Request, Response, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::{Grpc, NamedService, ServerStreamingService},
};
use tower::Service;

use crate::{
    kubernetes::api::Call,
    lists::{Reader, stream::PageStream},
    logs::{limits::LogLimits, page::EncodedPage, run::LogRun},
};

/// The only method there is.
const READ_LOGS: &str = "/gumshoe.collector.v1.LogService/ReadLogs";

/// Serves `LogService`.
#[derive(Clone)]
pub struct Logs {
    reader: Reader,
    limits: Arc<LogLimits>,
}

impl Logs {
    /// Serves with this reader; one for all calls of the process, whose bounds it holds.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self { reader, limits: Arc::default() }
    }

    /// Starts a call. What is wrong with the request is an error at once; all else comes with the stream.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, or `PERMISSION_DENIED` where the namespace is outside `--namespaces`.
    pub fn read_logs(&self, request: &Request<ReadLogsRequest>) -> Result<PageStream<EncodedPage>, Status> {
        let call = Call::of(request);
        let run = LogRun::new(self.reader.clone(), self.limits.clone(), call, request.get_ref())?;
        Ok(PageStream::start(|pages| run.run(pages)))
    }
}

impl NamedService for Logs {
    const NAME: &'static str = SERVICE_NAME;
}

impl ServerStreamingService<ReadLogsRequest> for Logs {
    type Response = EncodedPage;
    type ResponseStream = PageStream<EncodedPage>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<ReadLogsRequest>) -> Self::Future {
        ready(self.read_logs(&request).map(Response::new))
    }
}

/// What tonic's generated servers do with a request.
impl Service<http::Request<Body>> for Logs {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let logs = self.clone();
        Box::pin(async move {
            if request.uri().path() != READ_LOGS {
                return Ok(Status::unimplemented("LogService has no such method").into_http());
            }
            let mut grpc = Grpc::new(EncodedCodec).max_decoding_message_size(MAX_REQUEST_BYTES);
            Ok(grpc.server_streaming(logs, request).await)
        })
    }
}

/// Decodes requests, and passes pages on as they are.
#[derive(Debug, Clone, Copy, Default)]
struct EncodedCodec;

impl Codec for EncodedCodec {
    type Encode = EncodedPage;
    type Decode = ReadLogsRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for EncodedCodec {
    type Item = EncodedPage;
    type Error = Status;

    fn encode(&mut self, EncodedPage(bytes): EncodedPage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(bytes.len());
        buffer.put(bytes);
        Ok(())
    }
}

impl Decoder for EncodedCodec {
    type Item = ReadLogsRequest;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<ReadLogsRequest>, Status> {
        let request = ReadLogsRequest::decode(buffer);
        request.map(Some).map_err(|error| Status::invalid_argument(format!("the request cannot be decoded: {error}")))
    }
}
