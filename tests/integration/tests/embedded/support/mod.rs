//! What the tests have in common: commands and their answers, and gRPC clients.

mod answer;
mod client;
mod command;

pub(crate) use answer::{Answer, answer, raw_answer};
pub(crate) use client::{Client, client_of};
pub(crate) use command::{command, get_pod, list_events, list_pods, read_logs, send};

use gumshoe_devstack::replay::{Shop, synthetic};
use gumshoe_proto::collector::v1::{LogLine, Pod};

/// A shop of so many pods in the namespace `shop`, each large enough that the list does not fit into one page.
pub(crate) fn mk_shop(pods: usize) -> Shop {
    (0..pods).fold(Shop::default(), |shop, number| shop.pod(&mk_pod("shop", number)).unwrap())
}

/// A pod with an annotation of 2 KiB.
pub(crate) fn mk_pod(namespace: &str, number: usize) -> k8s_pb::api::core::v1::Pod {
    let mut pod = synthetic::pod(namespace, &format!("web-{number:05}"));
    let metadata = pod.metadata.get_or_insert_default();
    metadata.annotations.insert("example.com/notes".to_owned(), "n".repeat(2048));
    pod
}

/// `<namespace>/<name>` of each, in their order.
pub(crate) fn names(pods: &[Pod]) -> Vec<String> {
    let name = |pod: &Pod| pod.metadata.as_ref().map(|metadata| format!("{}/{}", metadata.namespace, metadata.name));
    pods.iter().map(|pod| name(pod).unwrap_or_default()).collect()
}

/// What `mk_shop` holds.
pub(crate) fn expected_names(pods: usize) -> Vec<String> {
    (0..pods).map(|number| format!("shop/web-{number:05}")).collect()
}

/// The texts of lines.
pub(crate) fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}
