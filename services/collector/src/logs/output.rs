//! Where the lines of an answer go: into pages, each with the token behind it.

use std::time::Duration;

use gumshoe_proto::collector::v1::{GapReason, ReadLogsResponse};
use tokio::time::{Instant, timeout_at};

use super::{
    left_out::LeftOut,
    lines::Line,
    log::Log,
    moment::Moment,
    page::{LinePage, Writer},
    source::Progress,
    token::{PodToken, Token},
};
use crate::pages::{report::Report, stream::PageSender, token::Arguments};

/// A caller who takes no page for so long must not keep others from the node's logs; while their windows are read, in all.
pub(super) const SLOW_CALLER_WAIT: Duration = Duration::from_secs(60);

/// Logs of one call, where it names no single pod. Each has a place in every page token, and its connection.
pub(super) const LOGS_MAX: usize = 200;
/// What a token may take up before it is encoded as text: then it fits into a request.
const TOKEN_BYTES: usize = 64 << 10;
/// What a token holds of a pod beside its name, and of a log beside its container's name, at most.
const POD_BYTES: usize = 64;
const LOG_BYTES: usize = 240;

/// The lengths of names that a token holds of a pod: its own, and those of its containers.
pub(super) type Names = (usize, Vec<usize>);

/// Whether there is room for logs and for those of further pods.
pub(super) fn has_room(logs: &[Log], pods: &[Names]) -> bool {
    let of_log = |log: &Log| POD_BYTES + log.pod.pod.as_str().len() + LOG_BYTES + log.source.name().len();
    let of_pod =
        |(name, containers): &Names| POD_BYTES + name + containers.iter().map(|name| LOG_BYTES + name).sum::<usize>();
    let count = logs.len() + pods.iter().map(|(_, containers)| containers.len()).sum::<usize>();
    let bytes = logs.iter().map(of_log).sum::<usize>() + pods.iter().map(of_pod).sum::<usize>();
    count <= LOGS_MAX && bytes <= TOKEN_BYTES
}

/// Why the call as a whole stops before the logs end.
pub(super) type Stop = (GapReason, &'static str);

/// Where an answer goes.
pub(super) struct Output {
    pub(super) page: LinePage,
    pub(super) pages: PageSender,
    pub(super) deadline: Instant,
    /// How long the caller is waited for in all, while logs are open that others may wait for.
    pub(super) patience: Option<Duration>,
    pub(super) arguments: Arguments,
    pub(super) since: Option<Moment>,
    pub(super) report: Report,
    /// The pods that there has been no room for.
    pub(super) left_out: LeftOut,
    logs: Vec<Told>,
}

/// What the answer says of one log, in the order of the logs.
struct Told {
    pod: String,
    uid: String,
    /// An earlier pod had its name.
    is_namesake: bool,
    container: String,
    lines: u64,
    bytes: u64,
}

impl Output {
    pub(super) fn new(
        page: LinePage,
        pages: PageSender,
        deadline: Instant,
        arguments: Arguments,
        since: Option<Moment>,
        report: Report,
    ) -> Self {
        Self {
            page,
            pages,
            deadline,
            patience: None,
            arguments,
            since,
            report,
            left_out: LeftOut::default(),
            logs: Vec::new(),
        }
    }

    /// Adds a log, behind those that there are.
    pub(super) fn add(&mut self, log: &Log) {
        let (pod, uid) = (log.pod.pod.to_string(), log.pod.uid.clone());
        let is_namesake = self.logs.iter().any(|told| told.pod == pod && told.uid != uid);
        self.logs.push(Told { pod, uid, is_namesake, container: log.source.name().to_owned(), lines: 0, bytes: 0 });
    }

    /// The uids of their pods.
    pub(super) fn uids(&self) -> Vec<&str> {
        self.logs.iter().map(|told| told.uid.as_str()).collect()
    }

    /// Whether there is room for the logs of one more pod.
    pub(super) fn has_room(&self, logs: &[Log]) -> bool {
        let told = |told: &Told| (told.pod.len(), vec![told.container.len()]);
        has_room(logs, &self.logs.iter().map(told).collect::<Vec<_>>())
    }

    /// Gives a line of a log.
    pub(super) fn line(&mut self, log: usize, line: Line, text: &[u8], count: u64, last: Option<Moment>) {
        let Some(told) = self.logs.get_mut(log) else { return };
        told.lines += 1;
        told.bytes += line.cost(text) as u64;
        let pod_uid = if told.is_namesake { &told.uid } else { "" };
        let writer = Writer { pod: &told.pod, pod_uid, container: &told.container, count, last };
        self.page.push_line(&writer, line, text);
    }

    /// How many lines and bytes of a log were given.
    pub(super) fn given(&self, log: usize) -> (u64, u64) {
        self.logs.get(log).map_or((0, 0), |told| (told.lines, told.bytes))
    }

    /// The token of a place in all logs.
    pub(super) fn token(&self, progress: Vec<Progress>) -> String {
        let mut pods: Vec<PodToken> = Vec::new();
        for (told, progress) in self.logs.iter().zip(progress) {
            // The logs of a pod stand together.
            match pods.last_mut().filter(|pod| pod.uid == told.uid) {
                Some(pod) => pod.containers.push(progress),
                None => {
                    let (name, uid) = (told.pod.clone(), told.uid.clone());
                    pods.push(PodToken { name, uid, containers: vec![progress] });
                }
            }
        }
        self.arguments.encode(&Token { since: self.since, pods, left_out: self.left_out.told() })
    }

    /// Sends the page, and where to go on behind it. Without room for it in time, it stays where it is.
    pub(super) async fn send(&mut self, progress: Vec<Progress>) -> Option<Stop> {
        let end = ReadLogsResponse { next_page_token: self.token(progress), ..ReadLogsResponse::default() };
        let began = Instant::now();
        let until = self.deadline.min(began + self.patience.unwrap_or(SLOW_CALLER_WAIT));
        let Ok(room) = timeout_at(until, self.pages.reserve(self.page.bytes())).await else {
            return Some(if until == self.deadline {
                (GapReason::Deadline, "the deadline of the call came first")
            } else {
                (GapReason::SlowCaller, "the pages were taken too slowly")
            });
        };
        if let Some(patience) = &mut self.patience {
            *patience = patience.saturating_sub(began.elapsed());
        }
        self.report.count(self.page.items(), self.page.item_bytes());
        self.pages.send(self.page.take(&end), room);
        None
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_runtime::server::MAX_REQUEST_BYTES;

    use super::*;
    use crate::{
        logs::{
            left_out::Earlier,
            position::Position,
            ring::Dropped,
            source::{Lost, Place, Step},
        },
        pages::token::TOKEN_MAX,
    };

    /// The largest there is.
    fn mk_progress(name: usize) -> Progress {
        let moment = Moment { seconds: -62_135_596_800, nanos: 999_999_999 };
        Progress {
            name: "c".repeat(name),
            step: Step {
                run: u32::MAX,
                place: Place::Behind(Position::of(Some(moment), u64::MAX)),
                lost: Some(Lost::Restart),
                filtered: 1 << 50,
                folded: 1 << 50,
            },
            older: Some(false),
            cut_older: true,
            dropped: Some(Dropped { lines: 1 << 40, bytes: 1 << 40 }),
        }
    }

    #[test]
    fn a_token_of_as_many_logs_as_there_is_room_for_fits_into_a_request() {
        for (pod, containers) in [(253, vec![63]), (20, vec![10; 2]), (1, vec![1])] {
            let mut pods: Vec<Names> = Vec::new();
            while has_room(&[], &pods) {
                pods.push((pod, containers.clone()));
            }
            pods.pop();
            assert!(pods.len() >= 100, "{}", pods.len());
            let pod = |(name, containers): Names| PodToken {
                name: "p".repeat(name),
                uid: "u".repeat(36),
                containers: containers.into_iter().map(mk_progress).collect(),
            };
            let token = Token { since: None, pods: pods.into_iter().map(pod).collect(), left_out: Some(Earlier::MOST) };
            let arguments = Arguments::of(&gumshoe_proto::collector::v1::ReadLogsRequest::default());
            let token = arguments.encode(&token);
            assert!(token.len() <= TOKEN_MAX && TOKEN_MAX < MAX_REQUEST_BYTES, "{}", token.len());
        }
    }
}
