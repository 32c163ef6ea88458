//! The shipped binaries against a real control plane, beside the tools that others use: kubectl, Helm, grpcurl, grpcio,
//! MiniStack, boto3 and the AWS command line.
//!
//! One cluster serves all tests, which only read it: what they compare must not change while they do. It needs what
//! tests/tools/setup.sh installs, so it runs where it is asked for by name: `cargo test --workspace --test cluster`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects")]

mod support;

mod audit;
mod clients;
mod events;
mod examples;
mod kinds;
mod logs;
mod memory;
mod nodes;
mod outage;
mod permissions;
mod pods;
mod queues;
mod related;
mod secrets;
mod topology;
