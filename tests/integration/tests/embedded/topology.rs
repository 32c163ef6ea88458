//! What belongs together in the recorded shop, over gRPC and through the queues.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::TryStreamExt as _;
use gumshoe_devstack::faults::Gate;
use gumshoe_devstack::replay::{Action, Fault, Requests, Resource, Shop};
use gumshoe_devstack::stack::Stack;
use gumshoe_integration::grpc_client;
use gumshoe_proto::bridge::v1::{Query, page::Response, query::Request};
use gumshoe_proto::collector::v1::{
    Completeness, DiscoverTopologyRequest, DiscoverTopologyResponse, GapReason, TopologyEdge, TopologyElement,
    TopologyHealth, TopologyNode, topology_element::Element, topology_service_client::TopologyServiceClient,
};
use tonic::{Code, Status};

use crate::support::{answer, command, send};

fn named(kind: &str, namespace: &str, name: &str) -> DiscoverTopologyRequest {
    let (kind, namespace, name) = (kind.to_owned(), namespace.to_owned(), name.to_owned());
    DiscoverTopologyRequest { kind, namespace, name, ..DiscoverTopologyRequest::default() }
}

/// A whole answer.
#[derive(Debug)]
struct Topology {
    pages: usize,
    elements: Vec<TopologyElement>,
    end: Completeness,
}

impl Topology {
    fn of(pages: Vec<DiscoverTopologyResponse>) -> Self {
        let end = pages.last().and_then(|page| page.completeness.clone()).unwrap();
        let number = pages.len();
        Self { pages: number, elements: pages.into_iter().flat_map(|page| page.elements).collect(), end }
    }

    fn nodes(&self) -> impl Iterator<Item = &TopologyNode> {
        self.elements.iter().filter_map(|element| match &element.element {
            Some(Element::Node(node)) => Some(node),
            _ => None,
        })
    }

    fn node(&self, kind: &str, name: &str) -> &TopologyNode {
        let found = self.nodes().find(|node| node.kind == kind && node.name == name);
        found.unwrap_or_else(|| panic!("no {kind}/{name} in {:?}", self.names()))
    }

    fn names(&self) -> BTreeSet<String> {
        self.nodes().map(|node| format!("{}/{}", node.kind, node.name)).collect()
    }

    fn edges(&self) -> impl Iterator<Item = &TopologyEdge> {
        self.elements.iter().filter_map(|element| match &element.element {
            Some(Element::Edge(edge)) => Some(edge),
            _ => None,
        })
    }

    /// Why two objects are connected.
    fn reasons(&self, from: (&str, &str), to: (&str, &str)) -> Vec<&str> {
        let (from, to) = (self.node(from.0, from.1).id, self.node(to.0, to.1).id);
        self.edges().filter(|edge| (edge.from, edge.to) == (from, to)).map(|edge| edge.reason.as_str()).collect()
    }
}

async fn discover(stack: &Stack, request: DiscoverTopologyRequest) -> Result<Topology, Status> {
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    let pages = TopologyServiceClient::new(client).discover_topology(request).await?.into_inner();
    Ok(Topology::of(pages.try_collect().await?))
}

async fn shop() -> Stack {
    Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap()
}

/// The reads of objects so far.
fn reads(stack: &Stack) -> Vec<String> {
    let requests = stack.replay.requests();
    let reads = requests.iter().filter(|request| request.method == "GET" && request.path != "/version");
    reads.map(|request| request.path.clone()).collect()
}

#[tokio::test]
async fn a_deployment_is_found_with_all_that_belongs_to_it_for_ten_reads_and_one_a_node() {
    let stack = shop().await;
    let topology = discover(&stack, named("Deployment", "shop", "web")).await.unwrap();
    let reads = reads(&stack);
    let nodes = topology.nodes().filter(|node| node.kind == "Node").count();
    assert!(nodes > 0 && reads.len() <= 10 + nodes, "{reads:?}");
    let once: BTreeSet<_> = reads.iter().collect();
    assert_eq!(once.len(), reads.len(), "{reads:?}");
    assert!(reads.iter().all(|path| path.contains("/namespaces/shop/") || path.contains("/nodes/")), "{reads:?}");

    let web = topology.node("Deployment", "web");
    assert_eq!((web.id, web.distance, web.health()), (1, 0, TopologyHealth::Unhealthy), "{web:?}");
    assert!(web.status.starts_with("0/2 ready"), "{}", web.status);
    let service = topology.node("Service", "web");
    assert!(service.status.starts_with("no ready backend"), "{service:?}");
    let pod = topology.nodes().find(|node| node.kind == "Pod").unwrap().name.clone();
    let set = topology.nodes().find(|node| node.kind == "ReplicaSet").unwrap().name.clone();
    assert_eq!(topology.reasons(("Deployment", "web"), ("ReplicaSet", &set)), ["owner reference"]);
    assert_eq!(topology.reasons(("Service", "web"), ("Pod", &pod)), ["selector app=web matches"]);
    assert_eq!(topology.reasons(("Ingress", "shop"), ("Service", "web")), ["ingress rule shop.example/ -> web:http"]);
    assert_eq!(topology.reasons(("HorizontalPodAutoscaler", "web"), ("Deployment", "web")), ["scale target"]);
    assert!(topology.pages > 1, "what is found is sent while the walk goes on");
    assert_eq!(topology.end.items, topology.elements.len() as u64);
}

#[tokio::test]
async fn a_command_gets_what_a_call_gets() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    let request = named("StatefulSet", "shop", "cart");
    let straight = discover(&stack, request.clone()).await.unwrap();
    let request = Some(Request::DiscoverTopology(request));
    send(&stack, &command("walk", vec![Query { id: "q".into(), request, ..Query::default() }])).await;
    let answer = answer(&stack, "walk").await;
    let pages = answer.run.pages_of("q").map(|page| match page.unwrap().response.clone() {
        Some(Response::DiscoverTopology(page)) => page,
        other => panic!("no topology: {other:?}"),
    });
    let queued = Topology::of(pages.collect());
    assert_eq!(queued.elements, straight.elements);
    assert_eq!(answer.completeness("q").items, straight.end.items);
    assert_eq!(queued.end.gaps, straight.end.gaps);
}

#[tokio::test]
async fn secrets_are_not_read_unless_they_are_served_and_then_their_metadata_alone() {
    let seed = || named("Deployment", "shop", "api");
    let stack = shop().await;
    let without = discover(&stack, seed()).await.unwrap();
    let secret = without.node("Secret", "api-credentials");
    assert_eq!(secret.health(), TopologyHealth::NotRead);
    let gaps: Vec<_> = without.end.gaps.iter().filter(|gap| gap.message.contains("secrets")).collect();
    assert_eq!((without.end.complete, gaps.len(), gaps[0].reason()), (false, 1, GapReason::KindNotRead));
    assert_eq!(without.node("ConfigMap", "api-config").status, "exists");

    let kinds = "--kinds=pods,deployments,replicasets,services,ingresses,nodes,configmaps,secrets,topology";
    let arguments = Stack::of(Shop::recorded().unwrap()).collector_arguments(&[kinds]);
    let stack = arguments.start_without_bridge().await.unwrap();
    let with = discover(&stack, seed()).await.unwrap();
    assert_eq!(with.node("Secret", "api-credentials").status, "exists");
    let asked = stack.replay.requests().into_iter().find(|request| request.path.ends_with("/secrets")).unwrap();
    let accepted = asked.header("accept");
    assert_eq!(accepted, "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
    // What is switched off is named, and what would come of it is not known.
    let not_read: Vec<_> = with.end.gaps.iter().map(|gap| gap.message.clone()).collect();
    assert!(not_read.iter().any(|message| message.contains("horizontalpodautoscalers")), "{not_read:?}");
}

#[tokio::test]
async fn what_is_referred_to_and_is_not_there_is_missing() {
    let stack = shop().await;
    let shop = discover(&stack, named("Ingress", "odd", "balanced")).await.unwrap();
    let service = shop.node("Service", "nobody-has-made-it");
    assert_eq!((service.health(), service.status.as_str()), (TopologyHealth::Missing, "does not exist"));
    assert!(shop.node("Ingress", "balanced").status.contains("no service nobody-has-made-it"));
    assert_eq!(shop.node("Service", "balanced").health(), TopologyHealth::Unhealthy);
}

#[tokio::test]
async fn objects_in_odd_states_are_judged_as_they_were_recorded() {
    use TopologyHealth::{Degraded, Healthy, Unhealthy};
    let stack = shop().await;
    for (kind, namespace, name, health, begins) in [
        ("Node", "", "node-a", Healthy, "Ready"),
        ("Node", "", "node-lost", Unhealthy, "NotReady"),
        ("Job", "shop", "seed-catalog", Healthy, "Complete, 1/1"),
        ("Job", "shop", "migrate", Unhealthy, "Failed: "),
        ("CronJob", "odd", "ran-yesterday", Degraded, "suspended"),
        ("DaemonSet", "kube-system", "node-agent", Healthy, "3/3 ready"),
        ("DaemonSet", "rollouts", "half-way", Degraded, "2/3 ready"),
        ("DaemonSet", "rollouts", "nowhere", Healthy, "no node wants it"),
        ("StatefulSet", "shop", "cart", Degraded, "1/2 ready"),
        ("PersistentVolumeClaim", "shop", "images", Healthy, "Bound"),
        ("PersistentVolumeClaim", "shop", "catalog", Degraded, "Pending"),
        ("HorizontalPodAutoscaler", "odd", "dual-stack", Healthy, "2 replicas of 2 to 4"),
    ] {
        let request = DiscoverTopologyRequest { max_depth: 1, ..named(kind, namespace, name) };
        let topology = discover(&stack, request).await.unwrap();
        let TopologyNode { status, .. } = topology.node(kind, name);
        assert_eq!(topology.node(kind, name).health(), health, "{kind}/{name}: {status}");
        assert!(status.starts_with(begins), "{kind}/{name}: {status}");
    }
}

#[tokio::test]
async fn a_walk_begins_where_the_labels_of_an_alert_say() {
    let stack = shop().await;
    let labels = |labels: &[(&str, &str)]| DiscoverTopologyRequest {
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..DiscoverTopologyRequest::default()
    };
    let of_alert =
        labels(&[("alertname", "KubeDeploymentReplicasMismatch"), ("namespace", "shop"), ("deployment", "web")]);
    let of_alert = discover(&stack, of_alert).await.unwrap();
    let of_name = discover(&stack, named("Deployment", "shop", "web")).await.unwrap();
    assert_eq!(of_alert.elements, of_name.elements);
    let status = discover(&stack, labels(&[("alertname", "Watchdog")])).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let status = discover(&stack, named("Deployment", "shop", "nowhere")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "Deployment shop/nowhere not found"));
}

#[tokio::test]
async fn a_node_is_found_with_the_pods_on_it_and_within_namespaces_with_those_alone() {
    let stack = shop().await;
    let pods = |topology: &Topology| -> BTreeMap<String, String> {
        let pods = topology.nodes().filter(|node| node.kind == "Pod");
        pods.map(|pod| (pod.name.clone(), pod.namespace.clone())).collect()
    };
    let web = discover(&stack, named("Deployment", "shop", "web")).await.unwrap();
    let node = web.nodes().find(|node| node.kind == "Node").unwrap().name.clone();
    let of_node = discover(&stack, named("Node", "", &node)).await.unwrap();
    assert!(pods(&of_node).len() > 1 && of_node.node("Node", &node).id == 1);
    let asked = stack.replay.requests().into_iter().find(|request| request.path == "/api/v1/pods").unwrap();
    assert_eq!(asked.query.get("fieldSelector"), format!("spec.nodeName={node}"));

    let narrow = Stack::of(Shop::recorded().unwrap()).namespaces(&["shop"]).start_without_bridge().await.unwrap();
    let of_node = discover(&narrow, named("Node", "", &node)).await.unwrap();
    assert_eq!(of_node.node("Node", &node).health(), TopologyHealth::NotRead);
    assert!(!pods(&of_node).is_empty() && pods(&of_node).values().all(|namespace| namespace == "shop"));
    assert!(reads(&narrow).iter().all(|path| path.contains("/namespaces/shop/")), "{:?}", reads(&narrow));
    let status = discover(&narrow, named("Deployment", "payments", "gateway")).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
}

#[tokio::test]
async fn what_does_not_come_before_the_deadline_is_a_gap_and_what_came_is_given() {
    let stack = shop().await;
    let gate = Gate::closed();
    let services = Resource { group: "", version: "v1", kind: "Service", plural: "services" };
    let action = Action::Stall(gate.clone());
    stack.replay.faults().push(Fault { matching: Requests::lists(services), times: 1, action });
    let mut request = tonic::Request::new(named("Deployment", "shop", "web"));
    request.set_timeout(Duration::from_secs(3));
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    let pages = TopologyServiceClient::new(client).discover_topology(request).await.unwrap().into_inner();
    let topology = Topology::of(pages.try_collect().await.unwrap());
    gate.open();
    assert_eq!(topology.node("Deployment", "web").id, 1);
    assert_eq!((topology.end.complete, topology.end.gaps[0].reason()), (false, GapReason::Deadline));
}

#[tokio::test]
async fn what_the_api_server_refuses_is_a_gap_and_what_it_breaks_off_is_read_again() {
    let stack = shop().await;
    let services = Resource { group: "", version: "v1", kind: "Service", plural: "services" };
    let fault = |resource, action| Fault { matching: Requests::lists(resource), times: 1, action };
    stack.replay.faults().push(fault(services, Action::Forbidden));
    stack.replay.faults().push(fault(Resource::PODS, Action::CutBody { after: 3_000 }));
    let topology = discover(&stack, named("Deployment", "shop", "web")).await.unwrap();
    // Those services that a slice names are asked for by name; that there may be others is the gap.
    assert!(topology.nodes().any(|node| node.kind == "Pod"));
    let gaps: Vec<_> = topology.end.gaps.iter().map(|gap| (gap.reason(), gap.namespace.as_str())).collect();
    assert!(gaps.contains(&(GapReason::KindNotRead, "shop")), "{gaps:?}");
    assert_eq!(reads(&stack).iter().filter(|path| path.ends_with("/pods")).count(), 2);
}
