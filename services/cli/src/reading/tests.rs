use std::{collections::VecDeque, sync::Mutex};

use futures::{FutureExt as _, stream};
use gumshoe_proto::collector::v1::{
    ContainerLog, ContainerLogStatus, ListEventsRequest, ListPodsRequest, ListPodsResponse, LogLine, Pod,
    ReadLogsRequest, ReadLogsResponse,
};

use super::*;

/// Answers each call with the next script, and keeps the requests.
#[derive(Default)]
struct Scripted {
    calls: Mutex<VecDeque<Vec<Result<ListPodsResponse, Status>>>>,
    requests: Mutex<Vec<ListPodsRequest>>,
}

impl Scripted {
    fn new(calls: impl IntoIterator<Item = Vec<Result<ListPodsResponse, Status>>>) -> Self {
        Self { calls: Mutex::new(calls.into_iter().collect()), ..Self::default() }
    }

    fn tokens(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|request| request.page_token.clone()).collect()
    }

    fn limits(&self) -> Vec<i64> {
        self.requests.lock().unwrap().iter().map(|request| request.limit).collect()
    }
}

impl Collector for Scripted {
    async fn call(&self, request: Request, _: Instant) -> Result<Pages, Status> {
        if let Request::ListPods(list) = request {
            self.requests.lock().unwrap().push(list);
        }
        let mut pages = self.calls.lock().unwrap().pop_front().expect("a script for this call");
        if matches!(pages.as_slice(), [Err(_)]) {
            return Err(pages.remove(0).expect_err("it was matched"));
        }
        Ok(stream::iter(pages).map(|page| page.map(Response::ListPods)).boxed())
    }
}

fn page(pods: usize, token: &str) -> ListPodsResponse {
    ListPodsResponse { items: vec![Pod::default(); pods], next_page_token: token.into(), completeness: None }
}

fn whole() -> Completeness {
    Completeness { complete: true, consistent: true, ..Completeness::default() }
}

fn gap(reason: GapReason, resumable: bool) -> Gap {
    Gap { reason: reason.into(), resumable, ..Gap::default() }
}

fn with_gap(token: &str, gaps: &[Gap]) -> Completeness {
    Completeness { gaps: gaps.to_vec(), resume_token: token.into(), consistent: true, ..Completeness::default() }
}

fn last(pods: usize, completeness: Completeness) -> ListPodsResponse {
    ListPodsResponse { completeness: Some(completeness), ..page(pods, "") }
}

fn never() -> Interrupt {
    std::future::pending().boxed().shared()
}

async fn read_pods(collector: &Scripted, limit: i64) -> Result<(Answer, u64), ReadError> {
    let request = Request::ListPods(ListPodsRequest { limit, ..ListPodsRequest::default() });
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut shown = 0;
    let mut show = |page: &Response| {
        shown += page::items(page);
        Ok(())
    };
    let answer = read(collector, &request, deadline, &never(), &mut show).await?;
    Ok((answer, shown))
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_complete_and_counted() {
    let collector = Scripted::new([vec![Ok(page(2, "t2")), Ok(last(1, whole()))]]);
    let (answer, shown) = read_pods(&collector, 0).await.unwrap();
    assert!(answer.ending.completeness.complete);
    assert_eq!((answer.ending.completeness.items, shown), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_goes_on_behind_its_last_page() {
    let collector = Scripted::new([
        vec![Ok(page(2, "t2")), Err(Status::unavailable("reset"))],
        vec![Err(Status::unavailable("refused"))],
        vec![Ok(last(1, whole()))],
    ]);
    let (answer, shown) = read_pods(&collector, 0).await.unwrap();
    assert!(answer.ending.completeness.complete);
    assert_eq!((answer.ending.completeness.items, shown), (3, 3));
    assert_eq!(collector.tokens(), ["", "t2", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_without_a_word_is_broken() {
    let collector = Scripted::new([vec![Ok(page(2, "t2"))], vec![Ok(last(0, whole()))]]);
    assert!(read_pods(&collector, 0).await.unwrap().0.ending.completeness.complete);
    assert_eq!(collector.tokens(), ["", "t2"]);
}

#[tokio::test(start_paused = true)]
async fn a_resumable_gap_is_filled_and_the_others_stay() {
    let denied = gap(GapReason::NamespaceDenied, false);
    let slow = gap(GapReason::SlowCaller, true);
    let collector = Scripted::new([
        vec![Ok(last(2, with_gap("t2", &[denied.clone(), slow])))],
        vec![Ok(last(1, with_gap("", std::slice::from_ref(&denied))))],
    ]);
    let completeness = read_pods(&collector, 0).await.unwrap().0.ending.completeness;
    assert_eq!((completeness.complete, completeness.items), (false, 3));
    assert_eq!(completeness.gaps, [denied]);
}

#[tokio::test(start_paused = true)]
async fn a_gap_of_an_earlier_call_is_not_forgotten_by_a_later_one() {
    let (denied, slow) = (gap(GapReason::NamespaceDenied, false), gap(GapReason::SlowCaller, true));
    let first = with_gap("t2", &[denied.clone(), slow]);
    let collector = Scripted::new([vec![Ok(last(2, first))], vec![Ok(last(1, whole()))]]);
    let completeness = read_pods(&collector, 0).await.unwrap().0.ending.completeness;
    assert_eq!((completeness.complete, completeness.gaps), (false, vec![denied]));
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_was_filled_leaves_a_complete_answer() {
    let slow = gap(GapReason::SlowCaller, true);
    let collector = Scripted::new([vec![Ok(last(2, with_gap("t2", &[slow])))], vec![Ok(last(1, whole()))]]);
    assert!(read_pods(&collector, 0).await.unwrap().0.ending.completeness.complete);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_user_is_not_resumed_past() {
    let limit = gap(GapReason::Limit, true);
    let collector = Scripted::new([vec![Ok(last(5, with_gap("t5", std::slice::from_ref(&limit))))]]);
    let completeness = read_pods(&collector, 5).await.unwrap().0.ending.completeness;
    assert_eq!((completeness.items, completeness.gaps), (5, vec![limit]));
}

#[tokio::test(start_paused = true)]
async fn a_limit_counts_over_all_calls() {
    let slow = gap(GapReason::SlowCaller, true);
    let collector = Scripted::new([vec![Ok(last(2, with_gap("t2", &[slow])))], vec![Ok(last(3, whole()))]]);
    read_pods(&collector, 5).await.unwrap();
    assert_eq!(collector.limits(), [5, 3]);
}

#[test]
fn events_without_a_limit_have_the_collectors_own() {
    assert_eq!(page::limit(&Request::ListEvents(ListEventsRequest::default())), Some(1000));
}

#[tokio::test(start_paused = true)]
async fn an_error_before_the_first_item_is_an_error_at_once() {
    let collector = Scripted::new([vec![Err(Status::unavailable("refused"))]]);
    assert!(matches!(read_pods(&collector, 0).await, Err(ReadError::Call(_))));
}

#[tokio::test(start_paused = true)]
async fn an_error_behind_items_is_a_gap() {
    let collector = Scripted::new([vec![Ok(page(2, "t2")), Err(Status::deadline_exceeded("late"))]]);
    let completeness = read_pods(&collector, 0).await.unwrap().0.ending.completeness;
    assert!(!completeness.complete);
    assert_eq!(completeness.gaps[0].reason(), GapReason::Deadline);
    assert_eq!((completeness.gaps[0].resumable, completeness.resume_token.as_str()), (true, "t2"));
}

#[tokio::test(start_paused = true)]
async fn a_page_without_a_token_is_never_read_twice() {
    let collector = Scripted::new([vec![Ok(page(2, "t2")), Ok(page(1, "")), Err(Status::unavailable("reset"))]]);
    let completeness = read_pods(&collector, 0).await.unwrap().0.ending.completeness;
    assert_eq!((completeness.complete, completeness.items), (false, 3));
}

#[tokio::test(start_paused = true)]
async fn calls_that_bring_nothing_come_to_an_end() {
    let broken = || vec![Err(Status::unavailable("refused"))];
    let collector = Scripted::new(
        [vec![Ok(page(2, "t2")), Err(Status::unavailable("reset"))]].into_iter().chain((0..10).map(|_| broken())),
    );
    let completeness = read_pods(&collector, 0).await.unwrap().0.ending.completeness;
    assert!(!completeness.complete);
    assert_eq!(collector.tokens().len(), 1 + FRUITLESS_MAX as usize);
}

#[tokio::test(start_paused = true)]
async fn the_key_ends_an_answer_with_what_there_was() {
    let collector = Scripted::new([vec![Ok(page(2, "t2"))]]);
    let request = Request::ListPods(ListPodsRequest::default());
    let (press, pressed) = tokio::sync::oneshot::channel::<()>();
    let interrupt: Interrupt = pressed.map(|_| ()).boxed().shared();
    let mut press = Some(press);
    let mut show = |_: &Response| {
        press.take().map(|press| press.send(()));
        Ok(())
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let answer = read(&collector, &request, deadline, &interrupt, &mut show).await.unwrap();
    assert!(answer.interrupted && !answer.ending.completeness.complete);
    assert_eq!(answer.ending.completeness.items, 2);
}

/// Answers each call for a log with the next pages.
struct ScriptedLog(Mutex<VecDeque<Vec<ReadLogsResponse>>>);

impl Collector for ScriptedLog {
    async fn call(&self, _: Request, _: Instant) -> Result<Pages, Status> {
        let pages = self.0.lock().unwrap().pop_front().expect("a script for this call");
        Ok(stream::iter(pages).map(|page| Ok(Response::ReadLogs(page))).boxed())
    }
}

fn mk_lines(lines: u64, next_page_token: &str) -> ReadLogsResponse {
    let line = LogLine { container: "web".into(), text: "ok".into(), ..LogLine::default() };
    let next_page_token = next_page_token.into();
    ReadLogsResponse { lines: vec![line; lines as usize], next_page_token, ..ReadLogsResponse::default() }
}

fn mk_report(lines: u64, status: ContainerLogStatus) -> ContainerLog {
    ContainerLog {
        container: "web".into(),
        status: status.into(),
        lines,
        bytes: lines * 3,
        older_lines_exist: Some(true),
        ..ContainerLog::default()
    }
}

async fn read_log(calls: impl IntoIterator<Item = Vec<ReadLogsResponse>>) -> Ending {
    let collector = ScriptedLog(Mutex::new(calls.into_iter().collect()));
    let request = Request::ReadLogs(ReadLogsRequest::default());
    let deadline = Instant::now() + Duration::from_secs(60);
    let answer = read(&collector, &request, deadline, &never(), &mut |_| Ok(())).await;
    answer.unwrap().ending
}

#[tokio::test(start_paused = true)]
async fn a_log_that_broke_is_reported_with_all_its_lines() {
    let whole = ReadLogsResponse {
        logs: vec![mk_report(3, ContainerLogStatus::Read)],
        completeness: Some(whole()),
        ..mk_lines(3, "")
    };
    let ending = read_log([vec![mk_lines(5, "t5")], vec![whole]]).await;
    assert_eq!((ending.logs[0].lines, ending.logs[0].bytes, ending.completeness.items), (8, 24, 8));
}

#[tokio::test(start_paused = true)]
async fn what_a_later_call_could_read_after_all_is_no_gap() {
    let unreadable = Gap { container: "web".into(), ..gap(GapReason::LogUnreadable, false) };
    let cut = Gap { container: "app".into(), ..gap(GapReason::LogCutOlder, false) };
    let first = ReadLogsResponse {
        logs: vec![mk_report(0, ContainerLogStatus::NodeUnreachable)],
        completeness: Some(with_gap("t1", &[unreadable, cut.clone(), gap(GapReason::ReadInterrupted, true)])),
        ..mk_lines(1, "")
    };
    let last = ReadLogsResponse { completeness: Some(whole()), ..mk_lines(3, "") };
    assert_eq!(read_log([vec![first], vec![last]]).await.completeness.gaps, [cut]);
}

#[tokio::test(start_paused = true)]
async fn what_no_later_call_could_say_anew_is_not_forgotten() {
    let unreadable = Gap { container: "web".into(), ..gap(GapReason::LogUnreadable, false) };
    let first = ReadLogsResponse {
        logs: vec![mk_report(0, ContainerLogStatus::RuntimeError)],
        completeness: Some(with_gap("t1", &[unreadable.clone(), gap(GapReason::ReadInterrupted, true)])),
        ..mk_lines(1, "")
    };
    // The later call ends without a word, and so do the others.
    let ending = read_log(std::iter::once(vec![first]).chain(vec![vec![]; FRUITLESS_MAX as usize])).await;
    let reasons: Vec<_> = ending.completeness.gaps.iter().map(Gap::reason).collect();
    assert_eq!(reasons, [GapReason::LogUnreadable, GapReason::ReadInterrupted]);
    assert_eq!((ending.logs.len(), ending.logs[0].status()), (1, ContainerLogStatus::RuntimeError));
}
