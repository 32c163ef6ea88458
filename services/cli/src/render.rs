//! From pages to what the user sees: one place for `get`, `logs` and `run`, so that an answer reads the same however it came.

mod events;
mod json;
mod layout;
mod logs;
pub(crate) mod outcome;
mod pods;
mod table;
pub(crate) mod text;

use std::io::{self, Write};

use gumshoe_proto::collector::v1::{Completeness, ContainerLog, Event, Pod};
use jiff::Timestamp;

use self::{json::JsonDocument, json::JsonLines, layout::Layout, logs::LogText, table::Table};
use crate::{
    page::{Request, Response},
    terminal::Surface,
    units,
};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people: tables, lines of logs.
    Human {
        /// More columns.
        wide: bool,
        /// Log lines with their time.
        timestamps: bool,
    },
    /// One JSON document.
    Json,
    /// One JSON object a page.
    JsonLines,
}

/// What ends an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending {
    /// Whether all is there.
    pub(crate) completeness: Completeness,
    /// What became of each container's log.
    pub(crate) logs: Vec<ContainerLog>,
}

/// Writes the pages of one answer as they come.
pub(crate) trait PagePrinter {
    /// Writes a page, which holds items alone ([`take_end`](crate::page::take_end)).
    fn page(&mut self, out: &mut dyn Write, page: &Response) -> io::Result<()>;

    /// Writes what stands behind the last page.
    fn end(&mut self, out: &mut dyn Write, ending: &Ending) -> io::Result<()>;

    /// How many items could not be written in this format, and were left out.
    fn unwritten(&self) -> u64 {
        0
    }
}

/// The printer for the answer to a request.
pub(crate) fn printer(request: &Request, format: Format, surface: Surface) -> Box<dyn PagePrinter> {
    match format {
        Format::Json => Box::new(JsonDocument::new(request)),
        Format::JsonLines => Box::new(JsonLines::default()),
        Format::Human { wide, timestamps } => match request {
            Request::ReadLogs(read) => Box::new(Lines(LogText::new(read, timestamps, surface))),
            Request::GetPod(_) | Request::ListPods(_) => {
                let layout = Layout::of(request, wide);
                Box::new(Rows { layout, table: Table::new(pods::columns(layout)) })
            }
            Request::ListEvents(_) => {
                let layout = Layout::of(request, wide);
                Box::new(Rows { layout, table: Table::new(events::columns(layout)) })
            }
        },
    }
}

/// A table of pods or events.
struct Rows {
    layout: Layout,
    table: Table,
}

impl PagePrinter for Rows {
    fn page(&mut self, out: &mut dyn Write, page: &Response) -> io::Result<()> {
        let now = units::to_proto(Timestamp::now());
        let pod = |pod: &Pod| pods::row(pod, self.layout, &now);
        let event = |event: &Event| events::row(event, self.layout, &now);
        let rows: Vec<_> = match page {
            Response::GetPod(page) => page.item.iter().map(pod).collect(),
            Response::ListPods(page) => page.items.iter().map(pod).collect(),
            Response::ListEvents(page) => page.items.iter().map(event).collect(),
            Response::ReadLogs(_) => Vec::new(),
        };
        self.table.rows(out, &rows)
    }

    fn end(&mut self, _: &mut dyn Write, _: &Ending) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of logs.
struct Lines(LogText);

impl PagePrinter for Lines {
    fn page(&mut self, out: &mut dyn Write, page: &Response) -> io::Result<()> {
        match page {
            Response::ReadLogs(page) => page.lines.iter().try_for_each(|line| self.0.line(out, line)),
            Response::GetPod(_) | Response::ListPods(_) | Response::ListEvents(_) => Ok(()),
        }
    }

    fn end(&mut self, _: &mut dyn Write, _: &Ending) -> io::Result<()> {
        Ok(())
    }
}
