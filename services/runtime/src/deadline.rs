//! When the answer to a call is no longer of use to its caller.

use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

/// The header in which a gRPC caller states how long it is going to wait.
pub const GRPC_TIMEOUT: &str = "grpc-timeout";

/// Given to a call whose caller states none: long enough for a list of a large cluster, short enough that a caller who
/// forgot is not served for ever.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// No call lasts longer, whatever its caller states: long enough to follow a log through an incident, and a call that
/// nobody reads does not hold its resources for days.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The instant at which a call ends with DEADLINE_EXCEEDED; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Instant);

/// The `grpc-timeout` header is not what the gRPC protocol allows: at most eight digits and one of H, M, S, m, u, n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n")]
pub struct MalformedTimeout;

impl Deadline {
    /// A deadline at the instant.
    #[must_use]
    pub fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// A deadline after the time-out, which is cut to `MAX_TIMEOUT`.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Self(Instant::now() + timeout.min(MAX_TIMEOUT))
    }

    /// The instant itself.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.0
    }

    /// How long it is until then; zero once it passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// What the caller states in `grpc-timeout`.
pub(crate) fn stated(headers: &HeaderMap) -> Result<Option<Duration>, MalformedTimeout> {
    headers.get(GRPC_TIMEOUT).map(|value| parse(value.as_bytes())).transpose()
}

fn parse(value: &[u8]) -> Result<Duration, MalformedTimeout> {
    let (unit, digits) = value.split_last().ok_or(MalformedTimeout)?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(MalformedTimeout);
    }
    let amount = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Ok(Duration::from_secs(amount * 3600)),
        b'M' => Ok(Duration::from_secs(amount * 60)),
        b'S' => Ok(Duration::from_secs(amount)),
        b'm' => Ok(Duration::from_millis(amount)),
        b'u' => Ok(Duration::from_micros(amount)),
        b'n' => Ok(Duration::from_nanos(amount)),
        _ => Err(MalformedTimeout),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Duration, MalformedTimeout> {
        parse(text.as_bytes())
    }

    #[test]
    fn every_unit_of_grpc_is_read() {
        assert_eq!(read("2H"), Ok(Duration::from_secs(7200)));
        assert_eq!(read("3M"), Ok(Duration::from_secs(180)));
        assert_eq!(read("4S"), Ok(Duration::from_secs(4)));
        assert_eq!(read("5m"), Ok(Duration::from_millis(5)));
        assert_eq!(read("6u"), Ok(Duration::from_micros(6)));
        assert_eq!(read("7n"), Ok(Duration::from_nanos(7)));
        assert_eq!(read("99999999H"), Ok(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(read("0S"), Ok(Duration::ZERO));
    }

    #[test]
    fn what_grpc_does_not_allow_is_malformed() {
        for text in ["", "S", "1", "1s", "1h", "-1S", "+1S", "1.5S", "1 S", "123456789S", "1SS", "²S"] {
            assert_eq!(read(text), Err(MalformedTimeout), "{text}");
        }
    }

    #[test]
    fn a_deadline_far_away_is_cut_to_the_longest() {
        assert!(Deadline::after(Duration::MAX).remaining() <= MAX_TIMEOUT);
    }

    proptest! {
        #[test]
        fn what_tonics_client_writes_is_read_as_it_was_meant(millis in 0..10_000_000_u64) {
            let timeout = Duration::from_millis(millis);
            let mut request = tonic::Request::new(());
            request.set_timeout(timeout);
            let headers = request.metadata().clone().into_headers();
            // tonic cuts to the largest unit that holds eight digits, so never more and hardly less.
            let stated = stated(&headers)?.unwrap_or_default();
            prop_assert!(stated <= timeout && timeout - stated < Duration::from_millis(1), "{stated:?}");
        }

        #[test]
        fn no_header_of_a_stranger_does_harm(value in proptest::collection::vec(any::<u8>(), 0..12)) {
            let _ = parse(&value);
        }
    }
}
