//! The server and the client of this crate against each other and against clients that are not in order; the admin port;
//! a process from its start to its end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step of a test is its failure")]

mod admin;
mod bench;
mod calls;
mod deadlines;
mod ends;
mod pki;
mod process;
mod refused;
mod reload;
mod resets;
