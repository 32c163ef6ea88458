//! Waiting between tries: exponential, with full jitter, so that many who wait for one thing do not come back at one time
//! (AWS Architecture Blog, "Exponential Backoff And Jitter").

use std::time::Duration;

/// The waits of one row of failures. As a constant it says how long they are; each row begins with a copy of it.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Waits of up to `first`, doubling up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// How long to wait before the next try: anything from half of the first wait to what is due now.
    pub fn next_wait(&mut self) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(self.longest);
        // Not from zero: a row of tries without any wait is what a back-off is there to prevent.
        let least = self.first / 2;
        least + (due.saturating_sub(least)).mul_f64(fastrand::f64())
    }

    /// Begins anew after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_begin_anew_after_a_success() {
        let (first, longest) = (Duration::from_millis(500), Duration::from_secs(30));
        let mut backoff = Backoff::new(first, longest);
        for due in [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000].map(Duration::from_millis) {
            let wait = backoff.next_wait();
            assert!(first / 2 <= wait && wait <= due, "{wait:?} of {due:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= first);
    }
}
