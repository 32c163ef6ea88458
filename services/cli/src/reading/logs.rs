//! A log that is read in several calls: each call reports on it as if it were all, and the user is told of the whole.

use std::collections::BTreeMap;

use gumshoe_proto::collector::v1::{ContainerLog, ContainerLogStatus, Gap, LogLine};

/// What of each container's log was given, over all calls.
#[derive(Debug, Default)]
pub(super) struct LogTally {
    given: BTreeMap<String, Given>,
    /// What the first call that came to an end of its own said of each container.
    first: BTreeMap<String, ContainerLog>,
    /// Calls behind which the log went on.
    resumed: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Given {
    lines: u64,
    bytes: u64,
}

impl LogTally {
    /// Counts a line as `ContainerLog` does: its own bytes and a line feed.
    pub(super) fn line(&mut self, line: &LogLine) {
        // Not entry(): it wants the name as its own for each of millions of lines.
        if !self.given.contains_key(&line.container) {
            self.given.insert(line.container.clone(), Given::default());
        }
        if let Some(given) = self.given.get_mut(&line.container) {
            let length = if line.raw.is_empty() { line.text.len() } else { line.raw.len() };
            given.lines += 1;
            given.bytes += length as u64 + 1;
        }
    }

    /// Notes that the log goes on behind a call, and what that call could say of it.
    pub(super) fn resumed(&mut self, logs: Vec<ContainerLog>) {
        self.resumed += 1;
        for log in logs {
            self.first.entry(log.container.clone()).or_insert(log);
        }
    }

    /// Makes the report of the last call one on the whole.
    pub(super) fn conclude(&self, logs: &mut [ContainerLog]) {
        if self.resumed == 0 {
            return;
        }
        for log in logs {
            let given = self.given.get(&log.container).copied().unwrap_or_default();
            (log.lines, log.bytes) = (given.lines, given.bytes);
            let Some(first) = self.first.get(&log.container) else { continue };
            if first.older_lines_exist == Some(true) || log.older_lines_exist.is_none() {
                log.older_lines_exist = first.older_lines_exist;
            }
            log.window_starts_at_file_start |= first.window_starts_at_file_start;
        }
    }
}

/// Says whether a call that goes on with the log speaks anew of a gap: it reads again what could not be read.
pub(super) fn is_retold(gap: &Gap, logs: &[ContainerLog]) -> bool {
    let unread = |log: &&ContainerLog| log.status() != ContainerLogStatus::Read && !log.window_starts_at_file_start;
    logs.iter().filter(unread).any(|log| log.container == gap.container)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_log(lines: u64, older: Option<bool>) -> ContainerLog {
        ContainerLog { container: "web".into(), lines, older_lines_exist: older, ..ContainerLog::default() }
    }

    fn mk_tally() -> LogTally {
        let mut tally = LogTally::default();
        let line = LogLine { container: "web".into(), text: "\u{fffd}".into(), ..LogLine::default() };
        tally.line(&line);
        tally.line(&LogLine { raw: b"\xff".as_slice().into(), ..line });
        tally
    }

    #[test]
    fn a_log_in_several_calls_is_reported_as_a_whole() {
        for (first, last, whole) in [
            (Some(true), Some(false), Some(true)),
            (Some(false), Some(true), Some(true)),
            (Some(false), None, Some(false)),
            (None, Some(false), Some(false)),
        ] {
            let mut tally = mk_tally();
            tally.resumed(vec![mk_log(1, first)]);
            let mut logs = [mk_log(1, last)];
            tally.conclude(&mut logs);
            assert_eq!((logs[0].lines, logs[0].bytes, logs[0].older_lines_exist), (2, 6, whole), "{first:?} {last:?}");
        }
    }

    #[test]
    fn a_log_in_one_call_is_reported_as_the_collector_does() {
        let mut logs = [mk_log(7, None)];
        mk_tally().conclude(&mut logs);
        assert_eq!(logs, [mk_log(7, None)]);
    }
}
