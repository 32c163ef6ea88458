//! Many commands while everything fails: SQS, the connections to the collector, the Kubernetes API, and the processes themselves, two
//! bridges and a collector, which are killed every few seconds. What counts is what a caller sees: a command without a whole and
//! succeeded run is lost, whatever the reason.

mod chaos;
mod plan;
mod processes;
mod reader;
mod report;
mod run;

pub use report::Report;
pub use run::{Options, soak};
