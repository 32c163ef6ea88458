//! The pages of one answer: windows merged in the order of time, then what follows, then the end.

use std::{sync::Arc, time::Duration};

use futures::{
    StreamExt as _, TryStreamExt as _,
    stream::{self, FuturesUnordered},
};
use gumshoe_proto::collector::v1::{Gap, GapReason, ReadLogsResponse};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    limits::{Grant, LogLimits},
    merge::earliest,
    moment::Moment,
    outcome::Trouble,
    page::LinePage,
    read::PodLogs,
    source::{Progress, Source},
    token::Token,
};
use crate::{
    error::ReadError,
    pages::{report::Report, stream::PageSender, token::Arguments},
};

/// Logs of one pod that are opened at the same moment, for the sake of its kubelet.
const OPEN_AT_ONCE: usize = 4;
/// A caller who takes no page for so long must not keep others from the node's logs.
const SLOW_CALLER_WAIT: Duration = Duration::from_secs(60);
/// Lines that come one by one are sent together after so long.
const FLUSH_AFTER: Duration = Duration::from_millis(50);

/// Why the call as a whole stops before the logs end.
type Stop = (GapReason, &'static str);

/// An answer in the making.
pub(super) struct Answer {
    pub(super) logs: PodLogs,
    pub(super) limits: Arc<LogLimits>,
    pub(super) node: String,
    pub(super) sources: Vec<Source>,
    pub(super) out: Output,
}

/// Where it goes.
pub(super) struct Output {
    pub(super) page: LinePage,
    pub(super) pages: PageSender,
    pub(super) deadline: Instant,
    pub(super) arguments: Arguments,
    pub(super) uid: String,
    pub(super) since: Option<Moment>,
    pub(super) report: Report,
}

impl Answer {
    /// Gives all of it.
    pub(super) async fn give(mut self, follow: bool) -> Result<(), ReadError> {
        let mut stop = self.window().await?;
        if stop.is_none() && follow {
            stop = self.follow().await?;
        }
        self.finish(stop);
        Ok(())
    }

    /// Gives the windows, merged in the order of time.
    async fn window(&mut self) -> Result<Option<Stop>, ReadError> {
        let Self { logs, limits, node, sources, out } = self;
        let logs = &*logs;
        let wanted = sources.iter().filter(|source| source.is_wanted());
        let (wanted, held) = wanted.fold((0, 0), |(wanted, held), source| (wanted + 1, held + source.holds()));
        if !LogLimits::can_hold(held) {
            return Err(ReadError::invalid("newest_bytes", "is too much for so many containers; name fewer of them"));
        }
        let _grant = match granted(out.deadline, limits.read(node, wanted, held)).await {
            Ok(grant) => grant,
            Err(stop) => return Ok(Some(stop)),
        };
        let begin: Vec<_> = sources.iter_mut().map(|source| source.begin(logs)).collect();
        stream::iter(begin).buffer_unordered(OPEN_AT_ONCE).try_collect::<()>().await?;
        while let Some((index, until)) = earliest(sources.iter().map(Source::key)) {
            while sources[index].key().is_some_and(|key| until.is_none_or(|until| key <= until)) {
                sources[index].give(&mut out.page);
                if out.page.is_full()
                    && let Some(stop) = out.send(sources.iter().map(Source::progress).collect()).await
                {
                    return Ok(Some(stop));
                }
                sources[index].advance().await;
            }
        }
        for source in sources {
            source.check_rotation(logs).await;
        }
        Ok(None)
    }

    /// Gives what comes afterwards, as it comes, until the deadline or the end of all logs.
    async fn follow(&mut self) -> Result<Option<Stop>, ReadError> {
        let Self { logs, limits, node, sources, out } = self;
        let logs = &*logs;
        let mut progress: Vec<_> = sources.iter().map(Source::progress).collect();
        // What the windows left in the page does not wait for the grant.
        if !out.page.is_empty()
            && let Some(stop) = out.send(progress.clone()).await
        {
            return Ok(Some(stop));
        }
        let goes_on = sources.iter().filter(|source| source.goes_on()).count();
        let _grant = match granted(out.deadline, limits.follow(node, goes_on)).await {
            Ok(grant) => grant,
            Err(stop) => return Ok(Some(stop)),
        };
        let mut waiting = FuturesUnordered::new();
        for (index, source) in sources.iter_mut().enumerate().filter(|(_, source)| source.goes_on()) {
            waiting.push(await_line(index, source, logs));
        }
        let mut flush_at = Instant::now();
        while !waiting.is_empty() {
            tokio::select! {
                biased;
                () = sleep_until(out.deadline) => break,
                Some((index, source, outcome)) = waiting.next() => {
                    outcome?;
                    if out.page.is_empty() {
                        flush_at = Instant::now() + FLUSH_AFTER;
                    }
                    while source.head.is_some() {
                        source.give(&mut out.page);
                        progress[index] = source.progress();
                        if out.page.is_full() && let Some(stop) = out.send(progress.clone()).await {
                            return Ok(Some(stop));
                        }
                        source.advance_now();
                    }
                    progress[index] = source.progress();
                    if source.goes_on() && Instant::now() < out.deadline {
                        waiting.push(await_line(index, source, logs));
                    }
                }
                () = sleep_until(flush_at), if !out.page.is_empty() => {
                    if let Some(stop) = out.send(progress.clone()).await {
                        return Ok(Some(stop));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Sends the last message.
    fn finish(self, stop: Option<Stop>) {
        let Self { logs, mut sources, out, .. } = self;
        let Output { mut page, pages, arguments, uid, since, mut report, .. } = out;
        if let Some((reason, message)) = stop {
            for source in sources.iter_mut().filter(|source| source.is_wanted()) {
                source.trouble = Some(Trouble::stopped(reason, message));
            }
        }
        for source in &mut sources {
            report.warnings(std::mem::take(&mut source.warnings));
            for gap in source.gaps() {
                let (namespace, name) = (logs.namespace.to_string(), logs.pod.to_string());
                report.gap(Gap { namespace, name, ..gap });
            }
        }
        report.count(page.items(), page.item_bytes());
        let resumable = sources.iter().any(Source::can_resume);
        let containers = sources.iter().map(Source::progress).collect();
        let token = if resumable { arguments.encode(&Token { uid, since, containers }) } else { String::new() };
        let end = ReadLogsResponse {
            next_page_token: token.clone(),
            logs: sources.iter().map(Source::outcome).collect(),
            completeness: Some(report.finish(token)),
            ..ReadLogsResponse::default()
        };
        pages.send_last(page.take(&end));
    }
}

/// Waits until reads are within the bounds of the process.
async fn granted(deadline: Instant, grant: impl Future<Output = Grant>) -> Result<Grant, Stop> {
    let granted = timeout_at(deadline, grant).await;
    granted.map_err(|_| (GapReason::Overloaded, "too many logs are being read at this time"))
}

async fn await_line<'source>(
    index: usize,
    source: &'source mut Source,
    logs: &PodLogs,
) -> (usize, &'source mut Source, Result<(), ReadError>) {
    let outcome = source.await_line(logs).await;
    (index, source, outcome)
}

impl Output {
    /// Sends the page, and where to go on behind it. Without room for it in time, it stays where it is.
    async fn send(&mut self, containers: Vec<Progress>) -> Option<Stop> {
        let token = Token { uid: self.uid.clone(), since: self.since, containers };
        let end = ReadLogsResponse { next_page_token: self.arguments.encode(&token), ..ReadLogsResponse::default() };
        let until = self.deadline.min(Instant::now() + SLOW_CALLER_WAIT);
        let Ok(room) = timeout_at(until, self.pages.reserve(self.page.bytes())).await else {
            return Some(if until == self.deadline {
                (GapReason::Deadline, "the deadline of the call came first")
            } else {
                (GapReason::SlowCaller, "the pages were taken too slowly")
            });
        };
        self.report.count(self.page.items(), self.page.item_bytes());
        self.pages.send(self.page.take(&end), room);
        None
    }
}
