//! Lists of pods and events over a Kubernetes API that misbehaves, in memory.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod events;
mod fake_api;
mod namespaces;
mod pods;
mod secrets;
mod support;
mod troubles;
