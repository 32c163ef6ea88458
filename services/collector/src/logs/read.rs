//! One request for a log, and the lines that come of it.

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use k8s_openapi::api::core::v1::Pod;
use tokio::time::Instant;

use super::{
    end::{End, Mark},
    lines::{Line, LineSplitter},
    moment::Moment,
    outcome::{Trouble, appended_error, in_band_error, without_paths},
    position::Position,
};
use crate::{
    error::ReadError,
    kubernetes::{
        api::{Answer, Call, Failure},
        names::{ContainerName, Namespace, ObjectName},
        resource::Resource,
    },
    lists::Reader,
};

/// A kubelet that has to look for the beginning of a window in a large log says nothing for a while; after so long it is
/// taken for dead.
const STALL: Duration = Duration::from_secs(30);
/// A followed log may say nothing for as long as the call lasts.
const FOLLOW_STALL: Duration = Duration::from_secs(24 * 60 * 60);
/// As kubectl asks: a log has no encoding to negotiate, an error has.
const ACCEPT: &str = "application/json, */*";

/// Whose logs a call reads.
#[derive(Clone)]
pub struct PodLogs {
    /// The Kubernetes API, and what of it may be read.
    pub reader: Reader,
    /// The call that it is for.
    pub call: Call,
    /// The pod's namespace.
    pub namespace: Namespace,
    /// The pod.
    pub pod: ObjectName,
    /// Of the pod: another one of its name has other logs.
    pub uid: String,
    /// Of the run before the current one.
    pub previous: bool,
}

/// Which lines to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadQuery {
    /// The newest so many records.
    pub tail: Option<u64>,
    /// Lines of this moment and later.
    pub since: Option<Moment>,
    /// Lines behind this one.
    pub behind: Option<Position>,
    /// Lines that are still to come.
    pub follow: bool,
    /// Whether another read goes on from here: it gives a last line that is not finished, for only then is it whole.
    pub goes_on: bool,
}

/// A log that is being read. Dropping it ends the request.
pub struct LogRead {
    /// None once the body has ended.
    answer: Option<Answer>,
    splitter: LineSplitter,
    query: ReadQuery,
    /// Of the run before the current one.
    previous: bool,
    /// As the kubelet was asked.
    since: Option<Moment>,
    end: End,
    position: Position,
    /// Whether a line came of the moment behind which the read begins.
    met: bool,
    received: Received,
    /// What keeps the log from being all there is, as the answer itself says.
    trouble: Option<Trouble>,
    no_content: bool,
    warnings: Vec<String>,
    deadline: Instant,
}

/// What came off a read, lines that are not given included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Received {
    /// Lines.
    pub lines: u64,
    /// Bytes of the body.
    pub bytes: u64,
    /// The text of the longest line.
    pub longest: u64,
    /// When the first line was taken.
    pub first: Option<Moment>,
}

impl PodLogs {
    /// Sends the request; `end` is what was known of the log before. `timestamps` always: without times there is neither an order nor a place to go on from. Never
    /// `limitBytes`: it keeps the oldest bytes of the selection.
    ///
    /// # Errors
    /// What the API server or the kubelet has against it.
    pub async fn open(&self, container: &ContainerName, query: ReadQuery, end: End) -> Result<LogRead, Failure> {
        let behind = query.behind.and_then(|position| position.resume_since());
        // The kubelet filters by whole seconds, rounding to which is up to us.
        let since = query.since.map(Moment::floor).max(behind);
        let flag = |set: bool| if set { "true" } else { "" };
        let text = |value: Option<String>| value.unwrap_or_default();
        let target = Resource::of::<Pod>()
            .subresource(Some(&self.namespace), &self.pod, "log")
            .with("container", container.as_str())
            .with("timestamps", "true")
            .with("previous", flag(self.previous))
            .with("follow", flag(query.follow))
            .with("tailLines", text(query.tail.map(|lines| lines.to_string())))
            .with("sinceTime", text(since.map(|since| since.to_string())));
        let answer = {
            // Older kubelets say nothing at all before the first line.
            let patience = if query.follow { FOLLOW_STALL } else { STALL * 2 };
            self.reader.api.send_patiently(&self.call, &target, ACCEPT, patience).await?
        };
        let no_content = answer.header(&CONTENT_TYPE).is_empty();
        let is_log = no_content || is_log(answer.header(&CONTENT_TYPE), answer.header(&CONTENT_ENCODING));
        Ok(LogRead {
            // A log is text; only 204, the answer for a pod without a node, has no type.
            no_content,
            warnings: answer.warnings().map(str::to_owned).collect(),
            answer: is_log.then_some(answer),
            splitter: LineSplitter::default(),
            query,
            previous: self.previous,
            since,
            end: end.of_lines_since(since),
            position: Position::default(),
            met: false,
            received: Received::default(),
            trouble: (!is_log).then(Trouble::no_log),
            deadline: self.call.deadline,
        })
    }
}

/// The kubelet and the API server send plain bytes; nobody asked for anything else.
fn is_log(content_type: &str, encoding: &str) -> bool {
    let plain = ["text/plain", "application/octet-stream"].iter().any(|plain| content_type.starts_with(plain));
    plain && matches!(encoding, "" | "identity")
}

impl LogRead {
    /// The next line that is wanted, of what has come so far. Does not wait.
    pub fn next_line(&mut self) -> Option<Line> {
        while let Some(line) = self.splitter.next_line() {
            if self.takes(line) {
                return Some(line);
            }
        }
        if self.answer.is_none() {
            let line = self.splitter.finish()?;
            return self.last_line(line);
        }
        None
    }

    /// Waits for more to come; false at the end of the log.
    ///
    /// # Errors
    /// `Interrupted` where the body breaks off or stalls; `Deadline`.
    pub async fn more(&mut self) -> Result<bool, ReadError> {
        let Some(answer) = &mut self.answer else { return Ok(false) };
        let stall = if self.query.follow { FOLLOW_STALL } else { STALL };
        match answer.chunk(stall).await? {
            Some(piece) if piece.is_empty() => {}
            Some(piece) => {
                self.received.bytes += piece.len() as u64;
                self.splitter.push(piece);
            }
            None => {
                self.answer = None;
                if self.no_content && self.received.bytes == 0 {
                    self.trouble = Some(Trouble::not_scheduled());
                }
            }
        }
        Ok(true)
    }

    /// When the time of the call is over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether it waits for lines that are still to come.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.query.follow
    }

    /// Whether the log goes back to the place behind which it was to be read, as far as lines have come. Where it does not, something may
    /// lie between: it was rotated, or is that of another run.
    #[must_use]
    pub fn took_up(&self) -> bool {
        let Some(place) = self.query.behind.and_then(|behind| behind.moment()) else { return true };
        if Some(place) < self.query.since {
            return true;
        }
        // All of an earlier run may be older than the place, where that is in a later one.
        if self.previous { self.met } else { self.received.lines > 0 && self.received.first <= Some(place) }
    }

    /// The text of the line that was taken last.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.splitter.text()
    }

    /// Behind the line that was taken last.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// What came so far.
    #[must_use]
    pub fn received(&self) -> Received {
        self.received
    }

    /// What keeps the log from being whole, once the answer has ended: an error of the kubelet's in the log, for example.
    pub fn take_trouble(&mut self) -> Option<Trouble> {
        let cut = self.was_cut().then(Trouble::cut);
        self.trouble.take().or(cut)
    }

    /// Whether the answer ended before the log did. Where the kubelet's connection breaks, the API server ends its own as
    /// neatly as at the log's end.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        let all_records = self.query.tail.is_some_and(|tail| self.received.lines >= tail);
        !self.query.follow && !all_records && self.trouble.is_none() && !self.end.is_reached()
    }

    /// Reads to the end, and gives the last line.
    ///
    /// # Errors
    /// As `more`.
    pub async fn last(&mut self) -> Result<Option<Mark>, ReadError> {
        let mut last = None;
        loop {
            while let Some(line) = self.next_line() {
                last = Mark::of(line, self.text()).or(last);
            }
            if !self.more().await? {
                return Ok(last);
            }
        }
    }

    /// The texts of the `Warning` headers.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Whether a line is wanted, that was read; also notes it.
    fn takes(&mut self, line: Line) -> bool {
        if line.moment.is_none() && self.is_error() {
            return false;
        }
        if self.received.lines == 0 {
            self.received.first = line.moment;
            if self.query.behind.is_none() {
                self.position = Position::before(line.moment);
            }
        }
        let may_lack = self.query.tail.is_some() && self.received.lines == 0;
        self.received.lines += 1;
        self.end.pass(line, self.splitter.text(), may_lack);
        self.received.longest = self.received.longest.max(line.length);
        self.met |= line.moment.is_some() && self.query.behind.is_some_and(|behind| behind.moment() == line.moment);
        if line.moment.is_some() && line.moment < self.query.since {
            return false;
        }
        self.position.pass(line.moment);
        self.query.behind.is_none_or(|behind| self.position > behind)
    }

    /// The last line, if no line feed ends it. The kubelet's error may stand right behind it. Else it is given only where it was
    /// as long when the read began: what was written since may be the half of a line, and is left to a later read.
    fn last_line(&mut self, mut line: Line) -> Option<Line> {
        let text = String::from_utf8_lossy(self.splitter.text()).into_owned();
        if let Some(begin) = appended_error(&text) {
            self.trouble = Some(Trouble::runtime_error(text[begin..].trim_end()));
            // What is lossy is longer than the bytes it stands for, but the error itself is ASCII.
            let length = self.splitter.text().len() - (text.len() - begin);
            if length == 0 {
                return None;
            }
            self.splitter.truncate(length);
            line.length = length as u64;
            return self.takes(line).then_some(line);
        }
        if line.moment.is_none() && Moment::may_begin(self.splitter.text()) {
            return None;
        }
        // The rest of a line whose beginning is older than `sinceTime` has no time either.
        let in_line = self.received.lines == 0 && self.since.is_some();
        if line.moment.is_none() && !in_line {
            self.trouble = Some(Trouble::runtime_error(&without_paths(&text)));
            return None;
        }
        if line.moment.is_none() && self.is_error() {
            return None;
        }
        // A tail may begin within the line.
        let all_of_tail = self.query.tail.is_some() && self.received.lines == 0;
        let whole = !self.query.follow && (all_of_tail || self.end.has(line, self.splitter.text()));
        if whole && self.query.goes_on && line.moment.is_some() {
            self.leave(line);
            return None;
        }
        (whole && self.takes(line)).then_some(line)
    }

    /// Notes a line that is not given now.
    fn leave(&mut self, line: Line) {
        let before = match self.end {
            _ if self.received.lines > 0 || self.query.behind.is_some() => self.position,
            // A tail may begin within the line, but whoever asked for its end knows where it begins.
            End::Line(_) => self.end.position().min(Position::before(line.moment)),
            End::Unknown | End::Reached => Position::before(line.moment),
        };
        self.takes(line);
        self.position = before;
        self.end = End::Reached;
    }

    fn is_error(&mut self) -> bool {
        let text = std::str::from_utf8(self.splitter.text()).unwrap_or_default();
        let Some(message) = in_band_error(text) else { return false };
        self.trouble = Some(Trouble::runtime_error(&message));
        true
    }
}
