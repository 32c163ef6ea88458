//! A log that is read in several calls: each call reports on it as if it were all, and whoever made them tells of the whole.

use std::collections::BTreeMap;

use crate::collector::v1::{ContainerLog, ContainerLogStatus};

/// What of each container's log was given, over all calls.
#[derive(Debug, Default)]
pub struct LogTally {
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
    /// Counts a line as `ContainerLog` does: its own bytes and a line feed. `text` and `raw` are the lengths of those fields.
    pub fn line(&mut self, container: &str, text: usize, raw: usize) {
        // Not entry(): it wants the name as its own for each of millions of lines.
        if !self.given.contains_key(container) {
            self.given.insert(container.to_owned(), Given::default());
        }
        if let Some(given) = self.given.get_mut(container) {
            let length = if raw == 0 { text } else { raw };
            given.lines += 1;
            given.bytes += length as u64 + 1;
        }
    }

    /// Notes that the log goes on behind a call, and what that call could say of it: nothing, if it broke.
    pub fn resumed(&mut self, logs: Vec<ContainerLog>) {
        self.resumed += 1;
        for log in logs {
            self.first.entry(log.container.clone()).or_insert(log);
        }
    }

    /// Makes the report of the last call one on the whole: with all lines, and of what lies before them as the first call saw it.
    pub fn conclude(&self, logs: &mut [ContainerLog]) {
        if self.resumed == 0 {
            return;
        }
        for log in logs {
            let given = self.given.get(&log.container).copied().unwrap_or_default();
            (log.lines, log.bytes) = (given.lines, given.bytes);
            // The token carries on what the calls before knew, so the last one mostly says it too.
            let Some(first) = self.first.get(&log.container) else { continue };
            if first.older_lines_exist == Some(true) || log.older_lines_exist.is_none() {
                log.older_lines_exist = first.older_lines_exist;
            }
            log.window_starts_at_file_start |= first.window_starts_at_file_start;
        }
    }
}

/// The containers whose logs could not be read, or not to their end: a call that goes on tries each of them again and says what became
/// of it then, so their gaps are not told twice.
#[must_use]
pub fn unread_containers(logs: &[ContainerLog]) -> Vec<String> {
    let unread = |log: &&ContainerLog| log.status() != ContainerLogStatus::Read;
    logs.iter().filter(unread).map(|log| log.container.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_log(lines: u64, older: Option<bool>) -> ContainerLog {
        ContainerLog { container: "web".into(), lines, older_lines_exist: older, ..ContainerLog::default() }
    }

    fn mk_tally() -> LogTally {
        let mut tally = LogTally::default();
        tally.line("web", 3, 0);
        tally.line("web", 3, 1);
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
    fn what_a_call_that_broke_could_not_say_is_said_by_the_one_behind_it() {
        for older in [true, false] {
            let mut tally = mk_tally();
            tally.resumed(Vec::new());
            let mut logs = [mk_log(1, Some(older))];
            tally.conclude(&mut logs);
            assert_eq!((logs[0].older_lines_exist, logs[0].lines), (Some(older), 2));
        }
    }

    #[test]
    fn whatever_was_not_read_is_tried_again() {
        let mk_read = |status: ContainerLogStatus| ContainerLog {
            status: status.into(),
            window_starts_at_file_start: true,
            ..mk_log(1, None)
        };
        assert_eq!(unread_containers(&[mk_read(ContainerLogStatus::NodeUnreachable)]), ["web"]);
        assert!(unread_containers(&[mk_read(ContainerLogStatus::Read)]).is_empty());
    }

    #[test]
    fn a_log_in_one_call_is_reported_as_the_collector_does() {
        let mut logs = [mk_log(7, None)];
        mk_tally().conclude(&mut logs);
        assert_eq!(logs, [mk_log(7, None)]);
    }
}
