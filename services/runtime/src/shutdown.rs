//! How a process is told to end: the first signal begins an orderly end, the second one ends it at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What the shell reports for a process that a signal ended: 128 and the signal's number.
const SIGNALLED: i32 = 128;

/// Says when the process is to end; clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// A shutdown that only `begin` begins, for tests and for servers inside other programs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the process is to end.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Begins the end as SIGTERM does.
    pub fn begin(&self) {
        self.token.cancel();
    }
}

/// SIGTERM and SIGINT of this process.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over from their default, which ends the process at once.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Begins the shutdown at the first signal; returns the exit code at the second.
    pub(crate) async fn watch(mut self, shutdown: &Shutdown) -> i32 {
        let first = self.next().await;
        shutdown.begin();
        tracing::info!(
            signal = first.as_raw_value(),
            "signal received: draining; a second one ends the process at once"
        );
        let second = self.next().await;
        tracing::warn!(signal = second.as_raw_value(), "second signal received: ending without drain");
        SIGNALLED + second.as_raw_value()
    }

    async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
        }
    }
}
