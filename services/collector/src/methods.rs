//! The methods that are served, found by their requests. Their answers are passed on as they were encoded while they were read,
//! so they are served without the generated servers, which would encode them from messages.

use std::{convert::Infallible, future::ready, marker::PhantomData};

use axum::extract::Request as HttpRequest;
use bytes::BufMut as _;
use gumshoe_proto::methods::{GetRequest, ListRequest, Method, Page};
use gumshoe_runtime::server::MAX_REQUEST_BYTES;
use prost::Message;
use tonic::{
    Request, Response, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::Grpc,
    service::Routes,
};
use tower::service_fn;

use crate::{
    error::ReadError,
    kubernetes::{api::Call, resource::Resource},
    lists::{Reader, kind::Kind},
    pages::{page::Encoded, stream::PageStream},
};

/// A permission that a method needs; together they are the rules of the chart's Role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// "get" or "list".
    pub verb: &'static str,
    /// Of what.
    pub resource: Resource,
    /// Empty for the object itself.
    pub subresource: &'static str,
}

/// Methods, and what they need.
#[derive(Debug, Clone, Default)]
pub struct Methods {
    routes: Routes,
    paths: Vec<&'static str>,
    permissions: Vec<Permission>,
}

impl Methods {
    /// Serves the method that reads one object of a kind.
    #[must_use]
    pub fn get<Q: GetRequest>(self, reader: &Reader) -> Self
    where
        <Q::Response as Page>::Item: Kind,
    {
        let reader = reader.clone();
        let service = service_fn(move |request: Request<Q>| {
            let reader = reader.clone();
            async move { Ok(Response::new(reader.get(&Call::of(&request), request.get_ref()).await?)) }
        });
        let permission = Permission { verb: "get", resource: resource::<Q>(), subresource: "" };
        self.needs(permission).route::<Q, _, _>(move |request| {
            let service = service.clone();
            async move { grpc::<Q>().unary(service, request).await }
        })
    }

    /// Serves the method that lists the objects of a kind in the order of their keys.
    #[must_use]
    pub fn list<Q: ListRequest>(self, reader: &Reader) -> Self
    where
        <Q::Response as Page>::Item: Kind,
    {
        let reader = reader.clone();
        let permission = Permission { verb: "list", resource: resource::<Q>(), subresource: "" };
        self.needs(permission).streams(move |call, request: Q| reader.list(&call, &request))
    }

    /// Serves a method that answers once.
    #[must_use]
    pub fn once<Q, F, A>(self, answer: F) -> Self
    where
        Q: Method,
        F: Fn(Call, Q) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Result<Encoded, ReadError>> + Send + 'static,
    {
        let service = service_fn(move |request: Request<Q>| {
            let answer = answer(Call::of(&request), request.into_inner());
            async move { Ok(Response::new(answer.await?)) }
        });
        self.route::<Q, _, _>(move |request| {
            let service = service.clone();
            async move { grpc::<Q>().unary(service, request).await }
        })
    }

    /// Serves a method that answers with a stream of pages. What is wrong with the request is an error at once; all else comes with
    /// the stream.
    #[must_use]
    pub fn streams<Q, F>(self, start: F) -> Self
    where
        Q: Method,
        F: Fn(Call, Q) -> Result<PageStream, ReadError> + Clone + Send + Sync + 'static,
    {
        let service = service_fn(move |request: Request<Q>| {
            let call = Call::of(&request);
            ready(start(call, request.into_inner()).map(Response::new).map_err(Status::from))
        });
        self.route::<Q, _, _>(move |request| {
            let service = service.clone();
            async move { grpc::<Q>().server_streaming(service, request).await }
        })
    }

    /// Names a permission that is needed; several methods may need the same.
    #[must_use]
    pub fn needs(mut self, permission: Permission) -> Self {
        if !self.permissions.contains(&permission) {
            self.permissions.push(permission);
        }
        self
    }

    fn route<Q, F, A>(mut self, serve: F) -> Self
    where
        Q: Method,
        F: Fn(HttpRequest) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = http::Response<tonic::body::Body>> + Send + 'static,
    {
        self.paths.push(Q::PATH);
        let service = service_fn(move |request| {
            let answer = serve(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let router = self.routes.into_axum_router().route_service(Q::PATH, service);
        Self { routes: router.into(), ..self }
    }

    /// Says of methods that their kind is not served. Without that, a caller could not tell a kind that is switched off from a server
    /// that is none of ours.
    #[must_use]
    pub fn refusing(self, kind: &'static str, paths: &[&'static str]) -> Self {
        let refused = service_fn(move |_: HttpRequest| {
            ready(Ok::<_, Infallible>(Status::from(ReadError::KindNotServed(kind)).into_http::<tonic::body::Body>()))
        });
        let router = self.routes.into_axum_router();
        let router = paths.iter().fold(router, |router, path| router.route_service(path, refused));
        Self { routes: router.into(), ..self }
    }

    /// The methods as a service.
    #[must_use]
    pub fn routes(&self) -> Routes {
        self.routes.clone()
    }

    /// Their paths: `/gumshoe.collector.v1.PodService/GetPod`.
    #[must_use]
    pub fn paths(&self) -> &[&'static str] {
        &self.paths
    }

    /// Whether the list of a kind is served: what another method needs of it, as logs need pods, does not switch the kind on.
    #[must_use]
    pub fn lists(&self, resource: Resource) -> bool {
        let list = format!("list{}", resource.plural);
        self.paths.iter().any(|path| path.rsplit('/').next().is_some_and(|method| method.eq_ignore_ascii_case(&list)))
    }

    /// All that the collector needs to read. Where it may also get namespaces, it tells one that does not exist from an empty one.
    #[must_use]
    pub fn permissions(&self) -> &[Permission] {
        &self.permissions
    }

    /// The services that the methods are of: `gumshoe.collector.v1.PodService`.
    #[must_use]
    pub fn services(&self) -> Vec<&'static str> {
        let mut services: Vec<_> = self.paths.iter().filter_map(|path| path.split('/').nth(1)).collect();
        services.dedup();
        services
    }
}

fn resource<Q: Method>() -> Resource
where
    <Q::Response as Page>::Item: Kind,
{
    <Q::Response as Page>::Item::RESOURCE
}

fn grpc<Q: Message + Default + 'static>() -> Grpc<EncodedCodec<Q>> {
    Grpc::new(EncodedCodec(PhantomData)).max_decoding_message_size(MAX_REQUEST_BYTES)
}

/// Decodes requests, and passes answers on as they are.
#[derive(Debug)]
struct EncodedCodec<Q>(PhantomData<fn() -> Q>);

impl<Q: Message + Default + 'static> Codec for EncodedCodec<Q> {
    type Encode = Encoded;
    type Decode = Q;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(PhantomData)
    }

    fn decoder(&mut self) -> Self {
        Self(PhantomData)
    }
}

impl<Q> Encoder for EncodedCodec<Q> {
    type Item = Encoded;
    type Error = Status;

    fn encode(&mut self, Encoded(bytes): Encoded, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(bytes.len());
        buffer.put(bytes);
        Ok(())
    }
}

impl<Q: Message + Default> Decoder for EncodedCodec<Q> {
    type Item = Q;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Q>, Status> {
        let request = Q::decode(buffer);
        request.map(Some).map_err(|error| Status::invalid_argument(format!("the request cannot be decoded: {error}")))
    }
}
