//! Waiting for a condition, always with an end.

use std::time::Duration;

use anyhow::Context;

/// How long a condition may take to come true on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at a condition that cannot be awaited; short beside what a test takes in all.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Awaits a future that is expected to end.
///
/// # Errors
/// Says what did not happen within 20 seconds.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> anyhow::Result<T> {
    tokio::time::timeout(PATIENCE, future).await.with_context(|| format!("not within {PATIENCE:?}: {what}"))
}

/// Looks again and again until `look` finds something: for conditions outside of this process.
///
/// # Errors
/// Says what was not found within 20 seconds.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
    within(what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    })
    .await
}
