//! What the pages of all methods have in common, so that whoever reads, resumes or prints them need not know the method.
//!
//! The bridge's `oneof`s serve as the one type of any request and any page: so a page prints alike whether it came over gRPC or
//! through a queue.

use std::mem::take;

use gumshoe_proto::{
    bridge::v1::Page as QueuePage,
    collector::v1::{Completeness, ContainerLog, LogLine, TopologyElement},
    methods::{Method, Page, most_items},
    with_request, with_response,
};
use prost_types::Timestamp;

pub(crate) use gumshoe_kubectl::Request;
pub(crate) use gumshoe_proto::bridge::v1::page::Response;

/// What pages hold: the objects of a kind, or lines.
pub(crate) trait Item {
    /// The header of a table of them.
    fn columns(_: Layout) -> Vec<&'static str> {
        Vec::new()
    }

    /// One as rows of that table.
    fn rows(&self, _: Layout, _now: &Timestamp) -> Vec<Vec<String>> {
        Vec::new()
    }
}

/// Which columns a table has beside those it always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// NAMESPACE stands in front.
    pub(crate) with_namespace: bool,
    /// Those of `-o wide`.
    pub(crate) wide: bool,
}

/// Lines are printed as they are, and make no table.
impl Item for LogLine {}

/// A topology is drawn as a tree.
impl Item for TopologyElement {}

/// What a page says about the answer it is part of.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageEnd {
    /// Goes on behind this page; empty where there is no such token.
    pub(crate) next_page_token: String,
    /// What became of each container's log; only in the last page.
    pub(crate) logs: Vec<ContainerLog>,
    /// Only in the last page.
    pub(crate) completeness: Option<Completeness>,
}

/// Takes out of a page what it says about the answer, and leaves the items.
pub(crate) fn take_end(response: &mut Response) -> PageEnd {
    let logs = if let Response::ReadLogs(page) = response { take(&mut page.logs) } else { Vec::new() };
    with_response!(response, page => PageEnd {
        next_page_token: page.next_page_token_mut().map(take).unwrap_or_default(),
        logs,
        completeness: page.completeness_mut().take(),
    })
}

/// How many items (for logs: lines) a page holds.
pub(crate) fn items(response: &Response) -> u64 {
    with_response!(response, page => page.items().len() as u64)
}

/// How many items a page of the queue holds.
pub(crate) fn items_of(page: &QueuePage) -> u64 {
    page.response.as_ref().map_or(0, items)
}

/// How many items the user wants at most: the limit of the request, or the collector's own where it has one.
pub(crate) fn limit(request: &Request) -> Option<u64> {
    fn of<Q: Method>(request: &Q) -> Option<u64> {
        most_items(&Q::full_name(), *request.as_list()?.limit)
    }
    with_request!(request, request => of(request))
}

/// The same request, going on behind a page when so many items have been given. One object is one page: there is nothing behind it.
pub(crate) fn resumed(request: &Request, page_token: &str, given: u64) -> Request {
    let mut resumed = request.clone();
    // A limit counts anew in each call.
    let rest = limit(request).map_or(0, |limit| i64::try_from(limit.saturating_sub(given)).unwrap_or(i64::MAX));
    if let Request::ReadLogs(read) = &mut resumed {
        page_token.clone_into(&mut read.page_token);
    }
    if let Some(list) = with_request!(&mut resumed, request => request.as_list_mut()) {
        page_token.clone_into(list.page_token);
        *list.limit = rest;
    }
    resumed
}
