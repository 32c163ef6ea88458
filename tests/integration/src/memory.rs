//! The memory of a process while something happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gumshoe_devstack::processes::Running;

/// Between two samples: short beside the seconds that what is measured takes.
const INTERVAL: Duration = Duration::from_millis(20);

/// Samples what a process has allocated while something happens, and gives the most.
pub async fn peak_during<T>(process: &Running, work: impl Future<Output = T>) -> (T, u64) {
    let peak = AtomicU64::new(0);
    let sample = async {
        let mut interval = tokio::time::interval(INTERVAL);
        loop {
            interval.tick().await;
            let anonymous = process.memory().map_or(0, |memory| memory.anonymous);
            peak.fetch_max(anonymous, Ordering::Relaxed);
        }
    };
    tokio::select! {
        done = work => (done, peak.into_inner()),
        () = sample => unreachable!("sampling has no end"),
    }
}
