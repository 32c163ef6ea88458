//! Following a log: what comes after the window, over as many connections and as many runs of the container as it takes.
//!
//! A connection that ends says nothing: the kubelet may have gone away, or the run may have ended. So the pod is asked. A run
//! that has ended is read to its end once more, without following, before the next one is waited for.
//!
//! A run is known by its number, and the pod tells of which one the kubelet gives the log, with `previous` and without
//! (`containers.rs`). It is asked once more when the log is open: one of another run is not read. What stays possible is that the pod's status
//! is behind the kubelet both times: then the place shows it, if it is behind a line, and what is missing is told.

use std::{pin::pin, time::Duration};

use gumshoe_proto::collector::v1::{ContainerLogStatus, Pod};
use tokio::time::{Instant, timeout};

use super::{Feed, Lost, Now, Place, Source};
use crate::{
    error::ReadError,
    logs::{
        containers::{Run, run},
        end::End,
        life::Life,
        limits::NodeTurns,
        outcome::Trouble,
        position::Position,
        read::{PodLogs, ReadQuery},
    },
};

/// The wait before the second connection; it doubles with each that does not last.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait: a node that comes back, and a container that starts again, is noticed soon enough.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A log that says nothing for so long is asked for anew: nobody would ever tell that what lies between us and the node has
/// forgotten the connection.
const QUIET: Duration = Duration::from_secs(120);
/// What a container that has ended for good has left is asked for so often where the node fails to give it: half a minute long, in
/// which a container runtime comes back that was restarted.
const END_TRIES: u32 = 8;

/// What the pod says of the container.
enum News {
    /// The pod is not there any more, or another one has its name.
    Gone,
    /// The pod could not be asked.
    None,
    /// Of the run whose log is read.
    Same(Life),
    /// There has been another run since.
    Later(Run),
}

/// A kubelet that works answers within this; an older one says nothing at all before the first line.
const TURN: Duration = Duration::from_secs(2);

impl Source {
    /// Whether lines may still come.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        // Without a place to go on from, all of the log would come instead of its window; before the first run it is the same.
        let not_started = |trouble: &Trouble| trouble.status == ContainerLogStatus::NotStarted;
        let from_somewhere = self.window_given || matches!(self.place, Place::Behind(_));
        let possible =
            self.trouble.as_ref().is_none_or(|trouble| not_started(trouble) || (passes(trouble) && from_somewhere));
        self.follow && self.place.has_more() && possible
    }

    /// Waits for the next line. Without a head afterwards, the log has ended, or the call's time is over. While there is no
    /// connection, the trouble says why. `turns` are those of the node: so many connections are opened at the same moment.
    ///
    /// # Errors
    /// Only what concerns the whole call.
    pub async fn await_line(&mut self, logs: &PodLogs, turns: &NodeTurns) -> Result<(), ReadError> {
        loop {
            let now = self.advance_now();
            if now == Now::Line {
                return Ok(());
            }
            let Feed::Read(read) = &mut self.feed else {
                if !self.goes_on() {
                    return Ok(());
                }
                tokio::time::sleep(self.wait).await;
                self.wait = (self.wait * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
                self.take_up_in_turn(logs, turns).await?;
                continue;
            };
            if now == Now::Later {
                if self.turns.wait(read.deadline()).await.is_err() {
                    return Ok(());
                }
                continue;
            }
            match timeout(QUIET, read.more()).await {
                Ok(Ok(true)) => continue,
                Ok(Ok(false)) => {
                    self.trouble = read.take_trouble();
                    self.run_read = !read.follows() && self.trouble.is_none();
                    if self.run_read && !read.took_up() {
                        self.lost.get_or_insert(Lost::Place);
                    }
                }
                Ok(Err(ReadError::Deadline)) => return Ok(()),
                Ok(Err(error)) => self.trouble = Some(Trouble::broken(&error)),
                Err(_) => {}
            }
            self.feed = Feed::None;
            // A line alone does not say that the next one lasts: a kubelet that cannot watch the file reads to its end and fails.
            if self.connected.take().is_some_and(|connected| connected.elapsed() >= LONGEST_WAIT) {
                self.wait = Duration::ZERO;
            }
        }
    }

    /// Opens the next connection when it is its turn. One that gets no answer does not keep others from theirs.
    async fn take_up_in_turn(&mut self, logs: &PodLogs, turns: &NodeTurns) -> Result<(), ReadError> {
        let turn = turns.acquire().await;
        let mut taken_up = pin!(self.take_up(logs));
        if let Ok(outcome) = timeout(TURN, &mut taken_up).await {
            return outcome;
        }
        drop(turn);
        taken_up.await
    }

    /// Opens the next connection, if there is something to be read.
    async fn take_up(&mut self, logs: &PodLogs) -> Result<(), ReadError> {
        match self.ask(logs).await {
            News::Gone => self.trouble = Some(Trouble::pod_gone()),
            News::Same(Life::NotStarted) => {}
            News::Same(Life::Never) => {
                self.place = Place::Never;
                self.trouble = self.place.trouble();
            }
            News::Same(Life::Ended { returns }) if self.run_read => {
                if !returns {
                    self.place = Place::End;
                }
            }
            News::Same(Life::Ended { returns }) => {
                self.failures = if self.node_failed() { self.failures + 1 } else { 0 };
                if !returns && self.failures >= END_TRIES {
                    self.place = Place::NoEnd;
                } else {
                    self.read_to_end(logs).await?;
                }
            }
            News::None | News::Same(Life::Runs) => self.connect(logs).await?,
            News::Later(run) => self.leave_run(logs, run).await?,
        }
        Ok(())
    }

    async fn ask(&mut self, logs: &PodLogs) -> News {
        let pod = match logs.reader.object::<Pod>(&logs.call, Some(&logs.namespace), &logs.pod).await {
            Ok((pod, _)) => pod,
            Err(ReadError::NotFound { .. }) => return News::Gone,
            Err(_) => return News::None,
        };
        if pod.metadata.as_ref().is_none_or(|metadata| metadata.uid != logs.uid) {
            return News::Gone;
        }
        let now = run(&pod, self.name.as_str(), false);
        if let Some(later) = now.as_ref().filter(|now| now.number != self.run.number) {
            return News::Later(later.clone());
        }
        let life = match Life::of(&pod, self.name.as_str()) {
            // Older kubelets forget the containers of a pod that they evict.
            Life::Never if self.has_begun() => Life::Ended { returns: false },
            life => life,
        };
        // Of a container that had not started hardly anything was known.
        if let Some(now) = now {
            self.run = Run { started: now.started.or(self.run.started), ..now };
        }
        News::Same(life)
    }

    /// Whether the container has written something, or may have.
    pub(super) fn has_begun(&self) -> bool {
        let given = self.behind().is_some_and(|position| position > Position::default());
        self.run.number > 0 || self.run.started.is_some() || given
    }

    async fn connect(&mut self, logs: &PodLogs) -> Result<(), ReadError> {
        // Where nothing was there, all that comes is new; but `tail_lines = 0` has left out what there was.
        let behind = self.behind();
        let tail = self.window.tail.filter(|tail| *tail == 0 && behind.is_none() && self.window_given);
        let query = ReadQuery { tail, since: self.window.since, behind, follow: true, goes_on: true };
        // Older kubelets say nothing at all before the first line.
        let Ok(read) = timeout(QUIET, self.request(logs, query, End::Unknown)).await else {
            // The API server tells of a dead node sooner: somebody listens.
            self.trouble = None;
            return Ok(());
        };
        let Some(read) = read? else { return Ok(()) };
        // While the connection was made the container may have been restarted.
        match self.ask(logs).await {
            News::None | News::Same(_) => {
                self.trouble = None;
                self.connected = Some(Instant::now());
                self.feed = Feed::Read(Box::new(read));
            }
            News::Gone => self.trouble = Some(Trouble::pod_gone()),
            News::Later(run) => self.leave_run(logs, run).await?,
        }
        Ok(())
    }

    /// Whether the node was there, and had nothing.
    fn node_failed(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| {
            trouble.status != ContainerLogStatus::NodeUnreachable
                && trouble.missing.is_some_and(|missing| !missing.resumable)
        })
    }

    /// Reads what the run still had to say after it has ended: from the current log, or from that of the run before the current one.
    async fn read_to_end(&mut self, logs: &PodLogs) -> Result<(), ReadError> {
        let Some(end) = self.find_end(logs).await? else { return Ok(()) };
        let query = ReadQuery { since: self.window.since, behind: self.behind(), ..ReadQuery::default() };
        let Some(read) = self.request(logs, query, end).await? else { return Ok(()) };
        // While the log was opened the container may have been restarted, or may have ended again: then it is that of another run.
        let is_ours = match self.ask(logs).await {
            News::Same(_) => !logs.previous,
            News::Later(run) => logs.previous && run.earlier == Some(self.run.number),
            News::None | News::Gone => false,
        };
        if is_ours {
            self.trouble = None;
            self.feed = Feed::Read(Box::new(read));
        }
        Ok(())
    }

    /// Reads what the run still had to say, if it is the earlier one now; then goes on with the later one.
    async fn leave_run(&mut self, logs: &PodLogs, later: Run) -> Result<(), ReadError> {
        let is_earlier = later.earlier == Some(self.run.number);
        if is_earlier && !self.run_read && !std::mem::replace(&mut self.left, true) {
            self.read_to_end(&PodLogs { previous: true, ..logs.clone() }).await?;
            if matches!(self.feed, Feed::Read(_)) {
                return Ok(());
            }
        }
        if !self.run_read || later.number != self.run.number.saturating_add(1) {
            self.lost.get_or_insert(Lost::Restart);
        }
        // The place is in the log that was read to its end. But where something is missing, the status may have come later than the
        // first lines of the later run, and the place may be among those.
        let place = self
            .behind()
            .filter(|place| self.lost.is_some() && later.started.is_some_and(|start| Some(start) <= place.moment()));
        self.place = Place::Behind(place.unwrap_or_default());
        self.trouble = None;
        self.run = later;
        self.run_read = false;
        self.left = false;
        self.failures = 0;
        // The kubelet sees to it that this is not often.
        self.wait = Duration::ZERO;
        Ok(())
    }

    fn behind(&self) -> Option<Position> {
        if let Place::Behind(position) = self.place { Some(position) } else { None }
    }
}

/// Whether a trouble may be over when it is tried again.
fn passes(trouble: &Trouble) -> bool {
    use ContainerLogStatus as Log;
    match trouble.status {
        Log::Interrupted | Log::NodeUnreachable | Log::RuntimeError | Log::NotStarted => true,
        Log::Unspecified | Log::Read | Log::NoPrevious | Log::NoSuchContainer | Log::NotScheduled | Log::PodGone => {
            false
        }
    }
}
