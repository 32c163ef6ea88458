//! Commands as an investigation engine sends them.

use std::time::{Duration, SystemTime};

use gumshoe_devstack::stack::{COMMANDS, Stack};
use gumshoe_proto::bridge::v1::{Command, Query, query::Request};
use gumshoe_proto::collector::v1::{GetPodRequest, ListEventsRequest, ListPodsRequest, ReadLogsRequest};
use gumshoe_proto::envelope::encode_command;

/// Longer than any fault of a test lasts.
const DEADLINE: Duration = Duration::from_secs(120);

/// A command with a deadline that is far enough away.
pub(crate) fn command(id: &str, queries: Vec<Query>) -> Command {
    Command {
        id: id.to_owned(),
        investigation_id: "inv-1".to_owned(),
        deadline: Some((SystemTime::now() + DEADLINE).into()),
        queries,
        ..Command::default()
    }
}

/// Puts a command into the queue.
pub(crate) async fn send(stack: &Stack, command: &Command) {
    stack.sqs.send(COMMANDS, encode_command(command, jiff::Timestamp::now())).await.unwrap();
}

pub(crate) fn list_pods(id: &str, namespaces: &[&str]) -> Query {
    let namespaces = namespaces.iter().map(|&name| name.to_owned()).collect();
    query(id, Request::ListPods(ListPodsRequest { namespaces, ..ListPodsRequest::default() }))
}

pub(crate) fn list_events(id: &str, request: ListEventsRequest) -> Query {
    query(id, Request::ListEvents(request))
}

pub(crate) fn get_pod(id: &str, namespace: &str, name: &str) -> Query {
    query(id, Request::GetPod(GetPodRequest { namespace: namespace.to_owned(), name: name.to_owned() }))
}

pub(crate) fn read_logs(id: &str, request: ReadLogsRequest) -> Query {
    query(id, Request::ReadLogs(request))
}

fn query(id: &str, request: Request) -> Query {
    Query { id: id.to_owned(), collector: String::new(), request: Some(request) }
}
