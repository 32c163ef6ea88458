//! A log that is read in several calls: each call reports on it as if it were all, and whoever made them tells of the whole.

use std::collections::BTreeMap;

use crate::collector::v1::{ContainerLog, ContainerLogStatus, Gap, GapReason};

/// Something for each log: by the pod, then by the container.
type Logs<T> = BTreeMap<String, BTreeMap<String, T>>;

/// What of each container's log was given, over all calls.
#[derive(Debug, Default)]
pub struct LogTally {
    given: Logs<Given>,
    /// What the first call that came to an end of its own said of each container.
    first: Logs<ContainerLog>,
    /// What the last one did, which the calls behind it are to say anew.
    last: Said,
    /// Calls behind which the log went on.
    resumed: u32,
}

/// What a call said, and what had been given by then.
#[derive(Debug, Default)]
struct Said {
    logs: Vec<ContainerLog>,
    gaps: Vec<Gap>,
    given: Logs<Given>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Given {
    lines: u64,
    bytes: u64,
}

impl LogTally {
    /// Counts a line as `ContainerLog` does: its own bytes and a line feed. `text` and `raw` are the lengths of those fields.
    pub fn line(&mut self, pod: &str, container: &str, text: usize, raw: usize) {
        // Not entry(): it wants the names as its own for each of millions of lines.
        if of(&self.given, pod, container).is_none() {
            self.given.entry(pod.to_owned()).or_default().insert(container.to_owned(), Given::default());
        }
        if let Some(given) = self.given.get_mut(pod).and_then(|pod| pod.get_mut(container)) {
            let length = if raw == 0 { text } else { raw };
            given.lines += 1;
            given.bytes += length as u64 + 1;
        }
    }

    /// Notes that the log goes on behind a call, and what that call could say of it: nothing, if it broke. Gives back the gaps that the
    /// calls behind it say nothing of. What became of a log that could not be read, or not to its end, they say anew, so that gap is not
    /// told twice.
    pub fn resumed(&mut self, logs: Vec<ContainerLog>, gaps: Vec<Gap>) -> Vec<Gap> {
        self.resumed += 1;
        if logs.is_empty() {
            return gaps;
        }
        for log in &logs {
            let pod = self.first.entry(log.pod.clone()).or_default();
            pod.entry(log.container.clone()).or_insert_with(|| log.clone());
        }
        let is_unread = |log: &ContainerLog| log.status() != ContainerLogStatus::Read;
        let is_of = |gap: &Gap, log: &ContainerLog| log.pod == gap.name && log.container == gap.container;
        let is_retold = |gap: &Gap| logs.iter().any(|log| is_of(gap, log) && is_unread(log));
        let (retold, lasting) = gaps.into_iter().partition(is_retold);
        self.last = Said { logs, gaps: retold, given: self.given.clone() };
        lasting
    }

    /// What is still true of what the last call said, where none behind it came to say it anew: gaps that no call could fill, and reports.
    pub fn broken_off(&mut self) -> (Vec<Gap>, Vec<ContainerLog>) {
        let Said { mut logs, mut gaps, given } = std::mem::take(&mut self.last);
        let stands_still = |pod: &str, container: &str| of(&self.given, pod, container) == of(&given, pod, container);
        gaps.retain(|gap| {
            !gap.resumable && (gap.reason() != GapReason::LogUnreadable || stands_still(&gap.name, &gap.container))
        });
        logs.retain(|log| stands_still(&log.pod, &log.container));
        self.conclude(&mut logs);
        (gaps, logs)
    }

    /// Makes the report of the last call one on the whole: with all lines, and of what lies before them as the first call saw it.
    pub fn conclude(&self, logs: &mut [ContainerLog]) {
        if self.resumed == 0 {
            return;
        }
        for log in logs {
            let given = of(&self.given, &log.pod, &log.container).copied().unwrap_or_default();
            (log.lines, log.bytes) = (given.lines, given.bytes);
            // The token carries on what the calls before knew, so the last one mostly says it too.
            let Some(first) = of(&self.first, &log.pod, &log.container) else { continue };
            if first.older_lines_exist == Some(true) || log.older_lines_exist.is_none() {
                log.older_lines_exist = first.older_lines_exist;
            }
            log.window_starts_at_file_start |= first.window_starts_at_file_start;
        }
    }
}

fn of<'logs, T>(logs: &'logs Logs<T>, pod: &str, container: &str) -> Option<&'logs T> {
    logs.get(pod)?.get(container)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_log(lines: u64, older: Option<bool>) -> ContainerLog {
        ContainerLog {
            pod: "web-0".into(),
            container: "web".into(),
            lines,
            older_lines_exist: older,
            ..ContainerLog::default()
        }
    }

    fn mk_tally() -> LogTally {
        let mut tally = LogTally::default();
        tally.line("web-0", "web", 3, 0);
        tally.line("web-0", "web", 3, 1);
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
            tally.resumed(vec![mk_log(1, first)], Vec::new());
            let mut logs = [mk_log(1, last)];
            tally.conclude(&mut logs);
            assert_eq!((logs[0].lines, logs[0].bytes, logs[0].older_lines_exist), (2, 6, whole), "{first:?} {last:?}");
        }
    }

    #[test]
    fn what_a_call_that_broke_could_not_say_is_said_by_the_one_behind_it() {
        for older in [true, false] {
            let mut tally = mk_tally();
            tally.resumed(Vec::new(), Vec::new());
            let mut logs = [mk_log(1, Some(older))];
            tally.conclude(&mut logs);
            assert_eq!((logs[0].older_lines_exist, logs[0].lines), (Some(older), 2));
        }
    }

    fn mk_said(status: ContainerLogStatus) -> Vec<ContainerLog> {
        vec![ContainerLog { status: status.into(), ..mk_log(1, None) }]
    }

    fn mk_gap(reason: GapReason, resumable: bool) -> Gap {
        Gap { reason: reason.into(), name: "web-0".into(), container: "web".into(), resumable, ..Gap::default() }
    }

    #[test]
    fn whatever_was_not_read_is_said_anew() {
        let gap = mk_gap(GapReason::LogUnreadable, false);
        for (status, lasts) in [(ContainerLogStatus::NodeUnreachable, false), (ContainerLogStatus::Read, true)] {
            let lasting = mk_tally().resumed(mk_said(status), vec![gap.clone()]);
            assert_eq!(lasting, vec![gap.clone(); usize::from(lasts)]);
        }
    }

    #[test]
    fn what_is_not_said_anew_is_still_true_as_far_as_nothing_came() {
        let (unreadable, cut) = (mk_gap(GapReason::LogUnreadable, false), mk_gap(GapReason::LogCutOlder, false));
        let gaps = [unreadable.clone(), cut.clone(), mk_gap(GapReason::ReadInterrupted, true)];
        for came in [false, true] {
            let mut tally = mk_tally();
            tally.resumed(mk_said(ContainerLogStatus::RuntimeError), gaps.to_vec());
            if came {
                tally.line("web-0", "web", 3, 0);
            }
            tally.resumed(Vec::new(), Vec::new());
            let (told, logs) = tally.broken_off();
            let expected = if came { vec![cut.clone()] } else { vec![unreadable.clone(), cut.clone()] };
            assert_eq!((told, logs.iter().map(|log| log.lines).collect()), (expected, vec![2; usize::from(!came)]));
        }
    }

    #[test]
    fn a_log_in_one_call_is_reported_as_the_collector_does() {
        let mut logs = [mk_log(7, None)];
        mk_tally().conclude(&mut logs);
        assert_eq!(logs, [mk_log(7, None)]);
    }

    #[test]
    fn containers_of_one_name_in_several_pods_are_counted_apart() {
        let mut tally = mk_tally();
        tally.line("web-1", "web", 9, 0);
        tally.resumed(vec![mk_log(1, None)], Vec::new());
        let mut logs = [mk_log(0, None), ContainerLog { pod: "web-1".into(), ..mk_log(0, None) }];
        tally.conclude(&mut logs);
        assert_eq!(logs.map(|log| (log.lines, log.bytes)), [(2, 6), (1, 10)]);
    }
}
