//! When a connection is asked to end, and when it is ended.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Limits;

/// The two ends of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    /// GOAWAY: new calls go elsewhere, those that run go on.
    pub(super) leave: Instant,
    /// Calls that still run are cut and the socket is closed.
    pub(super) close: Instant,
}

impl Lifetime {
    /// The life of a connection that begins now, with a client whose certificate ends at `not_after`.
    pub(super) fn new(limits: &Limits, not_after: SystemTime) -> Self {
        let valid = not_after.duration_since(SystemTime::now()).unwrap_or_default();
        let (leave, close) = ends(limits.connection_age, limits.connection_grace, valid, fastrand::f64());
        let now = Instant::now();
        Self { leave: now + leave, close: now + close }
    }
}

/// Age, give or take a tenth (`random` is within 0..1), then grace; but nothing outlives the certificate, and so that its
/// calls can end in peace, leaving comes before that end by the grace or, in a short life, by half of what is left.
fn ends(age: Duration, grace: Duration, valid: Duration, random: f64) -> (Duration, Duration) {
    let leave = age.mul_f64(0.9 + 0.2 * random);
    let close = leave + grace;
    if close <= valid { (leave, close) } else { (leave.min(valid - grace.min(valid / 2)), valid) }
}
