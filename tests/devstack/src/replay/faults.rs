//! The faults of the Kubernetes API: what goes wrong, and with which request.

use std::time::Duration;

use http::StatusCode;

use super::journal::Query;
use super::route::{Resource, Route};
use crate::faults::Gate;

/// A fault of the Kubernetes API.
pub type Fault = crate::faults::Fault<Requests, Action>;

/// The faults of the Kubernetes API that are still to strike.
pub type Faults = crate::faults::Faults<Requests, Action>;

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Action {
    /// 429 as API Priority and Fairness answers: text/plain, with Retry-After.
    TooManyRequests {
        /// Seconds.
        retry_after: u64,
    },
    /// An error as the API server words it: a Status in the encoding that was asked for.
    Status {
        /// The HTTP status.
        code: StatusCode,
        /// `reason`: "Forbidden", "InternalError".
        reason: &'static str,
        /// For people.
        message: &'static str,
    },
    /// 403, as RBAC words it.
    Forbidden,
    /// 410 Expired; with `metadata.continue` where the request went on with a token.
    Expired,
    /// 500 of a log whose node does not answer: "dial tcp …:10250".
    NodeUnreachable,
    /// 200 whose body is the kubelet's error text, behind so many lines of the real log (kubernetes#142258).
    LogErrorInBand {
        /// Lines of the real log before it.
        after_lines: usize,
    },
    /// An error page of a proxy, in HTML.
    ProxyPage(StatusCode),
    /// The connection ends without an answer.
    Disconnect,
    /// The connection ends after so many bytes of the body.
    CutBody {
        /// Bytes.
        after: usize,
    },
    /// The body stops after so many bytes, until the gate opens.
    StallBody {
        /// Bytes.
        after: usize,
        /// Opens it.
        until: Gate,
    },
    /// The whole answer waits until the gate opens.
    Stall(Gate),
    /// The whole answer comes so much later.
    Delay(Duration),
}

/// Requests by what they ask for; a part that is not given matches any.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    resource: Option<Resource>,
    lists: Option<bool>,
    logs: bool,
    namespace: Option<String>,
    name: Option<String>,
    container: Option<String>,
    continued: Option<bool>,
}

impl Requests {
    /// Every request, `/version` too.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Lists of a kind.
    #[must_use]
    pub fn lists(resource: Resource) -> Self {
        Self { resource: Some(resource), lists: Some(true), ..Self::default() }
    }

    /// Reads of one object of a kind.
    #[must_use]
    pub fn gets(resource: Resource) -> Self {
        Self { resource: Some(resource), lists: Some(false), ..Self::default() }
    }

    /// Reads of logs.
    #[must_use]
    pub fn logs() -> Self {
        Self { logs: true, ..Self::default() }
    }

    /// Only within this namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..self }
    }

    /// Only for an object (for logs: a pod) of this name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    /// Only for the log of this container.
    #[must_use]
    pub fn of_container(self, container: &str) -> Self {
        Self { container: Some(container.to_owned()), ..self }
    }

    /// Only pages behind the first one.
    #[must_use]
    pub fn continued(self) -> Self {
        Self { continued: Some(true), ..self }
    }

    pub(super) fn matches(&self, route: &Route, query: &Query) -> bool {
        self.matches_kind(route)
            && (self.namespace.is_none() || self.namespace.as_deref() == route.namespace())
            && self.matches_name(route)
            && self.container.as_deref().is_none_or(|container| query.get("container") == container)
            && self.continued.is_none_or(|continued| continued != query.get("continue").is_empty())
    }

    fn matches_kind(&self, route: &Route) -> bool {
        match route {
            Route::List { resource, .. } => {
                !self.logs && self.resource.is_none_or(|wanted| wanted == *resource) && self.lists != Some(false)
            }
            Route::Get { resource, .. } => {
                !self.logs && self.resource.is_none_or(|wanted| wanted == *resource) && self.lists != Some(true)
            }
            Route::Log { .. } => self.resource.is_none(),
            Route::Version | Route::AccessReview | Route::Other => {
                !self.logs && self.resource.is_none() && self.lists.is_none()
            }
        }
    }

    fn matches_name(&self, route: &Route) -> bool {
        let name = match route {
            Route::Get { name, .. } => Some(name),
            Route::Log { pod, .. } => Some(pod),
            Route::List { .. } | Route::Version | Route::AccessReview | Route::Other => None,
        };
        self.name.is_none() || self.name.as_ref() == name
    }
}
