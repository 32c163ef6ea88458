//! The parts of the test bench, tried with the clients that others use against them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects")]

mod replay;
mod sqs;
