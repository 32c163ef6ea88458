//! An embedded SQS server: rustack's queues behind a front of our own, which counts calls, fails on demand, and refuses what
//! SQS refuses and rustack does not. MiniStack can take rustack's place.
//!
//! Whatever was sent through it is held to the schemas in `docs/schema` when it ends: a test needs no code for that.
//!
//! What rustack lacks of SQS: a message has at most 256 KiB, and a FIFO queue gives one message a receive.

mod backend;
mod body;
mod calls;
mod contract;
mod endpoint;
mod faults;
mod front;
mod server;

pub use backend::Server;
pub use calls::Call;
pub use endpoint::Endpoint;
pub use faults::{Action, Calls, Fault, Faults};
pub use server::Sqs;
