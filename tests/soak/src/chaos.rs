//! What goes wrong: something all the time, and every few seconds a process.

use std::time::Duration;

use fastrand::Rng;
use gumshoe_devstack::proxy::Proxy;
use gumshoe_devstack::replay::{self, Replay};
use gumshoe_devstack::sqs::{self, Sqs};
use gumshoe_devstack::stack::{COMMANDS, RESULTS};
use http::StatusCode;
use tokio::time::sleep;

/// Between two faults.
const FAULT_EVERY: std::ops::Range<u64> = 50..300;
/// Between two of the connections to the collector.
const BREAK_EVERY: std::ops::Range<u64> = 1_000..4_000;
/// Between two deliveries of everything that is being worked on.
const REDELIVER_EVERY: std::ops::Range<u64> = 5_000..15_000;

/// Sets faults of SQS and of the Kubernetes API, and tells how many have struck; it never returns.
pub(crate) async fn faults(sqs: &Sqs, replay: &Replay, mut rng: Rng, struck: impl Fn(usize)) {
    loop {
        // One that has found nothing to strike gives way: else they would gather, and in the end every call would fail.
        let fired = if rng.bool() {
            let (matching, action) = of_sqs(&mut rng);
            sqs.faults().clear();
            sqs.faults().push(sqs::Fault { matching, times: 1, action })
        } else {
            let (matching, action) = of_kubernetes(&mut rng);
            replay.faults().clear();
            replay.faults().push(replay::Fault { matching, times: 1, action })
        };
        replay.forget_requests();
        sleep(Duration::from_millis(rng.u64(FAULT_EVERY))).await;
        struck(fired.count());
    }
}

/// Those of the bridge's calls; the test's own are of other operations.
fn of_sqs(rng: &mut Rng) -> (sqs::Calls, sqs::Action) {
    let (calls, is_batch) = match rng.u8(..8) {
        0..=3 => (sqs::Calls::of("SendMessageBatch").on_queue(RESULTS), true),
        4 => (sqs::Calls::of("ChangeMessageVisibilityBatch").on_queue(COMMANDS), true),
        5 => (sqs::Calls::of("DeleteMessage").on_queue(COMMANDS), false),
        _ => (sqs::Calls::of("ReceiveMessage").on_queue(COMMANDS), false),
    };
    let action = match rng.u8(..5) {
        0 => sqs::Action::Throttle,
        1 => sqs::Action::Error { status: StatusCode::INTERNAL_SERVER_ERROR, code: "InternalFailure" },
        2 => sqs::Action::SwallowAnswer,
        3 if is_batch => {
            sqs::Action::FailEntries { first: rng.usize(1..=10), sender_fault: false, code: "InternalError" }
        }
        _ => sqs::Action::Delay(Duration::from_millis(rng.u64(50..2_000))),
    };
    (calls, action)
}

fn of_kubernetes(rng: &mut Rng) -> (replay::Requests, replay::Action) {
    let requests = if rng.bool() { replay::Requests::logs() } else { replay::Requests::any() };
    let error = |code, reason| replay::Action::Status { code, reason, message: "failed on demand" };
    let action = match rng.u8(..6) {
        0 => replay::Action::TooManyRequests { retry_after: 1 },
        1 => error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
        2 => error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        3 => replay::Action::Disconnect,
        4 => replay::Action::CutBody { after: rng.usize(..2_000_000) },
        _ => replay::Action::Delay(Duration::from_millis(rng.u64(50..2_000))),
    };
    (requests, action)
}

/// Breaks and stalls the connections to the collector; it never returns.
pub(crate) async fn connections(proxy: &Proxy, mut rng: Rng) {
    loop {
        sleep(Duration::from_millis(rng.u64(BREAK_EVERY))).await;
        match rng.bool() {
            true => proxy.break_all(),
            false => proxy.stall(Duration::from_millis(rng.u64(100..3_000))),
        }
    }
}

/// Has messages delivered again while they are being worked on, so that their receipts are void; it never returns.
///
/// # Errors
/// The SQS server is broken.
pub(crate) async fn redeliveries(sqs: &Sqs, mut rng: Rng) -> anyhow::Result<()> {
    loop {
        sleep(Duration::from_millis(rng.u64(REDELIVER_EVERY))).await;
        sqs.expire_visibility().await?;
    }
}
