//! Which events a request asks for: as far as field selectors can say it the API server filters, the rest is filtered here.

use gumshoe_proto::collector::v1::{Event, InvolvedObject, ListEventsRequest};

use crate::{error::ReadError, kubernetes::selector::Selectors};

/// Kubernetes itself refuses events with a longer reason (apiserver: `pkg/apis/core/validation/events.go`).
const VALUE_MAX: usize = 128;
/// Types and reasons in a filter; nobody looks for more.
const FILTER_MAX: usize = 100;

/// What a request filters by, beside its selectors.
#[derive(Debug)]
pub(super) struct Filter {
    involved_object: InvolvedObject,
    types: Vec<String>,
    reasons: Vec<String>,
}

impl Filter {
    /// # Errors
    /// `InvalidArgument` for what can be no name, type or reason.
    pub(super) fn new(request: ListEventsRequest) -> Result<Self, ReadError> {
        let involved_object = request.involved_object.unwrap_or_default();
        let InvolvedObject { kind, namespace, name, uid } = &involved_object;
        for (field, value) in [
            ("involved_object.kind", kind),
            ("involved_object.namespace", namespace),
            ("involved_object.name", name),
            ("involved_object.uid", uid),
        ] {
            // The name of a node event's object can be any path segment, so only what no name can hold is refused.
            let illegal =
                |character: char| character.is_control() || character.is_whitespace() || "/%?".contains(character);
            if value.len() > 253 || value.contains(illegal) || matches!(value.as_str(), "." | "..") {
                return Err(ReadError::invalid(field, "is not a name"));
            }
        }
        for (field, values) in [("types", &request.types), ("reasons", &request.reasons)] {
            if values.len() > FILTER_MAX {
                return Err(ReadError::invalid(field, format!("must be no more than {FILTER_MAX}")));
            }
            if values.iter().any(|value| value.len() > VALUE_MAX) {
                return Err(ReadError::invalid(field, format!("must be no longer than {VALUE_MAX} characters")));
            }
            if values.iter().any(|value| value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
                return Err(ReadError::invalid(field, "must consist of letters and digits, as in Warning or BackOff"));
            }
        }
        Ok(Self { involved_object, types: request.types, reasons: request.reasons })
    }

    /// Lets the API server filter where one value is asked for: it knows no "any of".
    pub(super) fn narrow(&self, mut selectors: Selectors) -> Selectors {
        let InvolvedObject { kind, namespace, name, uid } = &self.involved_object;
        for (field, value) in [
            ("involvedObject.kind", kind),
            ("involvedObject.namespace", namespace),
            ("involvedObject.name", name),
            ("involvedObject.uid", uid),
        ] {
            if !value.is_empty() {
                selectors = selectors.with_field(field, value);
            }
        }
        for (field, values) in [("type", &self.types), ("reason", &self.reasons)] {
            if let [value] = values.as_slice() {
                selectors = selectors.with_field(field, value);
            }
        }
        selectors
    }

    /// Whether the event is of the types and reasons that the API server could not filter by.
    pub(super) fn matches(&self, event: &Event) -> bool {
        let any = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == value);
        any(&self.types, &event.r#type) && any(&self.reasons, &event.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_filtered_by_the_server_and_several_here() {
        let filter = Filter::new(ListEventsRequest {
            involved_object: Some(InvolvedObject {
                kind: "Pod".into(),
                name: "api-0".into(),
                ..InvolvedObject::default()
            }),
            types: vec!["Warning".into()],
            reasons: vec!["BackOff".into(), "Failed".into()],
            ..ListEventsRequest::default()
        })
        .unwrap();
        let selectors = filter.narrow(Selectors::default());
        assert_eq!(selectors.field(), "involvedObject.kind=Pod,involvedObject.name=api-0,type=Warning");
        let mk_event = |reason: &str| Event { reason: reason.into(), r#type: "Warning".into(), ..Event::default() };
        assert!(filter.matches(&mk_event("Failed")));
        assert!(!filter.matches(&mk_event("Pulled")));
    }

    #[test]
    fn a_wrong_filter_is_refused_with_the_field_named() {
        for bad in ["..", "a/b", "%", "?", "a b"] {
            let request = ListEventsRequest {
                involved_object: Some(InvolvedObject { name: bad.into(), ..InvolvedObject::default() }),
                ..ListEventsRequest::default()
            };
            let error = Filter::new(request);
            assert!(matches!(error, Err(ReadError::InvalidArgument { field: "involved_object.name", .. })), "{bad}");
        }
    }

    #[test]
    fn a_reason_that_is_too_long_is_refused() {
        let reasons = vec!["A".repeat(70_000)];
        let error = Filter::new(ListEventsRequest { reasons, ..ListEventsRequest::default() });
        assert!(matches!(error, Err(ReadError::InvalidArgument { field: "reasons", .. })));
    }
}
