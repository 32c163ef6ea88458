//! The shipped binaries against the embedded test bench: a replayed Kubernetes API and an SQS server in this process, with
//! faults on demand.
//!
//! Each test has a stack of its own, so that its faults are nobody else's; what is awaited is a condition, never a time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects")]

mod support;

mod cli;
mod commands;
mod connections;
mod crashes;
mod doctor;
mod input;
mod kinds;
mod kubernetes_faults;
mod memory;
mod paging;
mod policies;
mod queue_faults;
mod queue_troubles;
mod reflection;
mod refused_commands;
mod related;
mod scope;
mod shutdown;
mod startup;
mod stops;
mod texts;
mod topology;
mod words;
