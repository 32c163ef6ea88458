//! The calls so far.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::{HeaderMap, HeaderValue};
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
    /// Whose it is: the access key id that it was signed with.
    pub access_key_id: String,
    /// When its answer went out; none so far, or none at all.
    pub answered: Option<Instant>,
}

impl Call {
    pub(super) fn new(headers: &HeaderMap, input: &Value) -> Self {
        let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        let operation = header("x-amz-target").trim_start_matches("AmazonSQS.");
        // "AWS4-HMAC-SHA256 Credential=AKID/20300101/us-east-1/sqs/aws4_request, SignedHeaders=…"
        let signed_by = header("authorization").split_once("Credential=").and_then(|(_, rest)| rest.split('/').next());
        let url = input["QueueUrl"].as_str().or_else(|| input["QueueName"].as_str()).unwrap_or_default();
        let queue = url.rsplit('/').next().unwrap_or_default();
        Self {
            operation: operation.to_owned(),
            queue: queue.to_owned(),
            input: input.clone(),
            access_key_id: signed_by.unwrap_or_default().to_owned(),
            answered: None,
        }
    }

    /// The bodies of the messages that it sends.
    pub(super) fn bodies(&self) -> impl Iterator<Item = &str> {
        let entries = self.input["Entries"].as_array().into_iter().flatten();
        entries.chain([&self.input]).filter_map(|entry| entry["MessageBody"].as_str())
    }
}

#[derive(Debug, Default)]
pub(super) struct CallLog {
    calls: Mutex<Vec<Call>>,
    forgets: AtomicBool,
    changed: watch::Sender<()>,
}

impl CallLog {
    /// Forgets all calls from now on, and those so far: their bodies may be many.
    pub(super) fn forget(&self) {
        self.forgets.store(true, Ordering::Relaxed);
        self.lock().clear();
    }

    /// Says under which number it is.
    pub(super) fn add(&self, call: Call) -> usize {
        if self.forgets.load(Ordering::Relaxed) {
            return usize::MAX;
        }
        let mut calls = self.lock();
        calls.push(call);
        let number = calls.len() - 1;
        drop(calls);
        self.changed.send_replace(());
        number
    }

    pub(super) fn answered(&self, number: usize) {
        if let Some(call) = self.lock().get_mut(number) {
            call.answered = Some(Instant::now());
        }
        self.changed.send_replace(());
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.lock().clone()
    }

    pub(super) async fn saw(&self, wanted: impl Fn(&Call) -> bool) -> Call {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(found) = self.lock().iter().find(|call| wanted(call)) {
                return found.clone();
            }
            changes.changed().await.expect("the sender lives in self");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
