//! From items to messages in the result queue: pages are cut by their serialised size, sent in batches under a bound in bytes, and
//! summed up in an `End` once all of them were acknowledged. Knows no kind and no Kubernetes.

mod budget;
mod end;
mod pages;
mod send;
mod writer;

pub use budget::ByteBudget;
pub use end::{not_run, summary};
pub use pages::PageLimits;
pub use send::{Outlet, SendError, Sender};
pub use writer::{Handed, PageHeader, QueryWriter, WriteError};

/// Which processing of which command a result belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId {
    /// Of the command, or the SQS message id where it has none that can be read.
    pub command_id: String,
    /// ULID of this processing.
    pub run: String,
    /// Of the command; may be empty where it cannot be read.
    pub investigation_id: String,
}
