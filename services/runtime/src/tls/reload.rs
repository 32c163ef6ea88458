//! Noticing that the files of an identity changed.
//!
//! By contents and by polling: the kubelet swaps a link two directories up, other tools write in place, and a watch on
//! the file system misses one or the other.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::TlsError;
use super::files::{Contents, Material, Paths};
use crate::chain::Chain;
use crate::metrics;

/// The files and what was last seen in them.
pub(super) struct Watched {
    paths: Paths,
    seen: Mutex<Contents>,
}

impl Watched {
    /// Reads the files for the first time.
    pub(super) fn load(paths: Paths) -> Result<(Self, Material), TlsError> {
        let contents = paths.read()?;
        let material = contents.parse(&paths)?;
        Ok((Self { paths, seen: Mutex::new(contents) }, material))
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Hands the files to `install` whenever their contents changed, until the shutdown. What cannot be used changes
    /// nothing, is logged and counted, and is tried again only when it changes.
    pub(super) async fn poll(
        &self,
        interval: Duration,
        shutdown: CancellationToken,
        install: impl Fn(Material) -> Result<(), TlsError>,
    ) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            match self.changed().await {
                Ok(None) => {}
                Ok(Some(material)) => report(install(material)),
                Err(error) => report(Err(error)),
            }
        }
    }

    async fn changed(&self) -> Result<Option<Material>, TlsError> {
        let contents = self.paths.read()?;
        let mut seen = self.seen.lock().await;
        if *seen == contents {
            return Ok(None);
        }
        let material = contents.parse(&self.paths);
        *seen = contents;
        material.map(Some)
    }
}

fn report(installed: Result<(), TlsError>) {
    match installed {
        Ok(()) => {
            metrics::tls().reloaded();
            tracing::info!("TLS files changed: new ones in use");
        }
        Err(error) => {
            metrics::tls().reload_failed();
            tracing::warn!(error = %Chain(&error), "TLS files changed, but cannot be used: old ones kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_says_why_a_file_cannot_be_read() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let source = io::Error::from(io::ErrorKind::NotFound);
        let error = TlsError::Read { path: "collector.key".into(), source };
        tracing::subscriber::with_default(subscriber, || report(Err(error)));
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("collector.key: entity not found"), "{text}");
    }
}
