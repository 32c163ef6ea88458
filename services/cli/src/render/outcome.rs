//! What is said about an answer beside the answer itself: complete or not, and what is missing.

use gumshoe_proto::collector::v1::{Completeness, ContainerLog, ContainerLogStatus, Gap, GapReason};

use crate::{
    page::Request,
    terminal::Note,
    units::{count, count_of, human_bytes},
};

/// Says whether nothing is missing. An answer that contradicts itself is not believed.
pub(crate) fn is_complete(completeness: &Completeness) -> bool {
    completeness.complete && completeness.gaps.is_empty()
}

/// Notes that items came which could not be written.
pub(crate) fn leave_out(completeness: &mut Completeness, items: u64) {
    if items == 0 {
        return;
    }
    let message = "they hold a time that JSON cannot write; tables show them".to_owned();
    let reason = GapReason::ItemUnreadable.into();
    completeness.gaps.push(Gap { reason, message, items: Some(items), ..Gap::default() });
    completeness.items = completeness.items.saturating_sub(items);
    completeness.complete = false;
}

/// `complete: 12 pods`, or `INCOMPLETE: 12 pods, 2 gaps` and a line for each gap.
pub(crate) fn verdict(request: &Request, completeness: &Completeness) -> Vec<Note> {
    let tally = count_of(completeness.items, gumshoe_kubectl::names(request));
    let mut notes = Vec::new();
    for warning in &completeness.warnings {
        notes.push(Note::Plain(format!("warning: {warning}")));
    }
    if !completeness.consistent && completeness.complete {
        notes.push(Note::Plain(
            "note: the list went on after its snapshot had expired, so it shows objects of different moments"
                .to_owned(),
        ));
    }
    if is_complete(completeness) {
        notes.push(Note::Good(format!("complete: {tally}")));
        return notes;
    }
    match completeness.gaps.len() as u64 {
        0 => notes.push(Note::Bad(format!("INCOMPLETE: {tally}; the collector does not say what is missing"))),
        gaps => notes.push(Note::Bad(format!("INCOMPLETE: {tally}, {}:", count(gaps, "gap")))),
    }
    notes.extend(completeness.gaps.iter().map(|gap| Note::Plain(format!("  {}", describe(request, gap)))));
    notes
}

/// `web: 120 lines, 14.2 KiB; older lines exist`, one line a container; of several pods `web-0/web: …`.
pub(crate) fn containers(logs: &[ContainerLog]) -> Vec<Note> {
    let several = logs.iter().any(|log| log.pod != logs[0].pod);
    let whose = |log: &ContainerLog| if several { format!("{}/", log.pod) } else { String::new() };
    logs.iter().map(|log| Note::Plain(format!("{}{}", whose(log), container(log)))).collect()
}

fn container(log: &ContainerLog) -> String {
    let mut parts = vec![format!("{}, {}", count(log.lines, "line"), human_bytes(log.bytes))];
    if log.status() != ContainerLogStatus::Read {
        parts.insert(0, log.status().as_str_name().trim_start_matches("CONTAINER_LOG_STATUS_").to_owned());
    }
    if !log.message.is_empty() {
        parts.push(log.message.clone());
    }
    if log.filtered_lines > 0 {
        parts.push(format!("{} left out by --include and --exclude", count(log.filtered_lines, "line")));
    }
    if log.folded_lines > 0 {
        parts.push(format!("{} folded", count(log.folded_lines, "repeat")));
    }
    if log.older_lines_exist == Some(true) {
        parts.push("older lines exist".to_owned());
    }
    if log.window_starts_at_file_start {
        parts.push("lines before the first one may have been rotated away on the node".to_owned());
    }
    if log.cut_newer {
        parts.push("newer lines are missing".to_owned());
    }
    format!("{}: {}", log.container, parts.join("; "))
}

/// A gap in one line: where, why, how much, and what to do about it.
fn describe(request: &Request, gap: &Gap) -> String {
    let reason = gap.reason().as_str_name().trim_start_matches("GAP_REASON_");
    let place: Vec<&str> = [&gap.namespace, &gap.name, &gap.container]
        .into_iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    let mut text = reason.to_owned();
    if !place.is_empty() {
        text = format!("{text} {}", place.join("/"));
    }
    if !gap.message.is_empty() {
        text = format!("{text}: {}", gap.message);
    }
    let amount: Vec<String> =
        gap.items.map(|items| format!("{items} missing")).into_iter().chain(gap.bytes.map(human_bytes)).collect();
    if !amount.is_empty() {
        text = format!("{text} ({})", amount.join(", "));
    }
    remedy(request, gap.reason()).map_or(text.clone(), |remedy| format!("{text}; {remedy}"))
}

/// What the user can do about a gap, where that is clear.
fn remedy(request: &Request, reason: GapReason) -> Option<&'static str> {
    match reason {
        GapReason::Limit if matches!(request, Request::DiscoverTopology(_)) => Some("--max-nodes allows more"),
        GapReason::Limit if matches!(request, Request::ReadLogs(_)) => None,
        GapReason::Limit => Some("--limit allows more"),
        GapReason::Deadline => Some("--timeout allows longer"),
        GapReason::LogCutOlder => Some("--newest-bytes or --whole give more, --since and --tail ask for less"),
        GapReason::NamespaceDenied => Some("check the namespace, and the RBAC and --namespaces of the collector"),
        GapReason::KindNotRead => Some("check the RBAC and --kinds of the collector"),
        GapReason::NamespaceNotFound => Some("check the namespace's name"),
        GapReason::ValueCut => Some("get the object by its name to have all of it"),
        GapReason::SlowCaller | GapReason::ReadInterrupted | GapReason::Overloaded | GapReason::LogCutNewer => {
            Some("try again")
        }
        GapReason::Unspecified
        | GapReason::ItemTooLarge
        | GapReason::ItemUnreadable
        | GapReason::LogUnreadable
        | GapReason::Stopped => None,
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{ListPodsRequest, ReadLogsRequest};

    use super::*;
    use crate::terminal::Surface;

    fn texts(notes: &[Note]) -> Vec<String> {
        notes.iter().map(|note| note.text(Surface::PIPE)).collect()
    }

    #[test]
    fn a_complete_answer_says_how_much_it_is() {
        let pods = Request::ListPods(ListPodsRequest::default());
        let completeness = Completeness { complete: true, consistent: true, items: 12, ..Completeness::default() };
        assert_eq!(texts(&verdict(&pods, &completeness)), ["complete: 12 pods"]);
        let logs = Request::ReadLogs(ReadLogsRequest::default());
        let one = Completeness { items: 1, warnings: vec!["v1 is old".into()], ..completeness };
        assert_eq!(texts(&verdict(&logs, &one)), ["warning: v1 is old", "complete: 1 line"]);
    }

    #[test]
    fn what_could_not_be_written_makes_an_answer_incomplete() {
        let pods = Request::ListPods(ListPodsRequest::default());
        let mut completeness = Completeness { complete: true, consistent: true, items: 3, ..Completeness::default() };
        leave_out(&mut completeness, 0);
        assert!(is_complete(&completeness));
        leave_out(&mut completeness, 1);
        let notes = texts(&verdict(&pods, &completeness));
        assert!(notes[0].starts_with("INCOMPLETE: 2 pods, 1 gap") && notes[1].contains("1 missing"), "{notes:?}");
    }

    #[test]
    fn an_incomplete_answer_names_every_gap() {
        let pods = Request::ListPods(ListPodsRequest::default());
        let denied = Gap {
            reason: GapReason::NamespaceDenied.into(),
            namespace: "payments".into(),
            message: "the collector may not list pods there".into(),
            ..Gap::default()
        };
        let large = Gap {
            reason: GapReason::ItemTooLarge.into(),
            namespace: "shop".into(),
            name: "web-0".into(),
            items: Some(1),
            bytes: Some(4 << 20),
            ..Gap::default()
        };
        let completeness =
            Completeness { items: 3, gaps: vec![denied, large], consistent: true, ..Completeness::default() };
        assert_eq!(
            texts(&verdict(&pods, &completeness)),
            [
                "INCOMPLETE: 3 pods, 2 gaps:",
                "  NAMESPACE_DENIED payments: the collector may not list pods there; check the namespace, and the RBAC and \
                 --namespaces of the collector",
                "  ITEM_TOO_LARGE shop/web-0 (1 missing, 4.0 MiB)",
            ]
        );
    }

    #[test]
    fn an_answer_that_contradicts_itself_is_not_complete() {
        let pods = Request::ListPods(ListPodsRequest::default());
        let nothing_said = Completeness { consistent: true, ..Completeness::default() };
        assert!(texts(&verdict(&pods, &nothing_said))[0].starts_with("INCOMPLETE: 0 pods; "));
        let with_gap = Completeness { complete: true, gaps: vec![Gap::default()], ..nothing_said };
        assert!(texts(&verdict(&pods, &with_gap))[0].starts_with("INCOMPLETE: 0 pods, 1 gap"));
    }

    #[test]
    fn a_container_says_what_was_cut_and_on_which_side() {
        let read = ContainerLog {
            container: "web".into(),
            status: ContainerLogStatus::Read.into(),
            lines: 120,
            bytes: 14_540,
            older_lines_exist: Some(true),
            cut_newer: true,
            ..ContainerLog::default()
        };
        let other = ContainerLog {
            container: "web".into(),
            pod: "web-1".into(),
            status: ContainerLogStatus::Read.into(),
            filtered_lines: 3,
            folded_lines: 1,
            ..ContainerLog::default()
        };
        let first = ContainerLog { pod: "web-0".into(), ..read.clone() };
        assert_eq!(
            texts(&containers(&[first, other])),
            [
                "web-0/web: 120 lines, 14.2 KiB; older lines exist; newer lines are missing",
                "web-1/web: 0 lines, 0 B; 3 lines left out by --include and --exclude; 1 repeat folded",
            ]
        );
        let waiting = ContainerLog {
            container: "init".into(),
            status: ContainerLogStatus::NotStarted.into(),
            message: "waiting to start: PodInitializing".into(),
            ..ContainerLog::default()
        };
        assert_eq!(
            texts(&containers(&[read, waiting])),
            [
                "web: 120 lines, 14.2 KiB; older lines exist; newer lines are missing",
                "init: NOT_STARTED; 0 lines, 0 B; waiting to start: PodInitializing",
            ]
        );
    }
}
