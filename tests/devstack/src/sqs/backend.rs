//! Who carries out the calls behind the front: rustack in this process, or MiniStack in a process of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::dispatch::dispatch_operation;
use rustack_sqs_http::response::error_to_response;
use rustack_sqs_http::router::resolve_operation;
use tempfile::TempDir;

use super::endpoint::{ACCOUNT, REGION};
use super::front::Broken;
use crate::ministack::MiniStack;
use crate::tools::Tools;

/// Which SQS server it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Server {
    /// In this process; it needs nothing that is installed
    #[default]
    Embedded,
    /// A server of others, which tests/tools/setup.sh installs
    #[value(name = "ministack")]
    MiniStack,
}

pub(super) enum Backend {
    Rustack(RustackSqsHandler),
    MiniStack(Box<Forward>),
}

/// A server in a process of its own, and the way to it.
pub(super) struct Forward {
    client: Client<HttpConnector, Full<Bytes>>,
    process: MiniStack,
    /// Where it writes.
    _directory: TempDir,
}

impl Backend {
    /// A server whose queues are known to have this address.
    pub(super) async fn start(server: Server, address: SocketAddr) -> anyhow::Result<Self> {
        match server {
            Server::Embedded => Ok(Self::rustack(address)),
            Server::MiniStack => {
                let directory = TempDir::with_prefix("gumshoe-ministack-")?;
                let process = MiniStack::start(&Tools::find()?, directory.path(), &[]).await?;
                let client = Client::builder(TokioExecutor::new()).build_http();
                Ok(Self::MiniStack(Box::new(Forward { client, process, _directory: directory })))
            }
        }
    }

    fn rustack(address: SocketAddr) -> Self {
        let provider = RustackSqs::new(SqsConfig {
            host: address.ip().to_string(),
            port: address.port(),
            account_id: ACCOUNT.to_owned(),
            default_region: REGION.to_owned(),
            skip_signature_validation: true,
        });
        Self::Rustack(RustackSqsHandler::new(Arc::new(provider)))
    }

    /// Carries out a call, whose body need not be that which its headers came with.
    pub(super) async fn call(&self, headers: &HeaderMap, request: Bytes) -> Result<Response<Bytes>, Broken> {
        let forward = match self {
            Self::Rustack(handler) => {
                let outcome = match resolve_operation(headers) {
                    Ok(operation) => dispatch_operation(handler, operation, request).await,
                    Err(error) => Err(error),
                };
                let (parts, body) = outcome.unwrap_or_else(|error| error_to_response(&error, "embedded")).into_parts();
                return Ok(Response::from_parts(parts, body.collect().await?.to_bytes()));
            }
            Self::MiniStack(forward) => forward,
        };
        let mut forwarded = Request::post(forward.process.url()).body(Full::new(request))?;
        *forwarded.headers_mut() = headers.clone();
        forwarded.headers_mut().remove(header::HOST);
        forwarded.headers_mut().remove(header::CONTENT_LENGTH);
        let (parts, body) = forward.client.request(forwarded).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }
}
