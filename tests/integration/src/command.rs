//! Commands as an investigation engine sends them.

use std::time::{Duration, SystemTime};

use gumshoe_proto::bridge::v1::{Command, Query, query::Request};
use gumshoe_proto::collector::v1::{GetPodRequest, ListEventsRequest, ListPodsRequest, ReadLogsRequest};

/// Longer than any fault of a test lasts.
const DEADLINE: Duration = Duration::from_secs(120);

/// A command with a deadline that is far enough away.
#[must_use]
pub fn command(id: &str, queries: Vec<Query>) -> Command {
    Command {
        id: id.to_owned(),
        investigation_id: "inv-1".to_owned(),
        deadline: Some((SystemTime::now() + DEADLINE).into()),
        queries,
        ..Command::default()
    }
}

/// The pods of these namespaces; of none, all.
#[must_use]
pub fn list_pods(id: &str, namespaces: &[&str]) -> Query {
    let namespaces = namespaces.iter().map(|&name| name.to_owned()).collect();
    query(id, Request::ListPods(ListPodsRequest { namespaces, ..ListPodsRequest::default() }))
}

/// Events.
#[must_use]
pub fn list_events(id: &str, request: ListEventsRequest) -> Query {
    query(id, Request::ListEvents(request))
}

/// One pod.
#[must_use]
pub fn get_pod(id: &str, namespace: &str, name: &str) -> Query {
    query(
        id,
        Request::GetPod(GetPodRequest { namespace: namespace.to_owned(), name: name.to_owned(), ..Default::default() }),
    )
}

/// A log.
#[must_use]
pub fn read_logs(id: &str, request: ReadLogsRequest) -> Query {
    query(id, Request::ReadLogs(request))
}

/// A read in kubectl's words.
#[must_use]
pub fn kubectl(id: &str, words: &str) -> Query {
    query(id, Request::Kubectl(words.to_owned()))
}

fn query(id: &str, request: Request) -> Query {
    Query { id: id.to_owned(), collector: String::new(), request: Some(request) }
}
