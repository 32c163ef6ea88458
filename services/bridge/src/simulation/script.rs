//! What is planned, as commands and as what the collector does.

use gumshoe_proto::{
    bridge::v1::{Command, Encoding, Query, query::Request},
    collector::v1::{ListPodsRequest, ListPodsResponse},
};
use tonic::Status;

use super::schedule::{Happening, Planned};
use crate::fakes::{Step, mk_complete, mk_page};

/// A command; its deadline is filled in when it is handed out.
pub(super) fn mk_command(number: usize, planned: &Planned) -> Command {
    let request = || Some(Request::ListPods(ListPodsRequest::default()));
    let mk_query = |query| Query { id: format!("q{query}"), request: request(), ..Query::default() };
    Command {
        id: format!("c{number}"),
        investigation_id: format!("i{}", number % 3),
        encoding: if planned.is_zipped { Encoding::Gzip } else { Encoding::Unspecified }.into(),
        queries: (0..planned.queries).map(mk_query).collect(),
        ..Command::default()
    }
}

/// What happens in a stream, at this place of it.
pub(super) fn step(number: usize, happening: &Happening) -> Step<ListPodsResponse> {
    match happening {
        Happening::Page(lengths) => {
            let names: Vec<_> = lengths.iter().map(|length| "x".repeat(*length)).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            Step::Response(mk_page(&names, &format!("t{number}")))
        }
        Happening::Waits(time) => Step::Waits(*time),
        Happening::Breaks => Step::Breaks(Status::unavailable("scheduled")),
        Happening::Refuses => Step::Breaks(Status::not_found("scheduled")),
        Happening::Ends => Step::Response(last_page()),
        Happening::Hangs => Step::Hangs,
    }
}

/// The end of an answer.
pub(super) fn last_page() -> ListPodsResponse {
    ListPodsResponse { completeness: Some(mk_complete(1)), ..mk_page(&["last"], "") }
}
