//! What was asked, so that a test can say what was read and what was not.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, Method};
use tokio::sync::watch;

/// The parameters of a request, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// A parameter; empty where it was not given.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Whether a parameter was given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }
}

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// GET, or POST for an access review.
    pub method: Method,
    /// As it was sent, still encoded.
    pub path: String,
    /// Decoded.
    pub query: Query,
    /// All of them; `authorization` too.
    pub headers: HeaderMap,
}

impl RecordedRequest {
    /// A header; empty where it was not given.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The requests so far, and how many answers are still being sent.
#[derive(Debug, Default)]
pub(super) struct Journal {
    requests: Mutex<Vec<RecordedRequest>>,
    changed: watch::Sender<()>,
    answering: watch::Sender<usize>,
}

impl Journal {
    pub(super) fn add(&self, request: RecordedRequest) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.changed.send_replace(());
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn forget(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Awaits a request of some kind, one that came earlier included.
    pub(super) async fn saw(&self, wanted: impl Fn(&RecordedRequest) -> bool) -> RecordedRequest {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(request) = self.requests().into_iter().find(&wanted) {
                return request;
            }
            changes.changed().await.expect("the sender lives in self");
        }
    }

    /// Counts an answer as being sent until the guard is dropped.
    pub(super) fn answering(&self) -> Answering {
        self.answering.send_modify(|count| *count += 1);
        Answering(self.answering.clone())
    }

    /// Awaits the moment when no answer is being sent.
    pub(super) async fn idle(&self) {
        let mut answering = self.answering.subscribe();
        answering.wait_for(|count| *count == 0).await.expect("the sender lives in self");
    }
}

/// An answer that is being sent.
#[derive(Debug)]
pub(super) struct Answering(watch::Sender<usize>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
