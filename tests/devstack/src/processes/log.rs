//! What a process has logged: JSON, one a line, on its standard error.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

/// More lines than any test has its processes log; older ones are dropped.
const MOST_LINES: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Log {
    lines: Mutex<Vec<Value>>,
    changed: watch::Sender<()>,
}

impl Log {
    /// Takes up lines until the process has closed its end. A line that is no JSON is kept as text.
    pub(super) async fn read(self: Arc<Self>, stderr: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
            self.add(value);
        }
    }

    pub(super) fn all(&self) -> Vec<Value> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Awaits a line; one that came earlier counts.
    pub(super) async fn saw<T>(&self, wanted: impl Fn(&Value) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            if let Some(found) = self.all().iter().find_map(&wanted) {
                return found;
            }
            changes.changed().await.expect("the sender lives in self");
        }
    }

    fn add(&self, line: Value) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == MOST_LINES {
            lines.drain(..MOST_LINES / 2);
        }
        lines.push(line);
        drop(lines);
        self.changed.send_replace(());
    }
}

/// The text that a log line is about, wherever the formatter puts it.
pub(super) fn field<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line[name].as_str().or_else(|| line["fields"][name].as_str())
}
