//! The errors of the API server: a `Status`, as protobuf or as JSON, whichever was asked for.

use http::StatusCode;
use k8s_pb::apimachinery::pkg::apis::meta::v1::{ListMeta, Status, StatusDetails};
use serde_json::{Value, json};

use super::route::Route;

/// An error answer.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) code: StatusCode,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// `metadata.continue` of an expired list.
    pub(super) resume: Option<String>,
}

impl Failure {
    pub(super) fn new(code: StatusCode, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), kind: "", name: String::new(), resume: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
    }

    pub(super) fn not_found(plural: &'static str, name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", format!("{plural} \"{name}\" not found")).about(plural, name)
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "the server could not find the requested resource")
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    pub(super) fn forbidden(route: &Route) -> Self {
        let (verb, name) = match route {
            Route::Get { name, .. } => ("get", name.as_str()),
            Route::Log { pod, .. } => ("get", pod.as_str()),
            _ => ("list", ""),
        };
        let place = match route.namespace() {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let (plural, group, user) = (route.plural(), route.group(), "system:serviceaccount:gumshoe:collector");
        let subject = if name.is_empty() { plural.to_owned() } else { format!("{plural} \"{name}\"") };
        let message = format!(
            "{subject} is forbidden: User \"{user}\" cannot {verb} resource \"{plural}\" in API group \"{group}\" {place}"
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(plural, name)
    }

    pub(super) fn expired(resume: Option<String>) -> Self {
        let message = match resume {
            Some(_) => {
                "The provided continue parameter is too old to display a consistent list result. You can start a new \
                 list without the continue parameter, or use the continue token in this response to retrieve the \
                 remainder of the results. Continuing with the provided token results in an inconsistent list - \
                 objects that were created, modified, or deleted between the time the first chunk was returned and now \
                 may show up in the list."
            }
            None => "The resourceVersion for the provided list is too old.",
        };
        Self { resume, ..Self::new(StatusCode::GONE, "Expired", message) }
    }

    fn about(mut self, kind: &'static str, name: &str) -> Self {
        self.kind = kind;
        self.name = name.to_owned();
        self
    }

    pub(super) fn status(&self) -> Status {
        Status {
            metadata: Some(ListMeta {
                self_link: Some(String::new()),
                resource_version: Some(String::new()),
                r#continue: Some(self.resume.clone().unwrap_or_default()),
                remaining_item_count: None,
            }),
            status: Some("Failure".to_owned()),
            message: Some(self.message.clone()),
            reason: Some(self.reason.clone()),
            details: Some(StatusDetails {
                name: Some(self.name.clone()),
                kind: Some(self.kind.to_owned()),
                ..StatusDetails::default()
            }),
            code: Some(i32::from(self.code.as_u16())),
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut value = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code.as_u16(),
        });
        if let Some(resume) = &self.resume {
            value["metadata"] = json!({"continue": resume});
        }
        value
    }
}
