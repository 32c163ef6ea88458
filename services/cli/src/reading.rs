//! One answer from beginning to end: a stream that breaks, or that ends in a gap which a token can fill, is gone on with in new
//! calls until the deadline, so that the user sees one answer and one verdict.

use std::time::Duration;

use futures::StreamExt as _;
use gumshoe_proto::{
    collector::v1::{Completeness, ContainerLog, Gap, GapReason},
    log_tally::{LogTally, Whose},
};
use gumshoe_runtime::backoff::Backoff;
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::{
    connection::{Collector, Pages},
    error::Error,
    interrupt::{Interrupt, unless},
    page::{self, Request, Response},
    render::Ending,
    report::status_line,
};

/// New calls in a row that bring no item. A collector that comes back brings something the first or second time.
const FRUITLESS_MAX: u32 = 4;

/// The pauses before new calls, longer with each one that brought nothing.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(4));

/// An answer that has ended.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What it says of itself, over all calls that it took.
    pub(crate) ending: Ending,
    /// The user ended it.
    pub(crate) interrupted: bool,
}

/// How one call ended.
enum Ended {
    /// With the collector's own word.
    Whole(Ending),
    /// Without it.
    Broken(Status),
    /// By the user.
    Interrupted,
}

/// Reads the answer to a request and hands on its pages.
///
/// # Errors
/// A call that failed before it brought anything, or an error of `show`.
pub(crate) async fn read(
    collector: &impl Collector,
    request: &Request,
    deadline: Instant,
    interrupt: &Interrupt,
    show: &mut dyn FnMut(&Response) -> Result<(), Error>,
) -> Result<Answer, ReadError> {
    let mut reading =
        Reading { request, items: 0, token: Some(String::new()), so_far: nothing_said(), logs: LogTally::default() };
    let (mut fruitless, mut backoff) = (0, BACKOFF);
    loop {
        let before = reading.items;
        let ended = reading.call(collector, deadline, interrupt, show).await?;
        if reading.items > before {
            (fruitless, backoff) = (0, BACKOFF);
        } else {
            fruitless += 1;
        }
        let more = fruitless < FRUITLESS_MAX && Instant::now() < deadline && reading.goes_on(&ended);
        if !more {
            return reading.finish(ended);
        }
        reading.keep(ended);
        if fruitless > 0 && unless(interrupt, tokio::time::sleep(backoff.next_wait())).await.is_none() {
            return reading.finish(Ended::Interrupted);
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The call failed before it brought anything.
    #[error("the call failed")]
    Call(Box<Status>),
    /// A page could not be shown.
    #[error(transparent)]
    Show(#[from] Error),
}

/// An answer on its way.
struct Reading<'a> {
    request: &'a Request,
    /// Items over all calls.
    items: u64,
    /// The token behind the last item: empty at the beginning, None where there is none.
    token: Option<String>,
    /// What the calls before this one said.
    so_far: Completeness,
    /// For logs alone.
    logs: LogTally,
}

impl Reading<'_> {
    async fn call(
        &mut self,
        collector: &impl Collector,
        deadline: Instant,
        interrupt: &Interrupt,
        show: &mut dyn FnMut(&Response) -> Result<(), Error>,
    ) -> Result<Ended, Error> {
        let token = self.token.clone().unwrap_or_default();
        let request = page::resumed(self.request, &token, self.items);
        match unless(interrupt, collector.call(request, deadline)).await {
            None => Ok(Ended::Interrupted),
            Some(Err(status)) => Ok(Ended::Broken(status)),
            Some(Ok(pages)) => self.pages(pages, interrupt, show).await,
        }
    }

    async fn pages(
        &mut self,
        mut pages: Pages,
        interrupt: &Interrupt,
        show: &mut dyn FnMut(&Response) -> Result<(), Error>,
    ) -> Result<Ended, Error> {
        let mut ending = None;
        loop {
            match unless(interrupt, pages.next()).await {
                None => return Ok(Ended::Interrupted),
                Some(Some(Ok(page))) => ending = self.page(page, show)?.or(ending),
                Some(Some(Err(status))) => return Ok(Ended::Broken(status)),
                Some(None) => {
                    let silent = || Status::unavailable("the answer ended without saying whether it is complete");
                    return Ok(ending.map_or_else(|| Ended::Broken(silent()), Ended::Whole));
                }
            }
        }
    }

    fn page(
        &mut self,
        mut page: Response,
        show: &mut dyn FnMut(&Response) -> Result<(), Error>,
    ) -> Result<Option<Ending>, Error> {
        let end = page::take_end(&mut page);
        let items = page::items(&page);
        if items > 0 || !end.next_page_token.is_empty() {
            self.token = Some(end.next_page_token).filter(|token| !token.is_empty());
        }
        self.items += items;
        if let Response::ReadLogs(page) = &page {
            page.lines.iter().for_each(|line| {
                let whose = Whose { pod: &line.pod, pod_uid: &line.pod_uid, container: &line.container };
                self.logs.line(whose, line.text.len(), line.raw.len());
            });
        }
        show(&page)?;
        Ok(end.completeness.map(|completeness| Ending { completeness, logs: end.logs }))
    }

    /// Says whether a new call can bring more, and takes the token for it.
    fn goes_on(&mut self, ended: &Ended) -> bool {
        let wants_more = page::limit(self.request).is_none_or(|limit| self.items < limit);
        match ended {
            Ended::Interrupted => false,
            // Before the first item the user is told at once; the connection has been tried already.
            Ended::Broken(status) => {
                wants_more && status.code() == Code::Unavailable && self.items > 0 && self.token.is_some()
            }
            Ended::Whole(Ending { completeness, .. }) => {
                let resumable =
                    completeness.gaps.iter().any(|gap| gap.resumable) && !completeness.resume_token.is_empty();
                if wants_more && resumable {
                    self.token = Some(completeness.resume_token.clone());
                }
                wants_more && resumable
            }
        }
    }

    /// Keeps of a call that is gone on with what stays true.
    fn keep(&mut self, ended: Ended) {
        if let Ended::Whole(Ending { mut completeness, logs }) = ended {
            completeness.gaps = self.logs.resumed(logs, completeness.gaps);
            self.add(completeness, |gap| !gap.resumable);
        } else {
            self.logs.resumed(Vec::new(), Vec::new());
        }
    }

    fn add(&mut self, completeness: Completeness, holds: impl Fn(&Gap) -> bool) {
        let so_far = &mut self.so_far;
        for gap in completeness.gaps {
            if holds(&gap) && !so_far.gaps.contains(&gap) {
                so_far.gaps.push(gap);
            }
        }
        for warning in completeness.warnings {
            if !so_far.warnings.contains(&warning) {
                so_far.warnings.push(warning);
            }
        }
        so_far.bytes += completeness.bytes;
        so_far.consistent &= completeness.consistent;
        so_far.complete = completeness.complete;
        so_far.resume_token = completeness.resume_token;
    }

    fn finish(mut self, ended: Ended) -> Result<Answer, ReadError> {
        let interrupted = matches!(ended, Ended::Interrupted);
        let logs = match ended {
            Ended::Whole(Ending { completeness, mut logs }) => {
                self.logs.conclude(&mut logs);
                self.add(completeness, |_| true);
                logs
            }
            Ended::Broken(status) if self.items == 0 && self.so_far == nothing_said() => {
                return Err(ReadError::Call(Box::new(status)));
            }
            Ended::Broken(status) => self.break_off(reason_of(status.code()), status_line(&status)),
            Ended::Interrupted => self.break_off(GapReason::ReadInterrupted, "stopped by Ctrl-C".to_owned()),
        };
        let Self { items, mut so_far, .. } = self;
        so_far.items = items;
        so_far.complete &= so_far.gaps.is_empty();
        Ok(Answer { ending: Ending { completeness: so_far, logs }, interrupted })
    }

    /// Notes that the answer ended without the collector's word, but for what it said of logs before.
    fn break_off(&mut self, reason: GapReason, message: String) -> Vec<ContainerLog> {
        let resumable = self.token.as_deref().is_some_and(|token| !token.is_empty());
        let gap = Gap { reason: reason.into(), message, resumable, ..Gap::default() };
        let resume_token = self.token.clone().unwrap_or_default();
        let (mut gaps, logs) = self.logs.broken_off();
        gaps.push(gap);
        self.add(Completeness { gaps, resume_token, consistent: true, ..Completeness::default() }, |_| true);
        logs
    }
}

fn nothing_said() -> Completeness {
    Completeness { consistent: true, ..Completeness::default() }
}

fn reason_of(code: Code) -> GapReason {
    match code {
        Code::DeadlineExceeded => GapReason::Deadline,
        Code::ResourceExhausted => GapReason::Overloaded,
        _ => GapReason::ReadInterrupted,
    }
}

#[cfg(test)]
mod tests;
