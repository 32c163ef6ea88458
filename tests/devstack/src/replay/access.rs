//! What the caller may read: the API server's RBAC, as far as a test needs it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::route::Route;

/// Denials; without any, everything may be read.
#[derive(Debug, Default)]
pub(super) struct Access(Mutex<Denied>);

#[derive(Debug, Default)]
struct Denied {
    namespaces: BTreeSet<String>,
    whole_cluster: bool,
}

impl Access {
    pub(super) fn deny_namespace(&self, namespace: &str) {
        self.denied().namespaces.insert(namespace.to_owned());
    }

    pub(super) fn deny_whole_cluster(&self) {
        self.denied().whole_cluster = true;
    }

    /// Whether the request may be answered. What reads no objects always may.
    pub(super) fn permits(&self, route: &Route) -> bool {
        match route {
            Route::Version | Route::AccessReview | Route::Other => true,
            Route::List { .. } | Route::Get { .. } | Route::Log { .. } => self.permits_in(route.namespace()),
        }
    }

    /// The answer to a SelfSubjectAccessReview.
    pub(super) fn review(&self, mut review: Value) -> Value {
        let namespace = review["spec"]["resourceAttributes"]["namespace"].as_str().filter(|name| !name.is_empty());
        review["status"] = json!({"allowed": self.permits_in(namespace)});
        review
    }

    fn permits_in(&self, namespace: Option<&str>) -> bool {
        let denied = self.denied();
        match namespace {
            Some(namespace) => !denied.namespaces.contains(namespace),
            None => !denied.whole_cluster,
        }
    }

    fn denied(&self) -> MutexGuard<'_, Denied> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
