//! The calls so far.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// "ReceiveMessage".
    pub operation: String,
    /// The name of its queue; empty where it is about none.
    pub queue: String,
    /// Its parameters.
    pub input: Value,
}

impl Call {
    pub(super) fn new(operation: &str, input: &Value) -> Self {
        let url = input["QueueUrl"].as_str().or_else(|| input["QueueName"].as_str()).unwrap_or_default();
        let queue = url.rsplit('/').next().unwrap_or_default();
        Self { operation: operation.to_owned(), queue: queue.to_owned(), input: input.clone() }
    }
}

#[derive(Debug, Default)]
pub(super) struct CallLog {
    calls: Mutex<Vec<Call>>,
    changed: watch::Sender<()>,
}

impl CallLog {
    pub(super) fn add(&self, call: Call) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        self.changed.send_replace(());
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn saw(&self, wanted: impl Fn(&Call) -> bool) -> Call {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(call) = self.all().into_iter().find(&wanted) {
                return call;
            }
            changes.changed().await.expect("the sender lives in self");
        }
    }
}
