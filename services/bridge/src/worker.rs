//! The life of one command: its lease, its queries side by side, its results, and what becomes of the message.

use std::time::{Duration, SystemTime};

use futures::{StreamExt as _, TryStreamExt as _, future::try_join, stream};
use gumshoe_proto::{
    bridge::v1::{Accepted, End, EndStatus, Query, QueryOutcome},
    collector::v1::GapReason,
    envelope::ANSWER_GRACE,
};
use gumshoe_runtime::{backoff::Backoff, chain::Chain};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    cancel::Cancels,
    command::{Action, Answer, CommandReader, Control, Job, Reading},
    dispatch::{Asker, Collectors, follows},
    metrics::{Metrics, Outcome},
    ping::About,
    queue::{Lease, Leases, Received},
    results::{RunId, SendError, Sender, Stopped, Telling, summary},
    words::{Understood, understand},
};

/// Pages between the queries of a command and its sender. What bounds them is the byte budget; this only lets a batch gather.
const HANDED: usize = 16;

/// How long a command rests after a try that failed, by the number of tries.
const RESTS: Backoff = Backoff::new(SHORTEST_REST, LONGEST_REST);

/// What failed a moment ago mostly fails again.
const SHORTEST_REST: Duration = Duration::from_secs(5);

/// Somebody may repair something meanwhile, and what was repaired should be noticed.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// Between tries to delete a command that was answered.
const DELETE_BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// So long that is tried: a command takes a place while it is, and somebody may repair a permission.
const DELETE_TIME: Duration = Duration::from_secs(600);

/// Works on commands.
#[derive(Clone)]
pub(crate) struct Worker {
    /// Reads them.
    pub reader: CommandReader,
    /// Whom to ask.
    pub collectors: Collectors,
    /// Queries of one command that are asked at one time.
    pub queries_per_command: usize,
    /// Keep the messages hidden meanwhile.
    pub leases: Leases,
    /// What is in work, and what is to be stopped.
    pub cancels: Cancels,
    /// What is told of this bridge.
    pub about: About,
    /// Cancelled when the process cannot wait for its commands any longer.
    pub give_up: CancellationToken,
    /// Counts commands.
    pub metrics: Metrics,
}

/// Why a command was not brought to its end.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error("its results cannot be sent")]
    Send(#[from] SendError),
    #[error("its run is over")]
    Stopped(#[from] Stopped),
}

/// What a command has had, and what it has left.
struct Tries {
    /// Receives so far.
    made: u32,
    /// More that it will have.
    left: u32,
    /// When an answer is no longer of use.
    until: Instant,
}

/// Why the work on a command ended.
enum Ended {
    Answered(EndStatus),
    Failed(Unfinished),
    LeaseLost,
    GaveUp,
}

impl Worker {
    /// Works on a message until it is deleted, given back or lost.
    pub(crate) async fn work(&self, message: Received) {
        let started = Instant::now();
        let _in_flight = InFlight::new(&self.metrics.commands_in_flight);
        let lease = self.leases.hold(&message.receipt_handle, started);
        let reading = self.reader.read(&message, SystemTime::now());
        let tries = Tries {
            made: message.receive_count,
            left: self.reader.receives_left(message.receive_count),
            until: started + reading.time_left(),
        };
        let ended = tokio::select! {
            answered = self.answer(reading) => answered.map_or_else(Ended::Failed, Ended::Answered),
            () = lease.lost() => Ended::LeaseLost,
            () = self.give_up.cancelled() => Ended::GaveUp,
        };
        let outcome = settle(ended, lease, &tries, &self.give_up).await;
        self.metrics.command(outcome, started.elapsed().as_secs_f64());
    }

    async fn answer(&self, reading: Reading) -> Result<EndStatus, Unfinished> {
        match reading {
            Reading::Work(job) => {
                let span = span(&job.run);
                self.run(*job).instrument(span).await
            }
            Reading::Control(control) => {
                let span = span(&control.run);
                self.control(*control).instrument(span).await
            }
            Reading::Answer(answer) => {
                let Answer { run, outlet, end, time_left: _ } = *answer;
                let span = span(&run);
                let (status, error) = (end.status(), end.error.clone().unwrap_or_default());
                span.in_scope(|| tracing::info!(reason = error.reason, "command is answered without a read"));
                let sender = Sender::new(run, outlet, self.metrics.clone(), Instant::now() + ANSWER_GRACE);
                sender.send_end(end).instrument(span).await?;
                Ok(status)
            }
        }
    }

    async fn control(&self, control: Control) -> Result<EndStatus, Unfinished> {
        let Control { run, outlet, time_left, action } = control;
        let until = Instant::now() + time_left;
        let status = EndStatus::Succeeded;
        let mut end = End { status: status.into(), ..End::default() };
        match action {
            Action::Cancel(target) => {
                let found = self.cancels.cancel(target, until);
                tracing::info!(found, "commands are cancelled");
                end.cancelled_commands = Some(found);
            }
            Action::Ping => {
                tracing::info!("a ping is answered");
                end.pong = Some(self.about.pong(&self.collectors, &run, until).await);
            }
        }
        Sender::new(run, outlet, self.metrics.clone(), Instant::now() + ANSWER_GRACE).send_end(end).await?;
        Ok(status)
    }

    async fn run(&self, job: Job) -> Result<EndStatus, Unfinished> {
        let until = Instant::now() + job.time_left;
        let (handed, pages) = mpsc::channel(HANDED);
        let asker = self.asker(&job, until, handed);
        let Job { run, outlet, time_left, deadline, queries, stop, progress_interval, traceparent: _, encoding: _ } =
            job;
        let _entered = self.cancels.enter(&run, &stop);
        tracing::info!(queries = queries.len(), seconds = time_left.as_secs(), "command is worked on");
        let query_ids = queries.iter().map(|query| query.id.clone()).collect();
        let Understood { queries, told } = understand(queries);
        self.count_refused(&queries);
        let accepted = Accepted {
            bridge_version: env!("CARGO_PKG_VERSION").into(),
            deadline: Some(deadline),
            query_ids,
            queries: told,
        };
        let mut sender = Sender::new(run, outlet, self.metrics.clone(), until + ANSWER_GRACE);
        let asked = async {
            tokio::select! {
                outcomes = self.ask_all(asker, &queries) => outcomes.map_err(Unfinished::from),
                never = stop.watch_time() => match never {},
            }
        };
        let telling = progress_interval.map(|interval| Telling { interval, stop: stop.clone() });
        let sent = async { sender.send_pages(accepted, pages, telling).await.map_err(Unfinished::from) };
        // A queue that takes nothing holds up those who fill its buffer as well as those who send: this ends the wait of both.
        let late = |_| Unfinished::Send(SendError::GaveUp("the result queue took too little".into()));
        let (outcomes, ()) = timeout_at(until + ANSWER_GRACE, try_join(asked, sent)).await.map_err(late)??;
        let end = End {
            stop_cause: stop.cause().filter(|_| outcomes.iter().any(was_stopped)).unwrap_or_default().into(),
            matches: stop.counts().matches,
            ..summary(outcomes)
        };
        let status = end.status();
        sender.send_end(end).await?;
        tracing::info!(status = status.as_str_name(), "command is done");
        Ok(status)
    }

    /// Counts lines that were not understood, for no collector is asked and so nothing else counts them.
    fn count_refused(&self, queries: &[Result<Query, Box<QueryOutcome>>]) {
        for refused in queries.iter().filter_map(|query| query.as_ref().err()) {
            let reason = refused.error.as_ref().map_or("", |error| &error.reason);
            tracing::debug!(query = refused.query_id, reason, "a line is not understood");
            self.metrics.query("kubectl", "INVALID_ARGUMENT");
        }
    }

    fn asker(&self, job: &Job, deadline: Instant, sender: mpsc::Sender<crate::results::Handed>) -> Asker {
        Asker {
            run: job.run.clone(),
            collectors: self.collectors.clone(),
            deadline,
            traceparent: job.traceparent.clone(),
            limits: job.outlet.limits(),
            encoding: job.encoding,
            budget: job.outlet.budget(),
            sender,
            stop: job.stop.clone(),
            turns: job.outlet.turns(),
            metrics: self.metrics.clone(),
        }
    }

    /// Asks all queries, some at a time, and gives their outcomes in the order of the command. The asker goes with it, and with the
    /// asker the sender's reason to wait for more.
    async fn ask_all<'q>(
        &self,
        asker: Asker,
        queries: &'q [Result<Query, Box<QueryOutcome>>],
    ) -> Result<Vec<QueryOutcome>, Stopped> {
        let asker = &asker;
        // What follows a log takes its place until the deadline, so that all others go first.
        let mut queries: Vec<_> = queries.iter().enumerate().collect();
        queries.sort_by_key(|(_, query)| query.as_ref().is_ok_and(follows));
        let ask = |(index, query): (usize, &'q Result<Query, Box<QueryOutcome>>)| async move {
            let outcome = match query {
                Ok(query) => asker.ask(query).await?,
                Err(outcome) => (**outcome).clone(),
            };
            asker.stop.query_done();
            Ok((index, outcome))
        };
        let asks: Vec<_> = queries.into_iter().map(ask).collect();
        let mut outcomes: Vec<_> = stream::iter(asks).buffer_unordered(self.queries_per_command).try_collect().await?;
        outcomes.sort_by_key(|(index, _)| *index);
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }
}

/// Whether the work on a query was stopped before its end.
fn was_stopped(query: &QueryOutcome) -> bool {
    let gaps = query.completeness.iter().flat_map(|completeness| &completeness.gaps);
    gaps.into_iter().any(|gap| gap.reason() == GapReason::Stopped)
}

/// Decides what becomes of the message.
async fn settle(ended: Ended, lease: Lease, tries: &Tries, give_up: &CancellationToken) -> Outcome {
    match ended {
        Ended::Answered(status) => {
            delete(&lease, give_up).await;
            Outcome::Answered(status)
        }
        Ended::Failed(unfinished) => {
            tracing::error!(error = %Chain(&unfinished), "a command was not finished and is tried again");
            lease.give_back(tries.rest_after(&unfinished)).await;
            Outcome::GivenBack
        }
        Ended::GaveUp => {
            tracing::info!("a command is given back: the process ends");
            lease.give_back(Duration::ZERO).await;
            Outcome::GivenBack
        }
        Ended::LeaseLost => Outcome::LeaseLost,
    }
}

/// Deletes an answered command. It stays hidden while that is tried, so nobody works on it again meanwhile.
async fn delete(lease: &Lease, give_up: &CancellationToken) {
    let mut backoff = DELETE_BACKOFF;
    let until = Instant::now() + DELETE_TIME;
    while let Err(error) = lease.delete().await {
        if !error.kind.retryable() || Instant::now() > until {
            tracing::warn!(error = %Chain(&error), "an answered command could not be deleted and may be worked on again");
            return;
        }
        tokio::select! {
            biased;
            () = lease.lost() => return,
            () = give_up.cancelled() => return,
            () = sleep(backoff.next_wait()) => {}
        }
    }
}

impl Tries {
    /// How long a command rests. Where somebody must repair something, the receives that are left are spread over the time that is
    /// left: used up sooner, the command would be gone unanswered; and given back for longer, it would come too late.
    fn rest_after(&self, unfinished: &Unfinished) -> Duration {
        let time_left = self.until.saturating_duration_since(Instant::now());
        if let Unfinished::Send(error) = unfinished
            && error.needs_repair()
            && !time_left.is_zero()
        {
            return (time_left / self.left.max(1)).clamp(SHORTEST_REST, LONGEST_REST);
        }
        let mut backoff = RESTS;
        // Eight doublings reach the longest rest.
        (0..self.made.clamp(1, 8)).fold(Duration::ZERO, |_, _| backoff.next_wait())
    }
}

fn span(run: &RunId) -> tracing::Span {
    let RunId { command_id, run, investigation_id } = run;
    tracing::info_span!("command", command = command_id, run, investigation = investigation_id)
}

/// Counts a command as in work for as long as it lives.
struct InFlight<'a>(&'a Gauge);

impl<'a> InFlight<'a> {
    fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
