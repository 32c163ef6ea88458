//! Which part of a log is sent: the kubelet's reader (cri-client: logs.go), its quirks included.
//!
//! `tailLines` comes before `since`, and counts records of at most 16 KiB, into which the container runtime cuts a long line.
//! `limitBytes` keeps the oldest bytes of what is left, and cuts within a line.

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;

use super::options::LogOptions;

/// The most text in one record of a log file in the CRI format.
const RECORD: usize = 16 * 1024;

/// The pieces of the log to send, in their order.
pub(super) fn select(log: &Bytes, options: &LogOptions) -> Vec<Bytes> {
    let mut pieces = match options.tail_lines {
        Some(records) => tail(log, records),
        None => vec![log.clone()],
    };
    if let Some(since) = options.since {
        pieces = pieces.into_iter().flat_map(|piece| newer(&piece, since)).collect();
    }
    if !options.timestamps {
        pieces = pieces.iter().map(without_timestamps).collect();
    }
    if let Some(limit) = options.limit_bytes {
        pieces = oldest(pieces, limit);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn tail(log: &Bytes, records: u64) -> Vec<Bytes> {
    let mut wanted = usize::try_from(records).unwrap_or(usize::MAX);
    let mut start = log.len();
    while wanted > 0 && start > 0 {
        let line_start = log[..start - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let line = log.slice(line_start..start);
        let text_start = text_start(&line);
        let count = (line.len() - text_start).saturating_sub(1).div_ceil(RECORD).max(1);
        if count > wanted {
            let within_line = line.slice(text_start + (count - wanted) * RECORD..);
            return vec![line.slice(..text_start), within_line, log.slice(start..)];
        }
        wanted -= count;
        start = line_start;
    }
    vec![log.slice(start..)]
}

/// Lines that are not older, in pieces of neighbours.
fn newer(log: &Bytes, since: Timestamp) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let (mut start, mut end) = (0, 0);
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        let line_end = end + line.len();
        if timestamp(line).is_some_and(|time| time < since) {
            pieces.push(log.slice(start..end));
            start = line_end;
        }
        end = line_end;
    }
    pieces.push(log.slice(start..end));
    pieces
}

fn oldest(pieces: Vec<Bytes>, limit: usize) -> Vec<Bytes> {
    let mut left = limit;
    pieces
        .into_iter()
        .map(|piece| {
            let kept = piece.slice(..piece.len().min(left));
            left -= kept.len();
            kept
        })
        .collect()
}

fn without_timestamps(log: &Bytes) -> Bytes {
    let mut plain = BytesMut::with_capacity(log.len());
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        plain.extend_from_slice(&line[text_start(line)..]);
    }
    plain.freeze()
}

/// Where the text begins: behind the time stamp and its space.
fn text_start(line: &[u8]) -> usize {
    line.iter().position(|byte| *byte == b' ').filter(|_| timestamp(line).is_some()).map_or(0, |space| space + 1)
}

fn timestamp(line: &[u8]) -> Option<Timestamp> {
    let end = line.iter().position(|byte| *byte == b' ')?;
    std::str::from_utf8(&line[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::synthetic::{EPOCH, log_line, log_lines};

    fn selected(log: &str, options: &LogOptions) -> String {
        let pieces = select(&Bytes::from(log.to_owned()), options);
        String::from_utf8(pieces.concat()).unwrap()
    }

    fn mk_options() -> LogOptions {
        LogOptions { timestamps: true, ..LogOptions::default() }
    }

    #[test]
    fn the_tail_is_the_newest_lines() {
        let log = log_lines(["a", "b", "c"]);
        let tail = |lines| selected(&log, &LogOptions { tail_lines: Some(lines), ..mk_options() });
        assert_eq!(tail(0), "");
        assert_eq!(tail(2), log_line(1, "b") + &log_line(2, "c"));
        assert_eq!(tail(9), log);
    }

    #[test]
    fn the_tail_counts_the_records_of_a_long_line() {
        let long = "x".repeat(2 * RECORD + 1);
        let log = log_lines(["a", &long, "c"]);
        let tail = selected(&log, &LogOptions { tail_lines: Some(3), ..mk_options() });
        assert_eq!(tail, log_line(1, &"x".repeat(RECORD + 1)) + &log_line(2, "c"));
    }

    #[test]
    fn a_bound_in_bytes_keeps_the_oldest_and_cuts_a_line() {
        let log = log_lines(["alpha", "beta"]);
        let limited = selected(&log, &LogOptions { limit_bytes: Some(8), ..LogOptions::default() });
        assert_eq!(limited, "alpha\nbe");
    }

    #[test]
    fn since_is_applied_to_what_the_tail_left() {
        let log = log_lines((0..3000).map(|number| number.to_string()));
        let since = Some(Timestamp::from_second(EPOCH + 2).unwrap());
        let both = selected(&log, &LogOptions { tail_lines: Some(10), since, ..mk_options() });
        assert_eq!(both.lines().count(), 10);
        let alone = selected(&log, &LogOptions { since, ..mk_options() });
        assert_eq!(alone.lines().count(), 1000);
    }
}
