use std::time::Duration;

use gumshoe_proto::{
    bridge::v1::{EndStatus, Query, QueryOutcome, query::Request},
    collector::v1::ListPodsRequest,
    run::{Run, RunKey, Verdict},
};
use tokio::time::{sleep, timeout};

use super::*;
use crate::{
    fakes::{Fate, RecordingQueue},
    queue::QueueErrorKind,
    results::{
        ByteBudget,
        encode::{Content, PageHeader},
    },
};

const PATIENCE: Duration = Duration::from_secs(60);

fn mk_run() -> RunId {
    RunId { command_id: "c".into(), run: "r".into(), investigation_id: "i".into() }
}

fn mk_sender(queue: &Arc<RecordingQueue>, is_fifo: bool) -> Sender {
    let outlet = Outlet::new("main", queue.clone(), 256 * 1024, is_fifo);
    Sender::new(mk_run(), outlet, Metrics::default(), Instant::now() + PATIENCE)
}

/// Hands over pages of a query: JSON responses with a text each.
async fn hand_over(sender: &mpsc::Sender<Handed>, query: &str, texts: &[String]) {
    let budget = ByteBudget::of_mebibytes(64);
    for (number, text) in (1..).zip(texts) {
        let header = PageHeader { query_id: query.into(), number, arm: "readLogs".into() };
        let response = serde_json::json!({"lines": [{"text": text}]}).to_string();
        let share = budget.take(response.len()).await;
        if sender.send(Handed { header, content: Content::Response(response), share: Arc::new(share) }).await.is_err() {
            return;
        }
    }
}

fn mk_texts(count: usize, length: usize) -> Vec<String> {
    (0..count).map(|n| format!("{n}{}", "x".repeat(length))).collect()
}

fn mk_end(query: &str, pages: usize) -> End {
    let outcome = QueryOutcome { query_id: query.into(), pages: pages as u32, ..QueryOutcome::default() };
    End { status: EndStatus::Succeeded.into(), queries: vec![outcome], ..End::default() }
}

/// Sends a run of one query with these pages.
async fn send_run(mut sender: Sender, texts: &[String]) -> Result<(), SendError> {
    let (handed, pages) = mpsc::channel(16);
    let hand_over = async {
        hand_over(&handed, "q", texts).await;
        drop(handed);
    };
    let (sent, ()) = tokio::join!(sender.send_pages(Accepted::default(), pages, None), hand_over);
    sent?;
    sender.send_end(mk_end("q", texts.len())).await
}

fn verdict(queue: &RecordingQueue) -> Verdict {
    let key = RunKey { command_id: "c".into(), run: "r".into() };
    queue.reader().run(&key).map_or(Verdict::EndMissing, Run::verdict)
}

#[tokio::test(start_paused = true)]
async fn a_run_is_accepted_then_pages_then_its_end_and_is_whole() {
    let queue = Arc::new(RecordingQueue::default());
    let sender = mk_sender(&queue, false);
    let metrics = sender.metrics.clone();
    send_run(sender, &mk_texts(30, 10)).await.unwrap();
    assert_eq!(verdict(&queue), Verdict::Complete);
    let bodies = queue.bodies();
    assert_eq!((bodies.len(), metrics.messages_sent.get()), (32, 32));
    assert_eq!(metrics.bytes_sent.get(), bodies.iter().map(|body| body.len() as u64).sum::<u64>());
    assert!(bodies[0].contains("\"accepted\"") && bodies[31].contains("\"end\""));
}

#[tokio::test(start_paused = true)]
async fn a_page_does_not_wait_for_the_one_before_it_to_be_acknowledged() {
    let queue = Arc::new(RecordingQueue::slow(1));
    let begun = Instant::now();
    send_run(mk_sender(&queue, false), &mk_texts(2, 10)).await.unwrap();
    // The pages go out beside `Accepted`; only `End` waits.
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn messages_gather_while_all_calls_are_busy() {
    let queue = Arc::new(RecordingQueue::slow(1));
    send_run(mk_sender(&queue, false), &mk_texts(60, 10)).await.unwrap();
    assert_eq!(verdict(&queue), Verdict::Complete);
    let sizes: Vec<_> = queue.calls().iter().map(Vec::len).collect();
    assert!(sizes.iter().all(|size| *size <= BATCH) && sizes.len() < 15, "{sizes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_holds_at_most_a_mebibyte() {
    let queue = Arc::new(RecordingQueue::slow(1));
    send_run(mk_sender(&queue, false), &mk_texts(20, 200 * 1024)).await.unwrap();
    assert_eq!(verdict(&queue), Verdict::Complete);
    for call in queue.calls() {
        assert!(call.iter().map(|message| message.body.len()).sum::<usize>() <= batch::BATCH_BYTES);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_less_in_a_batch_gets_less() {
    let queue = Arc::new(RecordingQueue::slow(1).with_batch_limit(256 * 1024));
    send_run(mk_sender(&queue, false), &mk_texts(20, 100 * 1024)).await.unwrap();
    assert_eq!(verdict(&queue), Verdict::Complete);
    let too_long = queue.calls().iter().filter(|call| call.len() > 2).count();
    assert!(too_long <= CALLS, "it is told once and remembered: {too_long}");
}

#[tokio::test(start_paused = true)]
async fn entries_that_failed_are_sent_again_and_only_they() {
    let queue = Arc::new(RecordingQueue::slow(1));
    // The first call is `Accepted`, with the pages that were there already.
    queue.fates.then(Fate::FailsFor(vec![0], "InternalError")).then(Fate::Fails(QueueErrorKind::Transient));
    send_run(mk_sender(&queue, false), &mk_texts(30, 10)).await.unwrap();
    assert_eq!(verdict(&queue), Verdict::Complete);
    let key = RunKey { command_id: "c".into(), run: "r".into() };
    assert_eq!(queue.reader().run(&key).map(Run::repeated), Some(0));
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_until_every_page_was_acknowledged() {
    let queue = Arc::new(RecordingQueue::default());
    queue.fates.then_success().then(Fate::FailsFor(vec![0], "Throttled")).then(Fate::FailsFor(vec![0], "Throttled"));
    send_run(mk_sender(&queue, false), &mk_texts(5, 10)).await.unwrap();
    assert!(queue.bodies().last().is_some_and(|body| body.contains("\"end\"")));
    assert_eq!(verdict(&queue), Verdict::Complete);
}

#[tokio::test(start_paused = true)]
async fn what_sqs_refuses_for_what_it_is_ends_the_run_without_an_end() {
    for fate in [Fate::Refuses(vec![0]), Fate::Fails(QueueErrorKind::Refused)] {
        let queue = Arc::new(RecordingQueue::default());
        queue.fates.then_success().then(fate);
        send_run(mk_sender(&queue, false), &mk_texts(5, 10)).await.unwrap_err();
        assert_ne!(verdict(&queue), Verdict::Complete);
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_takes_nothing_is_given_up_in_time() {
    for fate in [Fate::Hangs, Fate::Fails(QueueErrorKind::Misconfigured), Fate::FailsFor(vec![0], "Busy")] {
        let queue = Arc::new(RecordingQueue::default());
        for _ in 0..200 {
            queue.fates.then(fate.clone());
        }
        let begun = Instant::now();
        let sent = send_run(mk_sender(&queue, false), &mk_texts(1, 10)).await;
        let misconfigured = matches!(fate, Fate::Fails(QueueErrorKind::Misconfigured));
        assert!(sent.as_ref().is_err_and(|error| error.needs_repair() == misconfigured), "{sent:?}");
        assert!(begun.elapsed() <= PATIENCE);
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_repair_begins_with_the_first_refusal_and_anew_behind_another_failure() {
    let queue = Arc::new(RecordingQueue::default());
    // Waits of up to 5 s each: far more than a minute of each kind in all.
    for kind in [QueueErrorKind::Transient, QueueErrorKind::Misconfigured].repeat(80) {
        queue.fates.then(Fate::Fails(kind));
    }
    let sender = Sender { give_up: Instant::now() + 10 * PATIENCE, ..mk_sender(&queue, false) };
    let begun = Instant::now();
    send_run(sender, &mk_texts(1, 10)).await.unwrap();
    assert!(begun.elapsed() > Duration::from_secs(70), "{:?}", begun.elapsed());
    assert_eq!(verdict(&queue), Verdict::Complete);
}

#[tokio::test(start_paused = true)]
async fn a_fifo_queue_gets_one_call_at_a_time_and_what_it_tells_messages_apart_by() {
    let queue = Arc::new(RecordingQueue::slow(1));
    send_run(mk_sender(&queue, true), &mk_texts(25, 10)).await.unwrap();
    let reader = queue.reader();
    let (_, run) = reader.runs().next().unwrap();
    let order: Vec<_> = (1..=25).map(|seq| run.page(seq).unwrap().number).collect();
    assert_eq!(order, (1..=25).collect::<Vec<_>>());
    let messages: Vec<_> = queue.calls().concat();
    for (seq, message) in messages.iter().enumerate() {
        let expected = Fifo { group: "i".into(), deduplication_id: format!("c.r.{seq}") };
        assert_eq!(message.fifo.as_ref(), Some(&expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_queue_holds_up_who_hands_over_and_holds_no_more_than_the_budget() {
    let queue = Arc::new(RecordingQueue::slow(100));
    let mut sender = mk_sender(&queue, false);
    let budget = ByteBudget::of_mebibytes(1);
    let (handed, pages) = mpsc::channel(16);
    let handed_over = AtomicUsize::new(0);
    let hand_over = async {
        for number in 1..=20 {
            let header = PageHeader { query_id: "q".into(), number, arm: "readLogs".into() };
            let response = format!("{{\"nextPageToken\":\"{}\"}}", "x".repeat(200 * 1024));
            let share = budget.take(response.len()).await;
            handed.send(Handed { header, content: Content::Response(response), share: Arc::new(share) }).await.unwrap();
            handed_over.fetch_add(1, Ordering::Relaxed);
        }
    };
    let work = async { tokio::join!(sender.send_pages(Accepted::default(), pages, None), hand_over) };
    assert!(timeout(Duration::from_secs(10), work).await.is_err());
    assert_eq!(handed_over.load(Ordering::Relaxed), 5);
    sleep(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn what_words_mean_is_told_as_far_as_a_message_holds_it() {
    for (selectors, told) in [
        (vec![10 << 10; 3], vec![0, 1, 2]),
        (vec![120 << 10, 10, 150 << 10, 20], vec![0, 1, 3]),
        (vec![300 << 10, 10, 300 << 10], vec![1]),
        (vec![300 << 10], vec![]),
    ] {
        let query = |(n, length): (usize, &usize)| {
            let list = ListPodsRequest { label_selector: "x".repeat(*length), ..ListPodsRequest::default() };
            Query { id: format!("q{n}"), collector: String::new(), request: Some(Request::ListPods(list)) }
        };
        let queue = Arc::new(RecordingQueue::default());
        let (handed, pages) = mpsc::channel(1);
        drop(handed);
        let query_ids: Vec<_> = (0..selectors.len()).map(|n| format!("q{n}")).collect();
        let queries = selectors.iter().enumerate().map(query).collect();
        let accepted = Accepted { query_ids: query_ids.clone(), queries, ..Accepted::default() };
        let mut sender = mk_sender(&queue, false);
        sender.send_pages(accepted, pages, None).await.unwrap();
        let reader = queue.reader();
        let accepted = reader.runs().next().and_then(|(_, run)| run.accepted().cloned()).unwrap();
        let ids: Vec<_> = accepted.queries.into_iter().map(|query| query.id).collect();
        assert_eq!(ids, told.into_iter().map(|n| format!("q{n}")).collect::<Vec<_>>());
        assert_eq!(accepted.query_ids, query_ids);
    }
}
