//! Durations as kubectl prints them: two or three significant figures.
//!
//! The rules are those of Kubernetes' `HumanDuration` (k8s.io/apimachinery, pkg/util/duration/duration.go). They stand in
//! this crate as the collector needs them for RESTARTS and every client for AGE.

use std::time::Duration;

use prost_types::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// As Kubernetes counts it: without leap days.
const YEAR: u64 = 365 * DAY;

/// What kubectl prints for a moment more than clocks may differ in the future.
const INVALID: &str = "<invalid>";
/// What kubectl prints for a moment that is not known.
const UNKNOWN: &str = "<unknown>";
/// Kubernetes takes a moment less than so far in the future for now: two machines' clocks are never quite the same.
const CLOCK_SKEW: i128 = 2 * NANOS_PER_SECOND;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// The duration in words of kubectl: `45s`, `5m10s`, `3h7m`, `12d`, `2y30d`.
#[must_use]
pub fn human_duration(d: Duration) -> String {
    let seconds = d.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two_units(seconds / MINUTE, "m", seconds % MINUTE, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two_units(seconds / HOUR, "h", seconds % HOUR / MINUTE, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two_units(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two_units(seconds / YEAR, "y", seconds % YEAR / DAY, "d"),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// The age of a moment, as kubectl's AGE column has it: `<unknown>` where there is none, `0s` where it is less than two
/// seconds ahead of `now`, `<invalid>` where it is further ahead.
#[must_use]
pub fn human_age(moment: Option<&Timestamp>, now: &Timestamp) -> String {
    let Some(moment) = moment else { return UNKNOWN.to_owned() };
    let age = nanoseconds(now) - nanoseconds(moment);
    if age <= -CLOCK_SKEW {
        return INVALID.to_owned();
    }
    let seconds = u64::try_from(age.max(0) / NANOS_PER_SECOND).unwrap_or(u64::MAX);
    human_duration(Duration::from_secs(seconds))
}

fn nanoseconds(moment: &Timestamp) -> i128 {
    i128::from(moment.seconds) * NANOS_PER_SECOND + i128::from(moment.nanos)
}

fn two_units(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 { format!("{large}{large_unit}") } else { format!("{large}{large_unit}{small}{small_unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each boundary of the Go code from both sides: the expectations are the output of `duration.HumanDuration` of
    /// k8s.io/apimachinery v0.36.3.
    #[test]
    fn durations_read_as_kubectl_prints_them() {
        for (seconds, expected) in [
            (0, "0s"),
            (1, "1s"),
            (59, "59s"),
            (60, "60s"),
            (119, "119s"),
            (120, "2m"),
            (121, "2m1s"),
            (179, "2m59s"),
            (180, "3m"),
            (599, "9m59s"),
            (600, "10m"),
            (601, "10m"),
            (3599, "59m"),
            (3600, "60m"),
            (10799, "179m"),
            (10800, "3h"),
            (10859, "3h"),
            (10860, "3h1m"),
            (14400, "4h"),
            (28799, "7h59m"),
            (28800, "8h"),
            (28859, "8h"),
            (86400, "24h"),
            (172799, "47h"),
            (172800, "2d"),
            (176399, "2d"),
            (176400, "2d1h"),
            (259200, "3d"),
            (691199, "7d23h"),
            (691200, "8d"),
            (777599, "8d"),
            (63071999, "729d"),
            (63072000, "2y"),
            (63158399, "2y"),
            (63158400, "2y1d"),
            (94608000, "3y"),
            (252287999, "7y364d"),
            (252288000, "8y"),
            (283823999, "8y"),
            (283824000, "9y"),
        ] {
            assert_eq!(human_duration(Duration::from_secs(seconds)), expected, "{seconds} s");
        }
    }

    #[test]
    fn parts_of_a_second_do_not_count() {
        assert_eq!(human_duration(Duration::from_millis(119_999)), "119s");
    }

    #[test]
    fn the_longest_duration_has_a_text() {
        assert_eq!(human_duration(Duration::MAX), "584942417355y");
    }

    #[test]
    fn an_age_allows_for_clocks_that_differ() {
        let now = Timestamp { seconds: 1_000, nanos: 0 };
        for (seconds, nanos, expected) in [
            (1_000, 0, "0s"),
            (900, 1, "99s"),
            (1_000, 500_000_000, "0s"),
            (1_001, 999_999_999, "0s"),
            (1_002, 0, "<invalid>"),
            (i64::MAX, 0, "<invalid>"),
        ] {
            assert_eq!(human_age(Some(&Timestamp { seconds, nanos }), &now), expected, "{seconds}.{nanos}");
        }
        assert_eq!(human_age(None, &now), "<unknown>");
    }
}
