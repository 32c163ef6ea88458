//! What the bridge says of itself and of what it is bound to, when it is asked by a ping.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use gumshoe_proto::{
    bridge::v1::{CollectorStatus, Error, Pong, QueueStatus},
    collector::v1::{GetStatusRequest, status_service_client::StatusServiceClient},
};
use gumshoe_runtime::{admin::AdminHandle, client::with_deadline, request_id};
use tokio::time::Instant;
use tonic::{Request, metadata::AsciiMetadataKey};

use crate::{
    dispatch::{Channel, Collectors, cut, of_status},
    results::RunId,
};

/// A collector answers from memory; what takes longer is what a ping is to find out.
const COLLECTOR_TIME: Duration = Duration::from_secs(10);

/// Enough to say what is wrong with a collector.
const MAX_MESSAGE: usize = 200;

/// What does not change while the bridge runs, and where to ask for what does.
#[derive(Clone)]
pub(crate) struct About {
    /// Knows whether the bridge is ready.
    pub handle: AdminHandle,
    /// The command queue, then the result queues, as they were found at start.
    pub queues: Arc<[QueueStatus]>,
    /// Of `--max-deadline`.
    pub max_deadline: Duration,
    /// Of `--concurrency`.
    pub concurrency: u32,
    /// Of `--visibility-timeout`.
    pub visibility_timeout: Duration,
}

impl About {
    /// Asks all collectors, until then at most, and says all there is to say.
    pub(crate) async fn pong(&self, collectors: &Collectors, run: &RunId, until: Instant) -> Pong {
        let Self { handle, queues, max_deadline, concurrency, visibility_timeout } = self;
        let deadline = until.min(Instant::now() + COLLECTOR_TIME);
        let asked = collectors.all().map(|(name, channel)| ask(name, channel, &run.run, deadline));
        Pong {
            bridge_version: env!("CARGO_PKG_VERSION").into(),
            not_ready: handle.reasons_not_ready(),
            collectors: join_all(asked).await,
            queues: queues.to_vec(),
            max_deadline: (*max_deadline).try_into().ok(),
            concurrency: *concurrency,
            visibility_timeout: (*visibility_timeout).try_into().ok(),
        }
    }
}

async fn ask(name: &str, channel: Channel, run: &str, deadline: Instant) -> CollectorStatus {
    let mut request = with_deadline(Request::new(GetStatusRequest {}), deadline);
    if let Ok(run) = run.parse() {
        request.metadata_mut().insert(AsciiMetadataKey::from_static(request_id::HEADER), run);
    }
    let (status, error) = match StatusServiceClient::new(channel).get_status(request).await {
        Ok(status) => (Some(status.into_inner()), None),
        Err(status) => (None, Some(brief(of_status(&status)))),
    };
    CollectorStatus { name: name.into(), status, error }
}

/// Those of all collectors go into one message.
fn brief(error: Error) -> Error {
    Error { message: cut(&error.message, MAX_MESSAGE).to_owned(), ..error }
}

#[cfg(test)]
pub(crate) mod tests {
    use gumshoe_runtime::Shutdown;

    use super::*;

    /// What is told of a bridge that is ready and has one queue.
    pub(crate) fn mk_about() -> About {
        About {
            handle: AdminHandle::new(Shutdown::new()),
            queues: [QueueStatus { max_receive_count: Some(5), ..QueueStatus::default() }].into(),
            max_deadline: Duration::from_secs(600),
            concurrency: 4,
            visibility_timeout: Duration::from_secs(60),
        }
    }
}
