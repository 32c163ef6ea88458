use std::sync::Mutex;

use gumshoe_runtime::{Shutdown, admin::AdminHandle};
use tokio::time::{Instant, timeout};

use super::*;
use crate::fakes::{FakeCommands, Fate, Seen};

const WAIT: Duration = Duration::from_secs(20);

struct Polling {
    queue: Arc<FakeCommands>,
    poll: Poll,
    admin: AdminHandle,
    shutdown: CancellationToken,
    delivered: Mutex<Vec<(String, OwnedSemaphorePermit)>>,
}

fn mk_polling(room: usize) -> Polling {
    let queue = Arc::new(FakeCommands::default());
    let admin = AdminHandle::new(Shutdown::new());
    let poll = Poll {
        queue: queue.clone(),
        leases: Leases::new(queue.clone(), Duration::from_secs(60)).with_gate(admin.readiness("leases")),
        wait: WAIT,
        visibility: Duration::from_secs(60),
        room: Arc::new(Semaphore::new(room)),
        gate: admin.readiness("commands"),
        metrics: Metrics::default(),
    };
    Polling { queue, poll, admin, shutdown: CancellationToken::new(), delivered: Mutex::default() }
}

impl Polling {
    async fn run(&self) {
        poll(&self.poll, &self.shutdown, |message, room| {
            self.delivered.lock().unwrap().push((message.receipt_handle, room));
        })
        .await;
    }

    /// Polls for so long.
    async fn run_for(&self, duration: Duration) {
        let _ = timeout(duration, self.run()).await;
    }

    fn delivered(&self) -> Vec<String> {
        self.delivered.lock().unwrap().iter().map(|(handle, _)| handle.clone()).collect()
    }

    fn is_ready(&self) -> bool {
        !format!("{:?}", self.admin).contains("commands")
    }

    fn receives(&self) -> Vec<(usize, Duration)> {
        let seen = self.queue.seen().into_iter();
        seen.filter_map(|seen| if let Seen::Receive { max, wait } = seen { Some((max, wait)) } else { None }).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_poll_does_not_wait_and_makes_ready() {
    let polling = mk_polling(3);
    assert!(!polling.is_ready());
    polling.run_for(Duration::from_millis(1)).await;
    assert!(polling.is_ready());
    assert_eq!(polling.receives(), [(3, Duration::ZERO), (3, WAIT)]);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_received_than_there_is_room_for() {
    let polling = mk_polling(12);
    for n in 0..15 {
        polling.queue.put(&n.to_string(), "");
    }
    polling.run_for(Duration::from_secs(60)).await;
    assert_eq!(polling.receives(), [(10, Duration::ZERO), (2, WAIT)]);
    assert_eq!(polling.delivered().len(), 12);

    polling.delivered.lock().unwrap().pop();
    polling.run_for(Duration::from_secs(60)).await;
    assert_eq!((polling.receives()[2].0, polling.delivered().len()), (1, 12));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_arrives_during_a_long_poll_is_delivered_at_once() {
    let polling = mk_polling(3);
    let arrives = async {
        polling.queue.seen_so_many(2).await;
        polling.queue.put("a", "");
    };
    let begun = Instant::now();
    let _ = timeout(Duration::from_millis(10), async { tokio::join!(polling.run(), arrives) }).await;
    assert_eq!(polling.delivered(), ["a"]);
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_failed_poll_is_tried_again_after_a_while_and_without_its_long_wait() {
    let polling = mk_polling(3);
    polling.queue.receives.then(Fate::Fails(QueueErrorKind::Transient)).then(Fate::Fails(QueueErrorKind::Transient));
    let begun = Instant::now();
    polling.queue.put("a", "");
    let delivered = async {
        polling.queue.seen_so_many(4).await;
        polling.shutdown.cancel();
    };
    tokio::join!(polling.run(), delivered);
    assert_eq!(polling.delivered(), ["a"]);
    assert!(begun.elapsed() >= Duration::from_millis(500));
    assert_eq!(polling.receives()[..3], [(3, Duration::ZERO); 3]);
    assert_eq!(polling.poll.metrics.receive_errors.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_must_be_repaired_makes_not_ready_and_is_asked_slowly() {
    let polling = mk_polling(3);
    polling.queue.receives.then_success().then(Fate::Fails(QueueErrorKind::Misconfigured));
    polling.run_for(WAIT).await;
    assert!(!polling.is_ready());
    assert_eq!(polling.receives().len(), 2);
    polling.run_for(SLOW_WAIT + WAIT).await;
    assert!(polling.is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_poll_under_way_and_gives_back_what_it_brings() {
    let polling = mk_polling(3);
    let end = async {
        polling.queue.seen_so_many(2).await;
        polling.shutdown.cancel();
        tokio::task::yield_now().await;
        polling.queue.put("late", "");
    };
    tokio::join!(polling.run(), end);
    assert!(polling.delivered().is_empty());
    let given_back = Seen::Visibility { handles: vec!["late".into()], visibility: Duration::ZERO };
    assert_eq!(polling.queue.seen().last(), Some(&given_back));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_wait_between_polls_and_the_wait_for_room() {
    let polling = mk_polling(3);
    polling.queue.receives.then(Fate::Fails(QueueErrorKind::Misconfigured));
    let begun = Instant::now();
    let end = async {
        polling.queue.seen_so_many(1).await;
        polling.shutdown.cancel();
    };
    tokio::join!(polling.run(), end);
    assert_eq!(begun.elapsed(), Duration::ZERO);

    let full = mk_polling(0);
    let end = async { full.shutdown.cancel() };
    tokio::join!(full.run(), end);
    assert!(full.receives().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_received_for_a_while_after_a_command_could_not_be_deleted_for_want_of_a_permission() {
    let polling = mk_polling(3);
    let leases_ready = || !format!("{:?}", polling.admin).contains("leases");
    polling.queue.deletes.then(Fate::Fails(QueueErrorKind::Misconfigured));
    let lease = polling.poll.leases.hold("a", Instant::now());
    assert!(leases_ready() && lease.delete().await.is_err() && !leases_ready());
    polling.run_for(SLOW_WAIT - Duration::from_secs(1)).await;
    assert_eq!(polling.receives(), []);
    polling.run_for(Duration::from_secs(2)).await;
    assert!(!polling.receives().is_empty());
    lease.delete().await.unwrap();
    assert!(leases_ready() && polling.poll.leases.pause().is_none());
}
