//! What belongs together: the walk from one object to all that it is connected with.
//!
//! `request` says where it begins and how far it goes, `walk` is the walk itself, which reads nothing and knows no server, `read`
//! makes the requests that it wants, `run` brings both together and sends what is found. Of an object only its `facts` are kept.
//!
//! A kind is listed at most once in a namespace, whatever is asked of it; what was read is kept until the call ends, and never longer.

pub mod facts;
pub mod known;
pub mod object;
mod read;
pub mod request;
mod run;
pub mod walk;

pub use run::Topology;
