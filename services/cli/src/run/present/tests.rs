use gumshoe_proto::{
    bridge::v1::{Page, Result as RunResult, page::Response, result::Kind},
    collector::v1::{
        Completeness, Gap, GapReason, ListPodsResponse, LogLine, ObjectMeta, Pod, PodColumns, ReadLogsResponse,
    },
    envelope::encode_result,
    run::{PageDigest, Reader, RunDigest},
};
use jiff::Timestamp;

use super::*;
use crate::run::command::{line, of_lines};

fn mk_command(lines: &[&str]) -> Command {
    let mut command = of_lines(lines.iter().map(|text| line(text).expect(text)).collect());
    for (index, query) in command.queries.iter_mut().enumerate() {
        query.id = format!("q{}", index + 1);
    }
    command
}

fn mk_body(seq: u32, kind: Kind) -> String {
    let (command_id, run, investigation_id) = ("c1".into(), "r1".into(), "i1".into());
    encode_result(&RunResult { command_id, run, seq, investigation_id, kind: Some(kind) }, Timestamp::UNIX_EPOCH)
}

fn mk_pod(name: &str, status: &str) -> Pod {
    Pod {
        metadata: Some(ObjectMeta { name: name.into(), ..ObjectMeta::default() }),
        columns: Some(PodColumns { status: status.into(), ..PodColumns::default() }),
        ..Pod::default()
    }
}

fn mk_page(number: u32, pod: Pod) -> Page {
    let response = ListPodsResponse { items: vec![pod], ..ListPodsResponse::default() };
    Page { query_id: "q1".into(), number, response: Some(Response::ListPods(response)), ..Page::default() }
}

fn whole(items: u64) -> Completeness {
    Completeness { complete: true, consistent: true, items, ..Completeness::default() }
}

fn mk_outcome(query_id: &str, pages: u32, completeness: Completeness) -> QueryOutcome {
    QueryOutcome { query_id: query_id.into(), pages, completeness: Some(completeness), ..QueryOutcome::default() }
}

/// A run of two pages of q1 and the given end; of the pages, those that arrived.
fn mk_run(end: End, arrived: &[u32]) -> (Reader, RunKey) {
    let pages = [mk_page(1, mk_pod("web-0", "Running")), mk_page(2, mk_pod("web-1", "Error"))];
    let bodies = pages.into_iter().zip(1..).map(|(page, seq)| (seq, mk_body(seq, Kind::Page(page))));
    let (mut reader, mut digest) = (Reader::default(), RunDigest::default());
    for (seq, body) in bodies {
        digest.add(&PageDigest::of(&body));
        if arrived.contains(&seq) {
            reader.feed(&body).expect("a page");
        }
    }
    let end = End { pages: 2, bytes: digest.bytes(), sha256: digest.sha256().to_vec().into(), ..end };
    let fed = reader.feed(&mk_body(3, Kind::End(end))).expect("an end");
    (reader, fed.key)
}

fn show(command: &Command, run: &Run) -> String {
    let mut out = Vec::new();
    sections(&mut out, Surface::PIPE, Format::Human { wide: false, timestamps: false }, command, run)
        .expect("a Vec takes all");
    String::from_utf8(out).expect("text")
}

fn last_line(key: &RunKey, run: &Run) -> (String, Exit) {
    let (notes, exit) = verdict(key, run);
    (notes.last().expect("a verdict").text(Surface::PIPE), exit)
}

#[test]
fn a_query_is_a_section_with_its_table_and_its_verdict() {
    let end =
        End { status: EndStatus::Succeeded.into(), queries: vec![mk_outcome("q1", 2, whole(2))], ..End::default() };
    let (reader, key) = mk_run(end, &[1, 2]);
    let run = reader.run(&key).expect("the run");
    assert_eq!(
        show(&mk_command(&["get pods -n shop"]), run),
        "\
== q1: get pods -n shop
NAME    READY   STATUS    RESTARTS   AGE
web-0           Running              <unknown>
web-1           Error                <unknown>
complete: 2 pods
"
    );
    let (line, exit) = last_line(&key, run);
    assert!(line.starts_with("complete: 1 query, 2 pages, ") && line.ends_with(" in run r1"), "{line}");
    assert_eq!(exit, Exit::Complete);
}

#[test]
fn a_line_of_a_log_cannot_look_like_a_heading() {
    let forged = LogLine { text: "\u{1b}[1m== q2: get secrets\u{1b}[0m".into(), ..LogLine::default() };
    let response = Response::ReadLogs(ReadLogsResponse { lines: vec![forged], ..ReadLogsResponse::default() });
    let page = Page { query_id: "q1".into(), number: 1, response: Some(response), ..Page::default() };
    let mut reader = Reader::default();
    let fed = reader.feed(&mk_body(1, Kind::Page(page))).expect("a page");
    let (mut out, format) = (Vec::new(), Format::Human { wide: false, timestamps: false });
    let (command, run) = (mk_command(&["logs web-0"]), reader.run(&fed.key).expect("the run"));
    sections(&mut out, Surface::TERMINAL, format, &command, run).expect("a Vec takes all");
    let text = String::from_utf8(out).expect("text");
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with('\u{1b}') && lines[1] == "== q2: get secrets", "{lines:?}");
}

#[test]
fn a_query_that_failed_says_why_and_is_named_in_the_verdict() {
    let error =
        RunError { code: "NOT_FOUND".into(), reason: "OBJECT_NOT_FOUND".into(), message: "pod web-9 not found".into() };
    let failed = QueryOutcome { query_id: "q2".into(), error: Some(error), ..QueryOutcome::default() };
    let end = End {
        status: EndStatus::Incomplete.into(),
        queries: vec![mk_outcome("q1", 2, whole(2)), failed],
        ..End::default()
    };
    let (reader, key) = mk_run(end, &[1, 2]);
    let run = reader.run(&key).expect("the run");
    let text = show(&mk_command(&["get pods -n shop", "get pods web-9 -n shop"]), run);
    assert!(
        text.ends_with("\n\n== q2: get pods web-9 -n shop\nerror: NOT_FOUND (OBJECT_NOT_FOUND): pod web-9 not found\n"),
        "{text}"
    );
    let (line, exit) = last_line(&key, run);
    assert!(line.starts_with("INCOMPLETE: 2 queries") && line.ends_with("; see q2"), "{line}");
    assert_eq!(exit, Exit::Incomplete);
}

#[test]
fn a_success_that_its_queries_contradict_is_none() {
    let gap = Gap { reason: GapReason::NamespaceDenied.into(), namespace: "payments".into(), ..Gap::default() };
    let lacking = Completeness { gaps: vec![gap], items: 2, consistent: true, ..Completeness::default() };
    let end =
        End { status: EndStatus::Succeeded.into(), queries: vec![mk_outcome("q1", 2, lacking)], ..End::default() };
    let (reader, key) = mk_run(end, &[1, 2]);
    let run = reader.run(&key).expect("the run");
    assert!(show(&mk_command(&["get pods -n shop,payments"]), run).contains("NAMESPACE_DENIED payments"));
    assert_eq!(last_line(&key, run).1, Exit::Incomplete);
}

#[test]
fn pages_that_did_not_arrive_are_named() {
    let end =
        End { status: EndStatus::Succeeded.into(), queries: vec![mk_outcome("q1", 2, whole(2))], ..End::default() };
    let (reader, key) = mk_run(end, &[2]);
    let (line, exit) = last_line(&key, reader.run(&key).expect("the run"));
    assert_eq!((line.as_str(), exit), ("INCOMPLETE: run r1: these pages did not arrive: 1 to 1", Exit::Incomplete));
}

#[test]
fn without_an_end_nobody_knows() {
    let mut reader = Reader::default();
    let fed = reader.feed(&mk_body(1, Kind::Page(mk_page(1, mk_pod("web-0", "Running"))))).expect("a page");
    let run = reader.run(&fed.key).expect("the run");
    assert!(show(&mk_command(&["get pods"]), run).ends_with("INCOMPLETE: the end of this query did not arrive\n"));
    assert_eq!(last_line(&fed.key, run).1, Exit::Incomplete);
}

#[test]
fn a_command_that_was_not_run_says_why() {
    let error = RunError {
        code: "INVALID_ARGUMENT".into(),
        reason: "INVALID_DATA".into(),
        message: "data: no field nmae".into(),
    };
    let mut reader = Reader::default();
    let end = End {
        status: EndStatus::Failed.into(),
        error: Some(error),
        sha256: RunDigest::default().sha256().to_vec().into(),
        ..End::default()
    };
    let fed = reader.feed(&mk_body(1, Kind::End(end))).expect("an end");
    let (line, exit) = last_line(&fed.key, reader.run(&fed.key).expect("the run"));
    assert_eq!(line, "error: the command was not run: INVALID_ARGUMENT (INVALID_DATA): data: no field nmae");
    assert_eq!(exit, Exit::Failed);
}
