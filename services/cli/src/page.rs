//! What the pages of all methods have in common, so that whoever reads, resumes or prints them need not know the method.
//!
//! The bridge's `oneof`s serve as the one type of any request and any page: so a page prints alike whether it came over gRPC or
//! through a queue.

use gumshoe_proto::bridge::v1::Page;
use gumshoe_proto::collector::EVENTS_LIMIT_DEFAULT;
use gumshoe_proto::collector::v1::{Completeness, ContainerLog};

pub(crate) use gumshoe_proto::bridge::v1::{page::Response, query::Request};

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
    let end = PageEnd::default();
    match response {
        Response::GetPod(page) => PageEnd { completeness: page.completeness.take(), ..end },
        Response::ListPods(page) => PageEnd {
            next_page_token: std::mem::take(&mut page.next_page_token),
            completeness: page.completeness.take(),
            ..end
        },
        Response::ListEvents(page) => PageEnd {
            next_page_token: std::mem::take(&mut page.next_page_token),
            completeness: page.completeness.take(),
            ..end
        },
        Response::ReadLogs(page) => PageEnd {
            next_page_token: std::mem::take(&mut page.next_page_token),
            logs: std::mem::take(&mut page.logs),
            completeness: page.completeness.take(),
        },
    }
}

/// How many items (for logs: lines) a page holds.
pub(crate) fn items(response: &Response) -> u64 {
    let items = match response {
        Response::GetPod(page) => usize::from(page.item.is_some()),
        Response::ListPods(page) => page.items.len(),
        Response::ListEvents(page) => page.items.len(),
        Response::ReadLogs(page) => page.lines.len(),
    };
    items as u64
}

/// How many items a page of the queue holds.
pub(crate) fn items_of(page: &Page) -> u64 {
    page.response.as_ref().map_or(0, items)
}

/// What the items of an answer are called.
pub(crate) fn noun(request: &Request) -> &'static str {
    match request {
        Request::GetPod(_) | Request::ListPods(_) => "pod",
        Request::ListEvents(_) => "event",
        Request::ReadLogs(_) => "line",
    }
}

/// How many items the user wants at most: the limit of the request, or the collector's own where it has one.
pub(crate) fn limit(request: &Request) -> Option<u64> {
    let (limit, default) = match request {
        Request::GetPod(_) | Request::ReadLogs(_) => (0, None),
        Request::ListPods(list) => (list.limit, None),
        Request::ListEvents(list) => (list.limit, Some(EVENTS_LIMIT_DEFAULT.unsigned_abs())),
    };
    u64::try_from(limit).ok().filter(|limit| *limit > 0).or(default)
}

/// The same request, going on behind a page when so many items have been given.
pub(crate) fn resumed(request: &Request, page_token: &str, given: u64) -> Request {
    let mut resumed = request.clone();
    // A limit counts anew in each call.
    let rest = limit(request).map_or(0, |limit| i64::try_from(limit.saturating_sub(given)).unwrap_or(i64::MAX));
    match &mut resumed {
        // One pod is one page: there is nothing behind it.
        Request::GetPod(_) => {}
        Request::ListPods(list) => {
            page_token.clone_into(&mut list.page_token);
            list.limit = rest;
        }
        Request::ListEvents(list) => {
            page_token.clone_into(&mut list.page_token);
            list.limit = rest;
        }
        Request::ReadLogs(read) => page_token.clone_into(&mut read.page_token),
    }
    resumed
}
