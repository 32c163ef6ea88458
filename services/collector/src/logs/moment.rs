//! The times that the kubelet writes in front of lines: RFC 3339 with nanoseconds and the node's offset. Read by hand, since
//! a long log has millions of them.

use std::{fmt, ops::RangeInclusive};

use prost_types::Timestamp;
use serde::{Deserialize, Serialize};

/// "2006-01-02T15:04:05": what stands in front of the fraction.
const DATE_TIME: usize = 19;
/// Nanoseconds have nine digits; no one writes more.
const FRACTION_MAX: usize = 9;
/// The longest prefix: date and time, point and fraction, offset, space.
pub const PREFIX_MAX: usize = DATE_TIME + 1 + FRACTION_MAX + 6 + 1;

/// The years 1 to 9999: what google.protobuf.Timestamp may hold.
const RANGE: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A moment to the nanosecond, ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Below 1,000,000,000.
    pub nanos: u32,
}

impl Moment {
    /// The earliest one that there is.
    pub const EARLIEST: Self = Self { seconds: *RANGE.start(), nanos: 0 };

    /// The timestamp in front of a line, and how many bytes it takes up with the space behind it. None where the line does
    /// not begin with one.
    #[must_use]
    pub fn prefix(line: &[u8]) -> Option<(Self, usize)> {
        let (head, rest) = line.split_at_checked(DATE_TIME)?;
        let separators = [head[4], head[7], head[10], head[13], head[16]];
        if separators != *b"--T::" {
            return None;
        }
        let (year, month, day) = (number(&head[..4])?, number(&head[5..7])?, number(&head[8..10])?);
        let (hour, minute, second) = (number(&head[11..13])?, number(&head[14..16])?, number(&head[17..])?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let (nanos, fraction) = fraction(rest)?;
        let (offset, zone) = offset(&rest[fraction..])?;
        if rest.get(fraction + zone) != Some(&b' ') {
            return None;
        }
        let days = days_since_1970(year, month, day)?;
        let seconds = days * 86_400 + i64::from(hour * 3600 + minute * 60 + second) - offset;
        let moment = Self { seconds, nanos };
        RANGE.contains(&seconds).then_some((moment, DATE_TIME + fraction + zone + 1))
    }

    /// Whether this may be a timestamp that was cut off.
    #[must_use]
    pub fn may_begin(text: &[u8]) -> bool {
        text.len() < PREFIX_MAX && text.iter().all(|byte| byte.is_ascii_digit() || b"-T:.+Z".contains(byte))
    }

    /// The moment of a protobuf timestamp; None where it is not one that RFC 3339 can write.
    #[must_use]
    pub fn of(timestamp: &Timestamp) -> Option<Self> {
        let nanos = u32::try_from(timestamp.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
        RANGE.contains(&timestamp.seconds).then_some(Self { seconds: timestamp.seconds, nanos })
    }

    /// The same, as protobuf has it.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp { seconds: self.seconds, nanos: i32::try_from(self.nanos).unwrap_or_default() }
    }

    /// The beginning of its second.
    #[must_use]
    pub fn floor(self) -> Self {
        Self { nanos: 0, ..self }
    }
}

impl fmt::Display for Moment {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i32::try_from(self.nanos).unwrap_or_default();
        match jiff::Timestamp::new(self.seconds, nanos) {
            Ok(timestamp) => timestamp.fmt(f),
            Err(_) => write!(f, "{} s since 1970", self.seconds),
        }
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
}

/// The nanoseconds of a fraction that may be absent, and its length with the point.
fn fraction(rest: &[u8]) -> Option<(u32, usize)> {
    if rest.first() != Some(&b'.') {
        return Some((0, 0));
    }
    let digits = rest[1..].iter().take(FRACTION_MAX).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let missing = u32::try_from(FRACTION_MAX - digits).ok()?;
    Some((number(&rest[1..=digits])? * 10_u32.pow(missing), 1 + digits))
}

/// The seconds of an offset from UTC, and its length.
fn offset(zone: &[u8]) -> Option<(i64, usize)> {
    let sign = match zone.first()? {
        b'Z' => return Some((0, 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let zone = zone.get(1..6)?;
    let (hours, minutes) = (number(&zone[..2])?, number(&zone[3..])?);
    if zone[2] != b':' || hours > 23 || minutes > 59 {
        return None;
    }
    Some((sign * i64::from(hours * 3600 + minutes * 60), 6))
}

/// The days of the proleptic Gregorian calendar, counted in years that begin with March so that the leap day comes last.
fn days_since_1970(year: u32, month: u32, day: u32) -> Option<i64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > length {
        return None;
    }
    // A year is borrowed from 400 years before, so that nothing is negative in the year 0.
    let year = i64::from(year) + 400 - i64::from(month <= 2);
    let month = i64::from((month + 9) % 12);
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719,468 days lie between 0000-03-01 and 1970-01-01, and 146,097 in 400 years.
    Some(year * 365 + leap_days + day_of_year - 719_468 - 146_097)
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, tz::Offset};
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Option<(Moment, usize)> {
        Moment::prefix(text.as_bytes())
    }

    #[test]
    fn a_prefix_ends_with_one_space() {
        let (moment, length) = parse("2024-02-29T23:59:59.000000001+02:00  x").unwrap();
        assert_eq!(moment.to_string(), "2024-02-29T21:59:59.000000001Z");
        assert_eq!(length, 36);
        assert_eq!(length, PREFIX_MAX);
        assert_eq!(parse("1970-01-01T00:00:00Z ").map(|(moment, length)| (moment.seconds, length)), Some((0, 21)));
    }

    #[test]
    fn what_is_no_timestamp_is_text() {
        for text in [
            "",
            "hello",
            "2024-02-29T23:59:59Z",
            "2024-02-29T23:59:59Zx",
            "2024-02-29 23:59:59Z x",
            "2024-02-30T00:00:00Z x",
            "2023-02-29T00:00:00Z x",
            "2024-00-01T00:00:00Z x",
            "2024-13-01T00:00:00Z x",
            "2024-01-00T00:00:00Z x",
            "2024-01-01T24:00:00Z x",
            "2024-01-01T00:60:00Z x",
            "2024-01-01T00:00:60Z x",
            "2024-01-01T00:00:00.Z x",
            "2024-01-01T00:00:00.1234567890Z x",
            "2024-01-01T00:00:00+24:00 x",
            "2024-01-01T00:00:00+0100 x",
            "2024-01-01T00:00:00 x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_is_read_as_jiff_writes_it(
            seconds in -62_135_500_000_i64..253_402_200_000,
            nanos in 0_i32..1_000_000_000,
            minutes in -23 * 60 - 59..=23 * 60 + 59_i32,
            digits in prop::option::of(0_u8..=9),
        ) {
            let timestamp = Timestamp::new(seconds, nanos).unwrap();
            let zone = Offset::from_seconds(minutes * 60).unwrap();
            let printer = jiff::fmt::temporal::DateTimePrinter::new().precision(digits);
            let text = printer.timestamp_with_offset_to_string(&timestamp, zone);
            let expected: Timestamp = text.parse().unwrap();
            let (moment, length) = parse(&format!("{text} 2024-01-01T00:00:00Z x")).unwrap();
            prop_assert_eq!(moment.seconds, expected.as_second() - i64::from(expected.subsec_nanosecond() < 0));
            prop_assert_eq!(i64::from(moment.nanos), i64::from(expected.subsec_nanosecond()).rem_euclid(1_000_000_000));
            prop_assert_eq!(length, text.len() + 1);
        }

        #[test]
        fn what_is_read_means_the_same_to_jiff(text in "[0-9]{3}[0-9][-0][01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10})?(Z|[+-][0-2][0-9]:[0-6][0-9]) ") {
            if let Some((moment, _)) = parse(&text) {
                let expected: Timestamp = text.trim_end().parse().unwrap();
                prop_assert_eq!(moment.to_string(), expected.to_string());
            }
        }

        #[test]
        fn no_bytes_at_all_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Moment::prefix(&bytes);
        }
    }
}
