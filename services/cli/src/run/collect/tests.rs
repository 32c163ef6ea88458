use std::{cell::RefCell, collections::VecDeque};

use futures::FutureExt as _;
use gumshoe_proto::{
    bridge::v1::{Accepted, End, Page, QueryOutcome, Result as RunResult, result::Kind},
    envelope::encode_result,
    run::{PageDigest, RunDigest},
};
use jiff::Timestamp;

use super::*;

/// Gives the scripted messages, then nothing; keeps what is settled.
#[derive(Default)]
struct FakeQueue {
    polls: RefCell<VecDeque<Result<Vec<Message>, Error>>>,
    deleted: RefCell<Vec<String>>,
    given_back: RefCell<Vec<String>>,
}

impl FakeQueue {
    fn new(polls: impl IntoIterator<Item = Result<Vec<Message>, Error>>) -> Self {
        Self { polls: RefCell::new(polls.into_iter().collect()), ..Self::default() }
    }
}

fn handles(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| message.receipt_handle.clone()).collect()
}

impl ResultQueue for FakeQueue {
    async fn receive(&self, wait: Duration) -> Result<Vec<Message>, Error> {
        let next = self.polls.borrow_mut().pop_front();
        if next.is_none() {
            tokio::time::sleep(wait).await;
        }
        next.unwrap_or_else(|| Ok(Vec::new()))
    }

    async fn delete(&self, messages: &[Message]) -> Result<(), Error> {
        self.deleted.borrow_mut().extend(handles(messages));
        Ok(())
    }

    async fn give_back(&self, messages: &[Message]) -> Result<(), Error> {
        self.given_back.borrow_mut().extend(handles(messages));
        Ok(())
    }
}

#[derive(Default)]
struct Heard {
    results: Vec<u32>,
    foreign: usize,
    troubles: usize,
}

impl Listener for Heard {
    fn result(&mut self, _: &str, fed: &Fed, _: &Reader) -> Result<(), Error> {
        self.results.push(fed.seq);
        Ok(())
    }

    fn foreign(&mut self, messages: usize) {
        self.foreign += messages;
    }

    fn trouble(&mut self, _: &Error) {
        self.troubles += 1;
    }
}

/// `Accepted`, two pages and `End` of a run, whose receipt handles are "<command>/<seq>".
fn mk_run(command_id: &str) -> Vec<Message> {
    let result = |seq, kind| RunResult {
        command_id: command_id.into(),
        run: "r1".into(),
        seq,
        investigation_id: "i1".into(),
        kind: Some(kind),
    };
    let body = |result: &RunResult| encode_result(result, Timestamp::UNIX_EPOCH);
    let page = |number| Page { query_id: "q1".into(), number, response: None };
    let mut bodies = vec![body(&result(0, Kind::Accepted(Accepted::default())))];
    let mut digest = RunDigest::default();
    for number in 1..=2 {
        bodies.push(body(&result(number, Kind::Page(page(number)))));
        digest.add(&PageDigest::of(&bodies[number as usize]));
    }
    let outcome = QueryOutcome { query_id: "q1".into(), pages: 2, ..QueryOutcome::default() };
    let end = End {
        pages: 2,
        bytes: digest.bytes(),
        sha256: digest.sha256().to_vec().into(),
        queries: vec![outcome],
        ..End::default()
    };
    bodies.push(body(&result(3, Kind::End(end))));
    let message = |(seq, body)| Message { receipt_handle: format!("{command_id}/{seq}"), body };
    bodies.into_iter().enumerate().map(message).collect()
}

fn mk_error() -> Error {
    Error::Queue { doing: "receiving results", what: "no route".into() }
}

struct Outcome {
    gathered: Result<Gathered, Error>,
    heard: Heard,
    held_bytes: u64,
}

async fn gather(queue: &FakeQueue, max_bytes: u64, interrupt: &Interrupt) -> Outcome {
    let wanted = Wanted { command_id: "c1".into(), until: Instant::now() + Duration::from_secs(60), max_bytes };
    let (mut reader, mut heard) = (Reader::default(), Heard::default());
    let gathered = collect(queue, &wanted, &mut reader, interrupt, &mut heard).await;
    Outcome { gathered, heard, held_bytes: reader.held_bytes() }
}

fn never() -> Interrupt {
    std::future::pending().boxed().shared()
}

#[tokio::test(start_paused = true)]
async fn a_run_is_whole_in_whatever_order_it_comes() {
    let mut messages = mk_run("c1");
    messages.rotate_left(3);
    let queue = FakeQueue::new(messages.chunks(3).map(|chunk| Ok(chunk.to_vec())).collect::<Vec<_>>());
    let outcome = gather(&queue, 1 << 20, &never()).await;
    assert_eq!(outcome.gathered.unwrap(), Gathered::Whole);
    assert_eq!(outcome.heard.results, [3, 0, 1, 2]);
    assert_eq!(queue.deleted.borrow().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_of_others_is_given_back_and_not_kept() {
    let mut first = mk_run("c2");
    first.push(Message { receipt_handle: "no result".into(), body: "hello".into() });
    let queue = FakeQueue::new([Ok(first), Ok(mk_run("c1"))]);
    let outcome = gather(&queue, 1 << 20, &never()).await;
    assert_eq!(outcome.gathered.unwrap(), Gathered::Whole);
    assert_eq!(outcome.heard.foreign, 5);
    assert_eq!(*queue.given_back.borrow(), ["c2/0", "c2/1", "c2/2", "c2/3", "no result"]);
    assert!(queue.deleted.borrow().iter().all(|handle| handle.starts_with("c1/")));
    let own: u64 = mk_run("c1")[1..3].iter().map(|message| message.body.len() as u64).sum();
    assert_eq!(outcome.held_bytes, own);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_takes_is_not_spun_on() {
    let queue = FakeQueue::new((0..100).map(|_| Ok(mk_run("c2"))));
    assert_eq!(gather(&queue, 1 << 20, &never()).await.gathered.unwrap(), Gathered::TimeUp);
    let polls = 100 - queue.polls.borrow().len();
    assert!((20..60).contains(&polls), "{polls} polls in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_repeated_message_is_heard_once_and_deleted_each_time() {
    let run = mk_run("c1");
    let queue = FakeQueue::new([
        Ok(vec![run[0].clone(), run[1].clone()]),
        Ok(vec![run[1].clone(), run[2].clone(), run[3].clone()]),
    ]);
    let outcome = gather(&queue, 1 << 20, &never()).await;
    assert_eq!(outcome.heard.results, [0, 1, 2, 3]);
    assert_eq!(queue.deleted.borrow().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_wanted() {
    let queue = FakeQueue::new([Ok(mk_run("c1")[..2].to_vec())]);
    assert_eq!(gather(&queue, 1 << 20, &never()).await.gathered.unwrap(), Gathered::TimeUp);
}

#[tokio::test(start_paused = true)]
async fn the_key_ends_the_wait() {
    let queue = FakeQueue::default();
    let interrupt = futures::future::ready(()).boxed().shared();
    assert_eq!(gather(&queue, 1 << 20, &interrupt).await.gathered.unwrap(), Gathered::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_bridged_and_many_are_an_error() {
    let queue = FakeQueue::new([Err(mk_error()), Err(mk_error()), Ok(mk_run("c1"))]);
    let outcome = gather(&queue, 1 << 20, &never()).await;
    assert_eq!((outcome.gathered.unwrap(), outcome.heard.troubles), (Gathered::Whole, 2));
    let broken = FakeQueue::new([Err(mk_error()), Err(mk_error()), Err(mk_error())]);
    assert!(matches!(gather(&broken, 1 << 20, &never()).await.gathered, Err(Error::Queue { .. })));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_has_a_bound() {
    let queue = FakeQueue::new([Ok(mk_run("c1")[..3].to_vec())]);
    assert!(matches!(gather(&queue, 100, &never()).await.gathered, Err(Error::TooLarge(100))));
}
