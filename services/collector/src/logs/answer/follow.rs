//! What comes behind the windows: lines as they come, put in order within a window where there are several logs, and the logs of pods
//! that appear meanwhile.

mod joining;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use gumshoe_proto::collector::v1::GapReason;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

pub(in crate::logs) use self::joining::Joining;
use super::{Answer, nodes, progress};
use crate::{
    error::ReadError,
    logs::{
        limits::{Followed, LogLimits, NodeTurns, Nodes, Turns},
        log::{Held, Log},
        outcome::Trouble,
        output::{Output, Stop},
        plan::node_of,
        pods::{Found, uid},
        reorder::Reorder,
        source::Progress,
    },
};

/// Lines that come one by one are sent together after so long.
const FLUSH_AFTER: Duration = Duration::from_millis(50);

/// Where there is no room for all logs after so long, those are followed that have room. The others are tried again as often.
const ROOM_WAIT: Duration = Duration::from_secs(5);
const NO_ROOM: Stop = (GapReason::Overloaded, "too many logs are being followed at this time");

/// Logs that are followed.
struct Following<'answer> {
    out: &'answer mut Output,
    limits: &'answer LogLimits,
    granted: Followed,
    /// None while the next line of a log is waited for.
    logs: Vec<Option<Log>>,
    /// Up to where the lines of each log are in the pages.
    progress: Vec<Progress>,
    /// None for a single log: its lines are in order, and are given at once.
    order: Option<Reorder>,
    folds: bool,
    joining: Option<Joining>,
    /// The logs that have to wait until others end, and when they are tried again.
    no_room: Vec<usize>,
    room_at: Instant,
    flush_at: Instant,
    ended: CancellationToken,
    turns: Turns<'answer>,
}

/// What is waited for: the next line of a log, which comes back with it.
type Waited = (usize, Log, Result<(), ReadError>);

impl Answer {
    /// Gives what comes, as it comes, until the deadline or the end of all logs.
    pub(super) async fn follow(&mut self, joining: Option<Joining>) -> Result<Option<Stop>, ReadError> {
        let Self { limits, logs, out, plan, .. } = self;
        // What the windows left in the page does not wait for the grant.
        if !out.page.is_empty()
            && let Some(stop) = out.send(progress(logs)).await
        {
            return Ok(Some(stop));
        }
        let going = logs.iter().enumerate().filter(|(_, log)| log.source.goes_on());
        let going = going.map(|(index, log)| (index, log.node.clone())).collect();
        let of_nodes = nodes(logs.iter().filter(|log| log.source.goes_on()));
        let (granted, no_room) = match room(limits, going, of_nodes, out.deadline).await {
            Ok(room) => room,
            Err(stop) => return Ok(Some(stop)),
        };
        let logs_known = logs.iter().map(|log| log.pod.uid.clone()).collect();
        let several = logs.len() > 1 || joining.is_some();
        let mut following = Following {
            progress: progress(logs),
            order: (several || plan.fold).then(Reorder::default),
            folds: plan.fold,
            logs: std::mem::take(logs).into_iter().map(Some).collect(),
            joining: joining.map(|joining| joining.with(logs_known)),
            no_room,
            room_at: Instant::now() + ROOM_WAIT,
            flush_at: Instant::now(),
            ended: CancellationToken::new(),
            out,
            limits: Arc::as_ref(limits),
            granted,
            turns: limits.turns(),
        };
        let outcome = following.run().await;
        let Following { logs: followed, progress, order, no_room, .. } = following;
        let stop = outcome?;
        for (index, mut log) in followed.into_iter().flatten().enumerate() {
            let holds_some = order.as_ref().is_some_and(|order| !order.holds_none_of(index));
            if let Some((reason, message)) = stop {
                let given = progress.get(index).filter(|_| holds_some).map(|progress| progress.step);
                log.stop(given, || Trouble::stopped(reason, message));
            }
            if no_room.contains(&index) {
                let (reason, message) = NO_ROOM;
                log.source.trouble = Some(Trouble::stopped(reason, message));
            }
            logs.push(log);
        }
        Ok(stop)
    }
}

impl Following<'_> {
    /// Comes back with all logs in their places.
    async fn run(&mut self) -> Result<Option<Stop>, ReadError> {
        let mut waiting = FuturesUnordered::new();
        for index in 0..self.logs.len() {
            let goes_on = |log: &mut Log| log.source.goes_on() && !self.no_room.contains(&index);
            if let Some(log) = self.logs.get_mut(index).and_then(|log| log.take_if(goes_on)) {
                let turns = self.turns.of(&log.node);
                waiting.push(await_line(index, log, turns, self.ended.clone()));
            }
        }
        let outcome = self.give(&mut waiting, await_line).await;
        self.ended.cancel();
        while let Some((index, log, _)) = waiting.next().await {
            self.logs[index] = Some(log);
        }
        let stop = outcome?;
        if let Some(joining) = &mut self.joining {
            joining.tell(&mut self.out.report);
        }
        // What is still held has its place now.
        Ok(match stop {
            None => self.give_held(|order, _| order.take()).await,
            stop => stop,
        })
    }

    async fn give<F: Future<Output = Waited>>(
        &mut self,
        waiting: &mut FuturesUnordered<F>,
        wait: fn(usize, Log, NodeTurns, CancellationToken) -> F,
    ) -> Result<Option<Stop>, ReadError> {
        let (all_turns, ended) = (self.turns.clone(), self.ended.clone());
        let again = |index: usize, log: Log| {
            let turns = all_turns.of(&log.node);
            wait(index, log, turns, ended.clone())
        };
        loop {
            let due = self.order.as_mut().and_then(Reorder::next_due);
            let is_quiet = waiting.is_empty() && due.is_none() && self.out.page.is_empty();
            let is_over = self.joining.as_ref().is_none_or(Joining::is_over) && self.no_room.is_empty();
            if is_quiet && is_over {
                return Ok(None);
            }
            let stop = tokio::select! {
                biased;
                () = sleep_until(self.out.deadline) => return Ok(None),
                () = sleep_until(due.unwrap_or(self.flush_at)), if due.is_some() => self.give_due().await,
                // Before the lines, which may never pause.
                found = joining::found(&mut self.joining) => {
                    for index in self.join(found) {
                        if let Some(log) = self.logs[index].take() {
                            waiting.push(again(index, log));
                        }
                    }
                    None
                }
                () = sleep_until(self.room_at), if !self.no_room.is_empty() => {
                    for index in self.try_again() {
                        if let Some(log) = self.logs[index].take() {
                            waiting.push(again(index, log));
                        }
                    }
                    None
                }
                Some((index, mut log, outcome)) = waiting.next(), if !waiting.is_empty() => {
                    let stop = match outcome {
                        Ok(()) => self.arrived(index, &mut log).await,
                        Err(error) => return Err(error),
                    };
                    if stop.is_none() && log.source.goes_on() {
                        waiting.push(again(index, log));
                    } else {
                        self.granted.leave(&log.node);
                        self.logs[index] = Some(log);
                    }
                    stop
                }
                () = sleep_until(self.flush_at), if !self.out.page.is_empty() => self.out.send(self.progress.clone()).await,
            };
            if stop.is_some() {
                return Ok(stop);
            }
        }
    }

    /// Takes the lines of a log that are there.
    async fn arrived(&mut self, index: usize, log: &mut Log) -> Option<Stop> {
        while log.source.head.is_some() {
            self.page_begins();
            self.take(index, log);
            if self.order.as_ref().is_none_or(|order| order.holds_none_of(index)) {
                self.progress[index].step = log.step();
            }
            if self.out.page.is_full()
                && let Some(stop) = self.out.send(self.progress.clone()).await
            {
                return Some(stop);
            }
            if let Some(stop) = self.give_due().await {
                return Some(stop);
            }
            log.source.advance_now();
        }
        if self.order.as_ref().is_none_or(|order| order.holds_none_of(index)) {
            self.progress[index].step = log.step();
        }
        None
    }

    /// Takes one line of a log: into the page, or to those that are held.
    fn take(&mut self, index: usize, log: &mut Log) {
        let Some(order) = &mut self.order else {
            return log.give(|line, text, count, last| self.out.line(index, line, text, count, last));
        };
        if self.folds
            && let Some(line) = log.source.head
            && let Some(held) = order.repeated_by(index, line, log.source.text())
        {
            return log.fold_into(held);
        }
        let Some(held) = log.hold() else { return };
        if order.is_late(held.key) {
            self.out.line(index, held.line, &held.text, held.count, held.last);
        } else {
            order.hold(index, held, Instant::now());
        }
    }

    async fn give_due(&mut self) -> Option<Stop> {
        self.give_held(Reorder::take_due).await
    }

    async fn give_held(&mut self, take: fn(&mut Reorder, Instant) -> Option<(usize, Held)>) -> Option<Stop> {
        while let Some(order) = &mut self.order
            && let Some((index, held)) = take(order, Instant::now())
        {
            let last_of_log = order.holds_none_of(index);
            self.page_begins();
            self.out.line(index, held.line, &held.text, held.count, held.last);
            let log = self.logs[index].as_ref().filter(|_| last_of_log);
            self.progress[index].step = log.map_or(held.step, Log::step);
            if self.out.page.is_full()
                && let Some(stop) = self.out.send(self.progress.clone()).await
            {
                return Some(stop);
            }
        }
        None
    }

    fn page_begins(&mut self) {
        if self.out.page.is_empty() {
            self.flush_at = Instant::now() + FLUSH_AFTER;
        }
    }

    /// The logs for which there is room by now.
    fn try_again(&mut self) -> Vec<usize> {
        let Self { limits, granted, logs, no_room, .. } = self;
        self.room_at = Instant::now() + ROOM_WAIT;
        let has_room = |index: &mut usize| logs[*index].as_ref().is_none_or(|log| limits.join(granted, &log.node, 1));
        no_room.extract_if(.., has_room).collect()
    }

    /// Takes in the pods that have appeared, and those that have got a node; gives back which logs are to be waited for.
    fn join(&mut self, found: Result<Found, ReadError>) -> Vec<usize> {
        let Self { out, limits, granted, logs, progress, joining, .. } = self;
        let Some(joining) = joining else { return Vec::new() };
        let mut joined = Vec::new();
        for pod in joining.pods(found, out) {
            let node = node_of(&pod);
            if joining.knows(&pod) {
                let waits = |log: &&mut Log| log.pod.uid == uid(&pod) && log.source.has_no_node() && !node.is_empty();
                for (index, log) in logs.iter_mut().enumerate() {
                    let Some(log) = log.as_mut().filter(waits) else { continue };
                    if limits.join(granted, node, 1) {
                        log.got_node(node);
                        progress[index] = log.progress();
                        joined.push(index);
                    } else {
                        joining.no_room(&pod);
                    }
                }
                continue;
            }
            for log in joining.logs(&pod, out, |logs| limits.join(granted, node, logs)) {
                out.add(&log);
                progress.push(log.progress());
                if log.source.goes_on() {
                    joined.push(logs.len());
                }
                logs.push(Some(log));
            }
        }
        joining.done(logs, &out.uids());
        joining.look_again(!joined.is_empty());
        joined
    }
}

/// Waits for room for all logs that go on; after a while, takes what there is. Gives back for which there was none.
async fn room(
    limits: &LogLimits,
    logs: Vec<(usize, String)>,
    nodes: Nodes,
    deadline: Instant,
) -> Result<(Followed, Vec<usize>), Stop> {
    loop {
        let until = deadline.min(Instant::now() + ROOM_WAIT);
        if let Ok(granted) = timeout_at(until, limits.follow(&nodes)).await {
            return Ok((granted, Vec::new()));
        }
        let mut granted = limits.follow_none();
        let no_room = logs.iter().filter(|(_, node)| !limits.join(&mut granted, node, 1));
        let no_room: Vec<_> = no_room.map(|(index, _)| *index).collect();
        if no_room.len() < logs.len() {
            return Ok((granted, no_room));
        }
        if until == deadline {
            return Err(NO_ROOM);
        }
    }
}

/// Waits for a log's next line, or until nobody wants it any more.
async fn await_line(index: usize, mut log: Log, turns: NodeTurns, ended: CancellationToken) -> Waited {
    let outcome = tokio::select! {
        biased;
        () = ended.cancelled() => Ok(()),
        outcome = log.source.await_line(&log.pod, &turns) => outcome,
    };
    (index, log, outcome)
}
