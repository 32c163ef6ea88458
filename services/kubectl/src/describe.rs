//! From a request back to the line that asks for it: the heading of its answer, and what the user could type instead.

use gumshoe_proto::{collector::v1::View, methods::Method, with_request};

use crate::{
    Request, events, logs,
    names::{Names, names},
    topology,
    words::Words,
};

/// The line that gives this request. What the language has no words for (page sizes, a uid)
/// is left out.
#[must_use]
pub fn describe(request: &Request) -> String {
    let words = match request {
        Request::ReadLogs(read) => logs::describe(read),
        Request::DiscoverTopology(walk) => topology::describe(walk),
        Request::GetNode(get) => objects(names(request), get).switch("--with-pods", get.with_pods),
        Request::ListIngresses(list) => objects(names(request), list).switch("--with-backends", list.with_backends),
        Request::ListEvents(list) => events::describe(list, objects(names(request), list)),
        _ => with_request!(request, it => objects(names(request), it)),
    };
    words.line()
}

fn objects(Names { plural, .. }: Names, request: &impl Method) -> Words {
    if let Some((namespace, name)) = request.as_get() {
        let words = Words::new(&["get", plural]).name(name).option("-n", namespace);
        return words.switch("--summary", is_summary(request));
    }
    let words = Words::new(&["get", plural]);
    let Some(list) = request.as_list() else { return words };
    let words = match list.namespaces {
        Some(namespaces) => words.switch("-A", namespaces.is_empty()).option("-n", Some(namespaces.join(","))),
        None => words,
    };
    words
        .switch("--summary", is_summary(request))
        .option("-l", Some(list.label_selector))
        .option("--field-selector", Some(list.field_selector))
        .option("--limit", Some(list.limit).filter(|limit| **limit > 0))
}

fn is_summary(request: &impl Method) -> bool {
    request.view() == i32::from(View::Summary)
}
