//! What the processes need: sampled and printed, and bounded loosely enough for an unoptimised build.

use std::io::Write;
use std::time::Duration;

use gumshoe_devstack::processes::Memory;
use gumshoe_devstack::replay::{Shop, synthetic};
use gumshoe_devstack::sqs::Server;
use gumshoe_devstack::stack::Stack;
use gumshoe_integration::memory::peak_during;
use gumshoe_integration::outage;
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::ListPodsRequest;

use crate::support::{answer, client_of, command, list_pods, send};

/// A list of 75 MiB straight from the collector, and one of 28 MiB through the queues, where an unoptimised build takes longer.
const PODS: usize = 10_000;
const PODS_THROUGH_QUEUES: usize = 4000;
/// The text in each pod.
const POD_BYTES: usize = 7 << 10;
/// Bytes by which each may grow: what its buffers add up to, and as much again for the allocator; less than the list.
const COLLECTOR_GROWTH: u64 = 32 << 20;
const BRIDGE_GROWTH: u64 = 24 << 20;
fn print(what: &str, idle: Memory, peak: u64) -> u64 {
    let growth = peak.saturating_sub(idle.anonymous);
    let growth_in_mebibytes = growth as f64 / f64::from(1 << 20);
    // Not println: these figures are to be seen, and the harness shows nothing of a test that passes.
    let _ = writeln!(std::io::stderr(), "{what}: idle {idle}; + {growth_in_mebibytes:.1} MiB anonymous at its peak");
    growth
}

/// So many large pods in a namespace.
fn with_pods(shop: Shop, namespace: &str, pods: usize) -> Shop {
    let text = "n".repeat(POD_BYTES);
    (0..pods).fold(shop, |shop, number| {
        let mut pod = synthetic::pod(namespace, &format!("web-{number:05}"));
        let metadata = pod.metadata.get_or_insert_default();
        metadata.annotations.insert("example.com/notes".to_owned(), text.clone());
        shop.pod(&pod).unwrap()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_grow_with_the_list() {
    let shop = with_pods(with_pods(Shop::default(), "many", PODS), "some", PODS_THROUGH_QUEUES);
    let stack = Stack::of(shop).start().await.unwrap();
    let (collector, bridge) = (stack.collector.as_ref().unwrap(), stack.bridge.as_ref().unwrap());
    let (idle_collector, idle_bridge) = (collector.memory().unwrap(), bridge.memory().unwrap());

    let mut client = client_of(&stack);
    let request = ListPodsRequest { namespaces: vec!["many".to_owned()], ..ListPodsRequest::default() };
    let (listed, peak) = peak_during(collector, async {
        let mut pages = client.pods.list_pods(request).await.unwrap().into_inner();
        let mut listed = 0;
        while let Some(page) = pages.message().await.unwrap() {
            listed += page.items.len();
        }
        listed
    })
    .await;
    assert_eq!(listed, PODS);
    let over_grpc = print("collector, a list of 75 MiB over gRPC", idle_collector, peak);

    send(&stack, &command("cmd", vec![list_pods("pods", &["some"])])).await;
    let (answer, peak) = peak_during(bridge, answer(&stack, "cmd")).await;
    let items = answer.completeness("pods").items;
    assert_eq!((answer.status(), items), (EndStatus::Succeeded, PODS_THROUGH_QUEUES as u64));
    let over_queues = print("bridge, a list of 28 MiB through the queues", idle_bridge, peak);
    assert!(over_grpc < COLLECTOR_GROWTH && over_queues < BRIDGE_GROWTH, "{over_grpc} {over_queues}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_queue_that_is_down_stops_the_reading_and_costs_neither_memory_nor_results() {
    outage::is_survived(Server::Embedded, Duration::ZERO).await;
}
