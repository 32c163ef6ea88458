//! A command through the queues: built, sent, its results collected and shown.
//!
//! `command` makes the message, `queue` is SQS, `collect` gathers what comes back, `progress` says meanwhile how far it is,
//! `present` prints what came.

pub(crate) mod collect;
pub(crate) mod command;
pub(crate) mod present;
pub(crate) mod progress;
pub(crate) mod queue;
