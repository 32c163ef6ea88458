//! The bodies of results, as they go into the queue.

use gumshoe_proto::{
    bridge::v1::{Encoding, Page, Part, Result as RunResult, result::Kind},
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

/// What a page holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A response, canonical JSON.
    Response(String),
    /// A part of one.
    Part {
        /// 1 to `of`.
        number: u32,
        /// How many there are.
        of: u32,
        /// These of its bytes.
        data: Vec<u8>,
        /// Of all of them.
        encoding: Encoding,
    },
}

/// The body of a page.
pub(super) fn encode_page(run: &RunId, seq: u32, header: &PageHeader, content: &Content, now: Timestamp) -> String {
    let PageHeader { query_id, number, arm } = header;
    let page = |part| Kind::Page(Page { query_id: query_id.clone(), number: *number, part, response: None });
    match content {
        Content::Response(response) => envelope::encode_page(&result(run, seq, page(None)), arm, response, now),
        Content::Part { number, of, data, encoding } => {
            let (response, encoding) = (arm.clone(), (*encoding).into());
            let part = Part { response, number: *number, of: *of, data: data.clone().into(), encoding };
            envelope::encode_result(&result(run, seq, page(Some(part))), now)
        }
    }
}

/// A result of the run.
pub(super) fn result(run: &RunId, seq: u32, kind: Kind) -> RunResult {
    let RunId { command_id, run, investigation_id } = run.clone();
    RunResult { command_id, run, seq, investigation_id, kind: Some(kind) }
}
