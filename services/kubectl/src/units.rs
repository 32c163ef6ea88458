//! The values that flags take: durations, moments, sizes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A hundred years. Nobody waits for longer, and moments that far away can still be computed.
const MAX_DURATION: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The first one that `google.protobuf.Timestamp` has: 0001-01-01T00:00:00Z.
const FIRST_MOMENT: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// Sizes by the letters behind the number, as Kubernetes' quantities and everybody else write them.
const SIZES: [(&str, u64); 13] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("ki", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mi", 1 << 20),
    ("mib", 1 << 20),
    ("gb", 1_000_000_000),
    ("gi", 1 << 30),
    ("gib", 1 << 30),
];

/// A duration that is longer than nothing: `90`, `90s`, `5m`, `1h30m`.
///
/// # Errors
/// It is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = length(text).ok_or("must be a number of seconds, or a duration such as 90s, 5m or 1h30m")?;
    if duration.is_zero() { Err("must be longer than nothing".to_owned()) } else { Ok(duration) }
}

/// Whether it is a duration of nothing, which kubectl takes for no bound: `0`, `0s`.
pub(crate) fn is_nothing(text: &str) -> bool {
    length(text).is_some_and(|duration| duration.is_zero())
}

fn length(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())).map(Duration::from_secs);
    let with_units = || text.parse::<SignedDuration>().ok().and_then(|signed| signed.try_into().ok());
    seconds.or_else(with_units).filter(|duration| *duration <= MAX_DURATION)
}

/// A moment: `2026-11-23T08:00:00Z`, with any offset and with parts of a second.
///
/// # Errors
/// It is none, or outside of the years 1 to 9999, which is all that `google.protobuf.Timestamp` has.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = text.parse().ok().filter(|moment| *moment >= FIRST_MOMENT);
    moment.ok_or_else(|| "a moment such as 2026-11-23T08:00:00Z is needed".to_owned())
}

/// A size in bytes: `65536`, `64KiB`, `1MiB`, `10MB`.
///
/// # Errors
/// It is none, or more than the contract can hold.
pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let size = SIZES.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size);
    number
        .parse::<u64>()
        .ok()
        .zip(size)
        .and_then(|(number, size)| number.checked_mul(size))
        .filter(|bytes| i64::try_from(*bytes).is_ok())
        .ok_or_else(|| "a size such as 65536, 64KiB or 1MiB is needed".to_owned())
}

/// A moment as the contract has it.
#[must_use]
pub fn to_proto(moment: Timestamp) -> prost_types::Timestamp {
    let (mut seconds, mut nanos) = (moment.as_second(), moment.subsec_nanosecond());
    // jiff counts the parts of a second away from 1970, protobuf always forward.
    if nanos < 0 {
        seconds -= 1;
        nanos += 1_000_000_000;
    }
    prost_types::Timestamp { seconds, nanos }
}

/// A moment of the contract; absent where it is none that a calendar has.
#[must_use]
pub fn from_proto(moment: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(moment.seconds, moment.nanos).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_is_written_as_kubectl_takes_it_or_as_seconds() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        for wrong in ["", "-5m", "0", "0s", "soon", "2562047788015215h"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_size_takes_binary_and_decimal_units() {
        for (text, expected) in
            [("0", 0), ("65536", 65536), ("64KiB", 65536), ("64Ki", 65536), ("1 MiB", 1 << 20), ("10MB", 10_000_000)]
        {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for wrong in ["", "MiB", "-1", "1.5MiB", "1XB", "9223372036854775808", "99999999999GiB"] {
            assert!(bytes(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_moment_is_one_that_the_contract_has() {
        assert_eq!(moment("0001-01-01T00:00:00Z"), Ok(FIRST_MOMENT));
        for wrong in ["", "yesterday", "-000001-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "10000-01-01T00:00:00Z"] {
            assert!(moment(wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_moment_survives_the_contract(seconds in -62_135_596_800_i64..253_402_207_200, nanos in 0..1_000_000_000_i32) {
            let moment = prost_types::Timestamp { seconds, nanos };
            prop_assert_eq!(from_proto(&moment).map(to_proto), Some(moment));
        }
    }
}
