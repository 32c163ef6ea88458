//! What narrows a list of events, to the request and back.

use clap::Args;
use gumshoe_proto::collector::v1::{InvolvedObject, ListEventsRequest};

use crate::{kinds::Flags, names, words::Words};

/// What narrows a list of events.
#[derive(Args, Clone, Debug)]
pub(crate) struct EventFlags {
    /// The object that the events are about: pod/web-0, node/node-1, deploy/web; one of a custom kind as events have it: Rollout/web
    #[arg(long = "for", value_name = "KIND/NAME", value_parser = names::object)]
    about: Option<InvolvedObject>,

    /// Types of events: Warning, Normal; repeat or separate by commas [default: all]
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = event_type)]
    types: Vec<String>,

    /// Reasons: BackOff, FailedScheduling; repeat or separate by commas [default: all]
    #[arg(long, value_name = "REASON", value_delimiter = ',')]
    reasons: Vec<String>,
}

impl Flags<ListEventsRequest> for EventFlags {
    fn apply(self, list: &mut ListEventsRequest) {
        let Self { about, types, reasons } = self;
        (list.involved_object, list.types, list.reasons) = (about, types, reasons);
    }
}

/// The flags that give this request.
pub(crate) fn describe(list: &ListEventsRequest, words: Words) -> Words {
    words
        .option("--for", list.involved_object.as_ref().map(|about| names::describe(&about.kind, &about.name)))
        .each("--types", &list.types)
        .each("--reasons", &list.reasons)
}

/// The types that Kubernetes knows (apimachinery accepts no other), in its spelling: a filter that is spelled otherwise would find
/// nothing and say so as if there were nothing.
fn event_type(text: &str) -> Result<String, &'static str> {
    let known = ["Normal", "Warning"].into_iter().find(|known| known.eq_ignore_ascii_case(text));
    known.map(str::to_owned).ok_or("events are of the type Normal or Warning")
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
