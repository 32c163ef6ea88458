//! Faults on demand: what goes wrong, with which request, how often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::journal::Query;
use super::route::{Resource, Route};

/// A fault: `action` befalls the next `times` requests that are `matching`.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which requests.
    pub matching: Requests,
    /// How many of them; `usize::MAX` for all.
    pub times: usize,
    /// What befalls them.
    pub action: Action,
}

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

    fn matches(&self, route: &Route, query: &Query) -> bool {
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

/// Holds something back until a test opens it; it stays open.
#[derive(Debug, Clone, Default)]
pub struct Gate(CancellationToken);

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn closed() -> Self {
        Self::default()
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.cancel();
    }

    pub(super) async fn opened(&self) {
        self.0.cancelled().await;
    }
}

/// Tells how often a fault has struck.
#[derive(Debug, Clone)]
pub struct Fired(watch::Receiver<usize>);

impl Fired {
    /// How often so far.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Awaits the moment when it has struck so often.
    ///
    /// # Errors
    /// It did not within 20 seconds.
    pub async fn times(&self, times: usize) -> anyhow::Result<()> {
        let mut count = self.0.clone();
        crate::within("the fault strikes", async { count.wait_for(|count| *count >= times).await.map(|_| ()) })
            .await??;
        Ok(())
    }
}

/// The faults to come; the first that matches strikes.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<Pending>>>);

#[derive(Debug)]
struct Pending {
    fault: Fault,
    fired: watch::Sender<usize>,
}

impl Faults {
    /// Adds a fault behind those that are still to strike.
    pub fn push(&self, fault: Fault) -> Fired {
        let (fired, receiver) = watch::channel(0);
        self.pending().push(Pending { fault, fired });
        Fired(receiver)
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.pending().clear();
    }

    /// The fault that strikes this request. `struck` is to be reported when it does: a stalled body strikes when it stalls.
    pub(super) fn take(&self, route: &Route, query: &Query) -> Option<(Action, Struck)> {
        let mut pending = self.pending();
        let found = pending.iter().position(|pending| pending.fault.matching.matches(route, query))?;
        let entry = &mut pending[found];
        let taken = (entry.fault.action.clone(), Struck(entry.fired.clone()));
        entry.fault.times = entry.fault.times.saturating_sub(1);
        if entry.fault.times == 0 {
            pending.remove(found);
        }
        Some(taken)
    }

    fn pending(&self) -> MutexGuard<'_, Vec<Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts that a fault has struck.
#[derive(Debug)]
pub(super) struct Struck(watch::Sender<usize>);

impl Struck {
    pub(super) fn report(&self) {
        self.0.send_modify(|count| *count += 1);
    }
}
