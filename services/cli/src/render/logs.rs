//! Log lines as text.
//!
//! Into a file or a pipe a line goes byte for byte as the container wrote it, so that other programs see the truth. On a
//! terminal it goes through [`text::log_line`](super::text::log_line).

use std::io::{self, Write};

use gumshoe_proto::collector::v1::{LogLine, ReadLogsRequest};

use super::text::{Colours, log_line, one_line};
use crate::{terminal::Surface, units};

/// How the lines of one answer are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogText {
    /// What stands in front: whose line it is, where there are several.
    front: Front,
    /// The time stands in front.
    timestamps: bool,
    surface: Surface,
}

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Front {
    /// That is clear.
    Nothing,
    /// `[container] `.
    Container,
    /// `pod/container `, a colour for each pod.
    Pod,
}

impl LogText {
    /// For the answer to a request.
    pub(crate) fn new(request: &ReadLogsRequest, timestamps: bool, surface: Surface) -> Self {
        let several_containers = request.all_containers || request.containers.len() > 1;
        let front = match (request.pod.is_empty(), several_containers) {
            (true, _) => Front::Pod,
            (false, true) => Front::Container,
            (false, false) => Front::Nothing,
        };
        Self { front, timestamps, surface }
    }

    /// Writes one line.
    pub(crate) fn line(&self, out: &mut dyn Write, line: &LogLine) -> io::Result<()> {
        if self.timestamps {
            write!(out, "{} ", time(line))?;
        }
        let container = one_line(&line.container);
        match self.front {
            Front::Nothing => {}
            Front::Container => write!(out, "{} ", self.surface.dim(&format!("[{container}]")))?,
            Front::Pod => {
                let front = format!("{}/{container}", one_line(&line.pod));
                write!(out, "{} ", self.surface.one_of(&front, &line.pod))?;
            }
        }
        if let Some(count) = line.count {
            write!(out, "{} ", self.surface.strong(&format!("{count}x")))?;
        }
        if self.surface.terminal {
            let colours = if self.surface.colour { Colours::Keep } else { Colours::Drop };
            // The bridge leaves the text out of a line that would be too long for a message, where it follows from the bytes.
            let text =
                if line.text.is_empty() { String::from_utf8_lossy(&line.raw) } else { line.text.as_str().into() };
            return writeln!(out, "{}", log_line(&text, colours));
        }
        let bytes = if line.raw.is_empty() { line.text.as_bytes() } else { &line.raw };
        out.write_all(bytes)?;
        out.write_all(b"\n")
    }
}

/// The line's time with all nine digits, so that the lines of a log stay aligned.
fn time(line: &LogLine) -> String {
    let moment = line.timestamp.as_ref().and_then(units::from_proto);
    moment.map_or_else(|| "-".to_owned(), |moment| format!("{moment:.9}"))
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    fn mk_line(text: &str) -> LogLine {
        LogLine {
            timestamp: Some(Timestamp { seconds: 1_700_000_000, nanos: 120_000_000 }),
            container: "web".into(),
            text: text.into(),
            ..LogLine::default()
        }
    }

    fn mk_request() -> ReadLogsRequest {
        ReadLogsRequest { pod: "web-0".into(), ..ReadLogsRequest::default() }
    }

    fn write(request: &ReadLogsRequest, timestamps: bool, surface: Surface, line: &LogLine) -> Vec<u8> {
        let mut out = Vec::new();
        LogText::new(request, timestamps, surface).line(&mut out, line).expect("a Vec takes all");
        out
    }

    #[test]
    fn a_pipe_gets_the_bytes_of_the_container() {
        let line = LogLine { raw: b"\xff\x1b[2J".as_slice().into(), ..mk_line("\u{fffd}\u{1b}[2J") };
        assert_eq!(write(&mk_request(), false, Surface::PIPE, &line), b"\xff\x1b[2J\n");
        assert_eq!(write(&mk_request(), false, Surface::PIPE, &mk_line("a\u{7}")), b"a\x07\n");
    }

    #[test]
    fn a_terminal_is_safe_from_the_log() {
        let line = LogLine { raw: b"\xff\x1b[2J".as_slice().into(), ..mk_line("\u{fffd}\u{1b}[2J") };
        let text = write(&mk_request(), false, Surface::TERMINAL, &line);
        assert_eq!(String::from_utf8_lossy(&text), "\u{fffd}^[[2J\n");
    }

    #[test]
    fn a_line_of_bytes_alone_is_shown_too() {
        let line = LogLine { raw: b"caf\xe9".as_slice().into(), ..mk_line("") };
        let text = write(&mk_request(), false, Surface::TERMINAL, &line);
        assert_eq!(String::from_utf8_lossy(&text), "caf\u{fffd}\n");
    }

    #[test]
    fn the_pod_stands_in_front_where_there_may_be_several_in_a_colour_of_its_own() {
        let request = ReadLogsRequest { workload: "deployment/web".into(), ..ReadLogsRequest::default() };
        let line = |pod: &str| LogLine { pod: pod.into(), ..mk_line("hello") };
        assert_eq!(write(&request, false, Surface::PIPE, &line("web-0")), b"web-0/web hello\n");
        let painted =
            |pod: &str| String::from_utf8(write(&request, false, Surface::TERMINAL, &line(pod))).expect("text");
        assert!(painted("web-0").starts_with("\u{1b}[") && painted("web-0").ends_with("web-0/web\u{1b}[0m hello\n"));
        assert_ne!(painted("web-0")[..6], painted("web-1")[..6]);
        let no_colour = Surface { terminal: true, colour: false };
        assert_eq!(write(&request, false, no_colour, &line("web-0")), b"web-0/web hello\n");
    }

    #[test]
    fn a_line_that_stands_for_several_says_for_how_many() {
        let line = LogLine { count: Some(12), ..mk_line("hello") };
        assert_eq!(write(&mk_request(), false, Surface::PIPE, &line), b"12x hello\n");
    }

    #[test]
    fn time_and_container_stand_in_front_where_asked() {
        let several = ReadLogsRequest { all_containers: true, ..mk_request() };
        assert_eq!(
            write(&several, true, Surface::PIPE, &mk_line("hello")),
            b"2023-11-14T22:13:20.120000000Z [web] hello\n"
        );
        let one = ReadLogsRequest { containers: vec!["web".into()], ..mk_request() };
        let timeless = LogLine { timestamp: None, ..mk_line("hello") };
        assert_eq!(write(&one, true, Surface::PIPE, &timeless), b"- hello\n");
    }
}
