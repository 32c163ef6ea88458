//! What logs have beyond the common. A log that was read in several pieces is reported by each piece as if it were all, and
//! `ContainerLog` is to speak of the whole; a line may be cut, other items not; and a log may be followed.

mod line;

use bytes::Bytes;
use gumshoe_proto::{
    bridge::v1::{Query, query::Request},
    collector::v1::{ContainerLog, Gap, LogLine, ReadLogsResponse},
    json, log_tally,
};
use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _};
use tokio::{sync::Semaphore, task::spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::{method::Method, wire::Rest};
use crate::stop::Stop;
pub(super) use line::line_json;

/// Whether a query goes on until its deadline.
pub(crate) fn follows(query: &Query) -> bool {
    matches!(&query.request, Some(Request::ReadLogs(read)) if read.follow)
}

/// What of each container's log has passed by.
#[derive(Debug, Default)]
pub(super) struct LogTally(log_tally::LogTally);

impl LogTally {
    /// A tally, if the method reads logs.
    pub(super) fn of(method: &Method) -> Option<Self> {
        (method.response == json::descriptor::<ReadLogsResponse>()).then(Self::default)
    }

    /// Counts a line.
    pub(super) fn line(&mut self, line: &LogLine) {
        let LogLine { pod, pod_uid, container, text, raw, .. } = line;
        self.0.line(log_tally::Whose { pod, pod_uid, container }, text.len(), raw.len());
    }

    /// Notes the end of a piece behind which the log goes on, and what it could still say; gives back the gaps that the next piece says
    /// nothing of.
    pub(super) fn interrupted(&mut self, rest: &Rest, gaps: Vec<Gap>) -> Vec<Gap> {
        self.0.resumed(logs(rest), gaps)
    }

    /// The same where the piece broke.
    pub(super) fn broken(&mut self) {
        self.0.resumed(Vec::new(), Vec::new());
    }

    /// The gaps of earlier pieces that no later one came to speak of.
    pub(super) fn untold(&mut self) -> Vec<Gap> {
        self.0.broken_off().0
    }

    /// Lets the last piece speak of the whole.
    pub(super) fn conclude(&self, rest: &mut Rest) {
        let mut logs = logs(rest);
        self.0.conclude(&mut logs);
        let whole = ReadLogsResponse { logs, ..ReadLogsResponse::default() };
        let mut dynamic = DynamicMessage::new(rest.0.descriptor());
        if dynamic.transcode_from(&whole).is_ok()
            && let Some(logs) = dynamic.take_field_by_name("logs")
        {
            rest.0.set_field_by_name("logs", logs);
        }
    }
}

/// One page of lines is searched at one time, of all commands: an expression can be slow, and what else the bridge does goes on beside
/// it only while there is a processor for it.
static SEARCH: Semaphore = Semaphore::const_new(1);

/// Shows lines, each encoded, to what may stop the work for them. They are searched on a thread of its own, for no longer than somebody
/// waits for that.
#[expect(clippy::disallowed_methods, reason = "it ends with the line that it is at when nobody waits for it any more")]
pub(super) async fn look_at(stop: &Stop, lines: &[Bytes]) {
    if !stop.looks_at_lines() {
        return;
    }
    // Never closed.
    let Ok(turn) = SEARCH.acquire().await else { return };
    let (stop, lines) = (stop.clone(), lines.to_vec());
    let is_over = CancellationToken::new();
    let _over = is_over.clone().drop_guard();
    let searched = spawn_blocking(move || {
        let _turn = turn;
        // What cannot be decoded is told as a gap where it would be written.
        let lines = lines.into_iter().filter_map(|line| LogLine::decode(line).ok());
        for LogLine { text, raw, .. } in lines.take_while(|_| !is_over.is_cancelled()) {
            // `raw` is the line where it is no text.
            stop.line(if raw.is_empty() { text.as_bytes() } else { &raw });
        }
    });
    // It neither panics nor is it aborted.
    let _ = searched.await;
}

fn logs(rest: &Rest) -> Vec<ContainerLog> {
    rest.0.transcode_to().map(|response: ReadLogsResponse| response.logs).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::poll;
    use gumshoe_proto::bridge::v1::Budget;

    use super::*;

    fn mk_rest(older: bool, lines: u64) -> Rest {
        let log = ContainerLog {
            container: "web".into(),
            lines,
            bytes: 1,
            older_lines_exist: Some(older),
            ..ContainerLog::default()
        };
        let mut dynamic = DynamicMessage::new(json::descriptor::<ReadLogsResponse>());
        dynamic.transcode_from(&ReadLogsResponse { logs: vec![log], ..ReadLogsResponse::default() }).unwrap();
        Rest(dynamic)
    }

    fn mk_line(text: &str, raw: &'static [u8]) -> LogLine {
        LogLine { container: "web".into(), text: text.into(), raw: raw.into(), ..LogLine::default() }
    }

    fn mk_tally() -> LogTally {
        let mut tally = LogTally::default();
        tally.line(&mk_line("abc", b""));
        tally.line(&mk_line("\u{fffd}", b"\xff"));
        tally
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    fn lines_are_searched_beside_the_work_of_others() {
        let stop = Stop::of(&Budget { stop_when: "pan+ic|\u{1}".into(), ..Budget::default() }).unwrap();
        let lines = [mk_line("a panic", b""), mk_line("all is well", b""), mk_line("\u{fffd}", b"\x01\xff")];
        let mut lines: Vec<_> = lines.iter().map(|line| line.encode_to_vec().into()).collect();
        lines.insert(1, Bytes::from_static(b"\xff"));
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (release, released) = std::sync::mpsc::channel::<()>();
            let other = spawn_blocking(move || released.recv());
            let mut searched = pin!(look_at(&stop, &lines));
            assert!(poll!(&mut searched).is_pending(), "they were searched by who asks for it");
            release.send(()).unwrap();
            searched.await;
            other.await.unwrap().unwrap();
        });
        assert_eq!(stop.counts().matches, 2);
    }

    #[test]
    fn a_log_in_pieces_is_reported_as_a_whole() {
        let mut tally = mk_tally();
        tally.interrupted(&mk_rest(true, 1), Vec::new());
        let mut last = mk_rest(false, 1);
        tally.conclude(&mut last);
        let log = &logs(&last)[0];
        assert_eq!((log.lines, log.bytes, log.older_lines_exist), (2, 6, Some(true)));
    }

    #[test]
    fn a_log_in_one_piece_is_reported_as_the_collector_does() {
        let mut last = mk_rest(false, 7);
        mk_tally().conclude(&mut last);
        assert_eq!(logs(&last), logs(&mk_rest(false, 7)));
    }
}
