//! From items to messages in the result queue: pages are cut by their serialised size, sent in batches under a bound in bytes, and
//! summed up in an `End` once all of them were acknowledged. Knows no kind and no Kubernetes.

mod budget;
mod encode;
mod end;
mod pages;
mod send;
mod writer;

pub(crate) use budget::ByteBudget;
pub(crate) use end::{not_run, summary};
pub(crate) use pages::PageLimits;
pub(crate) use send::{Outlet, SendError, Sender, Telling};
pub(crate) use writer::{Handed, QueryWriter, Stopped};

/// Which processing of which command a result belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunId {
    /// Of the command, or the SQS message id where it has none that can be read.
    pub command_id: String,
    /// ULID of this processing.
    pub run: String,
    /// Of the command; may be empty where it cannot be read.
    pub investigation_id: String,
}
