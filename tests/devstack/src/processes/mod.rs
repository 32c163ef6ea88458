//! The shipped binaries, as a user runs them: started on free ports, watched by their logs, stopped and reaped.

mod binaries;
mod bridge;
mod certificates;
mod cli;
mod collector;
mod http;
mod log;
mod memory;
mod running;

pub use binaries::Binaries;
pub use bridge::BridgeOptions;
pub use certificates::{Certificates, Identity};
pub use cli::{Cli, Output};
pub use collector::CollectorOptions;
pub use memory::Memory;
pub use running::Running;
