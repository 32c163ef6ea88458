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
    /// `[container] ` stands in front: there are several.
    with_container: bool,
    /// The time stands in front.
    timestamps: bool,
    surface: Surface,
}

impl LogText {
    /// For the answer to a request.
    pub(crate) fn new(request: &ReadLogsRequest, timestamps: bool, surface: Surface) -> Self {
        let with_container = request.all_containers || request.containers.len() > 1;
        Self { with_container, timestamps, surface }
    }

    /// Writes one line.
    pub(crate) fn line(&self, out: &mut dyn Write, line: &LogLine) -> io::Result<()> {
        if self.timestamps {
            write!(out, "{} ", time(line))?;
        }
        if self.with_container {
            let container = one_line(&line.container);
            write!(out, "{}", self.surface.dim(&format!("[{container}]")))?;
            out.write_all(b" ")?;
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

    fn write(request: &ReadLogsRequest, timestamps: bool, surface: Surface, line: &LogLine) -> Vec<u8> {
        let mut out = Vec::new();
        LogText::new(request, timestamps, surface).line(&mut out, line).expect("a Vec takes all");
        out
    }

    #[test]
    fn a_pipe_gets_the_bytes_of_the_container() {
        let line = LogLine { raw: b"\xff\x1b[2J".as_slice().into(), ..mk_line("\u{fffd}\u{1b}[2J") };
        assert_eq!(write(&ReadLogsRequest::default(), false, Surface::PIPE, &line), b"\xff\x1b[2J\n");
        assert_eq!(write(&ReadLogsRequest::default(), false, Surface::PIPE, &mk_line("a\u{7}")), b"a\x07\n");
    }

    #[test]
    fn a_terminal_is_safe_from_the_log() {
        let line = LogLine { raw: b"\xff\x1b[2J".as_slice().into(), ..mk_line("\u{fffd}\u{1b}[2J") };
        let text = write(&ReadLogsRequest::default(), false, Surface::TERMINAL, &line);
        assert_eq!(String::from_utf8_lossy(&text), "\u{fffd}^[[2J\n");
    }

    #[test]
    fn a_line_of_bytes_alone_is_shown_too() {
        let line = LogLine { raw: b"caf\xe9".as_slice().into(), ..mk_line("") };
        let text = write(&ReadLogsRequest::default(), false, Surface::TERMINAL, &line);
        assert_eq!(String::from_utf8_lossy(&text), "caf\u{fffd}\n");
    }

    #[test]
    fn time_and_container_stand_in_front_where_asked() {
        let several = ReadLogsRequest { all_containers: true, ..ReadLogsRequest::default() };
        assert_eq!(
            write(&several, true, Surface::PIPE, &mk_line("hello")),
            b"2023-11-14T22:13:20.120000000Z [web] hello\n"
        );
        let one = ReadLogsRequest { containers: vec!["web".into()], ..ReadLogsRequest::default() };
        let timeless = LogLine { timestamp: None, ..mk_line("hello") };
        assert_eq!(write(&one, true, Surface::PIPE, &timeless), b"- hello\n");
    }
}
