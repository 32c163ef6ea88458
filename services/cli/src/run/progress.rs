//! How far a command is, on standard error: one line that changes on a terminal, plain lines elsewhere.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use gumshoe_kubectl::{ITEMS, Names};
use gumshoe_proto::{
    bridge::v1::Command,
    run::{Fed, Reader, ResultKind, Run, RunKey},
};

use crate::{
    page,
    render::text::one_line,
    run::command,
    terminal::{Note, Surface},
    units::{count, count_of, human_bytes, plural},
};

/// Goes to the beginning of the line and empties it.
const CLEAR_LINE: &str = "\r\u{1b}[2K";

/// A line that changes must stay one line: narrow enough for any terminal.
const LINE_MAX: usize = 78;

/// Says how far a command is.
pub(crate) struct Progress<'a> {
    out: &'a mut dyn Write,
    surface: Surface,
    /// What the items of each query are called, by its id.
    nouns: BTreeMap<String, Names>,
    /// What of them has come in each run.
    items: BTreeMap<RunKey, BTreeMap<String, u64>>,
}

impl<'a> Progress<'a> {
    /// Progress of a command.
    pub(crate) fn new(out: &'a mut dyn Write, surface: Surface, command: &Command) -> Self {
        let noun = |query| command::request(query).as_ref().map_or(ITEMS, gumshoe_kubectl::names);
        let nouns = command.queries.iter().map(|query| (query.id.clone(), noun(query))).collect();
        Self { out, surface, nouns, items: BTreeMap::new() }
    }

    /// The command is in the queue.
    pub(crate) fn sent(&mut self, command: &Command) {
        let what = match command.cancel {
            Some(_) => "a cancel".to_owned(),
            None => plural(command.queries.len() as u64, "query", "queries"),
        };
        self.line(&format!("sent {what} as command {}", command.id));
    }

    /// A message came.
    pub(crate) fn result(&mut self, fed: &Fed, reader: &Reader) {
        let Some(run) = reader.run(&fed.key) else { return };
        match (fed.kind, run.accepted(), run.progress()) {
            (ResultKind::Accepted, Some(accepted), _) => {
                self.line(&format!("accepted by bridge {} as run {}", accepted.bridge_version, fed.key.run));
            }
            (ResultKind::Page, ..) => {
                let page = run.page(fed.seq).unwrap_or_default();
                *self.items.entry(fed.key.clone()).or_default().entry(page.query_id.clone()).or_default() +=
                    page::items_of(&page);
                self.step(&self.received(&fed.key, run));
            }
            (ResultKind::Progress, _, Some(progress)) => {
                let queries = plural(progress.queries_done.into(), "query", "queries");
                let (pages, items) = (count(progress.pages.into(), "page"), count(progress.items, "item"));
                self.step(&format!("the bridge is at work: {queries} done, {pages}, {items}"));
            }
            // The end brings nothing that could be counted.
            (ResultKind::Accepted | ResultKind::Progress | ResultKind::End, ..) => {}
        }
    }

    /// Says something that is not progress, without breaking the line that is.
    pub(crate) fn note(&mut self, note: &Note) {
        let text = note.text(self.surface);
        self.whole_line(&text);
    }

    /// Leaves no trace of the line that changes.
    pub(crate) fn end(&mut self) {
        if self.surface.terminal {
            self.write(CLEAR_LINE);
        }
    }

    /// `received 3 pages, 512.0 KiB: q1 500 pods, q2 40 lines`.
    fn received(&self, key: &RunKey, run: &Run) -> String {
        let noun = |query_id: &str| self.nouns.get(query_id).copied().unwrap_or(ITEMS);
        let of_query = |(id, items): (&String, &u64)| format!("{id} {}", count_of(*items, noun(id)));
        let queries: Vec<_> = self.items.get(key).into_iter().flatten().map(of_query).collect();
        let pages = count(run.page_count() as u64, "page");
        format!("received {pages}, {}: {}", human_bytes(run.bytes()), queries.join(", "))
    }

    fn step(&mut self, text: &str) {
        if self.surface.terminal {
            let text: String = one_line(text).chars().take(LINE_MAX).collect();
            self.write(&format!("{CLEAR_LINE}{}", self.surface.dim(&text)));
        } else {
            self.line(text);
        }
    }

    fn line(&mut self, text: &str) {
        self.whole_line(&one_line(text));
    }

    fn whole_line(&mut self, safe: &str) {
        let clear = if self.surface.terminal { CLEAR_LINE } else { "" };
        self.write(&format!("{clear}{safe}\n"));
    }

    /// Progress that cannot be written is no reason to end.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// Standard error, which is where progress goes.
pub(crate) fn stderr() -> (io::Stderr, Surface) {
    (io::stderr(), Surface::stderr())
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::{
        bridge::v1::{Accepted, End, Page, Query, Result as RunResult, page::Response, query::Request, result::Kind},
        collector::v1::{ListPodsRequest, ListPodsResponse, Pod},
        envelope::encode_result,
    };
    use jiff::Timestamp;

    use super::*;

    fn mk_command() -> Command {
        let request = Some(Request::ListPods(ListPodsRequest::default()));
        Command {
            id: "c1".into(),
            queries: vec![Query { id: "q1".into(), request, ..Query::default() }],
            ..Command::default()
        }
    }

    fn mk_body(seq: u32, kind: Kind) -> String {
        let (command_id, run, investigation_id) = ("c1".into(), "r1".into(), "i1".into());
        encode_result(&RunResult { command_id, run, seq, investigation_id, kind: Some(kind) }, Timestamp::UNIX_EPOCH)
    }

    fn show(surface: Surface) -> String {
        let mut out = Vec::new();
        let mut progress = Progress::new(&mut out, surface, &mk_command());
        progress.sent(&mk_command());
        let mut reader = Reader::default();
        let pods = ListPodsResponse { items: vec![Pod::default(); 2], ..ListPodsResponse::default() };
        let page =
            Page { query_id: "q1".into(), number: 1, response: Some(Response::ListPods(pods)), ..Page::default() };
        let accepted = Accepted { bridge_version: "0.1.0".into(), ..Accepted::default() };
        let end = End { pages: 1, ..End::default() };
        for body in [mk_body(0, Kind::Accepted(accepted)), mk_body(1, Kind::Page(page)), mk_body(2, Kind::End(end))] {
            let fed = reader.feed(&body).expect("a result");
            progress.result(&fed, &reader);
        }
        progress.end();
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn elsewhere_than_on_a_terminal_progress_is_lines() {
        let lines = show(Surface::PIPE);
        let lines: Vec<_> = lines.lines().collect();
        assert_eq!(lines[..2], ["sent 1 query as command c1", "accepted by bridge 0.1.0 as run r1"]);
        assert!(lines[2].starts_with("received 1 page, ") && lines[2].ends_with(": q1 2 pods"), "{lines:?}");
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn a_note_is_painted_on_a_terminal_and_quotes_safely() {
        let mut out = Vec::new();
        let note = Note::Bad("warning: \u{1b}[2J".into());
        Progress::new(&mut out, Surface::TERMINAL, &mk_command()).note(&note);
        assert_eq!(String::from_utf8_lossy(&out), format!("{CLEAR_LINE}{}\n", note.text(Surface::TERMINAL)));
        assert!(!out.ends_with(b"\x1b[2J\n"));
    }

    #[test]
    fn on_a_terminal_progress_is_one_line_that_goes_away() {
        let text = show(Surface::TERMINAL);
        assert_eq!(text.lines().count(), 3);
        assert!(text.ends_with(CLEAR_LINE));
    }
}
