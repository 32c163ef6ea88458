//! A log that is read in several calls: each call reports on it as if it were all, and whoever made them tells of the whole.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::collector::v1::{ContainerLog, ContainerLogStatus, Gap, GapReason};

/// Something for each log: by the pod's name and uid, then by the container.
type Logs<T> = BTreeMap<String, BTreeMap<String, BTreeMap<String, T>>>;

/// Whose log it is.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'name> {
    /// The pod's name.
    pub pod: &'name str,
    /// Its uid, where an earlier pod had that name, as the lines say it.
    pub pod_uid: &'name str,
    /// The container.
    pub container: &'name str,
}

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
    pub fn line(&mut self, whose: Whose<'_>, text: usize, raw: usize) {
        let Whose { pod, pod_uid, container } = whose;
        let length = if raw == 0 { text } else { raw };
        // Not entry() at once: it wants the names as its own for each of millions of lines.
        let known = self.given.get_mut(pod).and_then(|pod| pod.get_mut(pod_uid)?.get_mut(container));
        let given = match known {
            Some(given) => given,
            None => entry(&mut self.given, whose).or_default(),
        };
        given.lines += 1;
        given.bytes += length as u64 + 1;
    }

    /// Notes that the log goes on behind a call, and what that call could say of it: nothing, if it broke. Gives back the gaps that the
    /// calls behind it say nothing of. What became of a log that could not be read, or not to its end, they say anew, so that gap is not
    /// told twice.
    pub fn resumed(&mut self, logs: Vec<ContainerLog>, gaps: Vec<Gap>) -> Vec<Gap> {
        self.resumed += 1;
        if logs.is_empty() {
            return gaps;
        }
        for (whose, log) in named(&logs) {
            entry(&mut self.first, whose).or_insert_with(|| log.clone());
        }
        // Of several pods of one name, a gap does not say whose it is: better told twice than not at all.
        let is_of = |gap: &Gap, log: &ContainerLog| log.pod == gap.name && log.container == gap.container;
        let is_read = |log: &ContainerLog| log.status() == ContainerLogStatus::Read;
        let is_retold = |gap: &Gap| {
            let of_name = || logs.iter().filter(|log| is_of(gap, log));
            of_name().next().is_some() && !of_name().any(is_read)
        };
        let (retold, lasting) = gaps.into_iter().partition(is_retold);
        self.last = Said { logs, gaps: retold, given: self.given.clone() };
        lasting
    }

    /// What is still true of what the last call said, where none behind it came to say it anew: gaps that no call could fill, and reports.
    pub fn broken_off(&mut self) -> (Vec<Gap>, Vec<ContainerLog>) {
        let Said { mut logs, mut gaps, given } = std::mem::take(&mut self.last);
        let stands_still = |whose: Whose<'_>| of(&self.given, whose) == of(&given, whose);
        gaps.retain(|gap| {
            let is_of = |whose: &Whose<'_>| whose.pod == gap.name && whose.container == gap.container;
            let still = || named(&logs).map(|(whose, _)| whose).filter(is_of).all(stands_still);
            !gap.resumable && (gap.reason() != GapReason::LogUnreadable || still())
        });
        self.conclude(&mut logs);
        let still: Vec<_> = named(&logs).map(|(whose, _)| stands_still(whose)).collect();
        let mut still = still.into_iter();
        logs.retain(|_| still.next().unwrap_or_default());
        (gaps, logs)
    }

    /// Makes the report of the last call one on the whole: with all lines, and of what lies before them as the first call saw it.
    pub fn conclude(&self, logs: &mut [ContainerLog]) {
        if self.resumed == 0 {
            return;
        }
        let known: Vec<_> = named(logs)
            .map(|(whose, _)| (of(&self.given, whose).copied().unwrap_or_default(), of(&self.first, whose)))
            .collect();
        for (log, (given, first)) in logs.iter_mut().zip(known) {
            (log.lines, log.bytes) = (given.lines, given.bytes);
            // The token carries on what the calls before knew, so the last one mostly says it too.
            let Some(first) = first else { continue };
            if first.older_lines_exist == Some(true) || log.older_lines_exist.is_none() {
                log.older_lines_exist = first.older_lines_exist;
            }
            log.window_starts_at_file_start |= first.window_starts_at_file_start;
        }
    }
}

/// The reports of a call, each with whose it is: as the lines say it, the first pod of a name is named by that alone.
fn named(logs: &[ContainerLog]) -> impl Iterator<Item = (Whose<'_>, &ContainerLog)> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    logs.iter().map(move |log| {
        let first = *first.entry(&log.pod).or_insert(&log.pod_uid);
        let pod_uid = if first == log.pod_uid { "" } else { &log.pod_uid };
        (Whose { pod: &log.pod, pod_uid, container: &log.container }, log)
    })
}

fn of<'logs, T>(logs: &'logs Logs<T>, Whose { pod, pod_uid, container }: Whose<'_>) -> Option<&'logs T> {
    logs.get(pod)?.get(pod_uid)?.get(container)
}

fn entry<'logs, T>(logs: &'logs mut Logs<T>, Whose { pod, pod_uid, container }: Whose<'_>) -> Entry<'logs, String, T> {
    let pod = logs.entry(pod.to_owned()).or_default();
    pod.entry(pod_uid.to_owned()).or_default().entry(container.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(pod: &'static str) -> Whose<'static> {
        Whose { pod, pod_uid: "", container: "web" }
    }

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
        tally.line(whose("web-0"), 3, 0);
        tally.line(whose("web-0"), 3, 1);
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
                tally.line(whose("web-0"), 3, 0);
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
        tally.line(whose("web-1"), 9, 0);
        tally.resumed(vec![mk_log(1, None)], Vec::new());
        let mut logs = [mk_log(0, None), ContainerLog { pod: "web-1".into(), ..mk_log(0, None) }];
        tally.conclude(&mut logs);
        assert_eq!(logs.map(|log| (log.lines, log.bytes)), [(2, 6), (1, 10)]);
    }

    #[test]
    fn pods_of_one_name_that_follow_each_other_are_counted_apart() {
        let mut tally = mk_tally();
        let other = Whose { pod_uid: "2", ..whose("web-0") };
        let of_pod = |uid: &str, status: ContainerLogStatus| ContainerLog {
            pod_uid: uid.into(),
            status: status.into(),
            ..mk_log(0, None)
        };
        let both = || [of_pod("1", ContainerLogStatus::PodGone), of_pod("2", ContainerLogStatus::Read)];
        let cut = mk_gap(GapReason::LogCutOlder, false);
        assert_eq!(tally.resumed(both().into(), vec![cut.clone()]), [cut], "it may be of the second");
        let counts = |tally: &LogTally| {
            let mut logs = both();
            tally.conclude(&mut logs);
            logs.map(|log| (log.lines, log.bytes))
        };
        assert_eq!(counts(&tally), [(2, 6), (0, 0)]);
        tally.line(other, 9, 0);
        assert_eq!(counts(&tally), [(2, 6), (1, 10)]);
        let (_, logs) = tally.broken_off();
        assert_eq!(logs.iter().map(|log| log.pod_uid.as_str()).collect::<Vec<_>>(), ["1"], "of the other, more came");
    }
}
