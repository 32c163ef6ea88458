//! What every Gumshoe process needs and what is the same in all of them: arguments, logs, the admin port, shutdown, TLS
//! identities with reload, the gRPC connection loop with its deadlines and limits, and the gRPC client that loses no call.
//!
//! Knows neither Kubernetes nor SQS.

pub mod admin;
pub mod args;
pub mod backoff;
pub mod chain;
pub mod client;
pub mod deadline;
pub mod errors;
mod io;
pub mod listen;
mod log;
mod metrics;
pub mod process;
pub mod request_id;
pub mod server;
mod shutdown;
mod tasks;
pub mod tls;
pub mod trace_parent;

pub use process::Process;
pub use shutdown::Shutdown;
