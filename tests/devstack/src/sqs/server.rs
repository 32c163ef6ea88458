//! The server: plain HTTP on a free port of 127.0.0.1, gone when its handle is dropped.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use aws_sdk_sqs::error::ProvideErrorMetadata as _;
use aws_sdk_sqs::types::QueueAttributeName;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::backend::{Backend, Server};
use super::calls::{Call, CallLog};
use super::contract;
use super::endpoint::Endpoint;
use super::faults::Faults;
use super::front::Front;

/// A running SQS server. It ends when it is dropped, with all its queues.
pub struct Sqs {
    front: Arc<Front>,
    endpoint: Endpoint,
    _server: AbortOnDropHandle<()>,
}

impl Sqs {
    /// Starts with these queues, all with the attributes that AWS gives by default.
    ///
    /// # Errors
    /// No port is free, or a queue's name is none.
    pub async fn start(queues: &[&str]) -> anyhow::Result<Self> {
        Self::start_on(Server::Embedded, queues).await
    }

    /// Starts so on a certain server.
    ///
    /// # Errors
    /// Also where that server does not come up.
    pub async fn start_on(server: Server, queues: &[&str]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("bind the SQS server")?;
        let address = listener.local_addr()?;
        let front = Arc::new(Front {
            backend: Backend::start(server, address).await?,
            faults: Faults::default(),
            calls: CallLog::default(),
            received: Mutex::default(),
            taken: Mutex::default(),
        });
        let server = AbortOnDropHandle::new(tokio::spawn(serve(listener, Arc::clone(&front))));
        let endpoint = Endpoint::with_queues(address, queues).await?;
        Ok(Self { front, endpoint, _server: server })
    }

    /// What is to go wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.front.faults
    }

    /// The calls so far, in their order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.front.calls.all()
    }

    /// Keeps no calls any more: for long runs, whose bodies are many.
    pub fn forget_calls(&self) {
        self.front.calls.forget();
    }

    /// How many messages a queue took so far.
    #[must_use]
    pub fn messages_taken(&self, queue: &str) -> u64 {
        let taken = self.front.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.get(queue).copied().unwrap_or_default()
    }

    /// Awaits a call; one that came earlier counts.
    ///
    /// # Errors
    /// None came within 20 seconds.
    pub async fn saw(&self, what: &str, wanted: impl Fn(&Call) -> bool) -> anyhow::Result<Call> {
        crate::within(what, self.front.calls.saw(wanted)).await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// It is refused.
    pub async fn send(&self, queue: &str, body: impl Into<String>) -> anyhow::Result<String> {
        let call = self.client().send_message().queue_url(self.queue_url(queue)).message_body(body);
        let sent = call.send().await.with_context(|| format!("send to {queue}"))?;
        sent.message_id.context("a message without an id")
    }

    /// Makes every message visible again that was received and not deleted: as if its visibility time-out had passed.
    ///
    /// # Errors
    /// The server is broken. A message that was deleted meanwhile is none.
    pub async fn expire_visibility(&self) -> anyhow::Result<()> {
        let received = std::mem::take(&mut *self.front.received.lock().unwrap_or_else(PoisonError::into_inner));
        for (handle, url) in received {
            let call = self.client().change_message_visibility().queue_url(url).receipt_handle(handle);
            if let Err(error) = call.visibility_timeout(0).send().await {
                let gone = |code: &str| code.ends_with("MessageNotInflight") || code == "ReceiptHandleIsInvalid";
                let known = error.code().is_some_and(gone);
                anyhow::ensure!(known, "cannot make a message visible: {error:?}");
            }
        }
        Ok(())
    }

    /// Awaits the moment when a queue holds nothing, not even messages that are being worked on.
    ///
    /// # Errors
    /// It still holds something after 20 seconds.
    pub async fn drained(&self, queue: &str) -> anyhow::Result<()> {
        crate::eventually(&format!("the queue {queue} is empty"), async || {
            (self.holds(queue).await.ok()? == 0).then_some(())
        })
        .await
    }

    /// How many messages a queue holds, those that are being worked on included.
    ///
    /// # Errors
    /// There is no such queue.
    pub async fn holds(&self, queue: &str) -> anyhow::Result<u64> {
        let call = self.client().get_queue_attributes().queue_url(self.queue_url(queue));
        let output = call.attribute_names(QueueAttributeName::All).send().await?;
        let attributes = output.attributes.unwrap_or_default();
        let count = |name| attributes.get(&name).and_then(|count: &String| count.parse::<u64>().ok()).unwrap_or(0);
        Ok(count(QueueAttributeName::ApproximateNumberOfMessages)
            + count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            + count(QueueAttributeName::ApproximateNumberOfMessagesDelayed))
    }
}

impl Deref for Sqs {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Drop for Sqs {
    /// # Panics
    /// Where a message is not as the schemas have it. Here, as a test that has failed already says why, and one that has not must.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let violations = contract::violations(&self.calls());
            assert!(violations.is_empty(), "docs/schema and the messages disagree: {violations:#?}");
        }
    }
}

async fn serve(listener: TcpListener, front: Arc<Front>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(connection(stream, Arc::clone(&front))); }
                Err(error) => tracing::warn!(%error, "the SQS server cannot accept"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, front: Arc<Front>) {
    let service = service_fn(move |request| Arc::clone(&front).handle(request));
    let served = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(error, "a connection to the SQS server ended");
    }
}
