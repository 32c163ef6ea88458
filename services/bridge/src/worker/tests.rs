mod stops;

use std::sync::Arc;

use gumshoe_proto::{
    bridge::v1::{Command, End, Ping, Query, query::Request},
    collector::v1::{GetPodRequest, GetPodResponse, ListPodsRequest, ReadLogsRequest},
    envelope,
    run::Run,
};
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio::time::timeout;
use tonic::Status;

use super::*;
use crate::{
    command::Outlets,
    fakes::{FakeCollector, FakeCommands, Fate, RecordingQueue, Seen, Step, mk_complete, mk_page, mk_pod},
    ping::tests::mk_about,
    queue::QueueErrorKind,
    results::{ByteBudget, Outlet},
};

/// A worker with all that it touches.
struct Bench {
    commands: Arc<FakeCommands>,
    results: Arc<RecordingQueue>,
    collector: FakeCollector,
    worker: Worker,
}

fn mk_bench(results: RecordingQueue) -> Bench {
    mk_bench_with(results, RecordingQueue::default())
}

/// A bench with a second result queue, "other".
fn mk_bench_with(results: RecordingQueue, other: RecordingQueue) -> Bench {
    let (commands, results) = (Arc::new(FakeCommands::default()), Arc::new(results));
    let small = |name, queue| Outlet::new(name, queue, 1 << 20, false).with_budget(ByteBudget::of_mebibytes(1));
    let collector = FakeCollector::default();
    let reader = CommandReader {
        outlets: Outlets::new(vec![small("main", results.clone()), small("other", Arc::new(other))]),
        max_deadline: Duration::from_secs(600),
        max_receive_count: Some(5),
    };
    let worker = Worker {
        reader,
        collectors: Collectors::new(vec![("main".into(), collector.channel())]),
        queries_per_command: 2,
        leases: Leases::new(commands.clone(), Duration::from_secs(60)),
        cancels: Cancels::default(),
        about: mk_about(),
        give_up: CancellationToken::new(),
        metrics: Metrics::default(),
    };
    Bench { commands, results, collector, worker }
}

fn mk_message(queries: Vec<Request>) -> Received {
    mk_message_to("", queries)
}

fn mk_message_to(reply_to: &str, queries: Vec<Request>) -> Received {
    mk_message_for(60, reply_to, queries)
}

fn mk_message_for(seconds: u64, reply_to: &str, queries: Vec<Request>) -> Received {
    mk_message_with(seconds, queries, |command| command.reply_to = reply_to.into())
}

fn mk_message_with(seconds: u64, queries: Vec<Request>, change: impl FnOnce(&mut Command)) -> Received {
    let mk_query =
        |(n, request): (usize, Request)| Query { id: format!("q{n}"), request: Some(request), ..Query::default() };
    let mut command = Command {
        id: "c".into(),
        investigation_id: "i".into(),
        deadline: Some(SystemTime::now().checked_add(Duration::from_secs(seconds)).unwrap().into()),
        queries: queries.into_iter().enumerate().map(mk_query).collect(),
        ..Command::default()
    };
    change(&mut command);
    mk_received(&envelope::encode_command(&command, Timestamp::now()))
}

fn mk_received(body: &str) -> Received {
    Received { message_id: "m".into(), receipt_handle: "h".into(), body: body.into(), receive_count: 1 }
}

fn get() -> Request {
    Request::GetPod(GetPodRequest::default())
}

fn list() -> Request {
    Request::ListPods(ListPodsRequest::default())
}

impl Bench {
    fn serve_a_pod(&self) {
        let response = GetPodResponse { item: Some(mk_pod("a")), completeness: Some(mk_complete(1)) };
        self.collector.get(vec![Step::Response(response)]);
    }

    /// The end of the only run, which is whole.
    fn end(&self) -> End {
        let reader = self.results.reader();
        let (_, run) = reader.runs().next().expect("there is a run");
        assert!(run.is_complete(), "{:?}", run.verdict());
        run.end().cloned().expect("a whole run has an end")
    }

    fn given_back_after(&self) -> Option<Duration> {
        match &self.commands.seen()[..] {
            [Seen::Visibility { visibility, .. }] => Some(*visibility),
            _ => None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_is_answered_and_then_deleted() {
    let bench = mk_bench(RecordingQueue::default());
    bench.serve_a_pod();
    bench.collector.list(vec![Step::Response(mk_page(&["b"], "t")), Step::Breaks(Status::not_found("x"))]);
    bench.serve_a_pod();
    bench.worker.work(mk_message(vec![get(), list(), get()])).await;
    let end = bench.end();
    let told: Vec<_> = end.queries.iter().map(|query| (query.query_id.as_str(), query.pages, query.items)).collect();
    assert_eq!(told, [("q0", 1, 1), ("q1", 1, 1), ("q2", 1, 1)]);
    assert_eq!((end.status(), end.pages), (EndStatus::Incomplete, 3));
    assert_eq!(bench.commands.seen(), [Seen::Delete("h".into())]);
    let reader = bench.results.reader();
    let accepted = reader.runs().next().and_then(|(_, run)| run.accepted().cloned()).unwrap();
    assert_eq!(accepted.query_ids, ["q0", "q1", "q2"]);
    assert_eq!(bench.worker.metrics.commands_in_flight.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_queries_are_all_complete_succeeds() {
    let bench = mk_bench(RecordingQueue::default());
    bench.serve_a_pod();
    bench.worker.work(mk_message(vec![get()])).await;
    assert_eq!((bench.end().status(), bench.end().error), (EndStatus::Succeeded, None));
}

#[tokio::test(start_paused = true)]
async fn words_that_are_not_understood_fail_their_query_and_no_other() {
    let mut bench = mk_bench(RecordingQueue::default());
    let mut registry = Registry::default();
    bench.worker.metrics = Metrics::new(&mut registry);
    bench.serve_a_pod();
    let words = |text: &str| Request::Kubectl(text.into());
    bench.worker.work(mk_message(vec![words("exec web-0 -- sh"), words("get pod web-0 -n shop")])).await;
    let end = bench.end();
    let reason = |at: usize| end.queries[at].error.as_ref().map(|error| error.reason.as_str());
    assert_eq!((reason(0), reason(1)), (Some("KUBECTL_NOT_SUPPORTED"), None));
    assert_eq!((end.status(), end.queries[1].items), (EndStatus::Incomplete, 1));
    let reader = bench.results.reader();
    let accepted = reader.runs().next().and_then(|(_, run)| run.accepted().cloned()).unwrap();
    let told: Vec<_> = accepted.queries.iter().map(|query| query.id.as_str()).collect();
    assert_eq!((accepted.query_ids.len(), told), (2, vec!["q1"]));
    let mut counted = String::new();
    prometheus_client::encoding::text::encode(&mut counted, &registry).unwrap();
    assert!(counted.contains(r#"queries_total{method="kubectl",code="INVALID_ARGUMENT"} 1"#), "{counted}");
}

#[tokio::test(start_paused = true)]
async fn a_malformed_command_is_answered_and_deleted() {
    let bench = mk_bench(RecordingQueue::default());
    bench.worker.work(mk_received("{}")).await;
    let end = bench.end();
    assert_eq!((end.status(), end.pages), (EndStatus::Failed, 0));
    assert_eq!(end.error.map(|error| error.reason), Some("NOT_A_CLOUD_EVENT".into()));
    assert_eq!(bench.commands.seen(), [Seen::Delete("h".into())]);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_sent_even_after_the_deadline() {
    let bench = mk_bench(RecordingQueue::default());
    bench.collector.list(vec![Step::Response(mk_page(&["a"], "t")), Step::Hangs]);
    bench.results.fates.then_success().then_success();
    for _ in 0..3 {
        bench.results.fates.then(Fate::Fails(QueueErrorKind::Transient));
    }
    bench.worker.work(mk_message(vec![list()])).await;
    let end = bench.end();
    assert_eq!((end.status(), end.pages), (EndStatus::Expired, 1));
    assert_eq!(end.queries[0].completeness.as_ref().map(|all| all.resume_token.as_str()), Some("t"));
    assert_eq!(bench.commands.seen(), [Seen::Delete("h".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_results_cannot_be_sent_is_given_back_and_rests_longer_each_time() {
    for (count, least, most) in [(1, 2, 5), (3, 2, 20), (100, 2, 300)] {
        let bench = mk_bench(RecordingQueue::default());
        bench.serve_a_pod();
        bench.results.fates.then(Fate::Fails(QueueErrorKind::Refused));
        let worker = Worker {
            reader: CommandReader { max_receive_count: Some(1000), ..bench.worker.reader.clone() },
            ..bench.worker.clone()
        };
        worker.work(Received { receive_count: count, ..mk_message(vec![get()]) }).await;
        let rest = bench.given_back_after().expect("it is given back");
        assert!((least..=most).contains(&rest.as_secs()), "{count}: {rest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_the_work_without_an_end() {
    let bench = mk_bench(RecordingQueue::default());
    bench.collector.list(vec![Step::Response(mk_page(&["a"], "t")), Step::Hangs]);
    bench.commands.changes.then(Fate::Refuses(vec![0]));
    let work = bench.worker.work(mk_message(vec![list()]));
    let leases = bench.worker.leases.clone();
    let keep = async {
        bench.results.acknowledged(1).await;
        leases.keep().await;
    };
    tokio::select! {
        () = work => {}
        () = keep => {}
    }
    let reader = bench.results.reader();
    assert!(reader.runs().all(|(_, run): (_, &Run)| run.end().is_none()));
    assert!(!bench.commands.seen().contains(&Seen::Delete("h".into())));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_gives_its_commands_back_at_once() {
    let bench = mk_bench(RecordingQueue::default());
    bench.collector.list(vec![Step::Hangs]);
    let end = async {
        bench.results.acknowledged(1).await;
        bench.worker.give_up.cancel();
    };
    tokio::join!(bench.worker.work(mk_message(vec![list()])), end);
    assert_eq!(bench.given_back_after(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn queries_are_asked_side_by_side_up_to_the_limit() {
    let bench = mk_bench(RecordingQueue::default());
    for _ in 0..3 {
        bench.collector.list(vec![Step::Hangs]);
    }
    let work = bench.worker.work(mk_message(vec![list(), list(), list()]));
    assert!(timeout(Duration::from_secs(1), work).await.is_err());
    assert_eq!(bench.collector.list_requests().len(), 2);
    assert_eq!(bench.collector.get_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_takes_nothing_ends_its_own_commands_in_time_and_no_others() {
    let other = RecordingQueue::default();
    for _ in 0..8 {
        other.fates.then(Fate::Hangs);
    }
    let bench = mk_bench_with(RecordingQueue::default(), other);
    let long = "x".repeat(100_000);
    let page = |n: usize| Step::Response(mk_page(&[long.as_str()], &n.to_string()));
    bench.collector.list((0..30).map(page).collect());
    bench.serve_a_pod();
    let stuck = bench.worker.work(mk_message_to("other", vec![list()]));
    let fine = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        bench.worker.work(mk_message(vec![get()])).await;
        Instant::now()
    };
    let begun = Instant::now();
    let ((), served) = tokio::join!(stuck, fine);
    assert_eq!(served - begun, Duration::from_secs(30));
    assert_eq!(bench.end().status(), EndStatus::Succeeded);
    assert!((90..=91).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    let [Seen::Delete(_), Seen::Visibility { visibility, .. }] = &bench.commands.seen()[..] else { panic!() };
    assert!(!visibility.is_zero());
}

/// A bench whose result queue wants a repair that never comes.
fn mk_denied_bench(max_deadline: Duration) -> Bench {
    let results = RecordingQueue::default();
    for _ in 0..200 {
        results.fates.then(Fate::Fails(QueueErrorKind::Misconfigured));
    }
    let mut bench = mk_bench(results);
    bench.worker.reader.max_deadline = max_deadline;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_nobody_repairs_does_not_hold_a_command_until_its_deadline() {
    let bench = mk_denied_bench(Duration::from_secs(600));
    bench.collector.list(vec![Step::Hangs]);
    let begun = Instant::now();
    bench.worker.work(Received { receive_count: 1, ..mk_message_for(600, "", vec![list()]) }).await;
    assert!((60..=66).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_receives_of_a_command_are_spread_over_the_time_that_it_has_for_a_repair() {
    for (deadline, most) in [(300, 60), (1800, 300), (3600, 300)] {
        let begun = Instant::now();
        let left = || deadline - begun.elapsed().as_secs();
        for receive_count in 1..=4 {
            let bench = mk_denied_bench(Duration::from_secs(3600));
            bench.worker.work(Received { receive_count, ..mk_message_for(left(), "", vec![get()]) }).await;
            let rest = bench.given_back_after().expect("it is given back");
            assert!(rest.as_secs() <= most && rest.as_secs() < left(), "{deadline}, {receive_count}: {rest:?}");
            tokio::time::sleep(rest).await;
            // A try takes a minute.
            if left() < 70 {
                break;
            }
        }
        let spanned = begun.elapsed().as_secs();
        assert!(spanned > deadline.min(1600) * 3 / 4, "{deadline}: {spanned} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_whose_time_is_over_rests_as_after_any_failure() {
    let bench = mk_denied_bench(Duration::from_secs(3600));
    bench.worker.work(mk_message_for(60, "", vec![get()])).await;
    let rest = bench.given_back_after().expect("it is given back");
    assert!(rest <= SHORTEST_REST, "{rest:?}");
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_what_is_no_command_is_tried_for_as_long_as_any() {
    for receive_count in 1..=4 {
        let bench = mk_denied_bench(Duration::from_secs(3600));
        bench.worker.work(Received { receive_count, ..mk_received("{}") }).await;
        assert_eq!(bench.given_back_after(), Some(LONGEST_REST), "{receive_count}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_log_lets_all_others_go_first() {
    let bench = mk_bench(RecordingQueue::default());
    let follow = || Request::ReadLogs(ReadLogsRequest { follow: true, ..ReadLogsRequest::default() });
    bench.collector.log(vec![Step::Hangs]).log(vec![Step::Hangs]);
    bench.serve_a_pod();
    bench.worker.work(mk_message(vec![follow(), follow(), get()])).await;
    let end = bench.end();
    let told: Vec<_> = end.queries.iter().map(|query| (query.query_id.as_str(), query.items)).collect();
    assert_eq!(told, [("q0", 0), ("q1", 0), ("q2", 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_answered_command_is_deleted_as_soon_as_that_works_and_not_run_again() {
    let bench = mk_bench(RecordingQueue::default());
    bench.serve_a_pod();
    for _ in 0..5 {
        bench.commands.deletes.then(Fate::Fails(QueueErrorKind::Misconfigured));
    }
    bench.worker.work(mk_message(vec![get()])).await;
    assert_eq!(bench.commands.seen(), vec![Seen::Delete("h".into()); 6]);
    assert_eq!(bench.collector.get_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_ping_says_what_the_bridge_is_and_which_collector_does_not_answer() {
    let bench = mk_bench(RecordingQueue::default());
    bench.worker.about.handle.readiness("leases").not_ready("DeleteMessage: AccessDenied");
    bench.worker.work(mk_message_with(60, vec![], |command| command.ping = Some(Ping {}))).await;
    let end = bench.end();
    let pong = end.pong.clone().unwrap();
    assert_eq!((end.status(), end.pages), (EndStatus::Succeeded, 0));
    assert_eq!((pong.bridge_version.as_str(), pong.concurrency), (env!("CARGO_PKG_VERSION"), 4));
    assert_eq!((pong.not_ready, pong.queues.len()), (vec!["leases: DeleteMessage: AccessDenied".to_owned()], 1));
    let [main] = &pong.collectors[..] else { panic!("{:?}", pong.collectors) };
    // The fake collector has no such method, as one that is older has not.
    let error = main.error.as_ref().unwrap();
    assert_eq!((main.name.as_str(), main.status.is_none(), error.code.as_str()), ("main", true, "UNIMPLEMENTED"));
    assert_eq!(bench.commands.seen(), [Seen::Delete("h".into())]);
}
