//! From pages to what the user sees: one place for `get`, `logs` and `run`, so that an answer reads the same however it came.

mod ingress;
mod json;
mod logs;
mod node;
pub(crate) mod outcome;
mod pod;
mod table;
pub(crate) mod text;
mod tree;

use std::io::{self, Write};

use gumshoe_proto::{
    collector::v1::{Completeness, ContainerLog, GetEndpointsResponse, GetNodeResponse, GetPodResponse, Node, Pod},
    methods::{Method as _, Page as _},
    with_request, with_response,
};
use jiff::Timestamp;

use self::{
    ingress::Backends, json::JsonDocument, json::JsonLines, logs::LogText, table::Table, text::one_line, tree::Strokes,
    tree::Tree,
};
use crate::{
    page::{Item, Layout, Request, Response},
    terminal::{Surface, takes_utf8},
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
    fn end(&mut self, _out: &mut dyn Write, _ending: &Ending) -> io::Result<()> {
        Ok(())
    }

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
            Request::ReadLogs(read) => Box::new(LogText::new(read, timestamps, surface)),
            Request::DiscoverTopology(_) => {
                let strokes = if takes_utf8() { Strokes::LINES } else { Strokes::ASCII };
                Box::new(Tree::new(surface, strokes))
            }
            request => Box::new(Rows { layout: layout(request, wide), table: None, backends: Backends::default() }),
        },
    }
}

/// The namespace is a column unless the request named just one.
fn layout(request: &Request, wide: bool) -> Layout {
    let list = with_request!(request, request => request.as_list());
    let namespaces = list.and_then(|list| list.namespaces);
    Layout { with_namespace: namespaces.is_some_and(|namespaces| namespaces.len() != 1), wide }
}

/// A table of objects.
struct Rows {
    layout: Layout,
    /// Begun with the first page.
    table: Option<Table>,
    /// Told behind the last one.
    backends: Backends,
}

impl Rows {
    fn rows<I: Item>(&mut self, out: &mut dyn Write, items: &[I]) -> io::Result<()> {
        let now = units::to_proto(Timestamp::now());
        let rows: Vec<_> = items.iter().flat_map(|item| item.rows(self.layout, &now)).collect();
        self.table.get_or_insert_with(|| Table::new(I::columns(self.layout))).rows(out, &rows)
    }
}

impl PagePrinter for Rows {
    fn page(&mut self, out: &mut dyn Write, page: &Response) -> io::Result<()> {
        with_response!(page, page => self.rows(out, page.items()))?;
        match page {
            Response::GetNode(GetNodeResponse { item: Some(Node { pods: Some(pods), .. }), .. }) => {
                node::pods(out, pods)
            }
            Response::GetPod(GetPodResponse { item: Some(Pod { trouble: Some(trouble), .. }), .. }) => {
                pod::trouble(out, trouble)
            }
            Response::GetEndpoints(GetEndpointsResponse { item: Some(item), .. }) if !item.backends.is_empty() => {
                writeln!(out, "\n{}", one_line(&item.message))
            }
            Response::GetIngress(page) => {
                page.item.iter().for_each(|ingress| self.backends.add(ingress, true));
                Ok(())
            }
            Response::ListIngresses(page) => {
                page.items.iter().for_each(|ingress| self.backends.add(ingress, false));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, out: &mut dyn Write, _: &Ending) -> io::Result<()> {
        self.backends.write(out)
    }
}

/// What belongs together is drawn when all of it is there: what comes last may stand in the middle.
impl PagePrinter for Tree {
    fn page(&mut self, _: &mut dyn Write, page: &Response) -> io::Result<()> {
        if let Response::DiscoverTopology(page) = page {
            self.add(&page.elements);
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write, _: &Ending) -> io::Result<()> {
        self.draw(out)
    }
}

impl PagePrinter for LogText {
    fn page(&mut self, out: &mut dyn Write, page: &Response) -> io::Result<()> {
        let Response::ReadLogs(page) = page else { return Ok(()) };
        page.lines.iter().try_for_each(|line| self.line(out, line))
    }
}
