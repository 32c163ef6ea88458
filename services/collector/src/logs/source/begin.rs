//! The beginning of a read: where its log ends, then the first line of its window.

use std::time::Duration;

use gumshoe_proto::collector::v1::ContainerLogStatus;
use tokio::time::timeout;

use super::{Feed, Place, RECORD_MIN, Source};
use crate::{
    error::ReadError,
    logs::{
        end::End,
        outcome::{Missing, Trouble},
        position::Position,
        read::{LogRead, PodLogs, ReadQuery},
        request::Window,
    },
};

/// Records that are asked for to find the newest line. Of two, the second one is a line from its beginning in nearly all logs.
const LOOK_RECORDS: u64 = 2;
/// Where they are of one line, so many times more are asked for,
const LOOK_GROWTH: u64 = 8;
/// up to so many: 16 MiB at most.
const LOOK_RECORDS_MAX: u64 = 1 << 10;

impl Source {
    /// Goes to the first line of the window; the node may be silent only for as long as `patience` has it.
    ///
    /// # Errors
    /// Only what concerns the whole call.
    pub async fn begin(&mut self, logs: &PodLogs, patience: Option<Duration>) -> Result<(), ReadError> {
        if !self.is_wanted() {
            return Ok(());
        }
        let found = match patience {
            Some(patience) => timeout(patience, self.find_end(logs)).await.ok().transpose()?,
            None => Some(self.find_end(logs).await?),
        };
        let Some(end) = found else {
            self.node_is_dead();
            return Ok(());
        };
        let Some(end) = end else {
            let not_started =
                self.trouble.as_ref().is_some_and(|trouble| trouble.status == ContainerLogStatus::NotStarted);
            if self.follow && not_started && self.place == Place::Beginning {
                // All that comes is new, in this call and in those that go on from it.
                self.place = Place::Behind(Position::default());
            }
            return Ok(());
        };
        if self.follow && self.place == Place::Beginning && self.window.tail == Some(0) && end != End::Unknown {
            // From now on means from a place, to which every connection can come back.
            self.place = Place::Behind(end.position());
            self.window_given = true;
            return Ok(());
        }
        match (self.place, self.window.newest) {
            (Place::End | Place::NoEnd | Place::Never, _) => return Ok(()),
            (Place::Beginning, Some(max)) => self.read_newest(logs, max, end).await?,
            (Place::Beginning, None) => {
                let Window { tail, since, .. } = self.window;
                let query = ReadQuery { tail, since, goes_on: self.follow, ..ReadQuery::default() };
                self.open(logs, query, end).await?;
            }
            (Place::Behind(position), _) => {
                let (since, behind) = (self.window.since, Some(position));
                let query = ReadQuery { since, behind, goes_on: self.follow, ..ReadQuery::default() };
                self.open(logs, query, end).await?;
            }
        }
        self.advance().await;
        Ok(())
    }

    /// Notes that the node's kubelet is not there.
    pub fn node_is_dead(&mut self) {
        if self.is_wanted() {
            let message = "the node's kubelet did not answer soon, for this log or another".into();
            self.trouble = Some(self.as_far_as_begun(Trouble { message, ..Trouble::node_unreachable() }));
        }
    }

    /// Whether the node's kubelet was not there.
    #[must_use]
    pub fn found_node_dead(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.status == ContainerLogStatus::NodeUnreachable)
    }

    /// Where the place is known, the rest can be had once the node is back.
    fn as_far_as_begun(&self, trouble: Trouble) -> Trouble {
        if trouble.status == ContainerLogStatus::NodeUnreachable && matches!(self.place, Place::Behind(_)) {
            return Trouble {
                missing: Some(Missing { newer: true, resumable: true, ..Missing::UNREADABLE }),
                ..trouble
            };
        }
        trouble
    }

    /// Asks for the newest line: a read that begins afterwards is whole when it has come there. The kubelet finds it from the
    /// end of the file. None where there is nothing to read.
    pub(super) async fn find_end(&mut self, logs: &PodLogs) -> Result<Option<End>, ReadError> {
        let mut records = LOOK_RECORDS;
        let mut before = 0;
        loop {
            let query = ReadQuery { tail: Some(records), ..ReadQuery::default() };
            let Some(mut read) = self.request(logs, query, End::Unknown).await? else { return Ok(None) };
            let last = match read.last().await {
                Ok(last) => last,
                Err(error) => {
                    self.trouble = Some(Trouble::broken(&error));
                    return Ok(None);
                }
            };
            // The read itself will tell of it, and of what stands in front of it.
            if read.take_trouble().is_some() {
                return Ok(Some(End::Unknown));
            }
            let Some(mark) = last else { return Ok(Some(End::Reached)) };
            let received = read.received();
            self.looked = received.first;
            let is_record = self.run.lines_are_records && mark.length() < RECORD_MIN;
            // What is no more although more was asked for is the whole log.
            if received.lines > 1 || is_record || received.bytes == before {
                return Ok(Some(End::Line(mark)));
            }
            if records >= LOOK_RECORDS_MAX {
                return Ok(Some(End::Unknown));
            }
            before = received.bytes;
            records *= LOOK_GROWTH;
        }
    }

    /// Opens a read that lines are then taken from.
    pub(super) async fn open(&mut self, logs: &PodLogs, query: ReadQuery, end: End) -> Result<(), ReadError> {
        if let Some(read) = self.request(logs, query, end).await? {
            self.feed = Feed::Read(Box::new(read));
        }
        Ok(())
    }

    /// Sends a request; a refusal is this log's trouble.
    pub(super) async fn request(
        &mut self,
        logs: &PodLogs,
        query: ReadQuery,
        end: End,
    ) -> Result<Option<LogRead>, ReadError> {
        match logs.open(&self.name, query, end).await {
            Ok(mut read) => {
                self.warnings.append(&mut read.take_warnings());
                Ok(Some(read))
            }
            Err(failure) => {
                let mut trouble = Trouble::refused(failure, self.run.earlier.is_some())?;
                // The kubelet says the same of a container that it has forgotten as of one that has not started.
                if trouble.status == ContainerLogStatus::NotStarted && self.has_begun() {
                    trouble = Trouble::forgotten();
                }
                self.trouble = Some(self.as_far_as_begun(trouble));
                Ok(None)
            }
        }
    }
}
