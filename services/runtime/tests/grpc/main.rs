//! The server and the client of this crate against each other and against clients that are not in order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed step of a test is its failure")]

mod bench;
mod calls;
mod deadlines;
mod ends;
mod pki;
mod refused;
mod reload;
