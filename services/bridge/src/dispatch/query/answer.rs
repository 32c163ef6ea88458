//! What has arrived of the answer to a query, over all its calls.

use std::time::Duration;

use bytes::Bytes;
use gumshoe_proto::{
    bridge::v1::QueryOutcome,
    collector::v1::{Completeness, Gap, GapReason, LogLine},
};
use prost::Message as _;
use tokio::{task::coop::consume_budget, time::Instant};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    dispatch::{
        completeness::{Story, is_interrupted},
        logs::{LogTally, line_json, look_at},
        method::{Method, MethodRequest},
        outcome,
        wire::{ItemError, Response, Rest, decode_item, to_json},
    },
    results::{QueryWriter, Stopped},
    stop::{Room, Stop},
};

/// How long tries may fail in a row before a query is given up: long enough for a pod to be replaced by another one.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The reason of a server that has no room for a call: `gumshoe_runtime`'s.
const OVERLOADED: &str = "OVERLOADED";

/// The answer to a query, as far as it came.
pub(super) struct Answer {
    method: &'static Method,
    writer: QueryWriter,
    story: Story,
    tally: Option<LogTally>,
    /// Where the query itself begins; mostly empty.
    first_token: String,
    /// Behind this a new call goes on; empty before there is one.
    token: String,
    /// Whether that is behind all that came.
    token_covers_all: bool,
    /// Items that came, whether or not they could be written.
    received: u64,
    written: Written,
    interruptions: u32,
    /// Since when nothing came, though it was tried.
    failing_since: Option<Instant>,
    stop: Stop,
    /// The room that was taken for the next response, behind which nothing is wanted.
    last_page: Option<Room>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Written {
    items: u64,
    bytes: u64,
    left_out: u64,
}

/// What a response was.
pub(super) enum Took {
    /// A part of the answer.
    Part,
    /// The last of this call, but not of the answer.
    Interrupted,
    /// The last of the answer.
    Last(Box<QueryOutcome>),
    /// None: there is room for some of its items only, and they are for a page of their own.
    NoRoom(Room),
    /// A part, behind which nothing is wanted any more.
    Enough,
}

/// Why a response was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    #[error("the collector's response is not understood")]
    Status(#[source] Box<Status>),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Answer {
    pub(super) fn new(method: &'static Method, writer: QueryWriter, token: String, stop: Stop) -> Self {
        Self {
            method,
            writer,
            story: Story::default(),
            tally: LogTally::of(method),
            first_token: token.clone(),
            token,
            token_covers_all: true,
            received: 0,
            written: Written::default(),
            interruptions: 0,
            failing_since: None,
            stop,
            last_page: None,
        }
    }

    /// Notes the room that was taken for the next response, and that nothing is wanted behind it.
    pub(super) fn set_last_page(&mut self, room: Room) {
        self.last_page = Some(room);
    }

    /// Whether it only waits for its last page.
    pub(super) fn is_at_last_page(&self) -> bool {
        self.last_page.is_some()
    }

    /// Whether there is a place from which another call brings what is missing and nothing twice.
    pub(super) fn has_place(&self) -> bool {
        self.is_untouched() || self.token_covers_all
    }

    /// Items that came so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The request of the next call; None where the limit is used up.
    pub(super) fn request(&self, first: &MethodRequest) -> Option<MethodRequest> {
        // Nothing came, so the request is still the user's own, whatever it says: the collector judges it.
        if self.is_untouched() { Some(first.clone()) } else { first.resumed(&self.token, self.received) }
    }

    /// Whether another call would bring what is missing and nothing twice, and is worth a try.
    pub(super) fn can_go_on_after(&mut self, status: &Status) -> bool {
        if is_overloaded(status) {
            self.failing_since = None;
        }
        self.token_covers_all && status.code() == Code::Unavailable && (is_overloaded(status) || self.has_patience())
    }

    fn has_patience(&mut self) -> bool {
        self.failing_since.get_or_insert_with(Instant::now).elapsed() < PATIENCE
    }

    /// Notes that a call lasted, even if it brought nothing: a log may be quiet for long.
    pub(super) fn lasted(&mut self) {
        self.failing_since = None;
    }

    fn is_untouched(&self) -> bool {
        self.received == 0 && self.token == self.first_token
    }

    /// Notes that the answer goes on in another call.
    pub(super) fn interrupted(&mut self) {
        self.interruptions += 1;
        // Where the collector could say how far it had come, `take` has told the tally already.
        if let Some(tally) = &mut self.tally {
            tally.broken();
        }
    }

    /// Takes one response: writes its items and says what it was.
    pub(super) async fn take(&mut self, response: Bytes) -> Result<Took, TakeError> {
        let response = Response::read(self.method, response).map_err(|error| internal(&error))?;
        let lengths: Vec<_> = response.items.iter().map(Bytes::len).collect();
        let wanted = Room::of(&lengths);
        match self.last_page {
            None => {
                let room = self.stop.take(&lengths, self.tally.is_some());
                if room.items < wanted.items {
                    return Ok(Took::NoRoom(room));
                }
            }
            // What was asked for again may be something else by now.
            Some(room) if wanted.items > room.items || wanted.bytes > room.bytes => {
                return Ok(Took::NoRoom(Room::default()));
            }
            Some(_) => {}
        }
        let token = self.arrived(&response);
        let completeness = response.completeness();
        let (items, mut rest) = response.split();
        if self.tally.is_some() {
            look_at(&self.stop, &items).await;
        }
        let brought_items = !items.is_empty();
        for item in items {
            self.item(item).await?;
            // A page of 1 MiB takes a while: others get their turn in between.
            consume_budget().await;
        }
        self.stop.reach_if_spent();
        let is_enough = self.last_page.is_some() || self.stop.cause().is_some();
        match completeness {
            None => {
                self.end_part(brought_items, &rest).await?;
                self.written_up_to(token);
                Ok(if is_enough { Took::Enough } else { Took::Part })
            }
            Some(mut completeness) if is_interrupted(&completeness, self.tally.is_some()) && self.has_patience() => {
                if let Some(tally) = &mut self.tally {
                    completeness.gaps = tally.interrupted(&rest, completeness.gaps);
                }
                self.story.interrupted(completeness);
                rest.keep_token_only();
                self.end_part(brought_items, &rest).await?;
                self.written_up_to(token);
                Ok(if is_enough { Took::Enough } else { Took::Interrupted })
            }
            Some(completeness) => {
                let completeness = self.end(completeness, rest).await?;
                Ok(Took::Last(Box::new(self.outcome(Some(completeness)))))
            }
        }
    }

    /// The outcome where the limit was reached just when the stream broke: whether there is more is not known.
    pub(super) fn at_limit(mut self) -> QueryOutcome {
        let message = "the limit was reached; whether there is more is not known";
        let completeness = self.unfinished(GapReason::Limit, message);
        self.outcome(Some(completeness))
    }

    /// The outcome where the work was stopped.
    pub(super) fn stopped(mut self) -> QueryOutcome {
        let completeness = self.unfinished(GapReason::Stopped, "the command was stopped; its end says why");
        self.outcome(Some(completeness))
    }

    /// The outcome of a query that failed for good.
    pub(super) fn failed(mut self, status: &Status) -> QueryOutcome {
        let is_late = status.code() == Code::DeadlineExceeded;
        let reason = if is_late { GapReason::Deadline } else { GapReason::ReadInterrupted };
        let anything = self.writer.pages() > 0 || !self.is_untouched();
        let completeness = anything.then(|| self.unfinished(reason, status.message()));
        QueryOutcome { error: Some(outcome::of_status(status)), ..self.outcome(completeness) }
    }

    /// Notes that a response came; gives the token behind it, where it has one.
    fn arrived(&mut self, response: &Response) -> String {
        let completeness = response.completeness();
        let token = completeness.map(|last| last.resume_token).filter(|token| !token.is_empty());
        let token = token.unwrap_or_else(|| response.next_page_token());
        let brought = response.items.len() as u64;
        if brought > 0 || (!token.is_empty() && token != self.token) {
            self.failing_since = None;
        }
        self.received += brought;
        // Until all of it is written, there is no place to go on from.
        self.token_covers_all &= brought == 0;
        token
    }

    /// Notes that all that came is written: only now a token may stand behind it.
    fn written_up_to(&mut self, token: String) {
        if !token.is_empty() {
            self.token = token;
            self.token_covers_all = true;
        }
    }

    /// Writes one item, or notes why it is missing.
    async fn item(&mut self, encoded: Bytes) -> Result<(), Stopped> {
        let length = encoded.len() as u64;
        let json = match self.json(encoded) {
            Ok(json) => json,
            Err(error) => {
                self.unreadable(&error.to_string(), length);
                return Ok(());
            }
        };
        self.written.items += 1;
        self.written.bytes += length;
        self.writer.item(&json).await
    }

    /// The JSON of an item; a line of a log is counted, too.
    fn json(&mut self, encoded: Bytes) -> Result<String, ItemError> {
        let by_descriptor = |encoded| Ok(to_json(&decode_item(self.method, encoded)?)?);
        let Some(tally) = &mut self.tally else { return by_descriptor(encoded) };
        let line = LogLine::decode(encoded.clone())?;
        let json = line_json(&line).map_or_else(|| by_descriptor(encoded), Ok)?;
        tally.line(&line);
        Ok(json)
    }

    /// Ends a response behind which the answer goes on; one that says nothing is no page.
    async fn end_part(&mut self, brought_items: bool, rest: &Rest) -> Result<(), TakeError> {
        if brought_items || !rest.is_empty() {
            self.writer.end_response(&json(rest)?).await?;
        }
        Ok(())
    }

    fn unreadable(&mut self, message: &str, bytes: u64) {
        self.written.left_out += 1;
        self.story.gap(Gap {
            reason: GapReason::ItemUnreadable.into(),
            message: message.to_owned(),
            items: Some(1),
            bytes: Some(bytes),
            ..Gap::default()
        });
    }

    /// Writes the end of the answer, with what is to be said of all of it.
    async fn end(&mut self, last: Completeness, mut rest: Rest) -> Result<Completeness, TakeError> {
        let completeness = self.conclude(last);
        self.tally.iter().for_each(|tally| tally.conclude(&mut rest));
        rest.set_completeness(&completeness);
        self.writer.end_response(&json(&rest)?).await?;
        Ok(completeness)
    }

    fn unfinished(&mut self, reason: GapReason, message: &str) -> Completeness {
        let resumable = self.token_covers_all && !self.token.is_empty();
        let gap = Gap { reason: reason.into(), message: message.to_owned(), resumable, ..Gap::default() };
        let resume_token = if resumable { self.token.clone() } else { String::new() };
        let last = Completeness { gaps: vec![gap], resume_token, consistent: true, ..Completeness::default() };
        let untold = self.tally.as_mut().map(LogTally::untold).unwrap_or_default();
        untold.into_iter().for_each(|gap| self.story.gap(gap));
        // The collector did not count, so we do.
        self.interruptions += 1;
        self.conclude(last)
    }

    /// What is said of the whole answer. The collector's own count stands where the answer is its own, in one piece.
    fn conclude(&mut self, last: Completeness) -> Completeness {
        let whole = self.story.conclude(last);
        let Written { items, bytes, left_out } = self.written;
        if self.interruptions == 0 && left_out == 0 { whole } else { Completeness { items, bytes, ..whole } }
    }

    fn outcome(&self, completeness: Option<Completeness>) -> QueryOutcome {
        QueryOutcome {
            query_id: self.writer.query_id().to_owned(),
            pages: self.writer.pages(),
            items: self.writer.items(),
            completeness,
            error: None,
        }
    }
}

/// Whether the collector works, but has no room for one more call: others hold their places for as long as they follow a log, so the
/// query waits for one until its deadline.
pub(super) fn is_overloaded(status: &Status) -> bool {
    status.get_details_error_info().is_some_and(|info| info.reason == OVERLOADED)
}

fn json(rest: &Rest) -> Result<String, TakeError> {
    rest.json().map_err(|error| internal(&error))
}

fn internal(error: &dyn std::error::Error) -> TakeError {
    TakeError::Status(Box::new(Status::internal(error.to_string())))
}
