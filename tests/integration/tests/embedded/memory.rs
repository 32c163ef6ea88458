//! What the processes need: sampled and printed, and bounded loosely enough for an unoptimised build.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gumshoe_devstack::processes::{Memory, Running};
use gumshoe_devstack::stack::Stack;
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::ListPodsRequest;

use crate::support::{answer, client_of, command, list_pods, mk_shop, send};

/// A list of 75 MiB straight from the collector, and one of 45 MiB through the queues, where an unoptimised build takes longer.
const PODS: usize = 10_000;
const PODS_THROUGH_QUEUES: usize = 6000;
/// The text in each pod.
const POD_BYTES: usize = 7 << 10;
/// Bytes by which a process may grow: what its buffers add up to, and as much again for the allocator.
const GROWTH: u64 = 32 << 20;
/// Between two samples: short beside the seconds that the list takes.
const INTERVAL: Duration = Duration::from_millis(20);

/// Samples the memory of a process while something happens.
async fn peak_during<T>(process: &Running, work: impl Future<Output = T>) -> (T, u64) {
    let peak = AtomicU64::new(0);
    let sample = async {
        let mut interval = tokio::time::interval(INTERVAL);
        loop {
            interval.tick().await;
            let anonymous = process.memory().map_or(0, |memory| memory.anonymous);
            peak.fetch_max(anonymous, Ordering::Relaxed);
        }
    };
    tokio::select! {
        done = work => (done, peak.into_inner()),
        () = sample => unreachable!("sampling has no end"),
    }
}

fn print(what: &str, idle: Memory, peak: u64) -> u64 {
    let growth = peak.saturating_sub(idle.anonymous);
    let growth_in_mebibytes = growth as f64 / f64::from(1 << 20);
    // Not println: these figures are to be seen, and the harness shows nothing of a test that passes.
    let _ = writeln!(std::io::stderr(), "{what}: idle {idle}; + {growth_in_mebibytes:.1} MiB anonymous at its peak");
    growth
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_grow_with_the_list() {
    let stack = Stack::of(mk_shop(PODS)).start().await.unwrap();
    let (collector, bridge) = (stack.collector.as_ref().unwrap(), stack.bridge.as_ref().unwrap());
    let (idle_collector, idle_bridge) = (collector.memory().unwrap(), bridge.memory().unwrap());

    let mut client = client_of(&stack);
    let (listed, peak) = peak_during(collector, async {
        let mut pages = client.pods.list_pods(ListPodsRequest::default()).await.unwrap().into_inner();
        let mut listed = 0;
        while let Some(page) = pages.message().await.unwrap() {
            listed += page.items.len();
        }
        listed
    })
    .await;
    assert_eq!(listed, PODS);
    let over_grpc = print("collector, a list of 8,000 pods over gRPC", idle_collector, peak);

    send(&stack, &command("cmd", vec![list_pods("pods", &[])])).await;
    let (answer, peak) = peak_during(bridge, answer(&stack, "cmd")).await;
    assert_eq!((answer.status(), answer.completeness("pods").items), (EndStatus::Succeeded, PODS as u64));
    let over_queues = print("bridge, the same through the queues", idle_bridge, peak);
    assert!(over_grpc < GROWTH && over_queues < GROWTH);
}
