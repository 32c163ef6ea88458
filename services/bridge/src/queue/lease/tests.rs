use futures::FutureExt as _;
use gumshoe_runtime::{Shutdown, admin::AdminHandle};
use tokio::time::sleep;

use super::*;
use crate::{
    fakes::{FakeCommands, Fate, Seen},
    queue::trouble::FORGOTTEN,
};

const VISIBILITY: Duration = Duration::from_secs(60);

fn mk_leases() -> (Arc<FakeCommands>, Leases) {
    mk_leases_of(VISIBILITY)
}

fn mk_leases_of(visibility: Duration) -> (Arc<FakeCommands>, Leases) {
    let queue = Arc::new(FakeCommands::default());
    (queue.clone(), Leases::new(queue, visibility))
}

/// Keeps the leases for so long.
async fn keep_for(leases: &Leases, seconds: u64) {
    let _ = tokio::time::timeout(Duration::from_secs(seconds), leases.keep()).await;
}

fn extension(handles: &[&str]) -> Seen {
    Seen::Visibility { handles: handles.iter().map(|handle| (*handle).to_owned()).collect(), visibility: VISIBILITY }
}

fn is_lost(lease: &Lease) -> bool {
    lease.lost().now_or_never().is_some()
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_extended_every_third_of_its_time() {
    let (queue, leases) = mk_leases();
    let _lease = leases.hold("a", Instant::now());
    keep_for(&leases, 61).await;
    assert_eq!(queue.seen(), vec![extension(&["a"]); 4]);
}

#[tokio::test(start_paused = true)]
async fn leases_are_extended_ten_at_a_time() {
    let (queue, leases) = mk_leases();
    let handles: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    let _held: Vec<_> = handles.iter().map(|handle| leases.hold(handle, Instant::now())).collect();
    keep_for(&leases, 1).await;
    let sizes: Vec<_> = queue
        .seen()
        .iter()
        .map(|seen| if let Seen::Visibility { handles, .. } = seen { handles.len() } else { 0 })
        .collect();
    assert_eq!(sizes, [10, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_sqs_does_not_know_any_more_is_lost_and_the_others_are_not() {
    let (queue, leases) = mk_leases();
    let (kept, lost) = (leases.hold("a", Instant::now()), leases.hold("b", Instant::now()));
    queue.changes.then(Fate::Refuses(vec![1]));
    keep_for(&leases, 21).await;
    assert!(is_lost(&lost) && !is_lost(&kept));
    assert_eq!(queue.seen(), [extension(&["a", "b"]), extension(&["a"])]);
}

#[tokio::test(start_paused = true)]
async fn several_extensions_may_fail() {
    let (queue, leases) = mk_leases();
    let lease = leases.hold("a", Instant::now());
    queue.changes.then_success().then(Fate::Fails(QueueErrorKind::Transient)).then(Fate::FailsFor(vec![0], "Busy"));
    keep_for(&leases, 119).await;
    assert!(!is_lost(&lease));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_could_not_be_extended_in_time_is_lost_to_the_moment() {
    let (queue, leases) = mk_leases();
    for _ in 0..20 {
        queue.changes.then(Fate::Fails(QueueErrorKind::Transient));
    }
    let begun = Instant::now();
    let taken_later = async {
        sleep_until(begun + Duration::from_secs(5)).await;
        let lease = leases.hold("a", Instant::now());
        lease.lost().await;
    };
    tokio::select! {
        () = leases.keep() => {}
        () = taken_later => {}
    }
    assert_eq!(begun.elapsed().as_secs(), 65);
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_given_back_or_dropped_is_not_extended_any_more() {
    let (queue, leases) = mk_leases();
    leases.hold("a", Instant::now()).delete().await.unwrap();
    leases.hold("b", Instant::now()).give_back(Duration::from_secs(7)).await;
    drop(leases.hold("c", Instant::now()));
    keep_for(&leases, 60).await;
    let given_back = Seen::Visibility { handles: vec!["b".into()], visibility: Duration::from_secs(7) };
    assert_eq!(queue.seen(), [Seen::Delete("a".into()), given_back]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_to_a_message_while_an_extension_of_it_is_on_its_way() {
    let (queue, leases) = mk_leases();
    let lease = leases.hold("a", Instant::now());
    queue.changes.then(Fate::Hangs);
    let mut keeping = Box::pin(leases.keep());
    assert!(keeping.as_mut().now_or_never().is_none());
    let mut deleting = Box::pin(lease.delete());
    assert!(deleting.as_mut().now_or_never().is_none());
    assert_eq!(queue.seen(), [extension(&["a"])]);
    drop(keeping);
    deleting.await.unwrap();
    assert_eq!(queue.seen(), [extension(&["a"]), Seen::Delete("a".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_lost_to_the_moment_while_its_extension_hangs() {
    let (queue, leases) = mk_leases();
    for _ in 0..9 {
        queue.changes.then(Fate::Hangs);
    }
    let begun = Instant::now();
    let lease = leases.hold("a", begun);
    tokio::select! {
        () = leases.keep() => {}
        () = lease.lost() => {}
    }
    assert_eq!(begun.elapsed(), VISIBILITY);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_could_not_be_deleted_stays_hidden() {
    let (queue, leases) = mk_leases();
    queue.deletes.then(Fate::Fails(QueueErrorKind::Transient));
    let lease = leases.hold("a", Instant::now());
    assert!(lease.delete().await.is_err());
    keep_for(&leases, 119).await;
    assert!(!is_lost(&lease));
    lease.delete().await.unwrap();
    let extensions = queue.seen().len();
    keep_for(&leases, 60).await;
    assert_eq!(queue.seen().len(), extensions);
}

/// Leases and the readiness that they have a say in.
fn mk_gated_leases() -> (Arc<FakeCommands>, Leases, AdminHandle) {
    mk_gated_leases_of(VISIBILITY)
}

fn mk_gated_leases_of(visibility: Duration) -> (Arc<FakeCommands>, Leases, AdminHandle) {
    let (queue, leases) = mk_leases_of(visibility);
    let handle = AdminHandle::new(Shutdown::new());
    let gate = handle.readiness("leases");
    (queue, leases.with_gate(gate), handle)
}

fn is_ready(handle: &AdminHandle) -> bool {
    !format!("{handle:?}").contains("leases")
}

#[tokio::test(start_paused = true)]
async fn a_process_is_ready_again_some_time_after_the_last_failure_though_nobody_tries_again() {
    for operation in ["extend", "delete"] {
        let (queue, leases, handle) = mk_gated_leases();
        for fates in [&queue.changes, &queue.deletes] {
            fates.then(Fate::Fails(QueueErrorKind::Misconfigured)).then(Fate::Fails(QueueErrorKind::Misconfigured));
        }
        for _ in 0..2 {
            let lease = leases.hold("a", Instant::now());
            match operation {
                "extend" => assert!(!leases.extend_all().await),
                _ => assert!(lease.delete().await.is_err()),
            }
            drop(lease);
            assert!(!is_ready(&handle), "{operation}");
            keep_for(&leases, FORGOTTEN.as_secs() - 1).await;
            assert!(!is_ready(&handle), "{operation}");
            keep_for(&leases, FORGOTTEN.as_secs() + 1).await;
            assert!(is_ready(&handle), "{operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_stays_unready_while_leases_cannot_be_extended_however_long_they_are() {
    let (queue, leases, handle) = mk_gated_leases_of(Duration::from_secs(4 * 3600));
    for _ in 0..100 {
        queue.changes.then(Fate::Fails(QueueErrorKind::Misconfigured));
    }
    let _lease = leases.hold("a", Instant::now());
    let mut keeping = Box::pin(leases.keep());
    for second in 1..=1800 {
        let _ = tokio::time::timeout(Duration::from_secs(1), keeping.as_mut()).await;
        assert!(!is_ready(&handle), "{second} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_can_be_given_back_shows_that_visibility_can_be_changed() {
    let (queue, leases, handle) = mk_gated_leases();
    queue.changes.then(Fate::Fails(QueueErrorKind::Misconfigured));
    let lease = leases.hold("a", Instant::now());
    leases.extend_all().await;
    assert!(!is_ready(&handle));
    lease.give_back(Duration::ZERO).await;
    assert!(is_ready(&handle));
}

#[tokio::test(start_paused = true)]
async fn a_message_stays_hidden_while_one_try_to_delete_it_after_the_other_takes_long() {
    let (queue, leases) = mk_leases();
    for _ in 0..8 {
        queue.deletes.then(Fate::TimesOut);
    }
    let lease = leases.hold("a", Instant::now());
    let deleted = async {
        while lease.delete().await.is_err() {
            sleep(Duration::from_millis(500)).await;
        }
        true
    };
    let is_hidden = tokio::select! {
        () = leases.keep() => false,
        () = lease.lost() => false,
        deleted = deleted => deleted,
    };
    assert!(is_hidden, "{:?}", queue.seen());
    let extensions = queue.seen().iter().filter(|seen| **seen == extension(&["a"])).count();
    assert!((4..=9).contains(&extensions), "as often as is needed, and hardly more: {extensions}");
}
