//! `LogService` against a fake Kubernetes API, over no network.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod cluster;
mod filter;
mod fold;
mod follow;
mod grpc;
mod kubelet;
mod order;
mod outcomes;
mod runs;
mod several;
mod support;
mod window;
