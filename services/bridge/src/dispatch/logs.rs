//! What logs have beyond the common. A log that was read in several pieces is reported by each piece as if it were all, and
//! `ContainerLog` is to speak of the whole; a line may be cut, other items not; and a log may be followed.

mod line;

use gumshoe_proto::{
    bridge::v1::{Query, query::Request},
    collector::v1::{ContainerLog, Gap, LogLine, ReadLogsResponse},
    json, log_tally,
};
use prost_reflect::{DynamicMessage, ReflectMessage as _};

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

/// Shows a line to what may stop the work for it.
pub(super) fn look_at(stop: &Stop, line: &LogLine) {
    if stop.looks_at_lines() {
        // `raw` is the line where it is no text.
        stop.line(if line.raw.is_empty() { line.text.as_bytes() } else { &line.raw });
    }
}

fn logs(rest: &Rest) -> Vec<ContainerLog> {
    rest.0.transcode_to().map(|response: ReadLogsResponse| response.logs).unwrap_or_default()
}

#[cfg(test)]
mod tests {
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
