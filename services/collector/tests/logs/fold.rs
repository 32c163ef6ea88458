//! Folding of repeats.

use std::time::Duration;

use gumshoe_proto::collector::v1::{LogLine, ReadLogsRequest};
use proptest::prelude::*;

use crate::{
    cluster::{FakeCluster, mk_named_pod},
    kubelet::{FakeKubelet, Record},
    support::*,
};

fn fold(request: ReadLogsRequest) -> ReadLogsRequest {
    ReadLogsRequest { fold_repeats: true, ..request }
}

fn counted(lines: &[LogLine]) -> Vec<(String, u64)> {
    lines.iter().map(|line| (line.text.clone(), line.count.unwrap_or(1))).collect()
}

/// The lines that folded ones stand for.
fn unfolded(lines: &[LogLine]) -> Vec<(String, String)> {
    let repeat =
        |line: &LogLine| vec![(line.pod.clone(), line.text.clone()); usize::try_from(line.count.unwrap_or(1)).unwrap()];
    lines.iter().flat_map(repeat).collect()
}

#[tokio::test]
async fn repeats_come_as_one_line_with_a_count_and_two_times() {
    let texts = ["a", "a", "a", "b", "a"];
    let log = texts.iter().zip(0..).map(|(text, millis)| record(millis, text));
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", log);
    for request in [fold(whole()), fold(newest())] {
        let answer = read(&kubelet, request).await.unwrap();
        let lines = answer.lines();
        assert_eq!(counted(&lines), [("a".into(), 3), ("b".into(), 1), ("a".into(), 1)]);
        assert_eq!((lines[0].timestamp, lines[0].last_timestamp), (Some(proto(after(0))), Some(proto(after(2)))));
        assert_eq!((lines[1].count, lines[1].last_timestamp), (None, None));
        assert_eq!((answer.log().lines, answer.log().folded_lines), (3, 2));
    }
    assert_eq!(read(&kubelet, whole()).await.unwrap().texts(), texts);
}

#[tokio::test]
async fn lines_of_which_only_the_beginning_is_known_are_not_folded() {
    let long = vec![b'x'; 70 << 10];
    let log = [record(0, &long), record(1, &long)];
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", log);
    let answer = read(&kubelet, fold(whole())).await.unwrap();
    assert_eq!((answer.lines().len(), answer.log().folded_lines), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn repeats_of_a_log_that_is_followed_are_folded_for_one_second() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"]));
    let mut pages = call(&serve(&kubelet), fold(follow()), AMPLE).unwrap();
    let first = async {
        kubelet.requested(2).await;
        let arrived = tokio::time::Instant::now();
        for millis in 0..3 {
            kubelet.append("web", [record(millis, "again")]);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        arrived
    };
    let page = async { futures::StreamExt::next(&mut pages).await.unwrap().unwrap() };
    let (arrived, page) = tokio::join!(first, page);
    assert_eq!(counted(&page.lines), [("again".into(), 3)]);
    let waited = arrived.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_millis(1100)).contains(&waited), "{waited:?}");
    kubelet.append("web", [record(4, "again")]);
    let page = futures::StreamExt::next(&mut pages).await.unwrap().unwrap();
    assert_eq!(counted(&page.lines), [("again".into(), 1)]);
    let end = rest(pages).await.pop().unwrap();
    assert_eq!((end.logs[0].lines, end.logs[0].folded_lines), (2, 2));
}

/// Lines of two texts.
fn mk_log() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec((0..3_i64, "[ab]"), 0..40).prop_map(|lines| {
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
    fn unfolded_lines_are_those_of_the_plain_read_whatever_the_pages(
        logs in prop::collection::vec(mk_log(), 1..4),
        newest in prop::option::of(0..40_i64),
        exclude in prop::option::of("[ab]"),
        page_size in 1..6_i32,
        page in any::<prop::sample::Index>(),
    ) {
        let cluster = FakeCluster::default();
        for (number, log) in logs.iter().enumerate() {
            let pod = mk_named_pod(&format!("web-{number}"), &["web"], &[("app", "web")]);
            cluster.add(pod, |kubelet| kubelet.with_log("web", log.clone()));
        }
        let plain = ReadLogsRequest {
            pod: String::new(),
            label_selector: "app=web".into(),
            page_size,
            exclude: exclude.into_iter().collect(),
            whole_log: newest.is_none(),
            newest_bytes: newest,
            ..whole()
        };
        let of_pod = |lines: &[(String, String)], number: usize| -> Vec<String> {
            let name = format!("web-{number}");
            lines.iter().filter(|(pod, _)| *pod == name).map(|(_, text)| text.clone()).collect()
        };
        let request = fold(plain.clone());
        let expected = unfolded(&block_on(read_all(&cluster, plain)).unwrap().lines());
        let answer = block_on(read_all(&cluster, request.clone())).unwrap();
        prop_assert!(answer.lines().iter().map(|line| line.timestamp.map(|time| (time.seconds, time.nanos))).is_sorted());
        let whole = unfolded(&answer.lines());
        let page = page.index(answer.pages.len());
        let page_token = answer.pages[page].next_page_token.clone();
        let mut in_two = unfolded(&answer.pages[..=page].iter().flat_map(|page| page.lines.clone()).collect::<Vec<_>>());
        let mut last = answer.logs.clone();
        if !page_token.is_empty() {
            let rest = block_on(read_all(&cluster, ReadLogsRequest { page_token, ..request })).unwrap();
            in_two.extend(unfolded(&rest.lines()));
            last = rest.logs;
        }
        for (number, last) in last.iter().enumerate() {
            let folded_to_one = answer.lines().iter().filter(|line| line.pod == format!("web-{number}")).count();
            prop_assert_eq!(of_pod(&whole, number), of_pod(&expected, number));
            prop_assert_eq!(of_pod(&in_two, number), of_pod(&expected, number));
            let folded = of_pod(&expected, number).len() - folded_to_one;
            prop_assert_eq!(answer.logs[number].folded_lines, folded as u64);
            prop_assert_eq!(last.folded_lines, folded as u64);
        }
    }
}
