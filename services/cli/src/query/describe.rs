//! From a request back to the line that asks for it: the heading of its answer, and what the user could type instead.

use gumshoe_proto::{
    collector::v1::{ListEventsRequest, ReadLogsRequest, View},
    methods::{Method, Page},
    with_request,
};
use jiff::SignedDuration;

use crate::{
    kinds::{Words, names},
    page::{Item, Request},
    units,
};

/// The line of [`QueryLine`](super::QueryLine) that gives this request. What the language has no words for (page sizes, a uid)
/// is left out.
pub(crate) fn describe(request: &Request) -> String {
    let words = match request {
        Request::ReadLogs(read) => logs(read),
        Request::ListEvents(list) => events(list),
        request => with_request!(request, request => objects(request)),
    };
    words.line()
}

fn objects<I: Item, Q: Method<Response: Page<Item = I>>>(request: &Q) -> Words {
    if let Some((namespace, name)) = request.as_get() {
        let words = match namespace {
            Some(namespace) => Words::new(&["get", I::NOUN.many, name, "-n", namespace]),
            None => Words::new(&["get", I::NOUN.many, name]),
        };
        return words.switch("--summary", is_summary(request));
    }
    let words = Words::new(&["get", I::NOUN.many]);
    let Some(list) = request.as_list() else { return words };
    let words = match list.namespaces {
        Some(namespaces) => words.switch("-A", namespaces.is_empty()).each("-n", namespaces),
        None => words,
    };
    words
        .switch("--summary", is_summary(request))
        .option("-l", Some(list.label_selector))
        .option("--field-selector", Some(list.field_selector))
        .option("--limit", Some(list.limit).filter(|limit| **limit > 0))
}

/// Lists of events have flags of their own.
fn events(list: &ListEventsRequest) -> Words {
    objects(list)
        .option("--for", list.involved_object.as_ref().map(names::describe))
        .each("--types", &list.types)
        .each("--reasons", &list.reasons)
}

fn is_summary(request: &impl Method) -> bool {
    request.view() == i32::from(View::Summary)
}

fn logs(read: &ReadLogsRequest) -> Words {
    let since = read.since.and_then(|since| {
        SignedDuration::from_secs(since.seconds).checked_add(SignedDuration::from_nanos(since.nanos.into()))
    });
    Words::new(&["logs", &read.pod, "-n", &read.namespace])
        .each("-c", &read.containers)
        .switch("--all-containers", read.all_containers)
        .switch("--previous", read.previous)
        .switch("--follow", read.follow)
        .option("--tail", read.tail_lines)
        .option("--since", since.map(|since| format!("{since:#}")))
        .option("--since-time", read.since_time.as_ref().and_then(units::from_proto))
        .option("--newest-bytes", read.newest_bytes)
        .switch("--whole", read.whole_log)
}
