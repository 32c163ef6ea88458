//! Reads in kubectl's words: `get pods -n shop`, `logs web-0 --previous`; from text to the collector's own requests, and back.
//!
//! The same clap definitions serve the subcommands `get` and `logs` of `gumshoe` and, with no connection around them, whole lines.
//! What they define never comes from environment variables: a forgotten one would change unseen what is read.
//!
//! Not here: connections, and how an answer is printed. What is asked for here is a request of the contract or an error, and nothing
//! else.

mod arguments;
mod describe;
mod events;
mod flags;
mod get;
mod kinds;
mod line;
mod logs;
mod names;
mod refusal;
mod scope;
mod split;
mod topology;
pub mod units;
mod words;

pub use gumshoe_proto::methods::Request;

pub use self::{
    describe::describe,
    get::Get,
    kinds::{KINDS, Kind},
    line::{Line, parse},
    logs::Logs,
    names::{ITEMS, Names, names},
    refusal::Refusal,
    topology::Topology,
};

#[cfg(test)]
mod tests;
