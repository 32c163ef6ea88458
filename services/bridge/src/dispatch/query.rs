//! One query from its first call to its outcome: a stream that breaks, or that the collector ends early, is taken up again behind the
//! last token, in the same run, so the pages of a query follow each other whatever happened between them.

mod answer;

use std::{future::pending, mem::replace, pin::pin, time::Duration};

use gumshoe_proto::bridge::v1::{Encoding, Query, QueryOutcome};
use gumshoe_runtime::{backoff::Backoff, errors::code_name};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout_at},
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tracing::Instrument as _;

use super::{
    Channel, Collectors,
    call::{CallContext, call},
    logs::follows,
    method::{Method, MethodRequest},
    outcome,
};
use crate::{
    metrics::Metrics,
    results::{ByteBudget, Handed, PageLimits, QueryWriter, RunId, Stopped},
    stop::{Room, Stop},
    turns::Turns,
};
use answer::{Answer, TakeError, Took, is_overloaded};

/// Between tries: a collector that restarts is back in a second or two, and nobody waits for less than a twentieth.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), LONGEST_WAIT);

/// A collector that asks for more is asked again all the same: the query has a deadline.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A stream that lasted for so long shows that the collector works: what breaks it then is a new trouble, not still the old one.
const STEADY: Duration = Duration::from_secs(10);

/// So long a page is waited for that fills a budget.
const LAST_PAGE_WAIT: Duration = Duration::from_secs(10);

/// Asks the queries of one command.
pub(crate) struct Asker {
    /// Which run the pages belong to.
    pub run: RunId,
    /// Whom to ask.
    pub collectors: Collectors,
    /// When the answers are no longer of use.
    pub deadline: Instant,
    /// W3C trace context; may be empty.
    pub traceparent: String,
    /// How large a page may be.
    pub limits: PageLimits,
    /// How the responses in them are encoded.
    pub encoding: Encoding,
    /// The bytes that may wait for the result queue.
    pub budget: ByteBudget,
    /// What ends the work before the ends of the queries.
    pub stop: Stop,
    /// Whose turn it is to ask.
    pub turns: Turns,
    /// Takes the pages.
    pub sender: mpsc::Sender<Handed>,
    /// Counts queries.
    pub metrics: Metrics,
}

/// How a try ended.
enum Try {
    /// The answer is all there.
    Answered(QueryOutcome),
    /// The collector ended it early; what is left can be asked for at once.
    Interrupted,
    /// It broke.
    Failed(Status),
    /// The work is to stop; of what would come next, there is room for this.
    Stopped(Room),
}

impl Asker {
    /// Asks one query; its pages are handed over as they come.
    ///
    /// # Errors
    /// `Stopped`, where the run ended meanwhile.
    pub(crate) async fn ask(&self, query: &Query) -> Result<QueryOutcome, Stopped> {
        let refuse = |reason, message: &str| QueryOutcome {
            query_id: query.id.clone(),
            error: Some(outcome::error(Code::InvalidArgument, reason, message)),
            ..QueryOutcome::default()
        };
        let Some((method, request)) = Method::of(query) else {
            return Ok(refuse("UNKNOWN_REQUEST", "this bridge does not know the query's request"));
        };
        let Some(channel) = self.collectors.get(&query.collector) else {
            return Ok(refuse("UNKNOWN_COLLECTOR", "this bridge has no collector of that name"));
        };
        let span = tracing::info_span!("query", query = query.id, method = method.name);
        let outcome = self.converse(query, method, request, channel).instrument(span).await?;
        let code = outcome.error.as_ref().map_or("OK", |error| known_code(&error.code));
        self.metrics.query(&method.name, code);
        Ok(outcome)
    }

    /// Calls until there is an answer, or a failure that another call would not mend.
    async fn converse(
        &self,
        query: &Query,
        method: &'static Method,
        request: MethodRequest,
        channel: Channel,
    ) -> Result<QueryOutcome, Stopped> {
        let (form, budget, sender) = ((self.limits, self.encoding), self.budget.clone(), self.sender.clone());
        let writer = QueryWriter::new(&self.run, &query.id, (&method.arm, &method.items), form, budget, sender);
        let mut answer = Answer::new(method, writer, request.page_token(), self.stop.clone());
        let mut backoff = BACKOFF;
        let mut waits_for_room = false;
        loop {
            let received = answer.received();
            let Some(next) = answer.request(&request) else { return Ok(answer.at_limit()) };
            let status = match self.attempt(query, method, next, channel.clone(), &mut answer).await? {
                Try::Answered(outcome) => return Ok(outcome),
                Try::Stopped(room) => return self.last_page(query, method, &request, channel, answer, room).await,
                Try::Interrupted => None,
                Try::Failed(status) if answer.can_go_on_after(&status) => Some(status),
                Try::Failed(status) => return Ok(answer.failed(&status)),
            };
            if answer.received() > received {
                backoff.reset();
            }
            let wait = backoff.next_wait().max(status.as_ref().map_or(Duration::ZERO, asked_wait));
            if Instant::now() + wait >= self.deadline {
                return Ok(answer.failed(&status.unwrap_or_else(expired)));
            }
            let waited_for_room = replace(&mut waits_for_room, status.as_ref().is_some_and(is_overloaded));
            if !waits_for_room {
                let why = status.as_ref().map_or("ended early by the collector", Status::message);
                tracing::warn!(why, received = answer.received(), "a query is taken up again");
                self.metrics.queries_resumed.inc();
            } else if !waited_for_room {
                // No stream broke, and of a wait that may be long only the beginning is news.
                tracing::warn!(received = answer.received(), "a query waits for room at its collector");
            }
            answer.interrupted();
            tokio::select! {
                () = sleep(wait) => {}
                () = self.stop.reached() => return Ok(answer.stopped()),
            }
        }
    }

    /// The page that fills the budget, of so many items; then the outcome.
    async fn last_page(
        &self,
        query: &Query,
        method: &Method,
        request: &MethodRequest,
        channel: Channel,
        mut answer: Answer,
        room: Room,
    ) -> Result<QueryOutcome, Stopped> {
        if room.items == 0 || !answer.has_place() {
            return Ok(answer.stopped());
        }
        let next = answer.request(request).and_then(|request| request.with_page_size(room.items));
        let Some(next) = next else { return Ok(answer.stopped()) };
        answer.set_last_page(room);
        match self.attempt(query, method, next, channel, &mut answer).await? {
            Try::Answered(outcome) => Ok(outcome),
            Try::Interrupted | Try::Failed(_) | Try::Stopped(_) => Ok(answer.stopped()),
        }
    }

    async fn attempt(
        &self,
        query: &Query,
        method: &Method,
        request: MethodRequest,
        channel: Channel,
        answer: &mut Answer,
    ) -> Result<Try, Stopped> {
        let context = CallContext {
            deadline: self.deadline,
            request_id: format!("{}.{}", self.run.run, query.id),
            traceparent: self.traceparent.clone(),
        };
        // What fills the budget comes after the stop, and is not worth a long wait.
        let (hears_stop, until) = match answer.is_at_last_page() {
            true => (false, self.deadline.min(Instant::now() + LAST_PAGE_WAIT)),
            false => (true, self.deadline),
        };
        let stopped = async || match hears_stop {
            true => self.stop.reached().await,
            false => pending().await,
        };
        let _turn = match follows(query) {
            true => None,
            false => tokio::select! {
                turn = self.turns.take(&self.run.investigation_id) => Some(turn),
                () = stopped() => return Ok(Try::Stopped(Room::default())),
                () = sleep_until(until) => return Ok(Try::Failed(expired())),
            },
        };
        let call = in_time(until, call(channel, method, request.into_message(), &context));
        let mut stream = tokio::select! {
            biased;
            () = stopped() => return Ok(Try::Stopped(Room::default())),
            called = call => match called {
                Ok(stream) => stream,
                Err(status) => return Ok(Try::Failed(status)),
            },
        };
        let opened = Instant::now();
        loop {
            let response = tokio::select! {
                biased;
                () = stopped() => return Ok(Try::Stopped(Room::default())),
                response = in_time(until, stream.message()) => response,
            };
            if opened.elapsed() > STEADY {
                answer.lasted();
            }
            let response = match response {
                Ok(Some(response)) => response,
                Ok(None) => return Ok(Try::Failed(Status::unavailable("the answer ended without its completeness"))),
                Err(status) => return Ok(Try::Failed(status)),
            };
            let taken = {
                let mut taking = pin!(answer.take(response));
                // The deadline ends the wait for a response, not the writing of one: what was read is written as a whole. But nothing
                // more is read, and a stream that nobody reads costs its connection's other streams their window.
                match timeout_at(self.deadline, &mut taking).await {
                    Ok(taken) => taken,
                    Err(_elapsed) => {
                        drop(stream);
                        return Ok(attempted(taking.await)?.unwrap_or_else(|| Try::Failed(expired())));
                    }
                }
            };
            if let Some(ended) = attempted(taken)? {
                return Ok(ended);
            }
        }
    }
}

async fn in_time<T>(until: Instant, work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    timeout_at(until, work).await.unwrap_or_else(|_| Err(expired()))
}

/// What it means for the try that a response was taken, or not; None where more is to come.
fn attempted(taken: Result<Took, TakeError>) -> Result<Option<Try>, Stopped> {
    match taken {
        Ok(Took::Part) => Ok(None),
        Ok(Took::Interrupted) => Ok(Some(Try::Interrupted)),
        Ok(Took::NoRoom(room)) => Ok(Some(Try::Stopped(room))),
        Ok(Took::Enough) => Ok(Some(Try::Stopped(Room::default()))),
        Ok(Took::Last(outcome)) => Ok(Some(Try::Answered(*outcome))),
        Err(TakeError::Status(status)) => Ok(Some(Try::Failed(*status))),
        Err(TakeError::Stopped(stopped)) => Err(stopped),
    }
}

fn expired() -> Status {
    Status::deadline_exceeded("the deadline came before the answer")
}

/// How long the collector asked to wait (AIP-194), within reason.
fn asked_wait(status: &Status) -> Duration {
    let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
    asked.unwrap_or_default().min(LONGEST_WAIT)
}

/// The name of a code as a constant, for metrics.
fn known_code(name: &str) -> &'static str {
    (0..=16).map(|code| code_name(Code::from_i32(code))).find(|known| *known == name).unwrap_or("UNKNOWN")
}

#[cfg(test)]
mod tests;
