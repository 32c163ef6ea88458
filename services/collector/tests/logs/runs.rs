//! Following a container from run to run, and to its end.

use std::time::Duration;

use futures::StreamExt as _;
use gumshoe_proto::collector::v1::{ContainerLogStatus, ContainerState, GapReason, Pod, ReadLogsRequest};

use crate::{
    kubelet::{FakeKubelet, Fault, Record},
    support::*,
};

/// A pod whose only container has not started.
fn mk_creating_pod() -> Pod {
    let mut pod = mk_pod(&["web"]);
    let status = &mut statuses(&mut pod)[0];
    status.state = Some(ContainerState::default());
    status.container_id.clear();
    pod
}

/// A pod that was evicted by a kubelet that forgets its containers then.
fn mk_evicted_pod() -> Pod {
    let mut pod = mk_pod(&["web"]);
    statuses(&mut pod).clear();
    pod.status.as_mut().unwrap().phase = "Failed".into();
    pod
}

/// A call that follows ends with its deadline, so these tests last as long.
const SHORT: Duration = Duration::from_millis(1500);

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
async fn a_container_that_has_not_started_is_waited_for() {
    let kubelet = FakeKubelet::new(mk_creating_pod());
    let early = read_until(&kubelet, follow(), Duration::from_millis(300)).await.unwrap();
    assert_eq!((early.status(), early.completeness.complete), (ContainerLogStatus::NotStarted, true));
    assert!(!early.completeness.resume_token.is_empty());

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
    kubelet.restart("web", mk_restarted_pod(1), of_run(1, 3..4));
    seen.extend(lines(&mut pages, 2).await);
    // It crashes again, and is started again only later; meanwhile its connection has ended neatly, but too early.
    kubelet.requested(4).await;
    kubelet.set_pod(Some(mk_looping_pod(1)));
    kubelet.break_connections();
    kubelet.append("web", of_run(1, 4..5));
    seen.extend(lines(&mut pages, 1).await);
    kubelet.restart("web", mk_restarted_pod(2), of_run(2, 5..6));
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
        kubelet.restart("web", mk_restarted_pod(restarts), of_run(i64::from(restarts), 3..4));
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

#[tokio::test(start_paused = true)]
async fn a_restart_while_the_end_of_a_run_is_asked_for_loses_and_repeats_nothing() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let mut seen = lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.append("web", numbered(2..3));
    kubelet.fault_look(Fault::Restarted(Box::new(mk_restarted_pod(1)), of_run(1, 3..5)));
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
    for given in [0, 2] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..given));
        let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
        let mut seen = lines(&mut pages, usize::try_from(given).unwrap()).await;
        kubelet.requested(2).await;
        kubelet.append("web", numbered(2..3));
        kubelet.restart("web", mk_pod(&["web"]), of_run(1, 3..5));
        seen.extend(lines(&mut pages, 2).await);
        kubelet.set_pod(Some(mk_restarted_pod(1)));
        kubelet.break_connections();
        kubelet.append("web", of_run(1, 5..6));
        seen.extend(lines(&mut pages, 1).await);
        assert_eq!(seen, (0..given).chain(3..6).map(|line| format!("line {line}")).collect::<Vec<_>>());
        let end = rest(pages).await.pop().unwrap();
        let gap = &end.completeness.unwrap().gaps[0];
        assert_eq!(gap.reason(), GapReason::LogCutNewer, "line 2 is missing");
        assert!(gap.message.contains("the container was restarted"), "nothing was rotated: {}", gap.message);
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_container_that_had_not_started_brings_all_of_its_log() {
    for request in [
        follow(),
        ReadLogsRequest { whole_log: false, tail_lines: Some(0), ..follow() },
        ReadLogsRequest { whole_log: false, tail_lines: Some(1), ..follow() },
    ] {
        let kubelet = FakeKubelet::new(mk_creating_pod());
        let early = read_until(&kubelet, request.clone(), Duration::from_millis(300)).await.unwrap();
        assert_eq!(early.status(), ContainerLogStatus::NotStarted);
        let request = ReadLogsRequest { page_token: early.completeness.resume_token, ..request };
        kubelet.append("web", numbered(0..3));
        kubelet.set_pod(Some(mk_pod(&["web"])));
        let resumed = read_until(&kubelet, request.clone(), Duration::from_millis(300)).await.unwrap();
        assert_eq!(resumed.texts(), ["line 0", "line 1", "line 2"]);
        assert!(resumed.completeness.complete);
        kubelet.restart("web", mk_restarted_pod(1), of_run(1, 3..4));
        let crashed = read_until(&kubelet, request, Duration::from_millis(300)).await.unwrap();
        assert_eq!(crashed.gap().reason(), GapReason::LogCutNewer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_will_never_start_is_not_waited_for() {
    let kubelet = FakeKubelet::new(mk_evicted_pod());
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
    assert!(begun.elapsed() < Duration::from_secs(35), "{:?}", begun.elapsed());
    assert_eq!(end.logs[0].status(), ContainerLogStatus::RuntimeError);
    let completeness = end.completeness.unwrap();
    assert_eq!(completeness.gaps[0].reason(), GapReason::LogUnreadable);
    assert!(completeness.resume_token.is_empty(), "nothing can come any more");
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_behind_a_container_that_is_over_hears_what_became_of_it() {
    let mk_pod_of = |over: Pod| {
        let mut pod = mk_pod(&["web", "proxy"]);
        pod.spec.as_mut().unwrap().restart_policy = "Never".into();
        pod.status.as_mut().unwrap().phase = over.status.as_ref().unwrap().phase.clone();
        let proxy = statuses(&mut pod).pop();
        *statuses(&mut pod) = over.status.unwrap().container_statuses.into_iter().chain(proxy).collect();
        pod
    };
    // Both logs are looked at; then the one that has ended is asked for so often.
    for (first, over, looks, status, gaps) in [
        (mk_pod(&["web"]), mk_ended_pod(), 2 + 8, ContainerLogStatus::RuntimeError, &[GapReason::LogUnreadable][..]),
        (mk_creating_pod(), mk_evicted_pod(), 2, ContainerLogStatus::NotStarted, &[]),
    ] {
        let kubelet = FakeKubelet::new(mk_pod_of(first)).with_log("proxy", numbered(0..2));
        let request = ReadLogsRequest { all_containers: true, ..follow() };
        let mut pages = call(&serve(&kubelet), request.clone(), AMPLE).unwrap();
        lines(&mut pages, 2).await;
        for _ in 0..8 {
            kubelet.fault_look(Fault::Status(400, "container \"web\" in pod \"web-0\" is terminated"));
        }
        kubelet.set_pod(Some(mk_pod_of(over)));
        kubelet.break_connections();
        for look in 1..=looks {
            kubelet.looked(look).await;
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        kubelet.append("proxy", numbered(2..3));
        let page = pages.next().await.unwrap().unwrap();
        assert_eq!((page.lines.len(), page.completeness), (1, None));
        let request = ReadLogsRequest { page_token: page.next_page_token, ..request };
        let resumed = read_until(&kubelet, request, SHORT).await.unwrap();
        assert_eq!((resumed.logs[0].status(), resumed.reasons()), (status, gaps.to_vec()));
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
async fn a_pod_that_is_evicted_and_forgets_its_containers_lacks_their_end() {
    for restarts in [0, 3] {
        let kubelet = FakeKubelet::new(mk_restarted_pod(restarts)).with_log("web", of_run(3, 0..2));
        let begun = tokio::time::Instant::now();
        let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
        lines(&mut pages, 2).await;
        kubelet.requested(2).await;
        kubelet.append("web", of_run(3, 2..3));
        kubelet.set_pod(Some(mk_evicted_pod()));
        kubelet.break_connections();
        let end = rest(pages).await.pop().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(35), "{:?}", begun.elapsed());
        assert_eq!((end.logs[0].status(), end.lines.len()), (ContainerLogStatus::RuntimeError, 0));
        let completeness = end.completeness.unwrap();
        assert_eq!((completeness.gaps.len(), completeness.gaps[0].reason()), (1, GapReason::LogUnreadable));
        assert!(completeness.resume_token.is_empty(), "nothing can come any more");
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_the_pod_forgets_is_known_to_have_started() {
    let kubelet = FakeKubelet::new(mk_creating_pod());
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let (page, ()) = tokio::join!(pages.next(), async {
        kubelet.looked(1).await;
        kubelet.set_pod(Some(mk_restarted_pod(0)));
        kubelet.requested(1).await;
        kubelet.append("web", numbered(0..1));
        kubelet.set_pod(Some(mk_evicted_pod()));
        kubelet.break_connections();
    });
    let end = page.unwrap().unwrap();
    assert_eq!((end.logs[0].status(), end.lines.len()), (ContainerLogStatus::RuntimeError, 0));
    assert_eq!(end.completeness.unwrap().gaps[0].reason(), GapReason::LogUnreadable);
}

#[tokio::test]
async fn a_token_for_a_container_that_the_pod_has_forgotten_tells_what_is_missing() {
    for restarts in [0, 3] {
        let kubelet = FakeKubelet::new(mk_restarted_pod(restarts)).with_log("web", of_run(3, 0..20));
        let request = ReadLogsRequest { page_size: 5, ..whole() };
        let page_token = read(&kubelet, request.clone()).await.unwrap().pages[0].next_page_token.clone();
        kubelet.set_pod(Some(mk_evicted_pod()));
        let resumed = read(&kubelet, ReadLogsRequest { page_token, ..request }).await.unwrap();
        assert_eq!(resumed.status(), ContainerLogStatus::RuntimeError);
        assert_eq!(resumed.gap().reason(), GapReason::LogUnreadable, "and no restart is told of");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_while_an_earlier_run_is_asked_for_has_a_gap_and_repeats_nothing() {
    // Without a line of it nothing but its number tells the run that is meant from the later ones.
    for given in [0, 2] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..given));
        let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
        let mut seen = lines(&mut pages, usize::try_from(given).unwrap()).await;
        kubelet.requested(2).await;
        kubelet.append("web", numbered(2..3));
        kubelet.fault_look(Fault::Restarted(Box::new(mk_restarted_pod(2)), of_run(2, 5..7)));
        kubelet.restart("web", mk_restarted_pod(1), of_run(1, 3..5));
        seen.extend(lines(&mut pages, 4).await);
        assert_eq!(seen, (0..given).chain(3..7).map(|line| format!("line {line}")).collect::<Vec<_>>());
        let end = rest(pages).await.pop().unwrap();
        assert!(end.lines.is_empty(), "{:?}", end.lines);
        let gaps = &end.completeness.as_ref().unwrap().gaps;
        assert_eq!((gaps.len(), gaps[0].reason()), (1, GapReason::LogCutNewer), "line 2 is missing");
    }
}

#[tokio::test(start_paused = true)]
async fn the_runs_of_a_crash_loop_are_told_apart() {
    // In a crash loop the kubelet reads the newest run as the earlier one, be it before the earlier one is asked for or meanwhile.
    for meanwhile in [false, true] {
        let kubelet = FakeKubelet::new(mk_creating_pod());
        let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
        let (seen, ()) = tokio::join!(lines(&mut pages, 2), async {
            kubelet.looked(1).await;
            kubelet.append("web", numbered(0..2));
            kubelet.restart("web", mk_restarted_pod(1), of_run(1, 2..4));
            if meanwhile {
                kubelet.fault_look(Fault::Changed(Box::new(mk_waiting_pod(1))));
            } else {
                kubelet.set_pod(Some(mk_waiting_pod(1)));
            }
        });
        assert_eq!(seen, ["line 2", "line 3"]);
        let end = rest(pages).await.pop().unwrap();
        assert!(end.lines.is_empty(), "{:?}", end.lines);
        let gaps = end.completeness.unwrap().gaps;
        assert_eq!((gaps.len(), gaps[0].reason()), (1, GapReason::LogCutNewer), "lines 0 and 1 are missing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_said_nothing_lacks_nothing() {
    // The last line of the run before is of the second in which this one began.
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", of_run(1, 0..2));
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let mut seen = lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.restart("web", mk_restarted_pod(1), []);
    kubelet.requested(4).await;
    kubelet.restart("web", mk_restarted_pod(2), of_run(2, 2..3));
    seen.extend(lines(&mut pages, 1).await);
    assert_eq!(seen, ["line 0", "line 1", "line 2"]);
    let end = rest(pages).await.pop().unwrap();
    assert!(end.completeness.unwrap().complete);
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_window_without_lines_brings_all_that_came_afterwards() {
    for request in [
        follow(),
        ReadLogsRequest { whole_log: false, newest_bytes: Some(20), ..follow() },
        ReadLogsRequest { whole_log: false, tail_lines: Some(1), ..follow() },
    ] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"]));
        let early = read_until(&kubelet, request.clone(), Duration::from_millis(300)).await.unwrap();
        assert_eq!((early.status(), early.texts().len()), (ContainerLogStatus::Read, 0));
        let request = ReadLogsRequest { page_token: early.completeness.resume_token, ..request };
        kubelet.append("web", numbered(0..9));
        let resumed = read_until(&kubelet, request.clone(), Duration::from_millis(300)).await.unwrap();
        assert_eq!((resumed.texts().len(), resumed.completeness.complete), (9, true), "{request:?}");
        kubelet.restart("web", mk_restarted_pod(1), of_run(1, 9..10));
        let crashed = read_until(&kubelet, request, Duration::from_millis(300)).await.unwrap();
        assert_eq!(crashed.gap().reason(), GapReason::LogCutNewer);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_run_that_is_being_asked_for_is_missing_at_the_deadline() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), Duration::from_secs(10)).unwrap();
    lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.append("web", numbered(2..3));
    kubelet.set_pod(Some(mk_ended_pod()));
    kubelet.fault_look(Fault::Status(500, "dial tcp 10.0.0.7:10250: i/o timeout"));
    kubelet.fault_look(Fault::Silence);
    kubelet.break_connections();
    let end = rest(pages).await.pop().unwrap();
    assert_eq!((end.logs[0].status(), end.logs[0].cut_newer), (ContainerLogStatus::NodeUnreachable, true));
    assert!(end.completeness.unwrap().gaps[0].resumable);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_away_from_time_to_time_may_fail_between() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..2));
    let mut pages = call(&serve(&kubelet), follow(), Duration::from_secs(300)).unwrap();
    let mut seen = lines(&mut pages, 2).await;
    kubelet.requested(2).await;
    kubelet.append("web", numbered(2..3));
    kubelet.set_pod(Some(mk_ended_pod()));
    for _ in 0..2 {
        for _ in 0..8 {
            kubelet.fault_look(Fault::Status(500, "dial tcp 10.0.0.7:10250: connect: connection refused"));
        }
        for _ in 0..5 {
            kubelet.fault_look(Fault::Status(400, "unable to retrieve container logs for containerd://1"));
        }
    }
    kubelet.break_connections();
    seen.extend(lines(&mut pages, 1).await);
    assert_eq!(seen, ["line 0", "line 1", "line 2"]);
    let end = rest(pages).await.pop().unwrap();
    assert_eq!((end.logs[0].status(), end.completeness.unwrap().complete), (ContainerLogStatus::Read, true));
}

#[tokio::test(start_paused = true)]
async fn a_container_is_known_only_once_it_has_started() {
    let kubelet = FakeKubelet::new(mk_creating_pod());
    let begun = tokio::time::Instant::now();
    let mut pages = call(&serve(&kubelet), follow(), AMPLE).unwrap();
    let of_crio = |mut pod: Pod| {
        statuses(&mut pod)[0].container_id = "cri-o://1".into();
        pod
    };
    let partial = |millis, text| Record { partial: true, ..record(millis, text) };
    let (seen, ()) = tokio::join!(lines(&mut pages, 2), async {
        kubelet.looked(1).await;
        kubelet.append("web", numbered(0..1));
        kubelet.append("web", [partial(1, "…"), partial(2, "…"), record(3, " done")]);
        kubelet.end("web");
        kubelet.set_pod(Some(of_crio(mk_ended_pod())));
    });
    assert_eq!(seen, ["line 0", "…… done"]);
    let end = rest(pages).await.pop().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!((end.logs[0].status(), end.completeness.unwrap().complete), (ContainerLogStatus::Read, true));
}
