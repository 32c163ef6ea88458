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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mk_duration() -> impl Strategy<Value = Duration> {
        (0..1_000_000_u64).prop_map(Duration::from_millis)
    }

    proptest! {
        #[test]
        fn leaving_comes_before_closing_and_nothing_outlives_the_certificate(
            age in mk_duration(), grace in mk_duration(), valid in mk_duration(), random in 0.0..1.0,
        ) {
            let (leave, close) = ends(age, grace, valid, random);
            prop_assert!(leave <= close, "{leave:?} {close:?}");
            prop_assert!(close <= valid, "{close:?}");
            prop_assert!(close - leave <= grace || close == valid);
        }

        #[test]
        fn a_certificate_without_end_leaves_age_and_grace_alone(
            age in mk_duration(), grace in mk_duration(), random in 0.0..1.0,
        ) {
            let (leave, close) = ends(age, grace, Duration::from_secs(1 << 40), random);
            prop_assert!(leave >= age.mul_f64(0.89) && leave <= age.mul_f64(1.11));
            prop_assert_eq!(close, leave + grace);
        }
    }

    #[test]
    fn a_short_certificate_leaves_half_of_its_rest_for_calls_to_end() {
        let secs = Duration::from_secs;
        assert_eq!(ends(secs(1800), secs(300), secs(100), 0.5), (secs(50), secs(100)));
        assert_eq!(ends(secs(1800), secs(300), secs(1900), 0.5), (secs(1600), secs(1900)));
        assert_eq!(ends(secs(1800), secs(300), secs(0), 0.5), (secs(0), secs(0)));
    }
}
