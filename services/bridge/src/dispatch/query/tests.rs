use std::{sync::Arc, time::Duration};

use gumshoe_proto::{
    bridge::v1::{Accepted, Encoding, Page, page::Response, query::Request},
    collector::v1::{
        Completeness, ContainerLog, ContainerLogStatus, Gap, GapReason, GetPodRequest, GetPodResponse, ListPodsRequest,
        ListPodsResponse, LogLine, ReadLogsRequest, ReadLogsResponse,
    },
};
use prost::Message as _;
use tonic::metadata::MetadataMap;
use tonic_types::ErrorDetails;

use super::*;
use crate::{
    dispatch::query::answer::PATIENCE,
    fakes::{FakeCollector, RecordingQueue, Step, mk_complete, mk_page, mk_pod},
    results::{Outlet, Sender, summary},
};

const TIME: Duration = Duration::from_secs(120);

/// What became of a query.
struct Asked {
    outcome: QueryOutcome,
    pages: Vec<Page>,
    resumed: u64,
}

/// Asks one query of the collector, and reads its pages back from the result queue.
async fn ask(collector: &FakeCollector, request: Request) -> Asked {
    ask_with(collector, request, 256 * 1024).await
}

async fn ask_with(collector: &FakeCollector, request: Request, message_size: usize) -> Asked {
    ask_encoded(collector, request, message_size, Encoding::Unspecified).await
}

async fn ask_encoded(collector: &FakeCollector, request: Request, message_size: usize, encoding: Encoding) -> Asked {
    let run = RunId { command_id: "c".into(), run: "RUN".into(), investigation_id: "i".into() };
    let queue = Arc::new(RecordingQueue::default());
    let outlet = Outlet::new("main", queue.clone(), message_size, false);
    let deadline = Instant::now() + TIME;
    let mut results = Sender::new(run.clone(), outlet.clone(), Metrics::default(), deadline + TIME);
    let (sender, pages) = mpsc::channel(4);
    let metrics = Metrics::default();
    let asker = Asker {
        run,
        collectors: Collectors::new(vec![("main".into(), collector.channel())]),
        deadline,
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into(),
        limits: outlet.limits(),
        encoding,
        budget: ByteBudget::of_mebibytes(8),
        stop: Stop::default(),
        turns: outlet.turns(),
        sender,
        metrics: metrics.clone(),
    };
    let query = Query { id: "q".into(), request: Some(request), ..Query::default() };
    let asked = async {
        let outcome = asker.ask(&query).await;
        drop(asker);
        outcome
    };
    let (outcome, sent) = tokio::join!(asked, results.send_pages(Accepted::default(), pages, None));
    sent.unwrap();
    let outcome = outcome.unwrap();
    results.send_end(summary(vec![outcome.clone()])).await.unwrap();
    assert!(queue.bodies().iter().all(|body| body.len() <= message_size), "every body fits into a message");
    let reader = queue.reader();
    let (_, run) = reader.complete("c").expect("every run is whole");
    Asked {
        outcome,
        pages: run.pages_of("q").map(|page| page.unwrap()).collect(),
        resumed: metrics.queries_resumed.get(),
    }
}

fn list(limit: i64) -> Request {
    Request::ListPods(ListPodsRequest { label_selector: "app=web".into(), limit, ..ListPodsRequest::default() })
}

fn logs() -> Request {
    Request::ReadLogs(ReadLogsRequest { pod: "web".into(), ..ReadLogsRequest::default() })
}

fn response(names: &[&str], token: &str) -> Step<ListPodsResponse> {
    Step::Response(mk_page(names, token))
}

fn last(names: &[&str], completeness: Completeness) -> Step<ListPodsResponse> {
    Step::Response(ListPodsResponse { completeness: Some(completeness), ..mk_page(names, "") })
}

fn broken() -> Step<ListPodsResponse> {
    Step::Breaks(Status::unavailable("gone"))
}

fn slow_caller(token: &str, more: Vec<Gap>) -> Completeness {
    let slow = Gap { reason: GapReason::SlowCaller.into(), resumable: true, ..Gap::default() };
    let gaps = [vec![slow], more].concat();
    Completeness { gaps, resume_token: token.into(), consistent: true, items: 2, bytes: 2, ..Completeness::default() }
}

fn pods(asked: &Asked) -> Vec<String> {
    let items = asked.pages.iter().flat_map(|page| match page.response.clone() {
        Some(Response::ListPods(list)) => list.items,
        Some(Response::GetPod(get)) => get.item.into_iter().collect(),
        _ => Vec::new(),
    });
    items.map(|pod| pod.metadata.unwrap_or_default().name).collect()
}

fn lists(asked: &Asked) -> Vec<ListPodsResponse> {
    let lists = asked.pages.iter().filter_map(|page| match &page.response {
        Some(Response::ListPods(list)) => Some(list.clone()),
        _ => None,
    });
    lists.collect()
}

fn completeness(asked: &Asked) -> Completeness {
    asked.outcome.completeness.clone().expect("the outcome has a completeness")
}

fn metadata(metadata: &MetadataMap, key: &str) -> String {
    metadata.get(key).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_page_of_the_collector_is_a_page_of_the_result() {
    let collector = FakeCollector::default();
    collector.list(vec![response(&["a", "b"], "t1"), last(&["c"], mk_complete(3))]);
    let asked = ask(&collector, list(0)).await;
    assert_eq!(lists(&asked)[0], mk_page(&["a", "b"], "t1"));
    assert_eq!(lists(&asked)[1], ListPodsResponse { completeness: Some(mk_complete(3)), ..mk_page(&["c"], "") });
    assert_eq!((asked.outcome.pages, asked.outcome.items, asked.resumed), (2, 3, 0));
    assert_eq!(completeness(&asked), mk_complete(3));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_says_nothing_is_no_page() {
    let collector = FakeCollector::default();
    collector.list(vec![response(&[], ""), response(&["a"], "t1"), response(&[], ""), last(&[], mk_complete(1))]);
    let asked = ask(&collector, list(0)).await;
    assert_eq!((asked.outcome.pages, pods(&asked)), (2, vec!["a".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_call_carries_its_deadline_its_id_and_its_trace() {
    let collector = FakeCollector::default();
    collector.list(vec![last(&[], mk_complete(0))]);
    ask(&collector, list(7)).await;
    let (request, sent) = collector.list_requests().remove(0);
    assert_eq!((request.label_selector.as_str(), request.limit, request.page_token.as_str()), ("app=web", 7, ""));
    assert_eq!(metadata(&sent, "x-request-id"), "RUN.q");
    assert!(metadata(&sent, "traceparent").starts_with("00-4bf9"));
    assert!(!metadata(&sent, "grpc-timeout").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_unary_method_gives_one_page() {
    let collector = FakeCollector::default();
    let whole = GetPodResponse { item: Some(mk_pod("a")), completeness: Some(mk_complete(1)) };
    collector.get(vec![Step::Response(whole.clone())]);
    let asked = ask(&collector, Request::GetPod(GetPodRequest::default())).await;
    assert_eq!(
        asked.pages.iter().map(|page| page.response.clone()).collect::<Vec<_>>(),
        [Some(Response::GetPod(whole))]
    );
    assert_eq!((asked.outcome.items, completeness(&asked)), (1, mk_complete(1)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_taken_up_behind_its_last_token() {
    let collector = FakeCollector::default();
    collector.list(vec![response(&["a", "b"], "t1"), broken()]);
    collector.list(vec![broken()]);
    collector.list(vec![response(&["c"], "t2"), broken()]);
    collector.list(vec![last(&["d"], mk_complete(1))]);
    let asked = ask(&collector, list(10)).await;
    assert_eq!(pods(&asked), ["a", "b", "c", "d"]);
    let requests: Vec<_> = collector.list_requests().into_iter().map(|(request, _)| request).collect();
    let asked_for: Vec<_> = requests.iter().map(|request| (request.page_token.as_str(), request.limit)).collect();
    assert_eq!(asked_for, [("", 10), ("t1", 8), ("t1", 8), ("t2", 7)]);
    assert!(requests.iter().all(|request| request.label_selector == "app=web"));
    let bytes = mk_page(&["a", "b", "c", "d"], "").items.iter().map(|item| item.encoded_len() as u64).sum();
    assert_eq!(completeness(&asked), Completeness { bytes, ..mk_complete(4) });
    assert_eq!((asked.outcome.error, asked.resumed), (None, 3));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_the_collector_ended_early_is_taken_up() {
    let collector = FakeCollector::default();
    let denied = Gap { reason: GapReason::NamespaceDenied.into(), namespace: "x".into(), ..Gap::default() };
    collector.list(vec![response(&["a"], "t1"), last(&["b"], slow_caller("t2", vec![denied.clone()]))]);
    let rest = Completeness { complete: false, gaps: vec![denied.clone()], ..mk_complete(1) };
    collector.list(vec![last(&["c"], rest)]);
    let asked = ask(&collector, list(0)).await;
    assert_eq!(pods(&asked), ["a", "b", "c"]);
    assert_eq!(collector.list_requests()[1].0.page_token, "t2");
    let whole = completeness(&asked);
    assert_eq!((whole.complete, whole.gaps, whole.items), (false, vec![denied], 3));
    let said: Vec<_> = lists(&asked).into_iter().map(|list| list.completeness.is_some()).collect();
    assert_eq!(said, [false, false, true], "only the last page says that it is the last");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_ended_at_its_limit_is_not_taken_up() {
    let collector = FakeCollector::default();
    let limit = Gap { reason: GapReason::Limit.into(), resumable: true, ..Gap::default() };
    let ended = Completeness { gaps: vec![limit], resume_token: "t".into(), complete: false, ..mk_complete(1) };
    collector.list(vec![last(&["a"], ended.clone())]);
    let asked = ask(&collector, list(1)).await;
    assert_eq!((completeness(&asked), collector.list_requests().len()), (ended, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_right_at_its_limit_is_not_taken_up_without_one() {
    let collector = FakeCollector::default();
    collector.list(vec![response(&["a", "b"], "t1"), broken()]);
    let asked = ask(&collector, list(2)).await;
    let whole = completeness(&asked);
    assert_eq!((collector.list_requests().len(), asked.outcome.error), (1, None));
    assert_eq!((whole.complete, whole.gaps[0].reason(), whole.resume_token.as_str()), (false, GapReason::Limit, "t1"));
}

#[tokio::test(start_paused = true)]
async fn without_a_token_a_stream_is_begun_again_only_if_nothing_of_it_was_sent() {
    let collector = FakeCollector::default();
    collector.list(vec![broken()]);
    collector.list(vec![last(&["a"], mk_complete(1))]);
    assert_eq!(pods(&ask(&collector, list(0)).await), ["a"]);

    let collector = FakeCollector::default();
    collector.list(vec![response(&["a"], ""), broken()]);
    let asked = ask(&collector, list(0)).await;
    assert_eq!((pods(&asked), collector.list_requests().len()), (vec!["a".to_owned()], 1));
    assert_eq!(asked.outcome.error.as_ref().map(|error| error.code.as_str()), Some("UNAVAILABLE"));
    let whole = completeness(&asked);
    assert_eq!((whole.gaps[0].reason(), whole.gaps[0].resumable, whole.items), (GapReason::ReadInterrupted, false, 1));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_stays_away_is_given_up_with_a_token_to_go_on_from() {
    let collector = FakeCollector::default();
    collector.list(vec![response(&["a"], "t1"), broken()]);
    let begun = Instant::now();
    let asked = ask(&collector, list(0)).await;
    assert!(Duration::from_secs(20) < begun.elapsed() && begun.elapsed() < Duration::from_secs(40));
    assert_eq!(asked.outcome.error.as_ref().map(|error| error.reason.as_str()), Some("COLLECTOR_UNAVAILABLE"));
    let whole = completeness(&asked);
    assert_eq!((whole.resume_token.as_str(), whole.gaps[0].resumable, whole.items), ("t1", true, 1));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_has_no_room_is_asked_again_until_the_deadline() {
    let overloaded = || {
        let details = ErrorDetails::with_error_info("OVERLOADED", "gumshoe.dev", []);
        Step::Breaks(Status::with_error_details(Code::Unavailable, "later", details))
    };
    let collector = FakeCollector::default();
    collector.list(vec![response(&["a"], "t1"), broken()]);
    // Two and a half seconds apart on the average.
    for _ in 0..30 {
        collector.list(vec![overloaded()]);
    }
    collector.list(vec![broken()]);
    collector.list(vec![last(&["b"], mk_complete(1))]);
    let begun = Instant::now();
    let asked = ask(&collector, list(0)).await;
    assert_eq!((asked.outcome.error.clone(), pods(&asked)), (None, vec!["a".to_owned(), "b".to_owned()]));
    assert!(begun.elapsed() > PATIENCE + STEADY, "{:?}", begun.elapsed());
    assert_eq!(asked.resumed, 2, "a call that was refused for want of room is no stream that broke");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_another_call_would_not_mend_is_the_outcome() {
    let collector = FakeCollector::default();
    collector.list(vec![Step::Breaks(Status::permission_denied("no"))]);
    let asked = ask(&collector, list(0)).await;
    let error = asked.outcome.error.unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("PERMISSION_DENIED", "no"));
    assert_eq!((asked.outcome.completeness, asked.pages.len(), collector.list_requests().len()), (None, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_without_its_completeness_is_no_answer() {
    let collector = FakeCollector::default();
    collector.list(vec![response(&["a"], "t1")]);
    collector.list(vec![last(&["b"], mk_complete(1))]);
    let asked = ask(&collector, list(0)).await;
    assert_eq!((pods(&asked), completeness(&asked).complete), (vec!["a".to_owned(), "b".to_owned()], true));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_query_and_keeps_what_came() {
    let collector = FakeCollector::default();
    collector.list(vec![response(&["a"], "t1"), Step::Hangs]);
    let begun = Instant::now();
    let asked = ask(&collector, list(0)).await;
    assert_eq!(begun.elapsed(), TIME);
    assert_eq!(asked.outcome.error.as_ref().map(|error| error.code.as_str()), Some("DEADLINE_EXCEEDED"));
    let whole = completeness(&asked);
    assert_eq!(
        (whole.gaps[0].reason(), whole.resume_token.as_str(), pods(&asked)),
        (GapReason::Deadline, "t1", vec!["a".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_larger_than_a_message_is_cut_and_only_its_last_piece_goes_on() {
    let collector = FakeCollector::default();
    let long = "x".repeat(10_000);
    let names: Vec<_> = (0..100).map(|n| format!("{n}-{long}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    collector.list(vec![response(&names, "t1"), last(&[], mk_complete(100))]);
    let asked = ask(&collector, list(0)).await;
    assert_eq!(pods(&asked), names);
    let tokens: Vec<_> = lists(&asked).into_iter().map(|list| list.next_page_token).collect();
    assert_eq!(tokens, ["", "", "", "", "t1", ""]);
}

#[tokio::test(start_paused = true)]
async fn an_item_too_large_for_a_message_comes_in_parts_and_whole() {
    // One is too large as it comes, the other as JSON, where each of its characters takes six.
    for text in ["x".repeat(700_000), "\u{1}".repeat(20_000)] {
        let collector = FakeCollector::default();
        let mut page = mk_page(&["a", "large", "b"], "");
        page.items[1].spec.get_or_insert_default().node_name = text;
        page.completeness = Some(mk_complete(3));
        let items = page.items.clone();
        collector.list(vec![Step::Response(page)]);
        let asked = ask_with(&collector, list(0), 64 * 1024).await;
        let got: Vec<_> = lists(&asked).into_iter().flat_map(|list| list.items).collect();
        assert_eq!((got, completeness(&asked)), (items, mk_complete(3)));
        assert_eq!(asked.outcome.items, 3);
        assert!(asked.outcome.pages > 4, "{}", asked.outcome.pages);
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_compressed_is_one_part_of_few_bytes_or_several_where_it_is_still_too_long() {
    let alike = "x".repeat(200_000);
    let mut state = 1_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + (state >> 26) as u8)
    };
    let unlike: String = (0..200_000).map(letter).collect();
    for (text, pages) in [(alike, 1..=1), (unlike, 3..=5)] {
        let collector = FakeCollector::default();
        let mut page = mk_page(&["a", "b", "c"], "");
        page.items[1].spec.get_or_insert_default().node_name = text;
        page.completeness = Some(mk_complete(3));
        let items = page.items.clone();
        collector.list(vec![Step::Response(page)]);
        let asked = ask_encoded(&collector, list(0), 64 * 1024, Encoding::Gzip).await;
        let got: Vec<_> = lists(&asked).into_iter().flat_map(|list| list.items).collect();
        assert_eq!((got, completeness(&asked)), (items, mk_complete(3)));
        assert!(pages.contains(&asked.outcome.pages), "{}", asked.outcome.pages);
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_that_json_cannot_hold_is_a_gap_and_no_end_of_the_list() {
    let collector = FakeCollector::default();
    let mut page = mk_page(&["a", "odd", "b"], "");
    let beyond = prost_types::Timestamp { seconds: 1 << 40, nanos: 0 };
    page.items[1].metadata.get_or_insert_default().creation_timestamp = Some(beyond);
    page.completeness = Some(mk_complete(3));
    collector.list(vec![Step::Response(page)]);
    let asked = ask(&collector, list(0)).await;
    assert_eq!(
        (pods(&asked), completeness(&asked).gaps[0].reason()),
        (vec!["a".into(), "b".into()], GapReason::ItemUnreadable)
    );
}

#[tokio::test(start_paused = true)]
async fn a_last_page_that_says_more_than_a_message_holds_says_all_of_it() {
    let collector = FakeCollector::default();
    let gap = |n: u32| Gap {
        reason: GapReason::NamespaceDenied.into(),
        namespace: n.to_string(),
        message: "m".repeat(1_000),
        items: Some(1),
        ..Gap::default()
    };
    let many = Completeness { complete: false, gaps: (0..150).map(gap).collect(), ..mk_complete(1) };
    collector.list(vec![last(&["a"], many.clone())]);
    let asked = ask_with(&collector, list(0), 64 * 1024).await;
    assert_eq!(lists(&asked).last().and_then(|list| list.completeness.clone()), Some(many));
}

#[tokio::test(start_paused = true)]
async fn a_log_in_two_pieces_is_reported_as_one() {
    let collector = FakeCollector::default();
    let piece = |text: &str, token: &str, older, completeness: Option<Completeness>| {
        let log = ContainerLog {
            container: "web".into(),
            lines: 1,
            older_lines_exist: Some(older),
            ..ContainerLog::default()
        };
        Step::Response(ReadLogsResponse {
            lines: vec![LogLine { container: "web".into(), text: text.into(), ..LogLine::default() }],
            next_page_token: token.into(),
            logs: completeness.iter().map(|_| log.clone()).collect(),
            completeness,
        })
    };
    collector.log(vec![piece("one", "t1", true, Some(slow_caller("t1", Vec::new())))]);
    collector.log(vec![piece("two", "", false, Some(mk_complete(1)))]);
    let asked = ask(&collector, logs()).await;
    let Some(Response::ReadLogs(end)) = asked.pages.last().and_then(|page| page.response.clone()) else { panic!() };
    assert_eq!((end.logs[0].lines, end.logs[0].bytes, end.logs[0].older_lines_exist), (2, 8, Some(true)));
    assert_eq!((asked.outcome.items, completeness(&asked).complete), (2, true));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_is_not_configured_is_an_outcome_and_no_call() {
    let collector = FakeCollector::default();
    let collectors = Collectors::new(vec![("main".into(), collector.channel())]);
    assert!(collectors.get("").is_some() && collectors.get("main").is_some() && collectors.get("other").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_after_a_long_silence_is_taken_up_like_any_other() {
    let collector = FakeCollector::default();
    let silence = || Step::Waits(PATIENCE + Duration::from_secs(10));
    collector.list(vec![response(&["a"], "t1"), silence(), broken()]);
    collector.list(vec![silence(), broken()]);
    collector.list(vec![last(&["b"], mk_complete(1))]);
    let asked = ask(&collector, list(0)).await;
    assert_eq!((pods(&asked), completeness(&asked).complete), (vec!["a".to_owned(), "b".to_owned()], true));
    assert_eq!(asked.outcome.error, None);
}

#[tokio::test(start_paused = true)]
async fn no_line_of_a_log_is_too_large_for_a_message() {
    let long = 64 * 1024;
    let line = |text: String, raw: Vec<u8>| LogLine { text, raw: raw.into(), ..LogLine::default() };
    let odd = line("\u{fffd}".repeat(long), vec![0xff; long]);
    let nuls = line("\0".repeat(long), Vec::new());
    for message_size in [256, 64].map(|kib| kib * 1024) {
        let collector = FakeCollector::default();
        let answer = ReadLogsResponse {
            lines: vec![odd.clone(), nuls.clone()],
            completeness: Some(mk_complete(2)),
            ..ReadLogsResponse::default()
        };
        collector.log(vec![Step::Response(answer)]);
        let asked = ask_with(&collector, logs(), message_size).await;
        let lines = asked.pages.iter().flat_map(|page| match page.response.clone() {
            Some(Response::ReadLogs(page)) => page.lines,
            _ => Vec::new(),
        });
        let lines: Vec<_> = lines.collect();
        assert_eq!((lines, completeness(&asked).complete), (vec![odd.clone(), nuls.clone()], true));
    }
}

#[tokio::test(start_paused = true)]
async fn the_collector_judges_a_request_of_which_nothing_came_and_its_token_is_not_offered_again() {
    let collector = FakeCollector::default();
    collector.list(vec![Step::Breaks(Status::invalid_argument("limit: must not be negative"))]);
    let request = ListPodsRequest { limit: -1, page_token: "own".into(), ..ListPodsRequest::default() };
    let asked = ask(&collector, Request::ListPods(request)).await;
    assert_eq!(collector.list_requests()[0].0.limit, -1);
    assert_eq!(asked.outcome.error.map(|error| error.code), Some("INVALID_ARGUMENT".into()));
    assert_eq!(asked.outcome.completeness, None);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_could_be_read_in_the_end_is_not_said_to_be_unreadable() {
    let collector = FakeCollector::default();
    let log = |container: &str, status: ContainerLogStatus| ContainerLog {
        container: container.into(),
        status: status.into(),
        ..ContainerLog::default()
    };
    let gap = |reason: GapReason, container: &str| Gap {
        reason: reason.into(),
        container: container.into(),
        ..Gap::default()
    };
    let cut = || gap(GapReason::LogCutOlder, "a");
    let unreadable = gap(GapReason::LogUnreadable, "b");
    collector.log(vec![Step::Response(ReadLogsResponse {
        logs: vec![log("a", ContainerLogStatus::Read), log("b", ContainerLogStatus::NodeUnreachable)],
        completeness: Some(slow_caller("t1", vec![cut(), unreadable])),
        ..ReadLogsResponse::default()
    })]);
    collector.log(vec![Step::Response(ReadLogsResponse {
        logs: vec![log("a", ContainerLogStatus::Read), log("b", ContainerLogStatus::Read)],
        completeness: Some(Completeness { complete: false, gaps: vec![cut()], ..mk_complete(0) }),
        ..ReadLogsResponse::default()
    })]);
    assert_eq!(completeness(&ask(&collector, logs()).await).gaps, [cut()]);
}

#[tokio::test(start_paused = true)]
async fn what_was_said_of_a_log_is_not_forgotten_where_no_later_piece_says_it_anew() {
    let collector = FakeCollector::default();
    let unreadable = || Gap { reason: GapReason::LogUnreadable.into(), container: "b".into(), ..Gap::default() };
    collector.log(vec![Step::Response(ReadLogsResponse {
        logs: vec![ContainerLog {
            container: "b".into(),
            status: ContainerLogStatus::RuntimeError.into(),
            ..ContainerLog::default()
        }],
        completeness: Some(slow_caller("t1", vec![unreadable()])),
        ..ReadLogsResponse::default()
    })]);
    collector.log(vec![Step::Breaks(Status::internal("broken for good"))]);
    let gaps = completeness(&ask(&collector, logs()).await).gaps;
    assert_eq!((gaps.len(), &gaps[0], gaps[1].reason()), (2, &unreadable(), GapReason::ReadInterrupted));
}
