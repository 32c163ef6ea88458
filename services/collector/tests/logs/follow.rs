//! Following a log.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use gumshoe_proto::collector::v1::{ContainerLogStatus, ContainerState, GapReason, ReadLogsRequest, ReadLogsResponse};
use tonic::Status;

use crate::{
    kubelet::{FakeKubelet, Fault, Record},
    support::*,
};

/// A call that follows ends with its deadline, so these tests last as long.
const SHORT: Duration = Duration::from_millis(1500);

fn follow() -> ReadLogsRequest {
    ReadLogsRequest { follow: true, ..whole() }
}

/// Takes pages until so many lines have come.
async fn lines(
    pages: &mut (impl Stream<Item = Result<ReadLogsResponse, Status>> + Unpin),
    count: usize,
) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let page = pages.next().await.unwrap().unwrap();
        assert!(page.completeness.is_none(), "{page:?}");
        texts.extend(page.lines.into_iter().map(|line| line.text));
    }
    texts
}

async fn rest(pages: impl Stream<Item = Result<ReadLogsResponse, Status>>) -> Vec<ReadLogsResponse> {
    pages.map(Result::unwrap).collect().await
}

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
async fn a_container_that_ends_ends_its_part_of_the_answer() {
    let kubelet = FakeKubelet::new(mk_pod(&["web", "proxy"])).with_log("web", numbered(0..2));
    let request = ReadLogsRequest { all_containers: true, ..follow() };
    let mut pages = call(&serve(&kubelet), request, SHORT).unwrap();
    lines(&mut pages, 2).await;
    kubelet.requested(4).await;
    let mut pod = mk_pod(&["web", "proxy"]);
    statuses(&mut pod)[0] = statuses(&mut mk_ended_pod())[0].clone();
    pod.spec.as_mut().unwrap().restart_policy = "Never".into();
    kubelet.set_pod(Some(pod));
    kubelet.end("web");
    kubelet.append("proxy", numbered(5..6));
    assert_eq!(lines(&mut pages, 1).await, ["line 5"]);
    let end = rest(pages).await.pop().unwrap();
    assert!(end.completeness.unwrap().complete);
    assert_eq!(end.logs.iter().map(|log| log.lines).collect::<Vec<_>>(), [2, 1]);
    let web = kubelet.requests().into_iter().filter(|request| request.contains("container=web")).count();
    assert_eq!(web, 3, "a log that has ended is read to its end once");
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

#[tokio::test(start_paused = true)]
async fn a_container_that_has_not_started_is_waited_for() {
    let mut pod = mk_pod(&["web"]);
    statuses(&mut pod)[0].state = Some(ContainerState::default());
    let kubelet = FakeKubelet::new(pod);
    kubelet.fault_look(Fault::Status(400, "container \"web\" in pod \"web-0\" is waiting to start: ContainerCreating"));
    let early = read_until(&kubelet, follow(), Duration::from_millis(300)).await.unwrap();
    assert_eq!((early.status(), early.completeness.complete), (ContainerLogStatus::NotStarted, true));
    assert!(!early.completeness.resume_token.is_empty());

    kubelet.fault_look(Fault::Status(400, "container \"web\" in pod \"web-0\" is waiting to start: ContainerCreating"));
    let mut pages =
        call(&serve(&kubelet), ReadLogsRequest { tail_lines: Some(0), whole_log: false, ..follow() }, AMPLE).unwrap();
    let (seen, ()) = tokio::join!(lines(&mut pages, 2), async {
        kubelet.looked(2).await;
        kubelet.append("web", numbered(0..2));
        kubelet.set_pod(Some(mk_pod(&["web"])));
    });
    assert_eq!(seen, ["line 0", "line 1"]);
}

#[tokio::test(start_paused = true)]
async fn every_run_of_a_container_that_crashes_is_followed_to_its_end() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let mut seen = lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    // What it said while the connection was broken is read of the earlier run.
    kubelet.append("web", numbered(2..3));
    kubelet.restart("web", mk_restarted_pod(1), numbered(3..4));
    seen.extend(lines(&mut pages, 2).await);
    // It crashes again, and is started again only later; meanwhile its connection has ended neatly, but too early.
    kubelet.requested(4).await;
    kubelet.set_pod(Some(mk_looping_pod(1)));
    kubelet.break_connections();
    kubelet.append("web", numbered(4..5));
    seen.extend(lines(&mut pages, 1).await);
    kubelet.restart("web", mk_restarted_pod(2), numbered(5..6));
    seen.extend(lines(&mut pages, 1).await);
    assert_eq!(seen, (0..6).map(|line| format!("line {line}")).collect::<Vec<_>>());
    let end = rest(pages).await.pop().unwrap().completeness.unwrap();
    assert!(end.complete && !end.resume_token.is_empty(), "{end:?}");
    let request = ReadLogsRequest { page_token: end.resume_token, ..follow() };
    let resumed = read_until(&kubelet, request, Duration::from_millis(300)).await.unwrap();
    assert!(resumed.completeness.complete && resumed.texts().is_empty(), "{resumed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_end_cannot_be_had_has_a_gap() {
    for restarts in [1, 2] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
        let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
        lines(&mut pages, 2).await;
        kubelet.requested(2).await;
        kubelet.fault(Fault::Status(500, "dial tcp 10.0.0.7:10250: connect: no route to host"));
        kubelet.restart("web", mk_restarted_pod(restarts), numbered(3..4));
        if restarts == 1 {
            kubelet.forget_previous("web");
        }
        assert_eq!(lines(&mut pages, 1).await, ["line 3"], "the lines of the later run come nevertheless");
        let end = rest(pages).await.pop().unwrap();
        let gaps = end.completeness.unwrap().gaps;
        assert_eq!((gaps.len(), gaps[0].reason()), (1, GapReason::LogCutNewer));
        assert_eq!(end.logs[0].status(), ContainerLogStatus::Read);
    }
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
async fn a_restart_while_the_end_of_a_run_is_asked_for_loses_and_repeats_nothing() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let mut seen = lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.append("web", numbered(2..3));
    kubelet.fault_look(Fault::Restarted(Box::new(mk_restarted_pod(1)), numbered(3..5)));
    kubelet.set_pod(Some(mk_looping_pod(0)));
    kubelet.break_connections();
    seen.extend(lines(&mut pages, 3).await);
    let end = rest(pages).await;
    seen.extend(end.iter().flat_map(|page| page.lines.iter().map(|line| line.text.clone())));
    assert_eq!(seen, (0..5).map(|line| format!("line {line}")).collect::<Vec<_>>());
    assert!(end.last().unwrap().completeness.as_ref().unwrap().complete);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_the_pod_tells_late_has_a_gap_and_repeats_nothing() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let mut seen = lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.append("web", numbered(2..3));
    kubelet.restart("web", mk_pod(&["web"]), numbered(3..5));
    seen.extend(lines(&mut pages, 2).await);
    kubelet.set_pod(Some(mk_restarted_pod(1)));
    kubelet.break_connections();
    kubelet.append("web", numbered(5..6));
    seen.extend(lines(&mut pages, 1).await);
    assert_eq!(seen, ["line 0", "line 1", "line 3", "line 4", "line 5"]);
    let end = rest(pages).await.pop().unwrap();
    assert_eq!(end.completeness.unwrap().gaps[0].reason(), GapReason::LogCutNewer, "line 2 is missing");
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_container_that_had_not_started_brings_all_of_its_log() {
    let mut pod = mk_pod(&["web"]);
    statuses(&mut pod)[0].state = Some(ContainerState::default());
    for request in [
        follow(),
        ReadLogsRequest { whole_log: false, tail_lines: Some(0), ..follow() },
        ReadLogsRequest { whole_log: false, tail_lines: Some(1), ..follow() },
    ] {
        let kubelet = FakeKubelet::new(pod.clone());
        let waits = "container \"web\" in pod \"web-0\" is waiting to start: ContainerCreating";
        kubelet.fault_look(Fault::Status(400, waits));
        let early = read_until(&kubelet, request.clone(), Duration::from_millis(300)).await.unwrap();
        assert_eq!(early.status(), ContainerLogStatus::NotStarted);
        let request = ReadLogsRequest { page_token: early.completeness.resume_token, ..request };
        kubelet.append("web", numbered(0..3));
        kubelet.set_pod(Some(mk_pod(&["web"])));
        let resumed = read_until(&kubelet, request.clone(), Duration::from_millis(300)).await.unwrap();
        assert_eq!(resumed.texts(), ["line 0", "line 1", "line 2"]);
        assert!(resumed.completeness.complete);
        kubelet.restart("web", mk_restarted_pod(1), numbered(3..4));
        let crashed = read_until(&kubelet, request, Duration::from_millis(300)).await.unwrap();
        assert_eq!(crashed.gap().reason(), GapReason::LogCutNewer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_will_never_start_is_not_waited_for() {
    let mut pod = mk_pod(&["web"]);
    statuses(&mut pod).clear();
    pod.status.as_mut().unwrap().phase = "Failed".into();
    let kubelet = FakeKubelet::new(pod);
    kubelet.fault_look(Fault::Status(400, "container \"web\" in pod \"web-0\" is not available"));
    let begun = tokio::time::Instant::now();
    let answer = read(&kubelet, follow()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!((answer.status(), answer.completeness.complete), (ContainerLogStatus::NotStarted, true));
    assert!(answer.completeness.resume_token.is_empty(), "nothing can come any more");
}

#[tokio::test(start_paused = true)]
async fn a_log_that_the_node_has_thrown_away_is_not_asked_for_until_the_deadline() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let begun = tokio::time::Instant::now();
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    for _ in 0..20 {
        kubelet.fault_look(Fault::Status(400, "container \"web\" in pod \"web-0\" is terminated"));
    }
    kubelet.set_pod(Some(mk_ended_pod()));
    kubelet.break_connections();
    let end = rest(pages).await.pop().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(end.logs[0].status(), ContainerLogStatus::RuntimeError);
    let completeness = end.completeness.unwrap();
    assert_eq!(completeness.gaps[0].reason(), GapReason::LogUnreadable);
    assert!(completeness.resume_token.is_empty(), "nothing can come any more");
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
    let unfinished = Record { partial: true, ..record(5, "migrating… ") };
    for (request, before) in [
        (follow(), 5),
        (ReadLogsRequest { whole_log: false, ..follow() }, 5),
        (ReadLogsRequest { whole_log: false, tail_lines: Some(1), ..follow() }, 0),
        (ReadLogsRequest { whole_log: false, tail_lines: Some(0), ..follow() }, 0),
    ] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..5));
        kubelet.append("web", [unfinished.clone()]);
        let mut pages = call(&serve(&kubelet), request.clone(), AMPLE).unwrap();
        let mut seen = lines(&mut pages, before).await;
        let first = usize::from(request.tail_lines != Some(0));
        kubelet.requested(1 + first).await;
        kubelet.append("web", [record(6, "failed: disk full")]);
        seen.extend(lines(&mut pages, 1).await);
        assert_eq!(seen.len(), before + 1);
        assert_eq!(seen[before], "migrating… failed: disk full", "{request:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_last_line_that_is_never_finished_is_given_with_the_end_of_its_run() {
    let kubelet = FakeKubelet::new(mk_ended_pod()).with_log("web", numbered(0..2));
    kubelet.append("web", [Record { partial: true, ..record(2, "bye") }]);
    kubelet.end("web");
    for request in [follow(), ReadLogsRequest { whole_log: false, ..follow() }] {
        let answer = read(&kubelet, request).await.unwrap();
        assert_eq!(answer.texts(), ["line 0", "line 1", "bye"]);
        assert!(answer.completeness.complete);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_evicted_and_forgets_its_containers_is_read_to_its_end() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let mut seen = lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    let mut pod = mk_pod(&["web"]);
    statuses(&mut pod).clear();
    pod.status.as_mut().unwrap().phase = "Failed".into();
    kubelet.set_pod(Some(pod));
    kubelet.break_connections();
    kubelet.append("web", numbered(2..3));
    seen.extend(lines(&mut pages, 1).await);
    assert_eq!(seen, ["line 0", "line 1", "line 2"]);
    let end = rest(pages).await.pop().unwrap();
    assert_eq!((end.logs[0].status(), end.completeness.unwrap().complete), (ContainerLogStatus::Read, true));
}

#[tokio::test(start_paused = true)]
async fn a_restart_while_an_earlier_run_is_asked_for_has_a_gap_and_repeats_nothing() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let mut seen = lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.append("web", numbered(2..3));
    kubelet.fault_look(Fault::Restarted(Box::new(mk_restarted_pod(2)), numbered(5..7)));
    kubelet.restart("web", mk_restarted_pod(1), numbered(3..5));
    seen.extend(lines(&mut pages, 4).await);
    let end = rest(pages).await;
    seen.extend(end.iter().flat_map(|page| page.lines.iter().map(|line| line.text.clone())));
    assert_eq!(seen, ["line 0", "line 1", "line 3", "line 4", "line 5", "line 6"]);
    let gaps = &end.last().unwrap().completeness.as_ref().unwrap().gaps;
    assert_eq!((gaps.len(), gaps[0].reason()), (1, GapReason::LogCutNewer), "line 2 is missing");
}
