//! From a request to its answer, with the faults that befall it.

use std::sync::Arc;

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use k8s_pb::apimachinery::pkg::apis::meta::v1::ListMeta;
use serde_json::Value;

use super::access::Access;
use super::failure::Failure;
use super::faults::{Action, Faults};
use super::journal::{Journal, Query, RecordedRequest};
use super::response::{self, Body, BodyError, Encoding};
use super::route::{Resource, Route};
use super::store::Store;
use super::{lists, logs, table};
use crate::faults::Struck;

mod body;

/// No request that is served has a larger body.
const MOST_REQUEST_BYTES: usize = 64 * 1024;

/// All that a replay knows.
#[derive(Debug)]
pub(super) struct Api {
    pub(super) store: Arc<Store>,
    pub(super) access: Access,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
    pub(super) token: Option<String>,
}

impl Api {
    /// Answers; an error ends the connection without an answer.
    pub(super) async fn handle(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, BodyError> {
        let (parts, incoming) = request.into_parts();
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let route = Route::of(parts.uri.path(), self.store.current().1.resources());
        let encoding = Encoding::accepted(&parts.headers);
        let request =
            RecordedRequest { method: parts.method, path: parts.uri.path().to_owned(), query, headers: parts.headers };
        self.journal.add(request.clone());
        let answering = self.journal.answering();
        let answer = match self.faults.take(|requests| requests.matches(&route, &request.query)) {
            Some((action, struck)) => self.fail(action, struck, &route, &request, incoming, encoding).await?,
            None => self.answer(&route, &request, incoming, encoding).await,
        };
        Ok(body::guard(answer, answering))
    }

    async fn answer(
        &self,
        route: &Route,
        request: &RecordedRequest,
        incoming: Incoming,
        encoding: Encoding,
    ) -> Response<Body> {
        self.try_answer(route, request, incoming, encoding)
            .await
            .unwrap_or_else(|failure| response::failure(&failure, encoding))
    }

    async fn try_answer(
        &self,
        route: &Route,
        request: &RecordedRequest,
        incoming: Incoming,
        encoding: Encoding,
    ) -> Result<Response<Body>, Failure> {
        if let Some(token) = &self.token
            && request.header("authorization") != format!("Bearer {token}")
        {
            return Err(Failure::unauthorized());
        }
        if !self.access.permits(route) {
            return Err(Failure::forbidden(route));
        }
        match route {
            Route::Version => Ok(response::json(StatusCode::OK, &self.store.current().1.version)),
            Route::AccessReview => Ok(response::json(StatusCode::CREATED, &self.access.review(read(incoming).await?))),
            Route::Log { namespace, pod } => logs::read(&self.store, namespace, pod, &request.query),
            Route::Other => Err(Failure::no_such_path()),
            Route::List { resource, namespace } if encoding == Encoding::MetadataList => {
                lists::metadata(&self.store, *resource, namespace.as_deref(), &request.query)
            }
            Route::Get { resource, namespace, name } if encoding == Encoding::Metadata => {
                let (_, shop) = self.store.current();
                let object = shop.get(*resource, namespace.as_deref().unwrap_or_default(), name);
                let object = object.ok_or_else(|| Failure::not_found(resource.plural, name))?;
                Ok(response::object("PartialObjectMetadata", &object.metadata_only(*resource)))
            }
            Route::List { resource, .. } | Route::Get { resource, .. } if encoding != encoding_of(*resource) => {
                Err(not_acceptable(*resource))
            }
            Route::List { resource: Resource::SECRETS, .. } | Route::Get { resource: Resource::SECRETS, .. }
                if request.query.get("includeObject") != "Metadata" =>
            {
                Err(Failure::bad_request("Secrets are served with the metadata of their objects alone"))
            }
            Route::List { resource, namespace } => {
                lists::list(&self.store, *resource, namespace.as_deref(), &request.query)
            }
            Route::Get { resource, namespace, name } => {
                self.get(*resource, namespace.as_deref().unwrap_or_default(), name)
            }
        }
    }

    fn get(&self, resource: Resource, namespace: &str, name: &str) -> Result<Response<Body>, Failure> {
        let (_, shop) = self.store.current();
        match shop.get(resource, namespace, name) {
            Some(object) if resource == Resource::SECRETS => {
                Ok(table::secrets(&ListMeta::default(), vec![object.bytes.clone()]))
            }
            Some(object) => Ok(response::object(resource.kind, &object.bytes)),
            None => Err(Failure::not_found(resource.plural, name)),
        }
    }

    async fn fail(
        &self,
        action: Action,
        struck: Struck,
        route: &Route,
        request: &RecordedRequest,
        incoming: Incoming,
        encoding: Encoding,
    ) -> Result<Response<Body>, BodyError> {
        let answer = async || self.answer(route, request, incoming, encoding).await;
        let status = |failure: Failure| response::failure(&failure, encoding);
        match action {
            Action::CutBody { after } => return Ok(body::cut(answer().await, after, struck)),
            Action::StallBody { after, until } => return Ok(body::stall(answer().await, after, until, struck)),
            _ => struck.report(),
        }
        Ok(match action {
            Action::TooManyRequests { retry_after } => too_many_requests(retry_after),
            Action::Status { code, reason, message } => status(Failure::new(code, reason, message)),
            Action::Forbidden => status(Failure::forbidden(route)),
            Action::Expired => status(Failure::expired(body::resume_token(request.query.get("continue")))),
            Action::NodeUnreachable => status(node_unreachable(request)),
            Action::LogErrorInBand { after_lines } => body::log_error(answer().await, after_lines).await?,
            Action::ProxyPage(code) => response::whole(code, "text/html", PROXY_PAGE),
            Action::Disconnect => return Err("disconnected on demand".into()),
            Action::Stall(gate) => {
                gate.opened().await;
                answer().await
            }
            Action::Delay(delay) => {
                tokio::time::sleep(delay).await;
                answer().await
            }
            Action::CutBody { .. } | Action::StallBody { .. } => answer().await,
        })
    }
}

const PROXY_PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad \
                          Gateway</h1></center>\r\n<hr><center>proxy</center>\r\n</body>\r\n</html>\r\n";

async fn read(incoming: Incoming) -> Result<Value, Failure> {
    let body = Limited::new(incoming, MOST_REQUEST_BYTES).collect().await;
    let body = body.map_err(|error| Failure::bad_request(error.to_string()))?.to_bytes();
    serde_json::from_slice(&body).map_err(|error| Failure::bad_request(error.to_string()))
}

/// In what form the objects of a kind are served.
fn encoding_of(resource: Resource) -> Encoding {
    if resource == Resource::SECRETS { Encoding::Table } else { Encoding::Protobuf }
}

fn not_acceptable(resource: Resource) -> Failure {
    let accepted = match encoding_of(resource) {
        Encoding::Protobuf => response::PROTOBUF,
        _ => response::TABLE,
    };
    let message = format!("only the following media types are accepted: {accepted}");
    Failure::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
}

fn too_many_requests(retry_after: u64) -> Response<Body> {
    let text = "Too many requests, please try again later.\n";
    let mut response = response::whole(StatusCode::TOO_MANY_REQUESTS, "text/plain; charset=utf-8", text);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
    response
}

fn node_unreachable(request: &RecordedRequest) -> Failure {
    let path = request.path.replacen("/api/v1/namespaces", "/containerLogs", 1);
    let message = format!("Get \"https://10.0.0.9:10250{path}\": dial tcp 10.0.0.9:10250: connect: connection refused");
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
}
