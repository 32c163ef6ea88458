//! Reflection: what a client that knows nothing of the contract can find out, in both versions of the protocol.

use std::collections::BTreeSet;

use gumshoe_devstack::stack::Stack;
use gumshoe_integration::{dynamic, grpc_client};
use gumshoe_runtime::client::GrpcClient;

use crate::support::mk_shop;

/// A symbol of each descriptor set; without that of the error details, grpcurl prints rich errors as base64.
fn symbols() -> BTreeSet<String> {
    let services = dynamic::methods().map(|method| method.parent_service().full_name().to_owned());
    services.chain(["grpc.health.v1.Health", "google.rpc.BadRequest"].map(str::to_owned)).collect()
}

/// The versions have the same messages as different types.
macro_rules! reflects {
    ($version:ident, $client:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let client: GrpcClient = $client;
        for symbol in symbols() {
            let request = MessageRequest::FileContainingSymbol(symbol.clone());
            let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
            let requests = futures::stream::iter([request]);
            let mut client = ServerReflectionClient::new(client.clone());
            let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
            let answer = answers.message().await.unwrap().unwrap().message_response;
            assert!(matches!(answer, Some(MessageResponse::FileDescriptorResponse(_))), "{symbol}: {answer:?}");
        }
    }};
}

#[tokio::test]
async fn both_versions_of_reflection_know_every_descriptor_set() {
    let stack = Stack::of(mk_shop(1)).start_without_bridge().await.unwrap();
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    reflects!(v1, client.clone());
    reflects!(v1alpha, client);
}
