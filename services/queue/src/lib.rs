//! What is the same for all who call SQS, the bridge and `gumshoe run`: how a queue is addressed, where it is, and that nothing goes
//! there in plain text over a network. What they call, how often and for how long is theirs.

mod config;
mod http_client;
mod plaintext;
mod url;

use std::time::Duration;

pub use config::{ConfigError, client_config};
pub use plaintext::{PlaintextEndpoint, RefusePlaintext};
pub use url::{QueueUrl, QueueUrlError};

/// The most messages that one call gives, and the most that one batch takes (SQS API reference).
pub const BATCH: usize = 10;

/// A time in the seconds that SQS takes, rounded up: a time that is asked for is never cut short, and a wait never becomes none.
#[must_use]
pub fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_never_cut_short() {
        assert_eq!([0, 1, 1000, 1001].map(|millis| seconds(Duration::from_millis(millis))), [0, 1, 1, 2]);
    }
}
