//! What the tests against the embedded and the real test bench have in common: commands as an engine sends them, their answers
//! as an engine reads them, and gRPC clients.
//!
//! All of it panics where a test would: it is for tests alone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test says what it expects")]

mod answer;
mod client;
mod command;
pub mod dynamic;
pub mod kubernetes_json;
pub mod memory;
pub mod outage;
pub mod table;

pub use answer::{Answer, Results, answer, answers, raw_answer};
pub use client::{Client, grpc_client};
pub use command::{command, get_pod, kubectl, list_events, list_pods, read_logs};

use gumshoe_proto::collector::v1::{LogLine, Pod};

/// `<namespace>/<name>` of each, in their order.
#[must_use]
pub fn names(pods: &[Pod]) -> Vec<String> {
    let name = |pod: &Pod| pod.metadata.as_ref().map(|metadata| format!("{}/{}", metadata.namespace, metadata.name));
    pods.iter().map(|pod| name(pod).unwrap_or_default()).collect()
}

/// The texts of lines.
#[must_use]
pub fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

/// The bytes of a line, as the container wrote them.
#[must_use]
pub fn bytes(line: &LogLine) -> &[u8] {
    if line.raw.is_empty() { line.text.as_bytes() } else { &line.raw }
}

/// What `kubectl logs` would print of these lines.
#[must_use]
pub fn joined(lines: &[LogLine]) -> Vec<u8> {
    lines.iter().flat_map(|line| [bytes(line), b"\n"].concat()).collect()
}
