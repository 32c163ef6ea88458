//! Following a log.

use std::time::Duration;

use gumshoe_proto::collector::v1::{ContainerLogStatus, GapReason, ReadLogsRequest};

use crate::{
    kubelet::{FakeKubelet, Fault, Record},
    support::*,
};

/// A call that follows ends with its deadline, so these tests last as long.
const SHORT: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn new_lines_come_behind_the_window_until_the_deadline() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..5));
    for request in [
        follow(),
        ReadLogsRequest { whole_log: false, ..follow() },
        ReadLogsRequest { whole_log: false, tail_lines: Some(100), ..follow() },
    ] {
        let mut pages = call(&serve(&kubelet), request, SHORT).unwrap();
        let before = kubelet.requests().len();
        let mut seen = lines(&mut pages, 5).await;
        kubelet.requested(before + 2).await;
        kubelet.append("web", numbered(5..7));
        seen.extend(lines(&mut pages, 2).await);
        assert_eq!(seen, (0..7).map(|line| format!("line {line}")).collect::<Vec<_>>());
        let end = rest(pages).await.pop().unwrap();
        let completeness = end.completeness.unwrap();
        assert!(completeness.complete, "the deadline is the end that was asked for: {completeness:?}");
        assert!(!completeness.resume_token.is_empty(), "and one can go on from there");
        assert_eq!((end.logs[0].status(), end.logs[0].lines), (ContainerLogStatus::Read, 7));
        kubelet.rotate("web");
        kubelet.append("web", numbered(0..5));
    }
}

#[tokio::test]
async fn following_from_now_gives_no_old_lines() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..5));
    let request = ReadLogsRequest { whole_log: false, tail_lines: Some(0), ..follow() };
    let mut pages = call(&serve(&kubelet), request, SHORT).unwrap();
    let (seen, ()) = tokio::join!(lines(&mut pages, 1), async {
        kubelet.requested(1).await;
        kubelet.append("web", numbered(5..6));
    });
    assert_eq!(seen, ["line 5"]);
}

#[tokio::test(start_paused = true)]
async fn following_from_now_loses_nothing_before_the_first_line() {
    for before in [0, 5] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..before));
        let request = ReadLogsRequest { whole_log: false, tail_lines: Some(0), ..follow() };
        let mut pages = call(&serve(&kubelet), request, AMPLE).unwrap();
        let (seen, ()) = tokio::join!(lines(&mut pages, 2), async {
            kubelet.requested(1).await;
            kubelet.fault(Fault::Status(500, "dial tcp 10.0.0.7:10250: i/o timeout"));
            kubelet.break_connections();
            kubelet.append("web", numbered(before..before + 2));
        });
        assert_eq!(seen, [format!("line {before}"), format!("line {}", before + 1)]);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_taken_up_without_loss_or_repeats() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..5));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let mut seen = lines(&mut pages, 5).await;
    for round in 0..3 {
        kubelet.requested(2 + round).await;
        let next = 5 + 2 * i64::try_from(round).unwrap();
        kubelet.append("web", numbered(next..next + 1));
        seen.extend(lines(&mut pages, 1).await);
        kubelet.break_connections();
        kubelet.append("web", numbered(next + 1..next + 2));
        seen.extend(lines(&mut pages, 1).await);
    }
    kubelet.end("web");
    kubelet.set_pod(None);
    let end = rest(pages).await;
    assert_eq!(seen, (0..11).map(|line| format!("line {line}")).collect::<Vec<_>>());
    assert!(end.iter().all(|page| page.lines.is_empty()));
    let end = end.last().unwrap();
    assert_eq!(end.logs[0].status(), ContainerLogStatus::PodGone);
    assert_eq!(end.completeness.as_ref().unwrap().gaps[0].reason(), GapReason::LogCutNewer);
}

#[tokio::test]
async fn a_log_that_ends_while_its_container_runs_is_taken_up_again() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..5));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    lines(&mut pages, 5).await;
    // As when the kubelet is restarted: its connections end neatly.
    kubelet.end("web");
    kubelet.requested(4).await;
    kubelet.append("web", numbered(5..6));
    assert_eq!(lines(&mut pages, 1).await, ["line 5"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_lost_while_its_log_is_followed_is_told_at_the_deadline() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..5));
    let mut pages = call(&serve(&kubelet), follow(), SHORT).unwrap();
    lines(&mut pages, 5).await;
    kubelet.requested(2).await;
    for _ in 0..20 {
        kubelet.fault(Fault::Status(500, "dial tcp 10.0.0.7:10250: connect: connection refused"));
    }
    kubelet.break_connections();
    let end = rest(pages).await.pop().unwrap();
    assert_eq!(end.logs[0].status(), ContainerLogStatus::NodeUnreachable);
    assert!(end.logs[0].cut_newer);
    let gap = &end.completeness.as_ref().unwrap().gaps[0];
    assert_eq!((gap.reason(), gap.resumable), (GapReason::LogUnreadable, true));
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_not_followed() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"]));
    kubelet.fault(Fault::Status(400, "container web is not valid for pod web-0"));
    let answer = read(&kubelet, follow()).await.unwrap();
    assert_eq!(answer.status(), ContainerLogStatus::NoSuchContainer);
    assert_eq!(kubelet.requests().len(), 1);
}

#[tokio::test]
async fn another_pod_of_the_same_name_is_not_followed_in_its_place() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    let mut other = mk_pod(&["web"]);
    other.metadata.as_mut().unwrap().uid = "2".into();
    kubelet.restart("web", other, numbered(3..4));
    let end = rest(pages).await.pop().unwrap();
    assert_eq!((end.logs[0].status(), end.lines.len()), (ContainerLogStatus::PodGone, 0));
    assert_eq!(end.completeness.unwrap().gaps[0].reason(), GapReason::LogCutNewer);
}

#[tokio::test]
async fn a_kubelet_that_does_not_know_the_pod_yet_is_asked_again() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.fault(Fault::Status(404, "the server could not find the requested resource ( pods/log web-0)"));
    kubelet.break_connections();
    kubelet.append("web", numbered(2..3));
    assert_eq!(lines(&mut pages, 1).await, ["line 2"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_kubelet_says_of_its_own_is_no_line() {
    for error in [
        "failed to watch directory \"/var/log/pods/shop_web-0_1/web\": no space left on device",
        "failed to tail 2 lines of log file \"/var/log/pods/x\": EOF",
        "rpc error: code = NotFound desc = an error occurred when try to find container \"0a1b\": not found",
        "container status is nil",
        "context cancelled",
        "something new",
    ] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
        kubelet.fault(Fault::Append(error));
        let window = read(&kubelet, whole()).await.unwrap();
        assert_eq!((window.status(), window.texts().len()), (ContainerLogStatus::RuntimeError, 2), "{error}");
        assert_eq!(window.gap().reason(), GapReason::LogUnreadable);
        assert!(!window.log().message.contains("/var"), "{}", window.log().message);

        kubelet.fault(Fault::None);
        kubelet.fault(Fault::Append(error));
        let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
        lines(&mut pages, 2).await;
        kubelet.requested(4).await;
        kubelet.append("web", numbered(2..3));
        assert_eq!(lines(&mut pages, 1).await, ["line 2"], "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_has_been_quiet_for_long_is_not_trusted() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    kubelet.fault(Fault::None);
    kubelet.fault(Fault::StallAfter(0));
    let mut pages = call(&serve(&kubelet), follow(), Duration::from_secs(3600)).unwrap();
    let seen = lines(&mut pages, 2).await;
    assert_eq!(seen, ["line 0", "line 1"]);
    kubelet.append("web", numbered(2..3));
    assert_eq!(lines(&mut pages, 1).await, ["line 2"]);
}

#[tokio::test]
async fn a_window_does_not_wait_until_its_log_may_be_followed() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let logs = serve(&kubelet);
    let mut others = Vec::new();
    for _ in 0..16 {
        let mut pages = call(&logs, follow(), AMPLE).unwrap();
        lines(&mut pages, 2).await;
        others.push(pages);
    }
    kubelet.requested(32).await;
    let mut pages = call(&logs, follow(), SHORT).unwrap();
    assert_eq!(lines(&mut pages, 2).await, ["line 0", "line 1"]);
    let end = rest(pages).await.pop().unwrap();
    assert_eq!(end.completeness.unwrap().gaps[0].reason(), GapReason::Overloaded);
}

#[tokio::test]
async fn a_followed_log_goes_on_by_the_token_of_its_end() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..5));
    let first = read_until(&kubelet, follow(), Duration::from_millis(300)).await.unwrap();
    kubelet.append("web", numbered(5..8));
    kubelet.end("web");
    kubelet.set_pod(Some(mk_ended_pod()));
    let page_token = first.completeness.resume_token.clone();
    let second = read(&kubelet, ReadLogsRequest { page_token, ..follow() }).await.unwrap();
    assert_eq!(second.texts(), ["line 5", "line 6", "line 7"]);
    assert!(second.completeness.resume_token.is_empty(), "nothing can come any more");
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_that_fails_after_every_line_is_not_asked_without_pause() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..1));
    kubelet.fault(Fault::None);
    for line in 1..100 {
        kubelet.fault(Fault::Grown(numbered(line..line + 1), "failed to watch directory: no space left on device"));
    }
    let answer = read_until(&kubelet, follow(), Duration::from_secs(10)).await.unwrap();
    let requests = kubelet.requests().len();
    assert!((4..15).contains(&requests), "{requests} requests");
    assert_eq!(answer.texts(), (0..requests).map(|line| format!("line {line}")).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_is_over_is_not_told_though_the_container_is_silent() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    kubelet.fault(Fault::None);
    kubelet.fault(Fault::Status(500, "dial tcp 10.0.0.7:10250: connect: connection refused"));
    // Whoever asks again is answered no sooner.
    kubelet.fault(Fault::Silence);
    kubelet.fault(Fault::Silence);
    let answer = read_until(&kubelet, follow(), Duration::from_secs(130)).await.unwrap();
    assert_eq!((answer.status(), answer.completeness.complete), (ContainerLogStatus::Read, true));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_the_window_finds_unfinished_is_given_once_and_whole() {
    let unfinished = [(5, "migrating… "), (6, "50 % "), (7, "99 % ")];
    let unfinished = unfinished.map(|(millis, text)| Record { partial: true, ..record(millis, text) });
    for (request, before) in [
        (follow(), 5),
        (ReadLogsRequest { whole_log: false, ..follow() }, 5),
        (ReadLogsRequest { whole_log: false, tail_lines: Some(1), ..follow() }, 0),
        (ReadLogsRequest { whole_log: false, tail_lines: Some(1), newest_bytes: Some(100), ..follow() }, 0),
        (ReadLogsRequest { whole_log: false, tail_lines: Some(0), ..follow() }, 0),
    ] {
        let mut pod = mk_pod(&["web"]);
        statuses(&mut pod)[0].container_id = "cri-o://1".into();
        let kubelet = FakeKubelet::new(pod).with_log("web", numbered(0..5));
        kubelet.append("web", unfinished.clone());
        let mut pages = call(&serve(&kubelet), request.clone(), AMPLE).unwrap();
        let mut seen = lines(&mut pages, before).await;
        let first = usize::from(request.tail_lines != Some(0));
        kubelet.requested(1 + first).await;
        kubelet.append("web", [record(8, "failed: disk full")]);
        seen.extend(lines(&mut pages, 1).await);
        assert_eq!(seen.len(), before + 1);
        assert_eq!(seen[before], "migrating… 50 % 99 % failed: disk full", "{request:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_rotated_while_it_was_not_read_has_a_gap() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.fault(Fault::Status(500, "dial tcp 10.0.0.7:10250: connect: connection refused"));
    kubelet.break_connections();
    kubelet.rotate("web");
    kubelet.append("web", numbered(7..9));
    assert_eq!(lines(&mut pages, 2).await, ["line 7", "line 8"]);
    let end = rest(pages).await.pop().unwrap();
    let completeness = end.completeness.unwrap();
    assert_eq!((completeness.gaps.len(), completeness.gaps[0].reason()), (1, GapReason::LogCutNewer));
    let request = ReadLogsRequest { page_token: completeness.resume_token, ..follow() };
    let resumed = read_until(&kubelet, request, SHORT).await.unwrap();
    assert_eq!(resumed.gap(), &completeness.gaps[0], "whoever goes on from there hears of it too");
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_rotated_before_the_end_of_its_run_was_read_has_a_gap() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.rotate("web");
    kubelet.set_pod(Some(mk_ended_pod()));
    kubelet.break_connections();
    let end = rest(pages).await.pop().unwrap();
    assert_eq!(end.logs[0].status(), ContainerLogStatus::Read);
    assert_eq!(end.completeness.unwrap().gaps[0].reason(), GapReason::LogCutNewer);
}

#[tokio::test]
async fn a_log_that_was_rotated_between_two_calls_has_a_gap() {
    for lines_since in [0, 2] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..20));
        let request = ReadLogsRequest { page_size: 5, ..whole() };
        let page_token = read(&kubelet, request.clone()).await.unwrap().pages[0].next_page_token.clone();
        kubelet.rotate("web");
        kubelet.append("web", numbered(40..40 + lines_since));
        let resumed = read(&kubelet, ReadLogsRequest { page_token, ..request }).await.unwrap();
        assert_eq!((resumed.gap().reason(), resumed.gap().resumable), (GapReason::LogCutNewer, false));
        assert_eq!(resumed.log().lines, u64::try_from(lines_since).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_goes_back_to_where_it_was_left_has_no_gap() {
    let old = [record(-9000, "begun")];
    let long = [Record { partial: true, ..record(5, "half ") }, record(6, "of it")];
    let tail = |lines| ReadLogsRequest { whole_log: false, tail_lines: Some(lines), ..follow() };
    let since = ReadLogsRequest { since_time: Some(proto(after(3000))), ..tail(0) };
    // From now on, the last line being older than what is wanted; and from the middle of a line.
    for (request, before) in [(since, 0), (tail(1), 1)] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", [&old[..], &long[..]].concat());
        let mut pages = call(&serve(&kubelet), request.clone(), AMPLE).unwrap();
        lines(&mut pages, before).await;
        kubelet.requested(1 + before).await;
        kubelet.break_connections();
        kubelet.append("web", numbered(4000..4001));
        assert_eq!(lines(&mut pages, 1).await, ["line 4000"]);
        let end = rest(pages).await.pop().unwrap();
        assert!(end.completeness.unwrap().complete, "{request:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_lasted_is_taken_up_at_once() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    kubelet.fault(Fault::None);
    for _ in 0..6 {
        kubelet.fault(Fault::Status(500, "dial tcp 10.0.0.7:10250: connect: connection refused"));
    }
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    lines(&mut pages, 2).await;
    // Without a request to wait for, only the time is left; nobody waits for it where the clock stands still.
    let mut asked = 8;
    for (lasts, least, most) in [(6, 0, 1), (0, 0, 1), (0, 0, 1)] {
        kubelet.requested(asked).await;
        tokio::time::advance(Duration::from_secs(lasts)).await;
        let broken = tokio::time::Instant::now();
        kubelet.break_connections();
        asked += 1;
        kubelet.requested(asked).await;
        let waited = broken.elapsed().as_secs();
        assert!((least..=most).contains(&waited), "{waited} s");
    }
}
