//! Everything that a test or the demo starts, each part on a free port of 127.0.0.1 and gone when its handle is dropped.
//!
//! - [`replay`]: a Kubernetes API that serves a recorded or a synthetic cluster, with faults on demand;
//! - [`sqs`]: an SQS server in this process, with faults on demand;
//! - [`processes`]: the shipped binaries, started, watched and reaped;
//! - [`proxy`]: connections that break and stall on demand;
//! - [`stack`]: all of them, connected;
//! - [`cluster`]: a real control plane instead, with the [`tools`] of tests/tools/setup.sh;
//! - [`ministack`]: an SQS server of others.
//!
//! Nothing here is shipped, and nothing that is shipped depends on it.

pub mod cluster;
pub mod faults;
pub mod ministack;
pub mod processes;
pub mod proxy;
pub mod replay;
pub mod sqs;
pub mod stack;
pub mod tools;

mod wait;

pub use wait::{eventually, within};
