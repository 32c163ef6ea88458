//! The bodies of results, as they go into the queue.

use gumshoe_proto::{
    bridge::v1::{Page, Result as RunResult, result::Kind},
    envelope,
};
use jiff::Timestamp;

use super::RunId;

/// Where in the results a page belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageHeader {
    /// The query.
    pub query_id: String,
    /// 1, 2, … within the query.
    pub number: u32,
    /// The JSON name of the response: "listPods".
    pub arm: String,
}

/// The body of a page.
pub(super) fn encode_page(run: &RunId, seq: u32, header: &PageHeader, response: &str, now: Timestamp) -> String {
    let PageHeader { query_id, number, arm } = header;
    let page = Page { query_id: query_id.clone(), number: *number, response: None };
    envelope::encode_page(&result(run, seq, Kind::Page(page)), arm, response, now)
}

/// A result of the run.
pub(super) fn result(run: &RunId, seq: u32, kind: Kind) -> RunResult {
    let RunId { command_id, run, investigation_id } = run.clone();
    RunResult { command_id, run, seq, investigation_id, kind: Some(kind) }
}
