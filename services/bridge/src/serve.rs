//! The bridge at work: receives commands and works on each in a task of its own; and its end, which lets those in work come to
//! theirs, but not for ever.

use std::{sync::Arc, time::Duration};

use futures::future::join;
use tokio::{
    task::{JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    queue::{Poll, poll},
    worker::Worker,
};

/// Works on commands until the shutdown, and after it for as long as `drain_timeout` on those that are in work. What is not done by then
/// is given back.
pub(crate) async fn serve(polling: &Poll, worker: Worker, shutdown: &CancellationToken, drain_timeout: Duration) {
    let give_up = worker.give_up.clone();
    let end_of_drain = async {
        shutdown.cancelled().await;
        sleep(drain_timeout).await;
        give_up.cancel();
    };
    tokio::select! {
        () = work(polling, Arc::new(worker), shutdown) => {}
        // Leases are kept for as long as there is work.
        _ = join(polling.leases.keep(), end_of_drain) => {}
    }
}

async fn work(polling: &Poll, worker: Arc<Worker>, shutdown: &CancellationToken) {
    let mut tasks = JoinSet::new();
    let receiving = poll(polling, shutdown, |message, room| {
        while let Some(ended) = tasks.try_join_next() {
            report_panic(ended);
        }
        let worker = worker.clone();
        tasks.spawn(async move {
            worker.work(message).await;
            drop(room);
        });
    });
    // The last receive is broken off only if it outlives the drain.
    worker.give_up.run_until_cancelled(receiving).await;
    tracing::info!(commands = tasks.len(), "no more commands are received; waiting for those in work");
    while let Some(ended) = tasks.join_next().await {
        report_panic(ended);
    }
}

fn report_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        // The lease went with the task, so the command comes again. The error's text would be the panic's, which may quote what was read.
        tracing::error!(panicked = error.is_panic(), "the work on a command broke off");
    }
}
