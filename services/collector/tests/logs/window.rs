//! Which lines a window gives, against a plain model of it.

use std::time::Duration;

use futures::StreamExt as _;
use gumshoe_proto::collector::v1::{
    ContainerLog, ContainerState, ContainerStateRunning, GapReason, Pod, ReadLogsRequest, ReadLogsResponse,
};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{
    kubelet::{FakeKubelet, Fault, Record},
    support::*,
};

/// A pod whose containers are not known to have run before their first line, of a runtime whose records may be short.
fn mk_young_pod(containers: &[&str]) -> Pod {
    let mut pod = mk_pod(containers);
    for status in statuses(&mut pod) {
        let running = ContainerStateRunning { started_at: None };
        status.state = Some(ContainerState { running: Some(running), ..ContainerState::default() });
        status.container_id = "cri-o://1".into();
    }
    pod
}

/// A line as a container wrote it, and the lengths of the records that the runtime made of it.
#[derive(Debug, Clone)]
struct Written {
    moment: Timestamp,
    text: Vec<u8>,
    records: Vec<usize>,
}

impl Written {
    fn records(&self) -> Vec<Record> {
        let mut rest = &self.text[..];
        let mut records = Vec::new();
        for length in &self.records {
            let (text, after) = rest.split_at((*length).min(rest.len()));
            records.push(Record { moment: self.moment, text: text.to_vec(), partial: true });
            rest = after;
        }
        records.push(Record { moment: self.moment, text: rest.to_vec(), partial: false });
        records
    }
}

fn mk_log(max: usize) -> impl Strategy<Value = Vec<Written>> {
    mk_log_of_steps(0, max)
}

/// Lines that are at least so many nanoseconds apart.
fn mk_log_of_steps(least: i64, max: usize) -> impl Strategy<Value = Vec<Written>> {
    let step = prop_oneof![Just(least), Just(1), least..5_000_000_i64, 400_000_000..1_600_000_000_i64];
    let text = prop_oneof![
        6 => "[a-zé ]{0,30}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>().prop_map(|byte| if byte == b'\n' { b' ' } else { byte }), 0..30),
        // The application's own timestamps are text.
        1 => Just(b"2024-05-01T10:00:00.000000000Z x".to_vec()),
    ];
    let records = prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(0..20_usize, 0..3)];
    prop::collection::vec((step, text, records), 0..max).prop_map(|lines| {
        let mut nanos = start().as_nanosecond();
        let lines = lines.into_iter().map(|(step, text, records)| {
            nanos += i128::from(step);
            Written { moment: Timestamp::from_nanosecond(nanos).unwrap(), text, records }
        });
        lines.collect()
    })
}

/// The bounds of a request.
#[derive(Debug, Clone)]
struct Bounds {
    tail: Option<usize>,
    since: Option<i64>,
    newest: Option<usize>,
}

fn mk_bounds() -> impl Strategy<Value = Bounds> {
    (prop::option::of(0..60_usize), prop::option::of(0..20_000_000_000_i64), prop::option::of(0..800_usize))
        .prop_map(|(tail, since, newest)| Bounds { tail, since, newest })
}

impl Bounds {
    fn since(&self) -> Option<Timestamp> {
        self.since.map(|nanos| Timestamp::from_nanosecond(start().as_nanosecond() + i128::from(nanos)).unwrap())
    }

    fn request(&self) -> ReadLogsRequest {
        ReadLogsRequest {
            tail_lines: self.tail.map(|tail| tail.try_into().unwrap()),
            since_time: self.since().map(proto),
            newest_bytes: self.newest.map(|newest| newest.try_into().unwrap()),
            whole_log: self.tail.is_none() && self.since.is_none() && self.newest.is_none(),
            ..newest()
        }
    }

    /// The lines that these bounds leave, by the plainest means there are; and how many `newest_bytes` left out.
    fn model(&self, log: &[Written]) -> (Vec<(Timestamp, Vec<u8>)>, usize) {
        let records: Vec<_> = log.iter().flat_map(Written::records).collect();
        let begin = records.len().saturating_sub(self.tail.unwrap_or(usize::MAX));
        let mut lines: Vec<(Timestamp, Vec<u8>)> = Vec::new();
        let mut goes_on = false;
        for record in &records[begin..] {
            if goes_on {
                lines.last_mut().unwrap().1.extend(&record.text);
            } else {
                lines.push((record.moment, record.text.clone()));
            }
            goes_on = record.partial;
        }
        lines.retain(|(moment, _)| self.since().is_none_or(|since| *moment >= since));
        let mut room = self.newest.unwrap_or(usize::MAX);
        let fitting = lines.iter().rev().take_while(|(_, text)| {
            let left = room.checked_sub(text.len() + 1);
            room = left.unwrap_or_default();
            left.is_some()
        });
        let left_out = lines.len() - fitting.count();
        (lines.split_off(left_out), left_out)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn any_window_of_any_log_gives_the_lines_of_the_model(
        log in mk_log(80),
        bounds in mk_bounds(),
        pieces in prop::collection::vec(1..200_usize, 0..5),
        page_size in 0..9_i32,
    ) {
        let records: Vec<_> = log.iter().flat_map(Written::records).collect();
        let kubelet = FakeKubelet::new(mk_young_pod(&["web"])).with_log("web", records).with_pieces(pieces);
        let answer = block_on(read(&kubelet, ReadLogsRequest { page_size, ..bounds.request() })).unwrap();
        let (expected, left_out) = bounds.model(&log);
        let bytes: usize = expected.iter().map(|(_, text)| text.len() + 1).sum();
        prop_assert_eq!(answer.log().bytes, bytes as u64);
        let given: Vec<_> = answer.lines().into_iter().map(|line| {
            let text = if line.raw.is_empty() { line.text.into_bytes() } else { line.raw.to_vec() };
            (line.timestamp.unwrap(), text)
        }).collect();
        prop_assert_eq!(given, expected.into_iter().map(|(moment, text)| (proto(moment), text)).collect::<Vec<_>>());
        prop_assert!(page_size == 0 || answer.pages.iter().all(|page| page.lines.len() <= page_size as usize));

        let reasons = if left_out > 0 { vec![GapReason::LogCutOlder] } else { vec![] };
        prop_assert_eq!(answer.reasons(), reasons);
        if left_out > 0 {
            prop_assert_eq!(answer.log().older_lines_exist, Some(true));
            prop_assert!(answer.gap().items.is_none_or(|items| items == left_out as u64));
        }
        if bounds.tail.is_none() && left_out == 0 {
            let exist = log.iter().any(|line| bounds.since().is_some_and(|since| line.moment < since));
            let told = answer.log().older_lines_exist;
            prop_assert!(told == Some(exist) || (told.is_none() && bounds.since().is_some()), "{:?}", told);
        }
    }

    #[test]
    fn behind_every_page_a_new_call_goes_on_with_exactly_the_rest(
        (bounds, logs) in mk_bounds().prop_flat_map(|bounds| {
            // Where a window begins among lines of one nanosecond, nobody can say among which of them: some may come twice.
            let least = i64::from(bounds.tail.is_some() || bounds.newest.is_some());
            let whole_lines = bounds.tail.is_some();
            let log = mk_log_of_steps(least, 25).prop_map(move |mut log| {
                // A window that begins within a line gives its end only; a call that goes on there gives all of it.
                log.iter_mut().filter(|_| whole_lines).for_each(|line| line.records.clear());
                log
            });
            (Just(bounds), prop::collection::vec(log, 1..4))
        }),
        page_size in 1..9_i32,
        page in any::<prop::sample::Index>(),
        more in mk_log(5),
    ) {
        let names = ["a", "b", "c"];
        let mut kubelet = FakeKubelet::new(mk_young_pod(&names[..logs.len()]));
        for (name, log) in names.iter().zip(&logs) {
            kubelet = kubelet.with_log(name, log.iter().flat_map(Written::records));
        }
        let request = ReadLogsRequest { page_size, all_containers: true, ..bounds.request() };
        let answer = block_on(read(&kubelet, request.clone())).unwrap();
        let page = page.index(answer.pages.len());
        let token = answer.pages[page].next_page_token.clone();
        prop_assert_eq!(token.is_empty(), page + 1 == answer.pages.len());
        if !token.is_empty() {
            // What the containers write meanwhile is newer than what the window had, and does not push anything out of it.
            let begin = logs.iter().flatten().map(|line| line.moment).max().unwrap_or(start());
            let shift = begin.duration_since(start());
            let more: Vec<_> = more.iter().flat_map(Written::records).map(|record| Record { moment: record.moment + shift + jiff::SignedDuration::from_secs(1), ..record }).collect();
            for name in &names[..logs.len()] {
                kubelet.append(name, more.clone());
            }
            let rest = block_on(read(&kubelet, ReadLogsRequest { page_token: token, ..request })).unwrap();
            let lines = |pages: &[ReadLogsResponse], name: &str| -> Vec<_> {
                pages.iter().flat_map(|page| page.lines.clone()).filter(|line| line.container == name).collect()
            };
            let meant = |log: &ContainerLog| log.container.clone();
            prop_assert_eq!(rest.logs.iter().map(meant).collect::<Vec<_>>(), answer.logs.iter().map(meant).collect::<Vec<_>>());
            for name in &names[..logs.len()] {
                let (expected, given) = (lines(&answer.pages[page + 1..], name), lines(&rest.pages, name));
                prop_assert!(given.starts_with(&expected), "{expected:?}\n{given:?}");
            }
            let cut = |answer: &Answer| -> Vec<_> {
                let gaps = answer.completeness.gaps.iter();
                gaps.filter(|gap| gap.reason() == GapReason::LogCutOlder).cloned().collect()
            };
            prop_assert_eq!(cut(&rest), cut(&answer), "an answer that goes on tells of the cut in the same words");
        }
    }

    #[test]
    fn lines_of_several_containers_come_in_the_order_of_time(
        logs in prop::collection::vec(mk_log(25), 2..4),
        page_size in 1..9_i32,
    ) {
        let names = ["a", "b", "c"];
        let mut kubelet = FakeKubelet::new(mk_young_pod(&names[..logs.len()]));
        for (name, log) in names.iter().zip(&logs) {
            kubelet = kubelet.with_log(name, log.iter().flat_map(Written::records));
        }
        let answer = block_on(read(&kubelet, ReadLogsRequest { page_size, all_containers: true, ..whole() })).unwrap();
        let moments: Vec<_> = answer.lines().iter().map(|line| line.timestamp.map(|time| (time.seconds, time.nanos))).collect();
        prop_assert!(moments.is_sorted());
        prop_assert_eq!(moments.len(), logs.iter().map(Vec::len).sum::<usize>());
    }
}

#[tokio::test]
async fn the_newest_bytes_are_the_end_of_the_file() {
    let records: Vec<_> =
        (0..80_000).map(|line| record(line, format!("{line} {}", "x".repeat(line as usize % 90)))).collect();
    let file: Vec<u8> = records.iter().flat_map(|record| [&record.text[..], b"\n"].concat()).collect();
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", records).with_pieces(vec![5000]);
    let answer = read(&kubelet, newest()).await.unwrap();
    let given: Vec<u8> = answer.lines().iter().flat_map(|line| [line.text.as_bytes(), b"\n"].concat()).collect();
    assert!(given.len() <= 1 << 20 && given.len() > (1 << 20) - 200);
    assert!(file.ends_with(&given));
    assert_eq!(answer.log().bytes, given.len() as u64);
    assert_eq!((answer.gap().reason(), answer.gap().items), (GapReason::LogCutOlder, None));
    assert_eq!(kubelet.requests().len(), 2, "{:?}", kubelet.requests());
    assert!(kubelet.requests()[1].contains("&tailLines="));
}

#[tokio::test]
async fn a_tail_that_grows_too_little_grows_again() {
    // The oldest lines are long, so the first guess of how many are needed is far too low.
    let records: Vec<_> =
        (0..100_000).map(|line| record(line, "x".repeat(if line < 2000 { 3000 } else { 5 }))).collect();
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", records).with_pieces(vec![4000]);
    let answer = read(&kubelet, ReadLogsRequest { newest_bytes: Some(60_000), ..newest() }).await.unwrap();
    assert_eq!((answer.log().lines, answer.log().bytes), (10_000, 60_000));
    assert!((3..6).contains(&kubelet.requests().len()), "{:?}", kubelet.requests());
}

#[tokio::test]
async fn a_log_that_is_rotated_while_its_newest_lines_are_sought_is_no_endless_search() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..50_000)).with_pieces(vec![4000]);
    kubelet.fault(Fault::None);
    kubelet.fault(Fault::Rotated(numbered(50_000..50_003)));
    let answer = read(&kubelet, ReadLogsRequest { newest_bytes: Some(10_000), ..newest() }).await.unwrap();
    assert_eq!(answer.texts(), ["line 50000", "line 50001", "line 50002"]);
    assert!((3..5).contains(&kubelet.requests().len()), "{:?}", kubelet.requests());
}

#[tokio::test]
async fn since_is_to_the_nanosecond_and_asked_for_in_whole_seconds() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..3000));
    for (nanos, first) in [(-1, "line 1700"), (0, "line 1700"), (1, "line 1701")] {
        let mut since = proto(after(1700));
        since.nanos += nanos;
        let answer = read(&kubelet, ReadLogsRequest { since_time: Some(since), ..newest() }).await.unwrap();
        assert_eq!(answer.texts()[0], first);
    }
    assert!(kubelet.requests()[0].ends_with("sinceTime=2024-05-01T10%3A00%3A01Z"), "{:?}", kubelet.requests());
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_takes_each_page_late_does_not_keep_a_log_open_for_longer_than_a_minute_in_all() {
    let text = "x".repeat(1000);
    let records = (0..6000).map(|millis| record(millis, format!("{millis} {text}")));
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", records);
    let mut taken = 0;
    let mut pages = call(&serve(&kubelet), whole(), 100 * AMPLE).unwrap();
    let end = loop {
        let page = pages.next().await.unwrap().unwrap();
        taken += page.lines.len();
        if let Some(end) = page.completeness {
            break end;
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
    };
    let gap = &end.gaps[0];
    assert_eq!((gap.reason(), gap.resumable), (GapReason::SlowCaller, true), "{gap:?}");
    let rest = read(&kubelet, ReadLogsRequest { page_token: end.resume_token, ..whole() }).await.unwrap();
    assert!(rest.completeness.complete && taken > 0);
    assert_eq!(taken + rest.texts().len(), 6000);
}

#[tokio::test]
async fn a_window_that_begins_before_the_file_although_the_container_ran_says_so() {
    let early = Some(proto(after(1000)));
    let rotated = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(2000..2010));
    let answer = read(&rotated, ReadLogsRequest { since_time: early, ..newest() }).await.unwrap();
    assert!(answer.log().window_starts_at_file_start);
    assert_eq!(answer.log().older_lines_exist, None, "those that it may have written before were rotated away");
    assert!(answer.completeness.complete, "the container may as well have been silent");
    assert!(answer.completeness.warnings[0].contains("rotated"), "{:?}", answer.completeness.warnings);

    let quiet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", [numbered(0..1), numbered(2000..2010)].concat());
    let answer = read(&quiet, ReadLogsRequest { since_time: early, ..newest() }).await.unwrap();
    assert!(!answer.log().window_starts_at_file_start && answer.completeness.warnings.is_empty());

    let before = Some(proto(after(-1)));
    let answer = read(&rotated, ReadLogsRequest { since_time: before, ..newest() }).await.unwrap();
    assert!(answer.completeness.complete, "the container had not begun then");
}

#[tokio::test]
async fn older_lines_are_known_of_when_as_many_came_as_were_asked_for() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..10));
    for (tail, older) in [(0, None), (5, Some(true)), (11, Some(false))] {
        let answer = read(&kubelet, ReadLogsRequest { tail_lines: Some(tail), ..newest() }).await.unwrap();
        assert_eq!(answer.log().older_lines_exist, older, "{tail}");
        assert!(answer.completeness.complete, "a tail is a selection");
    }
    // CRI-O makes any number of records of a line.
    let mut pod = mk_pod(&["web"]);
    statuses(&mut pod)[0].container_id = "cri-o://1".into();
    kubelet.set_pod(Some(pod));
    let answer = read(&kubelet, ReadLogsRequest { tail_lines: Some(11), ..newest() }).await.unwrap();
    assert_eq!(answer.log().older_lines_exist, None);
}

#[tokio::test]
async fn lines_older_than_a_moment_are_known_of_where_they_were_met_or_cannot_be() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..3000));
    // All lines; the newest but one; one in the second that the kubelet is asked for; none.
    let moments = [(3001, 0, Some(true)), (2999, 0, Some(true)), (1700, 1, Some(true)), (-60_000, 0, Some(false))];
    for (millis, nanos, older) in moments {
        let mut since = proto(after(millis));
        since.nanos += nanos;
        let answer = read(&kubelet, ReadLogsRequest { since_time: Some(since), ..newest() }).await.unwrap();
        assert_eq!(answer.log().older_lines_exist, older, "{millis}");
    }
    let whole_second = ReadLogsRequest { since_time: Some(proto(after(1000))), ..newest() };
    assert_eq!(read(&kubelet, whole_second).await.unwrap().log().older_lines_exist, None);
}

#[tokio::test]
async fn a_long_line_is_cut_and_says_from_what() {
    let line = Record { partial: true, ..record(0, "x".repeat(16 << 10)) };
    let records = [vec![line; 9], vec![record(0, "y"), record(1, "z")]].concat();
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", records).with_pieces(vec![1000]);
    let answer = read(&kubelet, whole()).await.unwrap();
    let lines = answer.lines();
    assert_eq!((lines[0].text.len(), lines[0].cut_from), (64 << 10, Some(9 * (16 << 10) + 1)));
    assert_eq!((lines[1].text.as_str(), lines[1].cut_from), ("z", None));
}

#[tokio::test]
async fn a_line_that_is_no_utf8_has_its_bytes() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", [record(0, b"caf\xc3"), record(1, "café")]);
    let lines = read(&kubelet, whole()).await.unwrap().lines();
    assert_eq!((lines[0].text.as_str(), &lines[0].raw[..]), ("caf\u{fffd}", &b"caf\xc3"[..]));
    assert_eq!((lines[1].text.as_str(), &lines[1].raw[..]), ("café", &b""[..]));
}
