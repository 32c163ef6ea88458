//! What is said of an object from other reads: the backends of a service, the pods on a node, whether an ingress leads anywhere.

use std::collections::BTreeSet;

use gumshoe_devstack::faults::Gate;
use gumshoe_devstack::replay::{Action, Fault, Object, Requests, Resource, Shop};
use gumshoe_devstack::stack::Stack;
use gumshoe_integration::{dynamic::ask, grpc_client};
use gumshoe_proto::collector::v1::{
    BackendExistence, Completeness, Endpoints, EndpointsStatus, GapReason, GetEndpointsRequest, GetIngressRequest,
    GetNodeRequest, Ingress, ListEndpointSlicesRequest, ListIngressesRequest, ListIngressesResponse,
    ListServicesRequest, ObjectMeta, Pod, PodStatus, ReadLogsRequest, Service, ServiceSelection, ServiceSpec,
};
use gumshoe_runtime::client::GrpcClient;
use prost::Message as _;
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

/// Puts a service into the shop, or another in its place.
fn put(stack: &Stack, service: &Service) {
    let ObjectMeta { namespace, name, .. } = service.metadata.clone().unwrap();
    let bytes = service.encode_to_vec().into();
    let object = Object { namespace, name, labels: Default::default(), fields: Default::default(), bytes };
    stack.replay.change(|shop| *shop = shop.clone().object(SERVICES, object));
}

fn mk_service(namespace: &str, name: &str, selector: &[(&str, &str)]) -> Service {
    let metadata = ObjectMeta { namespace: namespace.into(), name: name.into(), ..ObjectMeta::default() };
    let selector = selector.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    let spec = ServiceSpec { selector, r#type: "ClusterIP".into(), ..ServiceSpec::default() };
    Service { metadata: Some(metadata), spec: Some(spec), ..Service::default() }
}

#[tokio::test]
async fn slices_that_a_service_has_left_behind_are_not_taken_for_its_backends() {
    let (stack, client) = start().await;
    let cart = async || endpoints(&client, "shop", "cart").await.unwrap();
    let external =
        ServiceSpec { r#type: "ExternalName".into(), external_name: "db.example".into(), ..Default::default() };
    put(&stack, &Service { spec: Some(external), ..mk_service("shop", "cart", &[]) });
    let (left, _) = cart().await;
    assert_eq!((left.status(), left.external_name.as_str()), (EndpointsStatus::ExternalName, "db.example"));
    assert!(!left.backends.is_empty() && left.message.contains("no traffic goes"), "{}", left.message);

    put(&stack, &mk_service("shop", "cart", &[]));
    let (left, _) = cart().await;
    assert_eq!((left.status(), left.selection()), (EndpointsStatus::Ready, ServiceSelection::NoSelector));
    assert!(left.message.contains("does not keep them up to date"), "{}", left.message);

    stack.replay.change(|shop| shop.remove(SERVICES, "shop", "cart"));
    let (left, completeness) = cart().await;
    assert_eq!((left.status(), completeness.complete), (EndpointsStatus::NoService, true), "{completeness:?}");

    forbid(&stack, Requests::gets(SERVICES));
    let (left, completeness) = cart().await;
    assert_eq!((left.status(), left.selection()), (EndpointsStatus::Ready, ServiceSelection::Unknown));
    assert_eq!(completeness.gaps[0].reason(), GapReason::KindNotRead, "{completeness:?}");
}

#[tokio::test]
async fn a_service_whose_pods_have_all_ended_says_so_and_one_pod_is_read_for_it() {
    let (stack, client) = start().await;
    let labels = [("app".to_owned(), "done".to_owned())].into();
    let metadata = ObjectMeta { namespace: "shop".into(), name: "done-1".into(), labels, ..ObjectMeta::default() };
    let status = PodStatus { phase: "Succeeded".into(), ..PodStatus::default() };
    let done = Pod { metadata: Some(metadata), status: Some(status), ..Pod::default() }.encode_to_vec();
    let done = Object::pod(done.into()).unwrap();
    stack.replay.change(|shop| *shop = shop.clone().object(Resource::PODS, done));
    put(&stack, &mk_service("shop", "done", &[("app", "done")]));
    stack.replay.forget_requests();
    let (of_done, completeness) = endpoints(&client, "shop", "done").await.unwrap();
    assert_eq!(of_done.selection(), ServiceSelection::EndedPods, "{of_done:?}");
    assert!(completeness.complete);
    let requests = stack.replay.requests();
    let pods = requests.iter().filter(|request| request.path.ends_with("/pods"));
    // The embedded API server gives an empty page and goes on where the first pod is none of these.
    assert_eq!(pods.map(|request| request.query.get("limit")).collect::<Vec<_>>(), ["1", "500", "1", "500"]);
}

#[tokio::test]
async fn nothing_is_said_of_a_namespace_whose_service_has_no_slices() {
    let (stack, client) = start().await;
    forbid(&stack, Requests::gets(Resource::NAMESPACES));
    for name in ["bank", "legacy"] {
        let (_, completeness) = endpoints(&client, "payments", name).await.unwrap();
        assert!(completeness.complete && completeness.warnings.is_empty(), "{completeness:?}");
    }
    assert!(stack.replay.requests().iter().all(|request| request.path != "/api/v1/namespaces/payments"));
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
    forbid(&stack, Requests::gets(SERVICES));
    stack.replay.forget_requests();
    let answer = get().await;
    let unknown = answer.item.unwrap();
    let is_unknown = |existence| matches!(existence, BackendExistence::Unknown | BackendExistence::NotAService);
    assert!(said(&unknown).into_iter().all(|(_, existence)| is_unknown(existence)), "{:?}", said(&unknown));
    let listed = list(true).await;
    let completeness = listed.last().unwrap().completeness.clone().unwrap();
    assert_eq!((completeness.complete, completeness.gaps[0].reason()), (false, GapReason::KindNotRead));
    assert_eq!(completeness.gaps.len(), 1, "{completeness:?}");
    let requests = stack.replay.requests();
    let lists = requests.iter().filter(|request| request.path.ends_with("/services"));
    assert_eq!(lists.map(|request| request.path.as_str()).collect::<Vec<_>>(), ["/api/v1/services"]);
}

#[tokio::test]
async fn a_service_that_cannot_be_read_is_unknown_and_not_missing() {
    let (stack, client) = start().await;
    let request = GetIngressRequest { namespace: "odd".into(), name: "balanced".into(), ..Default::default() };
    let get = async || ask(&client, &request).await.unwrap().remove(0).item.unwrap();
    let existing = |ingress: &Ingress| said(ingress).iter().filter(|it| it.1 == BackendExistence::Exists).count();
    let broken = "balanced";
    assert_eq!(existing(&get().await), 1);
    // Its spec is a number.
    let metadata = Service { spec: None, ..mk_service("odd", broken, &[]) }.encode_to_vec();
    let bytes = [metadata, vec![0x10, 1]].concat().into();
    let object = Object {
        namespace: "odd".into(),
        name: broken.into(),
        labels: Default::default(),
        fields: Default::default(),
        bytes,
    };
    stack.replay.change(|shop| *shop = shop.clone().object(SERVICES, object));
    let list = async || {
        let namespaces = vec!["odd".to_owned(), "shop".to_owned()];
        let request = ListIngressesRequest { with_backends: true, namespaces, ..ListIngressesRequest::default() };
        ask(&client, &request).await.unwrap()
    };
    let unread = |ingress: &Ingress| {
        let said = said(ingress);
        let said = said.into_iter().filter(|it| it.0 == broken).map(|it| it.1);
        said.collect::<BTreeSet<_>>()
    };
    let unknown = BTreeSet::from([BackendExistence::Unknown]);
    assert_eq!(unread(&get().await), unknown);
    let pages = list().await;
    let balanced = |pages: &[ListIngressesResponse]| {
        let named = |it: &&Ingress| it.metadata.as_ref().unwrap().name == "balanced";
        pages.iter().flat_map(|page| &page.items).find(named).unwrap().clone()
    };
    assert_eq!(unread(&balanced(&pages)), unknown);
    let gaps = &pages.last().unwrap().completeness.as_ref().unwrap().gaps;
    assert_eq!((gaps.len(), gaps[0].reason(), gaps[0].name.as_str()), (1, GapReason::ItemUnreadable, broken));
    assert!(gaps[0].message.contains("the Service"), "{gaps:?}");

    // Of one namespace alone: the other's services are there or are not.
    forbid(&stack, Requests::lists(SERVICES).in_namespace("odd"));
    let pages = list().await;
    assert_eq!(existing(&balanced(&pages)), 0);
    let others =
        pages.iter().flat_map(|page| &page.items).filter(|it| it.metadata.as_ref().unwrap().namespace == "shop");
    assert!(others.map(existing).sum::<usize>() > 0);
    let gaps = &pages.last().unwrap().completeness.as_ref().unwrap().gaps;
    assert_eq!((gaps.len(), gaps[0].reason(), gaps[0].namespace.as_str()), (1, GapReason::KindNotRead, "odd"));
}

#[tokio::test]
async fn services_that_do_not_come_do_not_keep_an_ingress_back() {
    let (stack, client) = start().await;
    let action = Action::Stall(Gate::closed());
    stack.replay.faults().push(Fault { matching: Requests::gets(SERVICES), times: 100, action });
    let request = GetIngressRequest { namespace: "payments".into(), name: "everything".into(), ..Default::default() };
    let within = std::time::Duration::from_secs(20);
    let answer = tokio::time::timeout(within, ask(&client, &request)).await.unwrap().unwrap().remove(0);
    let ingress = answer.item.unwrap();
    assert!(said(&ingress).iter().any(|it| it.1 == BackendExistence::Unknown), "{:?}", said(&ingress));
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

#[tokio::test]
async fn the_logs_of_a_workload_are_not_read_where_its_kind_is_switched_off() {
    let stack = Stack::of(Shop::recorded().unwrap()).collector_arguments(&["--kinds=pods,logs"]);
    let stack = stack.start_without_bridge().await.unwrap();
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    let of = |workload: &str, service: &str| ReadLogsRequest {
        namespace: "shop".into(),
        workload: workload.into(),
        service: service.into(),
        ..ReadLogsRequest::default()
    };
    for request in [of("deployment/web", ""), of("cronjob/reindex", ""), of("", "web")] {
        let status = ask(&client, &request).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
        assert!(status.message().contains("--kinds"), "{status:?}");
    }
    let request = ReadLogsRequest { label_selector: "app=web".into(), ..of("", "") };
    assert!(ask(&client, &request).await.is_ok(), "pods are read");
    let read = stack.replay.requests();
    let off = read.iter().filter(|request| {
        ["/deployments", "/cronjobs", "/jobs", "/services"].iter().any(|off| request.path.contains(off))
    });
    assert_eq!(off.map(|request| &request.path).collect::<Vec<_>>(), Vec::<&String>::new());
}
