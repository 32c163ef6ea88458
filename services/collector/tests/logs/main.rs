//! `LogService` against a fake Kubernetes API, over no network.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod follow;
mod grpc;
mod kubelet;
mod outcomes;
mod runs;
mod support;
mod window;
