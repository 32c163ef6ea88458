//! An embedded Kubernetes API over HTTPS: what the collector reads, without a cluster.
//!
//! It answers the reads that the collector makes as a real API server would, in protobuf, from objects in memory; it keeps
//! what it was asked, and fails on demand. It is no API server: it takes no writes and knows no watch.

mod access;
mod failure;
mod faults;
mod fixture;
mod handler;
mod journal;
mod kubeconfig;
mod lists;
mod logs;
mod object;
mod pki;
mod response;
mod route;
mod selector;
mod server;
mod shop;
mod store;
pub mod synthetic;
mod table;
mod token;
mod wire;

pub use faults::{Action, Fault, Faults, Requests};
pub use journal::RecordedRequest;
pub use object::Object;
pub use route::Resource;
pub use server::{Replay, ReplayBuilder};
pub use shop::{ContainerId, LogAnswer, Shop};
