//! Following a log: what comes after the window, over as many connections as it takes.

use std::time::Duration;

use gumshoe_proto::collector::v1::{ContainerLogStatus, Pod};

use super::{Feed, Place, Source};
use crate::{
    error::ReadError,
    kubernetes::repair::decode_lossy,
    lists::kind::Kind as _,
    logs::{
        containers::run,
        end::End,
        outcome::Trouble,
        read::{PodLogs, ReadQuery},
    },
};

/// The wait before the second connection; it doubles with each that brings nothing.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait: a node that comes back is noticed soon enough.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

impl Source {
    /// Whether lines may still come.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        // Without a place to go on from, all of the log would come instead of its window.
        let from_somewhere = self.window_given || matches!(self.place, Place::Behind(_));
        let possible = self.trouble.as_ref().is_none_or(|trouble| passes(trouble) && from_somewhere);
        self.follow && self.place != Place::End && possible
    }

    /// Waits for the next line. Without a head afterwards, the log has ended, or the call's time is over. While there is no
    /// connection, the trouble says why.
    ///
    /// # Errors
    /// Only what concerns the whole call.
    pub async fn await_line(&mut self, logs: &PodLogs) -> Result<(), ReadError> {
        let mut wait = Duration::ZERO;
        loop {
            if self.advance_now() {
                return Ok(());
            }
            let Feed::Read(read) = &mut self.feed else {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
                self.connect(logs).await?;
                if !self.goes_on() {
                    return Ok(());
                }
                continue;
            };
            match read.more().await {
                Ok(true) => {}
                Ok(false) => {
                    self.trouble = read.take_trouble();
                    self.feed = Feed::None;
                    // A kubelet that goes away ends a log as neatly as a container does.
                    if self.trouble.is_none() && !self.still_runs(logs).await {
                        self.place = Place::End;
                    }
                    if !self.goes_on() {
                        return Ok(());
                    }
                }
                Err(ReadError::Deadline) => return Ok(()),
                Err(error) => {
                    self.feed = Feed::None;
                    self.trouble = Some(Trouble::broken(&error));
                }
            }
        }
    }

    async fn connect(&mut self, logs: &PodLogs) -> Result<(), ReadError> {
        let behind = if let Place::Behind(position) = self.place { Some(position) } else { None };
        // Where nothing was there, all that comes is new; but `tail_lines = 0` has left out what there was.
        let tail = self.window.tail.filter(|tail| *tail == 0 && behind.is_none());
        let query = ReadQuery { tail, since: self.window.since, behind, follow: true };
        if let Some(read) = self.request(logs, query, End::Unknown).await? {
            self.trouble = None;
            self.feed = Feed::Read(Box::new(read));
        }
        Ok(())
    }

    /// Whether the run whose log it is goes on; in doubt it does.
    async fn still_runs(&mut self, logs: &PodLogs) -> bool {
        match pod(logs).await {
            Ok(pod) => {
                let now = run(&pod, self.name.as_str(), false);
                now.running && now.restarts == self.run.restarts
            }
            Err(ReadError::NotFound { .. }) => false,
            Err(_) => true,
        }
    }
}

async fn pod(logs: &PodLogs) -> Result<Pod, ReadError> {
    let (bytes, _) = logs.api.get(&logs.call, Pod::RESOURCE, &logs.namespace, &logs.pod).await?;
    decode_lossy(&bytes).map_err(|error| ReadError::Malformed(error.to_string()))
}

/// Whether a trouble may be over when it is tried again.
fn passes(trouble: &Trouble) -> bool {
    use ContainerLogStatus as Log;
    match trouble.status {
        Log::Interrupted | Log::NodeUnreachable => true,
        Log::Unspecified
        | Log::Read
        | Log::NotStarted
        | Log::NoPrevious
        | Log::NoSuchContainer
        | Log::NotScheduled
        | Log::RuntimeError
        | Log::PodGone => false,
    }
}
