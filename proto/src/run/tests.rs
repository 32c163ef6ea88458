use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use proptest::{collection::vec, prelude::*, sample::subsequence};

use super::*;
use crate::{
    bridge::v1::{Cancel, Command, Encoding, Error, Part, Ping, Pong, Query, QueryOutcome, page},
    collector::v1::{LogLine, ReadLogsResponse},
    envelope::encode_result,
};

/// The bodies of a whole run: `Accepted`, a page for each entry of `pages` (its query and its text), `End`.
fn mk_run(command: &str, run: &str, pages: &[(u8, String)]) -> Vec<String> {
    let mut bodies = vec![mk_body(command, run, 0, result::Kind::Accepted(Accepted::default()))];
    let mut digest = RunDigest::default();
    let mut queries: Vec<_> = (0..4u8).map(mk_outcome).collect();
    for (seq, (query, text)) in (1..).zip(pages) {
        let outcome = &mut queries[usize::from(*query)];
        outcome.pages += 1;
        let line = LogLine { text: text.clone(), ..LogLine::default() };
        let response = page::Response::ReadLogs(ReadLogsResponse { lines: vec![line], ..ReadLogsResponse::default() });
        let page = Page {
            query_id: outcome.query_id.clone(),
            number: outcome.pages,
            response: Some(response),
            ..Page::default()
        };
        let body = mk_body(command, run, seq, result::Kind::Page(page));
        digest.add(&PageDigest::of(&body));
        bodies.push(body);
    }
    let end = End {
        pages: digest.pages(),
        bytes: digest.bytes(),
        sha256: digest.sha256().to_vec().into(),
        queries,
        ..End::default()
    };
    bodies.push(mk_body(command, run, digest.pages() + 1, result::Kind::End(end)));
    bodies
}

fn mk_outcome(query: u8) -> QueryOutcome {
    QueryOutcome { query_id: format!("q{query}"), ..QueryOutcome::default() }
}

fn mk_body(command: &str, run: &str, seq: u32, kind: result::Kind) -> String {
    let (command_id, run, investigation_id) = (command.to_owned(), run.to_owned(), "i".to_owned());
    encode_result(&RunResult { command_id, run, seq, investigation_id, kind: Some(kind) }, Timestamp::UNIX_EPOCH)
}

fn mk_reader<'a>(bodies: impl IntoIterator<Item = &'a String>) -> Reader {
    let mut reader = Reader::default();
    for body in bodies {
        reader.feed(body).unwrap();
    }
    reader
}

fn key(command: &str, run: &str) -> RunKey {
    RunKey { command_id: command.into(), run: run.into() }
}

fn verdict_of(bodies: &[String]) -> Verdict {
    mk_reader(bodies).run(&key("c", "r")).map_or(Verdict::EndMissing, Run::verdict)
}

fn texts(run: &Run, query: &str) -> Vec<String> {
    let lines = run.pages_of(query).map(Result::unwrap).flat_map(|page| match &page.response {
        Some(page::Response::ReadLogs(response)) => response.lines.clone(),
        _ => Vec::new(),
    });
    lines.map(|line| line.text).collect()
}

fn mk_pages(count: usize) -> Vec<(u8, String)> {
    (0..count).map(|n| ((n % 2) as u8, n.to_string())).collect()
}

#[test]
fn a_run_without_pages_is_whole_once_its_end_is_there() {
    let bodies = mk_run("c", "r", &[]);
    assert_eq!(verdict_of(&bodies[..1]), Verdict::EndMissing);
    assert_eq!(verdict_of(&bodies[1..]), Verdict::Complete);
}

#[test]
fn the_pages_that_are_missing_are_named() {
    let mut bodies = mk_run("c", "r", &mk_pages(9));
    for seq in [9, 8, 5, 1] {
        bodies.remove(seq);
    }
    assert_eq!(verdict_of(&bodies), Verdict::PagesMissing(vec![1..=1, 5..=5, 8..=9]));
}

#[test]
fn a_page_that_was_changed_on_its_way_is_noticed() {
    let mut bodies = mk_run("c", "r", &mk_pages(3));
    bodies[2] = bodies[2].replace("\"text\":\"1\"", "\"text\":\"9\"");
    assert_eq!(verdict_of(&bodies), Verdict::Mismatch(Mismatch::Sha256));
    bodies[2] = bodies[2].replace("\"text\":\"9\"", "\"text\":\"99\"");
    assert_eq!(verdict_of(&bodies), Verdict::Mismatch(Mismatch::Bytes));
}

#[test]
fn an_end_that_does_not_fit_its_pages_is_noticed() {
    let bodies = mk_run("c", "r", &mk_pages(3));
    let end_of = |change: &dyn Fn(&mut RunResult, &mut End)| {
        let mut result = envelope::decode_result(&bodies[4]).unwrap();
        let Some(result::Kind::End(mut end)) = result.kind.take() else { unreachable!() };
        change(&mut result, &mut end);
        mk_body("c", "r", result.seq, result::Kind::End(end))
    };
    type Change<'a> = &'a dyn Fn(&mut RunResult, &mut End);
    let cases: [(Verdict, Change<'_>); 5] = [
        (Verdict::Complete, &|_, _| {}),
        (Verdict::Mismatch(Mismatch::Seq), &|result, _| result.seq = 7),
        (Verdict::Mismatch(Mismatch::Seq), &|result, end| {
            end.pages = u32::MAX;
            result.seq = u32::MAX;
        }),
        (Verdict::Mismatch(Mismatch::QueryPages), &|_, end| end.queries[0].pages += 1),
        (Verdict::Mismatch(Mismatch::QueryPages), &|_, end| drop(end.queries.remove(0))),
    ];
    for (expected, change) in cases {
        let mut bodies = bodies.clone();
        bodies[4] = end_of(change);
        assert_eq!(verdict_of(&bodies), expected);
    }
}

#[test]
fn an_end_of_four_billion_pages_costs_nothing_to_judge() {
    let end = End { pages: u32::MAX - 1, ..End::default() };
    let bodies = [mk_body("c", "r", u32::MAX, result::Kind::End(end))];
    assert_eq!(verdict_of(&bodies), Verdict::PagesMissing(vec![1..=u32::MAX - 1]));
}

#[test]
fn a_message_that_comes_again_is_dropped_and_said_to() {
    let bodies = mk_run("c", "r", &mk_pages(1));
    let mut reader = Reader::default();
    for (repeated, body) in bodies.iter().map(|body| (false, body)).chain(bodies.iter().map(|body| (true, body))) {
        assert_eq!(reader.feed(body).unwrap().repeated, repeated);
    }
    let run = reader.run(&key("c", "r")).unwrap();
    assert_eq!((run.repeated(), run.page_count(), run.is_complete()), (3, 1, true));
}

#[test]
fn a_command_that_was_worked_on_twice_has_two_runs_and_one_whole_one_is_enough() {
    let first = mk_run("c", "r1", &mk_pages(2));
    let second = mk_run("c", "r2", &mk_pages(2));
    let reader = mk_reader(first[..2].iter().chain(&second));
    assert_eq!(reader.runs_of("c").count(), 2);
    assert_eq!(reader.complete("c").map(|(key, _)| key.run.as_str()), Some("r2"));
    assert!(reader.complete("other").is_none());
}

#[test]
fn a_run_of_another_command_with_the_same_id_is_no_answer() {
    let asked = |ids: &[&str]| Command {
        id: "c".into(),
        queries: ids.iter().map(|id| Query { id: (*id).into(), ..Query::default() }).collect(),
        ..Command::default()
    };
    let own = asked(&["q0", "q1", "q2", "q3"]);
    let cancel = Command { cancel: Some(Cancel::default()), ..asked(&[]) };
    let ping = Command { ping: Some(Ping {}), ..asked(&[]) };
    let end_of = |end| mk_body("c", "r2", 1, result::Kind::End(with_digest(end)));
    let reader = mk_reader(&mk_run("c", "r1", &mk_pages(2)));
    let cancelled = mk_reader([&end_of(End { cancelled_commands: Some(0), ..End::default() })]);
    let ponged = mk_reader([&end_of(End { pong: Some(Pong::default()), ..End::default() })]);
    let refused = mk_reader([&mk_refusal("r2", "DEADLINE")]);
    for (command, answered_by) in [
        (&own, [true, false, false, true]),
        (&asked(&["q0", "q1", "q2"]), [false, false, false, true]),
        (&asked(&["q0", "q1", "q2", "q4"]), [false, false, false, true]),
        (&cancel, [false, true, false, true]),
        (&ping, [false, false, true, true]),
    ] {
        let answers = [&reader, &cancelled, &ponged, &refused].map(|reader| reader.answer(command).is_some());
        assert_eq!(answers, answered_by, "{command:?}");
    }
}

#[test]
fn what_is_taken_or_forgotten_is_held_no_longer() {
    let (one, two) = (mk_run("c", "r", &mk_pages(2)), mk_run("d", "r", &mk_pages(2)));
    let mut reader = mk_reader(one.iter().chain(&two));
    assert_eq!(
        reader.held_bytes(),
        [&one[1], &one[2], &two[1], &two[2]].map(|body| body.len() as u64).iter().sum::<u64>()
    );
    assert!(reader.take(&key("c", "r")).is_some_and(|run| run.is_complete()));
    reader.forget("d");
    assert_eq!((reader.held_bytes(), reader.runs().count()), (0, 0));
}

#[test]
fn a_body_that_is_no_result_changes_nothing() {
    let mut reader = Reader::default();
    assert!(reader.feed("{}").is_err());
    assert_eq!(reader.runs().count(), 0);
}

fn any_pages() -> impl Strategy<Value = Vec<(u8, String)>> {
    vec((0..4u8, any::<String>()), 0..12)
}

fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_no_response_is_told_and_does_not_fill_the_memory() {
    let part = |bytes: &[u8]| {
        let (response, data) = ("readLogs".into(), zip(bytes).into());
        let part = Part { response, number: 1, of: 1, data, encoding: Encoding::Gzip.into() };
        Page { query_id: "q".into(), number: 1, part: Some(part), ..Page::default() }
    };
    let spaces = |count: usize| [" ".repeat(count).as_bytes(), b"{}"].concat();
    let read = |page: &Page| parts::Pages::new([page.clone()].into_iter()).next().unwrap();
    let many = [b"{\"lines\":[", "{},".repeat(1 << 16).as_bytes(), b"{}]}"].concat();
    assert!(read(&part(&spaces(10))).is_ok());
    for (page, why) in [
        (part(&spaces(24 << 20)), "longer than"),
        (part(b"{} {}"), "trailing"),
        (part(b"[]"), "map"),
        (part(&many), "elements"),
    ] {
        let error = read(&page).unwrap_err();
        assert!(error.number == 1 && error.why.contains(why), "{error}");
    }
    let changed = |change: &dyn Fn(&mut Part)| {
        let mut page = part(b"{}");
        page.part.iter_mut().for_each(change);
        read(&page).unwrap_err().why
    };
    assert!(changed(&|part| part.encoding = 77).contains("77"));
    assert!(changed(&|part| part.data = "no gzip, but long enough".into()).contains("gzip"));
    for name in ["readLog", "queryId", "part"] {
        assert!(changed(&|part| part.response = name.into()).contains(name));
    }
}

proptest! {
    #[test]
    fn runs_are_put_together_from_any_order_and_repetition(
        (runs, sent) in vec(any_pages(), 1..4).prop_flat_map(|runs| {
            let bodies: Vec<_> =
                runs.iter().zip(["c", "d", "d"]).zip(["r", "r", "s"]).flat_map(|((pages, command), run)| mk_run(command, run, pages)).collect();
            let again = subsequence(bodies.clone(), 0..=bodies.len());
            let sent = again.prop_flat_map(move |again| Just([bodies.clone(), again].concat()).prop_shuffle());
            (Just(runs), sent)
        })
    ) {
        let reader = mk_reader(&sent);
        prop_assert_eq!(reader.runs().count(), runs.len());
        let mut repeated = 0;
        for ((pages, command), run) in runs.iter().zip(["c", "d", "d"]).zip(["r", "r", "s"]) {
            let received = reader.run(&key(command, run)).unwrap();
            prop_assert_eq!(received.verdict(), Verdict::Complete);
            repeated += received.repeated();
            for query in 0..4 {
                let expected: Vec<_> = pages.iter().filter(|(of, _)| *of == query).map(|(_, text)| text.clone()).collect();
                prop_assert_eq!(texts(received, &format!("q{query}")), expected);
            }
        }
        let total: usize = runs.iter().map(|pages| pages.len() + 2).sum();
        prop_assert_eq!(repeated, (sent.len() - total) as u64);
    }

    #[test]
    fn a_run_is_whole_exactly_when_every_page_and_the_end_are_there(
        (bodies, kept) in any_pages().prop_flat_map(|pages| {
            let bodies = mk_run("c", "r", &pages);
            (Just(bodies.clone()), subsequence(bodies.clone(), 0..=bodies.len()).prop_shuffle())
        })
    ) {
        let missing = |seq: usize| !kept.contains(&bodies[seq]);
        match verdict_of(&kept) {
            Verdict::Complete => prop_assert!(!(1..bodies.len()).any(missing)),
            Verdict::EndMissing => prop_assert!(missing(bodies.len() - 1)),
            Verdict::PagesMissing(ranges) => {
                prop_assert!(!missing(bodies.len() - 1));
                let named: Vec<_> = ranges.into_iter().flatten().map(|seq| seq as usize).collect();
                prop_assert_eq!(named, (1..bodies.len() - 1).filter(|seq| missing(*seq)).collect::<Vec<_>>());
            }
            Verdict::Mismatch(mismatch) => prop_assert!(false, "{:?}", mismatch),
        }
    }
}

proptest! {
    #[test]
    fn progress_changes_nothing_and_the_newest_is_told(
        (told, sent) in (any_pages(), vec(1..20_u32, 0..8)).prop_flat_map(|(pages, told)| {
            let progress = |seq: &u32| {
                let progress = Progress { pages: *seq, ..Progress::default() };
                mk_body("c", "r", *seq, result::Kind::Progress(progress))
            };
            let bodies = [mk_run("c", "r", &pages), told.iter().map(progress).collect()].concat();
            (Just(told), Just(bodies).prop_shuffle())
        })
    ) {
        let reader = mk_reader(&sent);
        let run = reader.run(&key("c", "r")).unwrap();
        prop_assert_eq!(run.verdict(), Verdict::Complete);
        prop_assert_eq!(run.progress().map(|progress| progress.pages), told.into_iter().max());
    }

    #[test]
    fn parts_are_put_together_wherever_they_were_cut_and_not_where_one_is_missing(
        (text, zips, cuts, missing) in
            (any::<String>(), any::<bool>(), vec(any::<prop::sample::Index>(), 0..6), any::<prop::sample::Index>())
    ) {
        let line = LogLine { text, ..LogLine::default() };
        let response = ReadLogsResponse { lines: vec![line], ..ReadLogsResponse::default() };
        let json = crate::json::to_string(&response).into_bytes();
        let (bytes, encoding) = if zips { (zip(&json), Encoding::Gzip) } else { (json, Encoding::Unspecified) };
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let of = cuts.len() as u32 - 1;
        let part = |(number, cut): (u32, &[usize])| {
            let (response, data) = ("readLogs".into(), bytes[cut[0]..cut[1]].to_vec().into());
            let part = Part { response, number, of, data, encoding: encoding.into() };
            Page { query_id: "q".into(), number: number + 1, part: Some(part), ..Page::default() }
        };
        let plain = |number| Page {
            query_id: "q".into(),
            number,
            response: Some(page::Response::ReadLogs(ReadLogsResponse::default())),
            ..Page::default()
        };
        let parts = (1..).zip(cuts.windows(2)).map(part);
        let pages: Vec<_> = [plain(1)].into_iter().chain(parts).chain([plain(of + 2)]).collect();
        let put_together = |pages: &[Page]| parts::Pages::new(pages.iter().cloned()).collect::<Vec<_>>();
        let whole: Vec<_> = put_together(&pages).into_iter().map(Result::unwrap).collect();
        let numbers: Vec<_> = whole.iter().map(|page| page.number).collect();
        prop_assert_eq!(numbers, [1, of + 1, of + 2]);
        prop_assert_eq!(&whole[1].response, &Some(page::Response::ReadLogs(response)));

        let mut lacking = pages.clone();
        lacking.remove(1 + missing.index(of as usize));
        let told = put_together(&lacking);
        let numbers: Vec<_> = told.iter().flatten().map(|page| page.number).collect();
        prop_assert_eq!(numbers, [1, of + 2]);
        prop_assert_eq!(told.iter().any(Result::is_err), of > 1, "that some are missing is told where others are there");
    }

    #[test]
    fn a_page_that_is_not_as_it_was_sent_is_never_part_of_what_is_whole(
        (bodies, changed, by) in any_pages().prop_filter("pages", |pages| !pages.is_empty()).prop_flat_map(|pages| {
            let last = pages.len();
            (Just(mk_run("c", "r", &pages)), 1..=last, any::<String>())
        })
    ) {
        let page = mk_run("c", "r", &[(0, by)]).swap_remove(1);
        let page = page.replace("\"seq\":1", &format!("\"seq\":{changed}"));
        let mut received = bodies.clone();
        received[changed] = page;
        let is_same = received[changed] == bodies[changed];
        prop_assert_eq!(verdict_of(&received) == Verdict::Complete, is_same);
    }
}

/// The `End` of a run of "c" in which no query was asked.
fn mk_refusal(run: &str, reason: &str) -> String {
    let error = Some(Error { reason: reason.to_owned(), ..Error::default() });
    mk_body("c", run, 1, result::Kind::End(with_digest(End { error, ..End::default() })))
}

/// The hash of no page.
fn with_digest(end: End) -> End {
    End { sha256: RunDigest::default().sha256().to_vec().into(), ..end }
}

#[test]
fn a_run_that_was_refused_is_no_answer_while_another_one_is_under_way() {
    let run = mk_run("c", "r1", &[(0, "text".into())]);
    let mut reader = mk_reader([&mk_refusal("r2", "DEADLINE")]);
    assert_eq!(reader.complete("c").map(|(key, _)| key.run.as_str()), Some("r2"));
    for (body, complete) in run.iter().zip([None, None, Some("r1")]) {
        reader.feed(body).unwrap();
        assert_eq!(reader.complete("c").map(|(key, _)| key.run.as_str()), complete);
    }
}

#[test]
fn a_command_that_was_given_up_is_settled_whatever_has_begun_before() {
    let dead = mk_run("c", "r1", &[(0, "text".into())]);
    let mut reader = mk_reader(dead[..2].iter().chain([&mk_refusal("r2", "TRIED_TOO_OFTEN")]));
    assert_eq!(reader.complete("c").map(|(key, _)| key.run.as_str()), Some("r2"));
    reader.feed(&dead[2]).unwrap();
    assert_eq!(reader.complete("c").map(|(key, _)| key.run.as_str()), Some("r1"));
}

#[test]
fn a_command_that_was_given_up_is_not_settled_while_a_later_run_is_under_way() {
    let later = mk_run("c", "r3", &[]);
    let mut reader = mk_reader([&mk_refusal("r2", "TRIED_TOO_OFTEN"), &later[0]]);
    assert_eq!(reader.complete("c").map(|(key, _)| key.run.as_str()), None);
    reader.feed(&later[1]).unwrap();
    assert_eq!(reader.complete("c").map(|(key, _)| key.run.as_str()), Some("r3"));
}
