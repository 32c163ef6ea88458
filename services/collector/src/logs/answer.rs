//! The pages of one answer: windows merged in the order of time, then what follows, then the end.

mod follow;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use gumshoe_proto::collector::v1::{Gap, GapReason, ReadLogsResponse};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

pub(super) use self::follow::Joining;
use super::{
    limits::{LogLimits, Nodes},
    log::Log,
    merge::Merge,
    outcome::Trouble,
    output::{Output, SLOW_CALLER_WAIT, Stop},
    plan::{Plan, left_out},
};
use crate::error::ReadError;

/// Logs of one node that are opened at the same moment, for the sake of its kubelet.
const OPEN_AT_ONCE: usize = 4;
/// The same of all nodes, for the sake of the API server.
const OPEN_AT_ONCE_IN_ALL: usize = 24;

/// A node whose kubelet says nothing for so long is not waited for where there are logs of others: the newest line is found at once by
/// one that works.
const OPEN_WAIT: Duration = Duration::from_secs(10);

/// An answer in the making.
pub(super) struct Answer {
    pub(super) limits: Arc<LogLimits>,
    pub(super) logs: Vec<Log>,
    pub(super) out: Output,
    pub(super) plan: Plan,
    /// The pods that appear while others are followed.
    pub(super) joining: Option<Joining>,
}

impl Answer {
    /// Gives all of it.
    pub(super) async fn give(mut self) -> Result<(), ReadError> {
        let mut stop = self.window().await?;
        let joining = self.joining.take();
        // Whoever goes on from here finds the pods that appear later.
        let more_to_come = joining.is_some();
        if self.plan.follow && stop.is_none() {
            stop = self.follow(joining).await?;
        }
        self.finish(stop, more_to_come);
        Ok(())
    }

    /// Gives the windows, merged in the order of time.
    async fn window(&mut self) -> Result<Option<Stop>, ReadError> {
        let Self { limits, logs, out, .. } = self;
        let held = wanted(logs).map(|log| log.source.holds()).sum();
        if !LogLimits::can_hold(held) {
            return Err(ReadError::invalid("newest_bytes", "is too much for so many containers; name fewer of them"));
        }
        let nodes = nodes(wanted(logs));
        let mut grant = match granted(out.deadline, limits.read(&nodes, held)).await {
            Ok(grant) => grant,
            Err(stop) => return Ok(Some(stop)),
        };
        begin(logs, nodes.len() > 1).await?;
        if logs.iter().any(|log| log.source.is_reading()) {
            out.patience = Some(SLOW_CALLER_WAIT);
            let stop = merge(logs, out).await;
            out.patience = None;
            if stop.is_none() {
                check_rotation(logs).await?;
            }
            return Ok(stop);
        }
        check_rotation(logs).await?;
        grant.reads_ended();
        Ok(merge(logs, out).await)
    }

    /// Sends the last message.
    fn finish(self, stop: Option<Stop>, more_to_come: bool) {
        let Self { mut logs, mut out, plan, .. } = self;
        for name in out.left_out.names() {
            out.report.gap(left_out(&plan.namespace, name.clone()));
        }
        if let Some((reason, message)) = stop {
            logs.iter_mut().for_each(|log| log.stop(None, || Trouble::stopped(reason, message)));
        }
        for log in &mut logs {
            out.report.warnings(std::mem::take(&mut log.source.warnings));
            for gap in log.source.gaps() {
                let (namespace, name) = (log.pod.namespace.to_string(), log.pod.pod.to_string());
                out.report.gap(Gap { namespace, name, ..gap });
            }
        }
        let resumable = more_to_come || logs.iter().any(|log| log.source.can_resume());
        let token = if resumable { out.token(progress(&logs)) } else { String::new() };
        let outcome = |(index, log): (usize, &Log)| {
            let (lines, bytes) = out.given(index);
            log.source.outcome(log.pod.pod.as_str(), &log.pod.uid, lines, bytes)
        };
        let told = logs.iter().enumerate().map(outcome).collect();
        let Output { mut page, pages, mut report, .. } = out;
        report.count(page.items(), page.item_bytes());
        let end = ReadLogsResponse {
            next_page_token: token.clone(),
            logs: told,
            completeness: Some(report.finish(token)),
            ..ReadLogsResponse::default()
        };
        pages.send_last(page.take(&end));
    }
}

/// Goes to the first line of each log. What one log has met with answers for all of its node: of several nodes, a dead one must not
/// keep the lines of the others waiting.
async fn begin(logs: &mut [Log], several_nodes: bool) -> Result<(), ReadError> {
    let dead = Mutex::new(BTreeSet::new());
    let begin = async |log: &mut Log| {
        let patience = several_nodes.then_some(OPEN_WAIT);
        if lock(&dead).contains(&log.node) {
            log.source.node_is_dead();
            return Ok(());
        }
        log.begin(patience).await?;
        if log.source.found_node_dead() {
            lock(&dead).insert(log.node.clone());
        }
        Ok(())
    };
    side_by_side(logs.iter_mut().map(|log| (log.node.clone(), begin(log))).collect()).await
}

/// Finds out of each log what it can of lines before its window that are gone: that, too, is a read.
async fn check_rotation(logs: &mut [Log]) -> Result<(), ReadError> {
    side_by_side(logs.iter_mut().map(|log| (log.node.clone(), log.check_rotation())).collect()).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the lines of all logs in the order of time, each log until it has no next line.
async fn merge(logs: &mut [Log], out: &mut Output) -> Option<Stop> {
    let mut merge = Merge::default();
    logs.iter().enumerate().for_each(|(index, log)| merge.put(index, log.key()));
    while let Some((index, until)) = merge.take() {
        while logs[index].key().is_some_and(|key| until.is_none_or(|until| key <= until)) {
            logs[index].give(|line, text, count, last| out.line(index, line, text, count, last));
            if out.page.is_full()
                && let Some(stop) = out.send(progress(logs)).await
            {
                return Some(stop);
            }
            logs[index].advance().await;
        }
        merge.put(index, logs[index].key());
    }
    None
}

fn progress(logs: &[Log]) -> Vec<super::source::Progress> {
    logs.iter().map(Log::progress).collect()
}

fn wanted(logs: &[Log]) -> impl Iterator<Item = &Log> {
    logs.iter().filter(|log| log.source.is_wanted())
}

/// How many logs there are of each node.
fn nodes<'log>(logs: impl Iterator<Item = &'log Log>) -> Nodes {
    let mut nodes = Nodes::new();
    logs.for_each(|log| *nodes.entry(log.node.clone()).or_default() += 1);
    nodes
}

/// Does what is to be done for each log: those of different nodes side by side, and a few of each node.
async fn side_by_side(work: Vec<(String, impl Future<Output = Result<(), ReadError>>)>) -> Result<(), ReadError> {
    let open = Semaphore::new(OPEN_AT_ONCE_IN_ALL);
    let mut nodes: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (node, work) in work {
        let open = &open;
        nodes.entry(node).or_default().push(async move {
            let _permit = open.acquire().await;
            work.await
        });
    }
    let of_node = |work: Vec<_>| stream::iter(work).buffer_unordered(OPEN_AT_ONCE);
    let mut all = stream::select_all(nodes.into_values().map(of_node));
    while let Some(outcome) = all.next().await {
        outcome?;
    }
    Ok(())
}

/// Waits until reads are within the bounds of the process.
async fn granted<G>(deadline: Instant, grant: impl Future<Output = G>) -> Result<G, Stop> {
    let granted = timeout_at(deadline, grant).await;
    granted.map_err(|_| (GapReason::Overloaded, "too many logs are being read at this time"))
}
