//! From a request back to the line that asks for it: the heading of its answer, and what the user could type instead.

use gumshoe_proto::collector::v1::{InvolvedObject, ListEventsRequest, ListPodsRequest, ReadLogsRequest};
use jiff::SignedDuration;

use super::kinds;
use crate::{page::Request, units};

/// The line of [`QueryLine`](super::QueryLine) that gives this request. What the language has no words for (page sizes, a uid)
/// is left out.
pub(crate) fn describe(request: &Request) -> String {
    let words = match request {
        Request::GetPod(get) => vec!["get".into(), "pods".into(), get.name.clone(), "-n".into(), get.namespace.clone()],
        Request::ListPods(list) => pods(list),
        Request::ListEvents(list) => events(list),
        Request::ReadLogs(read) => logs(read),
    };
    // A line with a NUL cannot be written for a shell; it can still be read by a person.
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}

/// The words of a line, of which those that say nothing are left out.
#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn new(words: &[&str]) -> Self {
        Self(words.iter().map(|&word| word.to_owned()).collect())
    }

    fn option(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value.map(|value| value.to_string()).filter(|value| !value.is_empty()) {
            self.0.extend([name.to_owned(), value]);
        }
        self
    }

    fn each(self, name: &str, values: &[String]) -> Self {
        values.iter().fold(self, |words, value| words.option(name, Some(value)))
    }

    fn switch(mut self, name: &str, on: bool) -> Self {
        self.0.extend(on.then(|| name.to_owned()));
        self
    }

    fn namespaces(self, namespaces: &[String]) -> Self {
        self.switch("-A", namespaces.is_empty()).each("-n", namespaces)
    }
}

fn pods(list: &ListPodsRequest) -> Vec<String> {
    let words = Words::new(&["get", "pods"])
        .namespaces(&list.namespaces)
        .option("-l", Some(&list.label_selector))
        .option("--field-selector", Some(&list.field_selector));
    words.option("--limit", positive(list.limit)).0
}

fn events(list: &ListEventsRequest) -> Vec<String> {
    let words = Words::new(&["get", "events"])
        .namespaces(&list.namespaces)
        .option("--for", list.involved_object.as_ref().map(object))
        .each("--types", &list.types)
        .each("--reasons", &list.reasons)
        .option("-l", Some(&list.label_selector))
        .option("--field-selector", Some(&list.field_selector));
    words.option("--limit", positive(list.limit)).0
}

fn logs(read: &ReadLogsRequest) -> Vec<String> {
    let since = read.since.and_then(|since| {
        SignedDuration::from_secs(since.seconds).checked_add(SignedDuration::from_nanos(since.nanos.into()))
    });
    let words = Words::new(&["logs", &read.pod, "-n", &read.namespace])
        .each("-c", &read.containers)
        .switch("--all-containers", read.all_containers)
        .switch("--previous", read.previous)
        .switch("--follow", read.follow)
        .option("--tail", read.tail_lines)
        .option("--since", since.map(|since| format!("{since:#}")))
        .option("--since-time", read.since_time.as_ref().and_then(units::from_proto))
        .option("--newest-bytes", read.newest_bytes);
    words.switch("--whole", read.whole_log).0
}

fn object(object: &InvolvedObject) -> String {
    format!("{}/{}", kinds::spoken(&object.kind), object.name)
}

fn positive(limit: i64) -> Option<i64> {
    Some(limit).filter(|limit| *limit > 0)
}
