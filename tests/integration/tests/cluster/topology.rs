//! What the walk costs the API server, as that wrote it down, and what it finds beside kubectl.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use gumshoe_devstack::cluster::crowd;
use gumshoe_integration::grpc_client;
use gumshoe_proto::collector::v1::{
    DiscoverTopologyRequest, TopologyHealth, TopologyNode, topology_element::Element,
    topology_service_client::TopologyServiceClient,
};
use tonic::Request;

use crate::support::{
    Bench, Release,
    audit::{Asked, asked_under},
    kubectl, on_the_bench,
};

/// Requests, beside one a node.
const REQUESTS_MAX: usize = 10;

/// The objects that a walk finds, under an id that the audit log will have.
async fn nodes(bench: &Bench, id: &str, request: DiscoverTopologyRequest) -> Vec<TopologyNode> {
    let collector = bench.collector().await;
    let mut request = Request::new(request);
    request.metadata_mut().insert("x-request-id", id.parse().unwrap());
    let mut client = TopologyServiceClient::new(grpc_client(collector.address, &bench.certificates));
    let pages: Vec<_> = client.discover_topology(request).await.unwrap().into_inner().try_collect().await.unwrap();
    let elements = pages.into_iter().flat_map(|page| page.elements);
    let nodes = elements.filter_map(|element| match element.element {
        Some(Element::Node(node)) => Some(node),
        _ => None,
    });
    nodes.collect()
}

fn front() -> DiscoverTopologyRequest {
    DiscoverTopologyRequest {
        namespace: crowd::NAMESPACE.into(),
        kind: "Deployment".into(),
        name: crowd::DEPLOYMENT.into(),
        ..DiscoverTopologyRequest::default()
    }
}

#[test]
fn the_topology_of_a_deployment_among_five_hundred_objects_costs_ten_requests_and_one_a_node() {
    on_the_bench(async |bench| {
        let kinds = "configmaps,services,pods,endpointslices,replicasets,deployments";
        let listed = kubectl(bench, &["get", kinds, "-n", crowd::NAMESPACE, "-o", "name"]).await;
        assert!(listed.lines().count() >= crowd::OBJECTS, "{}", listed.lines().count());

        let nodes = nodes(bench, "topology-cost", front()).await;
        let asked = asked_under(bench, &Release::WIDE.user(), "topology-cost").await;
        let machines = nodes.iter().filter(|node| node.kind == "Node").count();
        let uris: Vec<_> = asked.iter().map(|asked| asked.uri.as_str()).collect();
        assert!(asked.len() <= REQUESTS_MAX + machines, "{uris:#?}");
        let paths: BTreeSet<_> = asked.iter().map(Asked::path).collect();
        assert_eq!(paths.len(), asked.len(), "nothing is asked twice: {uris:#?}");
        assert!(paths.iter().all(|path| path.contains("/namespaces/crowd/") || path.contains("/nodes/")), "{paths:?}");
        assert!(asked.iter().all(|asked| asked.code == 200), "{asked:?}");

        let found: BTreeSet<_> = nodes.iter().map(|node| format!("{}/{}", node.kind, node.name)).collect();
        for expected in [
            "Service/front",
            "Ingress/front",
            "HorizontalPodAutoscaler/front",
            "ConfigMap/front-config",
            "Secret/front-token",
        ] {
            assert!(found.contains(expected), "{expected}: {found:?}");
        }
        let pods = kubectl(bench, &["get", "pods", "-n", crowd::NAMESPACE, "-l", "app=front", "-o", "name"]).await;
        let pods: BTreeSet<_> = pods.lines().map(|pod| pod.replace("pod/", "Pod/")).collect();
        let of_walk: BTreeSet<_> = found.iter().filter(|name| name.starts_with("Pod/")).cloned().collect();
        assert_eq!(of_walk, pods);
        let health = |name: &str| nodes.iter().find(|node| node.name == name).unwrap().health();
        assert_eq!((health("front"), health("data")), (TopologyHealth::Healthy, TopologyHealth::Healthy));
    });
}

#[test]
fn a_walk_from_any_of_its_objects_finds_the_deployment() {
    on_the_bench(async |bench| {
        for (kind, name) in [("Service", "front"), ("Ingress", "front"), ("HorizontalPodAutoscaler", "front")] {
            let request = DiscoverTopologyRequest { kind: kind.into(), name: name.into(), ..front() };
            let nodes = nodes(bench, &format!("topology-{kind}"), request).await;
            let found = nodes.iter().any(|node| node.kind == "Deployment" && node.name == crowd::DEPLOYMENT);
            assert!(found, "{kind}: {nodes:?}");
        }
    });
}
