//! `get events`.

use clap::Args;
use gumshoe_proto::collector::EVENTS_LIMIT_MAX;
use gumshoe_proto::collector::v1::{InvolvedObject, ListEventsRequest};

use super::{Query, kinds, scope::ScopeArgs};
use crate::page::Request;

/// Events, newest first by their true last time.
#[derive(Args, Clone, Debug)]
pub(crate) struct EventsQuery {
    #[command(flatten)]
    scope: ScopeArgs,

    /// The object that the events are about: pod/web-0, node/node-1, deploy/web
    #[arg(long = "for", value_name = "KIND/NAME", value_parser = kinds::object)]
    about: Option<InvolvedObject>,

    /// Types of events: Warning, Normal; repeat or separate by commas [default: all]
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = event_type)]
    types: Vec<String>,

    /// Reasons: BackOff, FailedScheduling; repeat or separate by commas [default: all]
    #[arg(long, value_name = "REASON", value_delimiter = ',')]
    reasons: Vec<String>,

    /// Labels that the events must have, as in kubectl
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value_t, hide_default_value = true)]
    selector: String,

    /// Fields that the events must have, as in kubectl: reportingComponent=kubelet
    #[arg(long, value_name = "SELECTOR", default_value_t, hide_default_value = true)]
    field_selector: String,

    /// The newest so many events [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=EVENTS_LIMIT_MAX))]
    limit: Option<i64>,
}

/// The types that Kubernetes knows (apimachinery accepts no other), in its spelling: a filter that is spelled otherwise would find
/// nothing and say so as if there were nothing.
fn event_type(text: &str) -> Result<String, &'static str> {
    let known = ["Normal", "Warning"].into_iter().find(|known| known.eq_ignore_ascii_case(text));
    known.map(str::to_owned).ok_or("events are of the type Normal or Warning")
}

impl Query for EventsQuery {
    fn request(&self) -> Result<Request, String> {
        let Self { scope, about, types, reasons, selector, field_selector, limit } = self.clone();
        Ok(Request::ListEvents(ListEventsRequest {
            namespaces: scope.namespaces(),
            label_selector: selector,
            field_selector,
            limit: limit.unwrap_or_default(),
            involved_object: about,
            types,
            reasons,
            ..ListEventsRequest::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_taken_in_any_spelling_and_an_unknown_one_refused() {
        assert_eq!(event_type("warning").as_deref(), Ok("Warning"));
        assert_eq!(event_type("Normal").as_deref(), Ok("Normal"));
        assert!(event_type("Error").is_err());
    }
}
