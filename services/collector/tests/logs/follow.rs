//! Following a log.

use std::time::Duration;

use futures::{Stream, StreamExt as _};
use gumshoe_proto::collector::v1::{ContainerLogStatus, ContainerState, GapReason, ReadLogsRequest, ReadLogsResponse};
use tonic::Status;

use crate::{
    kubelet::{FakeKubelet, Fault},
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
        kubelet.requested(2).await;
        kubelet.append("web", numbered(5..6));
    });
    assert_eq!(seen, ["line 5"]);
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
    assert!(end.last().unwrap().completeness.as_ref().unwrap().complete);
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

#[tokio::test]
async fn a_container_that_ends_ends_its_part_of_the_answer() {
    let kubelet = FakeKubelet::new(mk_pod(&["web", "proxy"])).with_log("web", numbered(0..2));
    let request = ReadLogsRequest { all_containers: true, ..follow() };
    let mut pages = call(&serve(&kubelet), request, SHORT).unwrap();
    lines(&mut pages, 2).await;
    let mut pod = mk_pod(&["web", "proxy"]);
    statuses(&mut pod)[0].state = Some(ContainerState::default());
    kubelet.set_pod(Some(pod));
    kubelet.end("web");
    kubelet.append("proxy", numbered(5..6));
    assert_eq!(lines(&mut pages, 1).await, ["line 5"]);
    let end = rest(pages).await.pop().unwrap();
    assert!(end.completeness.unwrap().complete);
    assert_eq!(end.logs.iter().map(|log| log.lines).collect::<Vec<_>>(), [2, 1]);
    let web = kubelet.requests().into_iter().filter(|request| request.contains("container=web")).count();
    assert_eq!(web, 2, "nobody asks again for a log that has ended");
}

#[tokio::test]
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
    assert_eq!(end.completeness.unwrap().gaps[0].reason(), GapReason::LogUnreadable);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_not_followed() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"]));
    kubelet.fault(Fault::Status(400, "container \"web\" in pod \"web-0\" is waiting to start: PodInitializing"));
    let answer = read(&kubelet, follow()).await.unwrap();
    assert_eq!(answer.status(), ContainerLogStatus::NotStarted);
    assert_eq!(kubelet.requests().len(), 1);
}

#[tokio::test]
async fn a_followed_log_goes_on_by_the_token_of_its_end() {
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..5));
    let first = read_until(&kubelet, follow(), Duration::from_millis(300)).await.unwrap();
    kubelet.append("web", numbered(5..8));
    kubelet.end("web");
    let mut pod = mk_pod(&["web"]);
    statuses(&mut pod)[0].state = None;
    kubelet.set_pod(Some(pod));
    let page_token = first.completeness.resume_token.clone();
    let second = read(&kubelet, ReadLogsRequest { page_token, ..follow() }).await.unwrap();
    assert_eq!(second.texts(), ["line 5", "line 6", "line 7"]);
    assert!(second.completeness.resume_token.is_empty(), "nothing can come any more");
}
