use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use futures::FutureExt as _;
use gumshoe_proto::{
    bridge::v1::{
        self as proto, Accepted, End, EndStatus, Page, Query, QueryOutcome, Result as RunResult, result::Kind,
    },
    envelope::encode_result,
    run::{PageDigest, RunDigest},
};
use gumshoe_queue::BATCH;
use jiff::Timestamp;

use super::*;
use crate::run::queue::{Hiding, VISIBILITY};

/// A queue that hands out what is visible, always from the beginning: SQS at its least helpful.
struct FakeQueue {
    stored: RefCell<Vec<Stored>>,
    /// Of the next receives.
    errors: RefCell<VecDeque<Error>>,
    batch: usize,
    /// A receive takes one to three of it: two who share a queue do not go in step for ever.
    latency: Duration,
    /// Deletions never end.
    hangs: bool,
    /// Nor do receives.
    is_deaf: bool,
    changed: tokio::sync::Notify,
    receives: Cell<u32>,
}

struct Stored {
    message: Message,
    receipts: u32,
    visible: Instant,
    deleted: bool,
}

impl FakeQueue {
    fn new(messages: impl IntoIterator<Item = Message>) -> Self {
        let now = Instant::now();
        let stored = |message| Stored { message, receipts: 0, visible: now, deleted: false };
        Self {
            stored: RefCell::new(messages.into_iter().map(stored).collect()),
            errors: RefCell::default(),
            batch: 10,
            latency: Duration::from_millis(10),
            hangs: false,
            is_deaf: false,
            changed: tokio::sync::Notify::new(),
            receives: Cell::new(0),
        }
    }

    /// What is there and visible.
    fn visible(&self) -> Vec<String> {
        let mut stored = self.stored.borrow_mut();
        let visible = stored.iter_mut().filter(|stored| !stored.deleted && stored.visible <= Instant::now());
        visible.map(|stored| stored.message.id.clone()).collect()
    }

    /// What is there, visible or not, with how often it was received.
    fn held(&self) -> Vec<(String, u32)> {
        let stored = self.stored.borrow();
        let held = stored.iter().filter(|stored| !stored.deleted);
        held.map(|stored| (stored.message.id.clone(), stored.receipts)).collect()
    }

    fn take(&self) -> Vec<Message> {
        let mut stored = self.stored.borrow_mut();
        let visible = stored.iter_mut().filter(|stored| !stored.deleted && stored.visible <= Instant::now());
        let receive = |stored: &mut Stored| {
            stored.visible = Instant::now() + VISIBILITY;
            stored.receipts += 1;
            stored.message.clone()
        };
        visible.take(self.batch).map(receive).collect()
    }

    /// The moment when something becomes visible by itself.
    fn next_visible(&self) -> Option<Instant> {
        self.stored.borrow().iter().filter(|stored| !stored.deleted).map(|stored| stored.visible).min()
    }
}

impl ResultQueue for FakeQueue {
    async fn receive(&self, wait: Duration) -> Result<Vec<Message>, Error> {
        if let Some(error) = self.errors.borrow_mut().pop_front() {
            return Err(error);
        }
        if self.is_deaf {
            std::future::pending::<()>().await;
        }
        let end = Instant::now() + wait;
        self.receives.set(self.receives.get() + 1);
        tokio::time::sleep(self.latency * (1 + self.receives.get() * 7 / 5 % 3)).await;
        loop {
            let taken = self.take();
            if !taken.is_empty() || Instant::now() >= end {
                return Ok(taken);
            }
            let wake = self.next_visible().map_or(end, |next| next.min(end));
            let _ = tokio::time::timeout_at(wake, self.changed.notified()).await;
        }
    }

    async fn delete(&self, messages: &[Message]) -> Result<(), Error> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let mut stored = self.stored.borrow_mut();
        let ids: Vec<_> = messages.iter().map(|message| &message.id).collect();
        stored.iter_mut().filter(|stored| ids.contains(&&stored.message.id)).for_each(|stored| stored.deleted = true);
        Ok(())
    }

    async fn hide(&self, messages: &[Hiding]) -> Result<(), Error> {
        assert!(messages.len() <= BATCH);
        for Hiding { receipt_handle, visibility } in messages {
            let mut stored = self.stored.borrow_mut();
            let stored = stored.iter_mut().find(|stored| stored.message.receipt_handle == *receipt_handle);
            stored.expect("a handle that was given out").visible = Instant::now() + *visibility;
        }
        self.changed.notify_waiters();
        Ok(())
    }
}

#[derive(Default)]
struct Heard {
    results: Vec<u32>,
    foreign: usize,
    troubles: usize,
    overtime: Vec<Duration>,
}

impl Listener for Heard {
    fn result(&mut self, _: &str, fed: &Fed, _: &Reader) -> Result<(), Error> {
        self.results.push(fed.seq);
        Ok(())
    }

    fn foreign(&mut self, messages: usize) {
        self.foreign += messages;
    }

    fn overtime(&mut self, left: Duration, _: &Reader) {
        self.overtime.push(left);
    }

    fn trouble(&mut self, _: &Error) {
        self.troubles += 1;
    }
}

/// `Accepted`, two pages and `End` of a run, whose ids are "<command>/<run>/<seq>".
fn mk_run(command_id: &str, run: &str) -> Vec<Message> {
    mk_run_of(2, command_id, run)
}

/// The same with so many pages.
fn mk_run_of(pages: u32, command_id: &str, run: &str) -> Vec<Message> {
    let result = |seq, kind| RunResult {
        command_id: command_id.into(),
        run: run.into(),
        seq,
        investigation_id: "i1".into(),
        kind: Some(kind),
    };
    let body = |result: &RunResult| encode_result(result, Timestamp::UNIX_EPOCH);
    let page = |number| Page { query_id: "q1".into(), number, response: None, ..Page::default() };
    let mut bodies = vec![body(&result(0, Kind::Accepted(Accepted::default())))];
    let mut digest = RunDigest::default();
    for number in 1..=pages {
        bodies.push(body(&result(number, Kind::Page(page(number)))));
        digest.add(&PageDigest::of(&bodies[number as usize]));
    }
    let outcome = QueryOutcome { query_id: "q1".into(), pages, ..QueryOutcome::default() };
    let end = End {
        pages,
        bytes: digest.bytes(),
        sha256: digest.sha256().to_vec().into(),
        queries: vec![outcome],
        ..End::default()
    };
    bodies.push(body(&result(pages + 1, Kind::End(end))));
    let message = |(seq, body)| mk_message(format!("{command_id}/{run}/{seq}"), body);
    bodies.into_iter().enumerate().map(message).collect()
}

fn mk_message(id: String, body: String) -> Message {
    Message { receipt_handle: id.clone(), id, body }
}

/// Of nobody who is there.
fn mk_foreign(messages: usize) -> Vec<Message> {
    (0..messages).map(|number| mk_message(format!("foreign/{number}"), "hello".to_owned())).collect()
}

fn mk_error() -> Error {
    Error::Queue { doing: "receiving results", what: "no route".into() }
}

struct Outcome {
    gathered: Result<Gathered, Error>,
    heard: Heard,
    held_bytes: u64,
}

async fn gather_of(command_id: &str, queue: &FakeQueue, max_bytes: u64, interrupt: &Interrupt) -> Outcome {
    gather_behind(Vec::new(), command_id, queue, max_bytes, interrupt).await
}

/// The same where this was found before the command was sent.
async fn gather_behind(
    found: Vec<Message>,
    command_id: &str,
    queue: &FakeQueue,
    max_bytes: u64,
    interrupt: &Interrupt,
) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(30);
    let until = Instant::now() + Duration::from_secs(60);
    let queries = vec![Query { id: "q1".into(), ..Query::default() }];
    let command = Command { id: command_id.into(), queries, ..Command::default() };
    let wanted = Wanted { command, deadline, until, max_bytes };
    let (mut reader, mut heard) = (Reader::default(), Heard::default());
    let gathered = collect(queue, &wanted, found, &mut reader, interrupt, &mut heard).await;
    Outcome { gathered, heard, held_bytes: reader.held_bytes() }
}

async fn gather(queue: &FakeQueue) -> Outcome {
    gather_of("c1", queue, 1 << 20, &never()).await
}

fn never() -> Interrupt {
    std::future::pending().boxed().shared()
}

#[tokio::test(start_paused = true)]
async fn a_run_is_whole_in_whatever_order_it_comes() {
    let mut messages = mk_run("c1", "r1");
    messages.rotate_left(3);
    let queue = FakeQueue { batch: 3, ..FakeQueue::new(messages) };
    let outcome = gather(&queue).await;
    assert_eq!(outcome.gathered.unwrap(), Gathered::Whole);
    assert_eq!(outcome.heard.results, [3, 0, 1, 2]);
    assert_eq!(queue.held(), []);
}

#[tokio::test(start_paused = true)]
async fn ours_are_found_behind_what_others_left_and_theirs_is_received_once() {
    let queue = FakeQueue::new(mk_foreign(50).into_iter().chain(mk_run("c1", "r1")));
    let outcome = gather(&queue).await;
    assert_eq!(outcome.gathered.unwrap(), Gathered::Whole);
    assert_eq!(outcome.heard.foreign, 50);
    assert!(queue.held().len() == 50 && queue.held().iter().all(|(_, receipts)| *receipts == 1), "{:?}", queue.held());
    assert_eq!(queue.visible().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn what_is_of_others_is_given_back_and_not_kept() {
    let queue = FakeQueue::new(mk_run("c2", "r1").into_iter().chain(mk_foreign(1)).chain(mk_run("c1", "r1")));
    let outcome = gather(&queue).await;
    assert_eq!(outcome.gathered.unwrap(), Gathered::Whole);
    assert_eq!(queue.visible(), ["c2/r1/0", "c2/r1/1", "c2/r1/2", "c2/r1/3", "foreign/0"]);
    let own: u64 = mk_run("c1", "r1")[1..3].iter().map(|message| message.body.len() as u64).sum();
    assert_eq!(outcome.held_bytes, own);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_takes_is_received_a_bounded_number_of_times_and_counted_once() {
    let queue = FakeQueue::new(mk_foreign(30));
    let outcome = gather(&queue).await;
    assert_eq!((outcome.gathered.unwrap(), outcome.heard.foreign), (Gathered::TimeUp, 30));
    assert!(queue.held().iter().all(|(_, receipts)| (4..=16).contains(receipts)), "{:?}", queue.held());
    assert_eq!(queue.visible().len(), 30);
}

#[tokio::test(start_paused = true)]
async fn two_who_share_a_queue_both_get_their_results() {
    for (pages, batch) in [(2, 1), (38, 10)] {
        let (one, two) = (mk_run_of(pages, "c1", "r1"), mk_run_of(pages, "c2", "r1"));
        let messages: Vec<_> = one.into_iter().zip(two).flat_map(|(a, b)| [b, a]).collect();
        let queue = FakeQueue { batch, ..FakeQueue::new(messages) };
        let (begun, never) = (Instant::now(), never());
        let (one, two) =
            futures::join!(gather_of("c1", &queue, 1 << 20, &never), gather_of("c2", &queue, 1 << 20, &never));
        assert_eq!((one.gathered.unwrap(), two.gathered.unwrap()), (Gathered::Whole, Gathered::Whole));
        assert_eq!(queue.held(), []);
        assert!(begun.elapsed() < Duration::from_secs(30), "{pages} pages each: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn ours_are_soon_found_behind_much_that_nobody_takes_on_a_slow_line() {
    let messages = mk_foreign(400).into_iter().chain(mk_run_of(38, "c1", "r1"));
    let queue = FakeQueue { latency: Duration::from_millis(75), ..FakeQueue::new(messages) };
    let begun = Instant::now();
    assert_eq!(gather(&queue).await.gathered.unwrap(), Gathered::Whole);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(queue.held().iter().all(|(_, receipts)| *receipts <= 5), "{:?}", queue.held());
    assert_eq!(queue.visible().len(), 400);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_ours_stays_behind_a_whole_run() {
    let mut messages = mk_run("c1", "r2");
    let broken_off = mk_run("c1", "r1").into_iter().take(2).collect::<Vec<_>>();
    messages.extend(broken_off);
    let queue = FakeQueue { batch: 4, ..FakeQueue::new(messages) };
    assert_eq!(gather(&queue).await.gathered.unwrap(), Gathered::Whole);
    assert_eq!(queue.held(), []);
}

#[tokio::test(start_paused = true)]
async fn others_get_theirs_back_however_much_of_ours_is_behind_a_whole_run() {
    let messages = mk_foreign(1).into_iter().chain(mk_run("c1", "r2")).chain(mk_run_of(1000, "c1", "r1"));
    let queue = FakeQueue { latency: Duration::from_millis(75), ..FakeQueue::new(messages) };
    assert_eq!(gather(&queue).await.gathered.unwrap(), Gathered::Whole);
    assert!(queue.visible().contains(&"foreign/0".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_comes_with_or_behind_a_whole_run_does_not_make_it_too_large() {
    let whole = mk_run("c1", "r2");
    let max_bytes = whole.iter().map(|message| message.body.len() as u64).sum();
    let messages: Vec<_> = whole.into_iter().chain(mk_run_of(38, "c1", "r1").into_iter().take(30)).collect();
    for batch in [4, 10] {
        let queue = FakeQueue { batch, ..FakeQueue::new(messages.clone()) };
        let outcome = gather_of("c1", &queue, max_bytes, &never()).await;
        assert_eq!((outcome.gathered.unwrap(), outcome.heard.results.len()), (Gathered::Whole, batch));
        assert_eq!(queue.held(), []);
    }
}

/// The `End` of a run in which the queries were not asked.
fn mk_refusal(command_id: &str, run: &str) -> Message {
    mk_refusal_for("DEADLINE", command_id, run)
}

fn mk_refusal_for(reason: &str, command_id: &str, run: &str) -> Message {
    let error = Some(proto::Error { reason: reason.to_owned(), ..proto::Error::default() });
    let (command_id, run, investigation_id) = (command_id.into(), run.into(), "i1".into());
    let sha256 = RunDigest::default().sha256().to_vec().into();
    let end = End { status: EndStatus::Failed.into(), error, sha256, ..End::default() };
    let result = RunResult { command_id, run, seq: 1, investigation_id, kind: Some(Kind::End(end)) };
    mk_message("refusal".into(), encode_result(&result, Timestamp::UNIX_EPOCH))
}

#[tokio::test(start_paused = true)]
async fn a_run_under_way_is_waited_for_when_another_was_refused() {
    let mut messages = mk_run("c1", "r1");
    messages.insert(1, mk_refusal("c1", "r2"));
    let queue = FakeQueue { batch: 1, ..FakeQueue::new(messages) };
    let outcome = gather(&queue).await;
    assert_eq!((outcome.gathered.unwrap(), outcome.heard.results.len()), (Gathered::Whole, 5));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_given_up_is_not_waited_for_although_runs_had_begun() {
    let dead = ["r1", "r2"].map(|run| mk_run("c1", run).swap_remove(0));
    let queue = FakeQueue::new(dead.into_iter().chain([mk_refusal_for("TRIED_TOO_OFTEN", "c1", "r3")]));
    let begun = Instant::now();
    assert_eq!(gather(&queue).await.gathered.unwrap(), Gathered::Whole);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_overtook_the_answer_does_not_cost_it() {
    for reason in ["DEADLINE", "TRIED_TOO_OFTEN"] {
        let messages = [mk_refusal_for(reason, "c1", "r2")].into_iter().chain(mk_run_of(28, "c1", "r1"));
        for batch in [1, 10] {
            let outcome = gather(&FakeQueue { batch, ..FakeQueue::new(messages.clone()) }).await;
            assert_eq!((outcome.gathered.unwrap(), outcome.heard.results.len()), (Gathered::Whole, 31), "{reason}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_cost_an_answer_that_messages_of_others_stand_before() {
    for others in [19, 400] {
        let messages = [mk_refusal("c1", "r2")].into_iter().chain(mk_foreign(others)).chain(mk_run("c1", "r1"));
        let outcome = gather(&FakeQueue::new(messages)).await;
        assert_eq!((outcome.gathered.unwrap(), outcome.heard.results.len()), (Gathered::Whole, 5), "{others}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer_where_others_leave_theirs_in_the_queue() {
    for others in [19, 80] {
        let messages = mk_foreign(others).into_iter().chain([mk_refusal("c1", "r1")]);
        let queue = FakeQueue { latency: Duration::from_millis(75), ..FakeQueue::new(messages) };
        let begun = Instant::now();
        assert_eq!(gather(&queue).await.gathered.unwrap(), Gathered::Whole);
        assert!(begun.elapsed() < Duration::from_secs(5), "{others}: {:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_failed_does_not_say_that_there_is_nothing_behind_a_refusal() {
    let errors = RefCell::new([mk_error()].into());
    let queue = FakeQueue { errors, ..FakeQueue::new(mk_run("c1", "r1")) };
    let outcome = gather_behind(vec![mk_refusal("c1", "r2")], "c1", &queue, 1 << 20, &never()).await;
    assert_eq!((outcome.gathered.unwrap(), outcome.heard.results.len()), (Gathered::Whole, 5));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_alone_is_an_answer() {
    let begun = Instant::now();
    assert_eq!(gather(&FakeQueue::new([mk_refusal("c1", "r1")])).await.gathered.unwrap(), Gathered::Whole);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_message_is_heard_once_and_deleted_each_time() {
    let run = mk_run("c1", "r1");
    let again = mk_message("c1/r1/1 again".into(), run[1].body.clone());
    let queue = FakeQueue::new([run[0].clone(), run[1].clone(), again, run[2].clone(), run[3].clone()]);
    let outcome = gather(&queue).await;
    assert_eq!(outcome.heard.results, [0, 1, 2, 3]);
    assert_eq!(queue.held(), []);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_wanted() {
    let queue = FakeQueue::new(mk_run("c1", "r1").into_iter().take(2));
    assert_eq!(gather(&queue).await.gathered.unwrap(), Gathered::TimeUp);
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_hangs_is_waited_for_no_longer_than_an_answer_takes() {
    let queue = FakeQueue { is_deaf: true, ..FakeQueue::new(mk_run("c1", "r1")) };
    let begun = Instant::now();
    assert_eq!(gather(&queue).await.gathered.unwrap(), Gathered::TimeUp);
    assert!(
        begun.elapsed() <= Duration::from_secs(60) + LAST_ANSWER + Duration::from_millis(1),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_hangs_is_waited_for_no_longer_either() {
    let queue = FakeQueue { hangs: true, ..FakeQueue::new(mk_run("c1", "r1").into_iter().take(2)) };
    let begun = Instant::now();
    assert_eq!(gather(&queue).await.gathered.unwrap(), Gathered::TimeUp);
    let most = Duration::from_secs(60) + LAST_ANSWER + TIDYING_MAX + Duration::from_millis(1);
    assert!(begun.elapsed() <= most, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_key_ends_the_wait() {
    let interrupt = futures::future::ready(()).boxed().shared();
    let outcome = gather_of("c1", &FakeQueue::new([]), 1 << 20, &interrupt).await;
    assert_eq!(outcome.gathered.unwrap(), Gathered::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn the_key_ends_a_deletion_that_hangs_too() {
    let queue = FakeQueue { hangs: true, ..FakeQueue::new(mk_run("c1", "r1").into_iter().take(2)) };
    let interrupt = tokio::time::sleep(Duration::from_secs(1)).boxed().shared();
    let begun = Instant::now();
    assert_eq!(gather_of("c1", &queue, 1 << 20, &interrupt).await.gathered.unwrap(), Gathered::Interrupted);
    assert!(begun.elapsed() < Duration::from_secs(2) + TIDYING_MAX, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_bridged_and_many_are_an_error() {
    let failing = |times| {
        let errors = RefCell::new((0..times).map(|_| mk_error()).collect());
        FakeQueue { errors, ..FakeQueue::new(mk_run("c1", "r1")) }
    };
    let outcome = gather(&failing(2)).await;
    assert_eq!((outcome.gathered.unwrap(), outcome.heard.troubles), (Gathered::Whole, 2));
    assert!(matches!(gather(&failing(3)).await.gathered, Err(Error::Queue { .. })));
}

#[tokio::test(start_paused = true)]
async fn runs_without_pages_are_bound_too() {
    let beginnings = (0..100).map(|run| mk_run("c1", &format!("r{run}")).swap_remove(0));
    let outcome = gather_of("c1", &FakeQueue::new(beginnings), 10_000, &never()).await;
    assert!(matches!(outcome.gathered, Err(Error::TooLarge(_))), "{:?}", outcome.gathered);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_has_a_bound_and_others_are_given_back_behind_it() {
    let queue = FakeQueue::new(mk_foreign(1).into_iter().chain(mk_run("c1", "r1").into_iter().take(3)));
    assert!(matches!(gather_of("c1", &queue, 100, &never()).await.gathered, Err(Error::TooLarge(100))));
    assert_eq!(queue.visible(), ["foreign/0"]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_told_of_once_while_a_poll_goes_on() {
    let silent = gather(&FakeQueue::new([])).await;
    assert_eq!(silent.heard.overtime, [Duration::from_secs(30)]);
    let quick = gather(&FakeQueue::new(mk_run("c1", "r1"))).await;
    assert!(quick.heard.overtime.is_empty());
}
