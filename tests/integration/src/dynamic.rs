//! Calls of any method of the contract, by its descriptor alone: for what must hold of every kind.

use futures::TryStreamExt as _;
use gumshoe_proto::{json, methods::Method};
use gumshoe_runtime::client::GrpcClient;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor};
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// The methods of the collector.
pub fn methods() -> impl Iterator<Item = MethodDescriptor> {
    json::descriptors().services().flat_map(|service| service.methods().collect::<Vec<_>>())
}

/// The flag with which a collector serves every method, also those that it serves only where they are named.
#[must_use]
pub fn every_kind() -> String {
    let lists = methods().filter_map(|method| Some(method.name().strip_prefix("List")?.to_ascii_lowercase()));
    format!("--kinds=logs,topology,{}", lists.collect::<Vec<_>>().join(","))
}

/// The answer to a request of any method, in its pages.
///
/// # Errors
/// Those of the collector.
pub async fn ask<Q: Method>(client: &GrpcClient, request: &Q) -> Result<Vec<Q::Response>, Status> {
    let is_it = |method: &MethodDescriptor| {
        Q::PATH.ends_with(&format!("{}/{}", method.parent_service().full_name(), method.name()))
    };
    let method = methods().find(is_it).expect("the method is of the contract");
    let mut dynamic = DynamicMessage::new(method.input());
    dynamic.transcode_from(request).expect("a generated type agrees with its own descriptor");
    let pages = call(client, &method, dynamic).await?;
    Ok(pages.iter().map(|page| page.transcode_to().expect("a generated type agrees with its own descriptor")).collect())
}

/// Calls a method; what answers once is a stream of one.
///
/// # Errors
/// Those of the collector.
pub async fn call(
    client: &GrpcClient,
    method: &MethodDescriptor,
    request: DynamicMessage,
) -> Result<Vec<DynamicMessage>, Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name()).parse().unwrap();
    let mut grpc = Grpc::new(client.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let answer = grpc.server_streaming(Request::new(request), path, Dynamic(method.output())).await?;
    answer.into_inner().try_collect().await
}

/// Decodes messages of one type.
#[derive(Clone, Debug)]
struct Dynamic(MessageDescriptor);

impl Codec for Dynamic {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        self.clone()
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Encoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Dynamic {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.0.clone(), buffer);
        message.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
