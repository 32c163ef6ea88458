//! The pods on a node, and what they come to (kubectl: `pkg/describe/describe.go`, describeNodeResource).

use std::collections::BTreeMap;

use gumshoe_proto::collector::v1::{
    Gap, GapReason, GetNodeRequest, GetNodeResponse, Node, NodePod, NodePods, NodeStatus, Pod,
};

use super::resources::{self, Resources, Side};
use crate::{
    error::ReadError,
    kinds::{NOT_ENDED, quantity::Quantity},
    kubernetes::{api::Call, selector::Selectors},
    lists::Reader,
    pages::{page::Encoded, report::Report},
};

/// Most bytes of pods that are given, as JSON: an answer is one item, and a message of a result queue may hold no more than 256 KiB. Kubernetes
/// supports 110 pods on a node; here is room for four times as many.
const GIVEN_MAX: usize = 160 << 10;

/// Reads a node, with the pods on it where the request asks for them.
///
/// # Errors
/// As `Reader::get`: that the pods cannot be read is a gap.
pub(super) async fn node(reader: &Reader, call: &Call, request: &GetNodeRequest) -> Result<Encoded, ReadError> {
    let mut named = reader.named(call, request).await?;
    if request.with_pods {
        match pods(reader, call, &request.name).await {
            Ok(mut pods) => {
                if pods.left_out > 0 {
                    named.report.gap(Gap {
                        reason: GapReason::Limit.into(),
                        message: format!(
                            "an answer has no room for {} of the node's pods; the sums are of all",
                            pods.left_out
                        ),
                        items: Some(pods.left_out),
                        ..Gap::default()
                    });
                }
                named.report.adopt(pods.report.take().unwrap_or_default());
                named.item.pods = Some(pods.finish(&named.item));
            }
            Err(error) => {
                named.report.gap(Gap { message: format!("the pods on the node are missing: {error}"), ..error.gap() })
            }
        }
    }
    Ok(named.answer::<GetNodeResponse>())
}

async fn pods(reader: &Reader, call: &Call, node: &str) -> Result<Sums, ReadError> {
    let selectors = Selectors::parse("", NOT_ENDED)?.with_field("spec.nodeName", node);
    let mut sums = Sums::default();
    let report = reader.each(call, reader.scope.places(&[])?, selectors, |pod: Pod| sums.add(&pod)).await?;
    sums.report = Some(report);
    Ok(sums)
}

/// The pods so far, and their sums.
#[derive(Debug, Default)]
struct Sums {
    items: Vec<NodePod>,
    bytes: usize,
    left_out: u64,
    requests: Resources,
    limits: Resources,
    report: Option<Report>,
}

impl Sums {
    fn add(&mut self, pod: &Pod) {
        // kubectl adds up the specs alone, but shows a resize with each pod.
        resources::add(&mut self.requests, resources::of_pod(pod, Side::Requests, false));
        resources::add(&mut self.limits, resources::of_pod(pod, Side::Limits, false));
        let metadata = pod.metadata.clone().unwrap_or_default();
        let item = NodePod {
            namespace: metadata.namespace,
            name: metadata.name,
            requests: texts(&resources::of_pod(pod, Side::Requests, true)),
            limits: texts(&resources::of_pod(pod, Side::Limits, true)),
            creation_timestamp: metadata.creation_timestamp,
        };
        let bytes = json_bytes(&item);
        if self.bytes + bytes > GIVEN_MAX {
            self.left_out += 1;
            return;
        }
        self.bytes += bytes;
        self.items.push(item);
    }

    fn finish(self, node: &Node) -> NodePods {
        let Self { items, left_out, requests, limits, .. } = self;
        NodePods {
            total: left_out + items.len() as u64,
            items,
            requests_percent: percent(&requests, node.status.as_ref()),
            limits_percent: percent(&limits, node.status.as_ref()),
            requests: texts(&requests),
            limits: texts(&limits),
        }
    }
}

/// At least as many bytes as a pod takes as JSON: names and amounts of resources need no escapes.
fn json_bytes(pod: &NodePod) -> usize {
    const FIELDS: usize = 120;
    let amounts = pod.requests.iter().chain(&pod.limits).map(|(name, amount)| name.len() + amount.len() + 6);
    FIELDS + pod.namespace.len() + pod.name.len() + amounts.sum::<usize>()
}

fn texts(amounts: &Resources) -> BTreeMap<String, String> {
    amounts.iter().map(|(name, amount)| (name.clone(), amount.to_string())).collect()
}

/// What kubectl says the share of, whatever the node has.
const STANDARD: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

/// Of what pods can have of the node: processors counted in thousandths, all else in whole ones. kubectl says no share of what vendors
/// add.
fn percent(amounts: &Resources, status: Option<&NodeStatus>) -> BTreeMap<String, i64> {
    let no_status = NodeStatus::default();
    let NodeStatus { capacity, allocatable, .. } = status.unwrap_or(&no_status);
    let given = if allocatable.is_empty() { capacity } else { allocatable };
    let pages = given.keys().map(String::as_str).filter(|name| name.starts_with("hugepages-"));
    let share = |name: &str| {
        let count = |amount: Quantity| if name == "cpu" { amount.milli_value() } else { amount.value() };
        let given = given.get(name).and_then(|given| Quantity::parse(given)).map_or(0, count);
        let amount = amounts.get(name).map_or(0, |amount| count(*amount));
        // As kubectl does it, in floating point: the result is cut to whole percent, and must be cut alike.
        let share = if given == 0 { 0.0 } else { amount as f64 / given as f64 * 100.0 };
        (name.to_owned(), share as i64)
    };
    STANDARD.into_iter().chain(pages).map(share).collect()
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_are_of_what_can_be_allocated_and_cut_to_whole_percent() {
        let node: Node = json::from_value(json!({"status": {
            "capacity": {"cpu": "8", "memory": "16Gi"},
            "allocatable": {"cpu": "3", "memory": "8Gi", "example.com/gpu": "2", "hugepages-2Mi": "0"}}}))
        .unwrap();
        let pod = json::from_value(json!({"metadata": {"namespace": "shop", "name": "web-0"}, "spec": {"containers": [
            {"name": "web", "resources": {"requests": {"cpu": "1", "memory": "3Gi", "example.com/gpu": "1"}}}]}}))
        .unwrap();
        let mut sums = Sums::default();
        sums.add(&pod);
        let pods = sums.finish(&node);
        assert_eq!(pods.total, 1);
        let shares: Vec<_> = pods.requests_percent.iter().map(|(name, share)| (name.as_str(), *share)).collect();
        assert_eq!(shares, [("cpu", 33), ("ephemeral-storage", 0), ("hugepages-2Mi", 0), ("memory", 37)]);
        assert_eq!(pods.limits_percent["cpu"], 0);
        assert_eq!((pods.items[0].name.as_str(), pods.requests["memory"].as_str()), ("web-0", "3Gi"));
    }

    #[test]
    fn pods_beyond_what_a_message_of_a_queue_holds_are_counted_and_added_up() {
        let mut sums = Sums::default();
        for index in 0..5_000 {
            let pod = json!({"metadata": {"namespace": "shop", "name": format!("web-{index:0250}"), "creationTimestamp": "2026-11-01T12:00:00Z"},
                "spec": {"containers": [{"name": "web", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}]}});
            sums.add(&json::from_value(pod).unwrap());
        }
        let left_out = sums.left_out;
        let pods = sums.finish(&Node::default());
        assert_eq!((pods.total, pods.requests["cpu"].as_str()), (5_000, "5"));
        assert!(pods.items.len() > 200 && pods.items.len() as u64 + left_out == 5_000, "{left_out}");
        let bytes = json::to_value(&pods).to_string().len();
        assert!((GIVEN_MAX / 2..GIVEN_MAX + 1024).contains(&bytes), "{bytes}");
    }
}
