//! `include` and `exclude`.

use std::time::Duration;

use gumshoe_proto::collector::v1::{GapReason, ReadLogsRequest};
use proptest::prelude::*;

use crate::{
    kubelet::{FakeKubelet, Record},
    support::*,
};

fn mk_filter(include: &[&str], exclude: &[&str], request: ReadLogsRequest) -> ReadLogsRequest {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    ReadLogsRequest { include: owned(include), exclude: owned(exclude), ..request }
}

fn mk_kubelet() -> FakeKubelet {
    FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..1000))
}

#[tokio::test]
async fn lines_that_do_not_match_are_left_out_and_counted() {
    let answer = read(&mk_kubelet(), mk_filter(&["7$", "^line 5.$"], &["77"], whole())).await.unwrap();
    let expected = |line: &i64| (line % 10 == 7 || (50..60).contains(line)) && line % 100 != 77;
    let expected: Vec<_> =
        (0..1000).filter(expected).map(|line| format!("line {line}")).filter(|line| !line.contains("77")).collect();
    assert_eq!(answer.texts(), expected);
    assert_eq!(answer.log().filtered_lines, 1000 - expected.len() as u64);
    assert!(answer.completeness.complete, "what was not asked for is not missing");
}

#[tokio::test]
async fn a_tail_is_that_of_the_kubelet_and_the_newest_bytes_are_those_of_lines_that_match() {
    let tail = ReadLogsRequest { whole_log: false, tail_lines: Some(20), ..whole() };
    let answer = read(&mk_kubelet(), mk_filter(&["7$"], &[], tail)).await.unwrap();
    assert_eq!((answer.texts(), answer.log().filtered_lines), (vec!["line 987".into(), "line 997".into()], 18));

    // Those that match are far apart, and at the beginning of the log.
    for (include, expected, filtered) in [
        ("00$", vec!["line 800", "line 900"], 199),
        ("^line [1-3]$", vec!["line 2", "line 3"], 996),
        ("^line 1$", vec!["line 1"], 999),
        ("none", vec![], 1000),
    ] {
        let newest = ReadLogsRequest { whole_log: false, newest_bytes: Some(18), ..whole() };
        let answer = read(&mk_kubelet(), mk_filter(&[include], &[], newest)).await.unwrap();
        let expected: Vec<_> = expected.into_iter().rev().take(2).rev().map(str::to_owned).collect();
        assert_eq!(answer.texts(), expected, "{include}");
        // Between the first line that is given, or the beginning where nothing was cut, and the end.
        let filtered = if include == "00$" { 99 + 99 } else { filtered };
        assert_eq!(answer.log().filtered_lines, filtered, "{include}");
    }
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_left_out_while_a_log_is_followed_do_not_come_back() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..5));
    let mut pages = call(&serve(&kubelet), mk_filter(&["[05]$"], &[], follow()), AMPLE).unwrap();
    assert_eq!(lines(&mut pages, 1).await, ["line 0"]);
    kubelet.requested(2).await;
    kubelet.append("web", numbered(5..8));
    assert_eq!(lines(&mut pages, 1).await, ["line 5"]);
    kubelet.break_connections();
    kubelet.append("web", numbered(8..11));
    assert_eq!(lines(&mut pages, 1).await, ["line 10"]);
    let end = rest(pages).await.pop().unwrap();
    assert_eq!((end.logs[0].lines, end.logs[0].filtered_lines), (3, 8));
}

/// Lines of few different texts, some of them at the same moment.
fn mk_log() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec((0..3_i64, "[abc]"), 0..40).prop_map(|lines| {
        let mut millis = 0;
        let at = |(step, text): (i64, String)| {
            millis += step;
            record(millis, text)
        };
        lines.into_iter().map(at).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn what_is_given_and_what_is_left_out_is_the_window_whatever_the_pages(
        log in mk_log(),
        exclude in prop::collection::vec("[abc]", 0..3),
        newest in prop::option::of(0..40_i64),
        page_size in 1..6_i32,
        page in any::<prop::sample::Index>(),
    ) {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", log.clone());
        let request = ReadLogsRequest {
            page_size,
            exclude: exclude.clone(),
            whole_log: newest.is_none(),
            newest_bytes: newest,
            ..whole()
        };
        let answer = block_on(read(&kubelet, request.clone())).unwrap();
        let wanted = |record: &&Record| !exclude.iter().any(|text| text.as_bytes() == record.text);
        let matching: Vec<_> = log.iter().filter(wanted).collect();
        // Each line takes two bytes.
        let fitting = newest.map_or(matching.len(), |bytes| usize::try_from(bytes / 2).unwrap().min(matching.len()));
        let expected: Vec<_> = matching[matching.len() - fitting..].iter().map(|record| String::from_utf8(record.text.clone()).unwrap()).collect();
        prop_assert_eq!(answer.texts(), expected);
        let was_cut = fitting < matching.len();
        let reasons = if was_cut { vec![GapReason::LogCutOlder] } else { vec![] };
        prop_assert_eq!(answer.reasons(), reasons);
        if !was_cut {
            prop_assert_eq!(answer.log().filtered_lines, (log.len() - matching.len()) as u64);
        }

        let page = page.index(answer.pages.len());
        let page_token = answer.pages[page].next_page_token.clone();
        if !page_token.is_empty() {
            let rest = block_on(read(&kubelet, ReadLogsRequest { page_token, ..request })).unwrap();
            let expected: Vec<_> = answer.pages[page + 1..].iter().flat_map(|page| page.lines.clone()).collect();
            prop_assert_eq!(rest.lines(), expected);
            prop_assert_eq!(rest.log().filtered_lines, answer.log().filtered_lines);
        }
    }
}

#[tokio::test]
async fn an_expression_that_takes_long_does_not_keep_the_deadline_waiting() {
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if state >> 63 == 0 { b'a' } else { b'b' }
    };
    let lines = (0..8000).map(|line| record(line, (0..1000).map(|_| letter()).collect::<Vec<_>>()));
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", lines);
    for request in [whole(), newest(), follow()] {
        let request = mk_filter(&["(?-u)a.{30}z"], &[], request);
        let begin = std::time::Instant::now();
        let answer = read_until(&kubelet, request, Duration::from_secs(1)).await.unwrap();
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(6), "{took:?}");
        assert!(answer.gap().reason() == GapReason::Deadline && answer.gap().resumable, "{:?}", answer.gap());
    }
}
