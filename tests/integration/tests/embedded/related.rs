//! What is said of an object from other reads: the backends of a service, the pods on a node, whether an ingress leads anywhere.

use std::collections::BTreeSet;

use gumshoe_devstack::replay::{Action, Fault, Requests, Resource, Shop};
use gumshoe_devstack::stack::Stack;
use gumshoe_integration::{dynamic::ask, grpc_client};
use gumshoe_proto::collector::v1::{
    BackendExistence, Completeness, Endpoints, EndpointsStatus, GapReason, GetEndpointsRequest, GetIngressRequest,
    GetNodeRequest, Ingress, ListEndpointSlicesRequest, ListIngressesRequest, ListServicesRequest, ServiceSelection,
};
use gumshoe_runtime::client::GrpcClient;
use tonic::{Code, Status};

const SERVICES: Resource = Resource { group: "", version: "v1", plural: "services", kind: "Service" };

async fn start() -> (Stack, GrpcClient) {
    let stack = Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap();
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    (stack, client)
}

fn forbid(stack: &Stack, matching: Requests) {
    stack.replay.faults().push(Fault { matching, times: 100, action: Action::Forbidden });
}

async fn endpoints(client: &GrpcClient, namespace: &str, name: &str) -> Result<(Endpoints, Completeness), Status> {
    let request = GetEndpointsRequest { namespace: namespace.into(), name: name.into() };
    let answer = ask(client, &request).await?.remove(0);
    Ok((answer.item.unwrap(), answer.completeness.unwrap()))
}

#[tokio::test]
async fn the_backends_of_every_service_have_the_addresses_of_its_slices() {
    let (_stack, client) = start().await;
    let services = ask(&client, &ListServicesRequest::default()).await.unwrap();
    let mut seen = 0;
    for service in services.iter().flat_map(|page| &page.items) {
        let metadata = service.metadata.as_ref().unwrap();
        let (endpoints, completeness) = endpoints(&client, &metadata.namespace, &metadata.name).await.unwrap();
        let slices = ListEndpointSlicesRequest {
            namespaces: vec![metadata.namespace.clone()],
            label_selector: format!("kubernetes.io/service-name={}", metadata.name),
            ..ListEndpointSlicesRequest::default()
        };
        let slices = ask(&client, &slices).await.unwrap();
        let of_slices = slices.iter().flat_map(|page| &page.items).flat_map(|slice| &slice.endpoints);
        let expected: BTreeSet<_> = of_slices.flat_map(|endpoint| endpoint.addresses.clone()).collect();
        let all: Vec<_> = endpoints.backends.iter().flat_map(|backend| backend.addresses.clone()).collect();
        seen += all.len();
        assert_eq!(all.iter().cloned().collect::<BTreeSet<_>>(), expected, "{}", metadata.name);
        assert_eq!(all.len(), expected.len(), "each once: {}", metadata.name);
        assert!(completeness.complete, "{completeness:?}");
    }
    assert!(seen > 10, "{seen}");
}

#[tokio::test]
async fn a_service_without_backends_says_why() {
    let (stack, client) = start().await;
    for (namespace, name, status, selection) in [
        ("shop", "web", EndpointsStatus::NoReadyBackend, ServiceSelection::Unspecified),
        ("shop", "cart", EndpointsStatus::Ready, ServiceSelection::Unspecified),
        ("shop", "storefront", EndpointsStatus::NoReadyBackend, ServiceSelection::NoPod),
        ("odd", "balanced", EndpointsStatus::NoReadyBackend, ServiceSelection::NoPod),
        ("payments", "legacy", EndpointsStatus::NoSlice, ServiceSelection::NoSelector),
        ("payments", "bank", EndpointsStatus::ExternalName, ServiceSelection::Unspecified),
    ] {
        let (endpoints, _) = endpoints(&client, namespace, name).await.unwrap();
        let found = (endpoints.status(), endpoints.selection());
        assert_eq!(found, (status, selection), "{name}: {endpoints:?}");
    }
    for name in ["gone", &"a".repeat(64)] {
        assert_eq!(endpoints(&client, "shop", name).await.unwrap_err().code(), Code::NotFound);
    }
    forbid(&stack, Requests::lists(Resource::PODS));
    let (unknown, completeness) = endpoints(&client, "shop", "storefront").await.unwrap();
    assert_eq!(unknown.selection(), ServiceSelection::Unknown);
    assert_eq!(completeness.gaps[0].reason(), GapReason::KindNotRead, "{completeness:?}");
}

fn said(ingress: &Ingress) -> Vec<(&str, BackendExistence)> {
    ingress.backends.iter().map(|backend| (backend.service.as_str(), backend.existence())).collect()
}

#[tokio::test]
async fn an_ingress_says_whether_its_backends_exist_and_a_list_where_it_is_asked_for() {
    let (stack, client) = start().await;
    let request = GetIngressRequest { namespace: "payments".into(), name: "everything".into(), ..Default::default() };
    let get = async || ask(&client, &request).await.unwrap().remove(0);
    let one = get().await.item.unwrap();
    assert!(said(&one).iter().any(|(_, existence)| *existence != BackendExistence::Unknown), "{:?}", said(&one));
    let list = async |with_backends| {
        let request = ListIngressesRequest { with_backends, ..ListIngressesRequest::default() };
        ask(&client, &request).await.unwrap()
    };
    let listed = list(true).await;
    let same = listed.iter().flat_map(|page| &page.items).find(|it| it.metadata.as_ref().unwrap().name == "everything");
    assert_eq!(said(same.unwrap()), said(&one));
    let plain = list(false).await;
    assert!(plain.iter().flat_map(|page| &page.items).all(|ingress| ingress.backends.is_empty()));

    forbid(&stack, Requests::lists(SERVICES));
    let answer = get().await;
    let unknown = answer.item.unwrap();
    let is_unknown = |existence| matches!(existence, BackendExistence::Unknown | BackendExistence::NotAService);
    assert!(said(&unknown).into_iter().all(|(_, existence)| is_unknown(existence)), "{:?}", said(&unknown));
    let listed = list(true).await;
    let completeness = listed.last().unwrap().completeness.clone().unwrap();
    assert_eq!((completeness.complete, completeness.gaps[0].reason()), (false, GapReason::KindNotRead));
}

#[tokio::test]
async fn pods_on_a_node_that_cannot_be_read_are_a_gap() {
    let (stack, client) = start().await;
    let request = GetNodeRequest { name: "node-a".into(), with_pods: true, ..GetNodeRequest::default() };
    let answer = ask(&client, &request).await.unwrap().remove(0);
    let pods = answer.item.unwrap().pods.unwrap();
    assert!(!pods.items.is_empty() && pods.requests_percent.contains_key("cpu"), "{pods:?}");
    assert!(answer.completeness.unwrap().complete);
    forbid(&stack, Requests::lists(Resource::PODS));
    let answer = ask(&client, &request).await.unwrap().remove(0);
    let completeness = answer.completeness.unwrap();
    assert!(answer.item.unwrap().pods.is_none() && !completeness.complete);
    assert_eq!(completeness.gaps[0].reason(), GapReason::KindNotRead, "{completeness:?}");
}

#[tokio::test]
async fn a_kind_that_is_switched_off_is_not_read_for_another_kind_either() {
    let arguments = ["--kinds=nodes,ingresses,endpointslices"];
    let stack =
        Stack::of(Shop::recorded().unwrap()).collector_arguments(&arguments).start_without_bridge().await.unwrap();
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    let request = GetNodeRequest { name: "node-a".into(), with_pods: true, ..GetNodeRequest::default() };
    let answer = ask(&client, &request).await.unwrap().remove(0);
    let gap = &answer.completeness.unwrap().gaps[0];
    assert!(gap.reason() == GapReason::KindNotRead && gap.message.contains("--kinds"), "{gap:?}");
    let request = GetIngressRequest { namespace: "payments".into(), name: "everything".into(), ..Default::default() };
    let ingress = ask(&client, &request).await.unwrap().remove(0).item.unwrap();
    assert!(
        said(&ingress).iter().any(|(_, existence)| *existence == BackendExistence::Unknown),
        "{:?}",
        said(&ingress)
    );
    let (unknown, completeness) = endpoints(&client, "shop", "storefront").await.unwrap();
    assert_eq!(unknown.selection(), ServiceSelection::Unknown);
    assert_eq!(completeness.gaps[0].reason(), GapReason::KindNotRead);
    let read = stack.replay.requests();
    let off = read.iter().filter(|request| ["/pods", "/services"].iter().any(|off| request.path.contains(off)));
    assert_eq!(off.map(|request| &request.path).collect::<Vec<_>>(), Vec::<&String>::new());
}
