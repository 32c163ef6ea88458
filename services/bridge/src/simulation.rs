//! The bridge between a model of SQS and a fake collector, under tokio's paused time, by schedules that proptest makes up: what
//! must hold whatever the queues, the collector and the operator do. What is simulated is all from [`serve`](crate::serve) down; the
//! SDK's client is part of the model, which therefore ends each call.
//!
//! A failure prints its schedule, as small as proptest could make it.

mod bridge;
mod commands;
mod faults;
mod messages;
mod receipts;
mod results;
mod schedule;
mod script;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use proptest::prelude::*;
use tokio::runtime;

use crate::queue::CALL_TIMEOUT;

/// How long a received message is hidden; the default.
const VISIBILITY: Duration = Duration::from_secs(60);

/// How long a poll waits; the default.
const WAIT: Duration = Duration::from_secs(20);

/// So long after its wait, the client breaks off a poll.
const POLL_GRACE: Duration = Duration::from_secs(10);

/// As often a command is received before the dead letters.
const RECEIVES: u32 = 5;

/// Far less than SQS takes, so that small answers take several messages, and some items do not fit into one.
const MESSAGE_SIZE: usize = 8 * 1024;

/// Of results, so few bytes may wait that a command or two fill them up.
const BUDGET: u32 = 32 * 1024;

/// What was seen that must not be.
#[derive(Default)]
struct Violations(Mutex<Vec<String>>);

impl Violations {
    fn note(&self, violation: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(violation);
    }

    /// The first of them, if there were some.
    fn to_result(&self) -> Result<(), String> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() { Ok(()) } else { Err(seen[..seen.len().min(5)].join("\n")) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 10_000, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn nothing_is_lost_held_repeated_or_without_end_whatever_happens(schedule in schedule::schedules()) {
        fastrand::seed(schedule.seed);
        let runtime = runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(bridge::run(&schedule)).map_err(TestCaseError::fail)?;
    }
}
