//! The bridge: takes commands from an SQS queue, asks the collectors over gRPC, and streams results to a result queue.
//!
//! It knows no Kubernetes: a query holds one of the collector's own requests (or words, which gumshoe-kubectl makes into one), a page
//! one of its responses, and what lies between is the same for every kind. A command is deleted only after its `End` was
//! acknowledged, so it is worked on at least once, and `End` says what a whole result contains.

mod args;
mod cancel;
mod command;
mod dispatch;
mod metrics;
mod ping;
mod queue;
mod results;
mod serve;
mod start;
mod stop;
mod turns;
mod words;
mod worker;

#[cfg(test)]
mod fakes;
#[cfg(test)]
mod simulation;

pub use args::{Args, Named};
pub use queue::{QueueUrl, QueueUrlError};
pub use start::run;
