//! One connection with a known client, from its first frame to the closed socket.

use std::pin::{Pin, pin};
use std::time::Duration;

use http::Request;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use super::call::{Calls, Connection as CallContext};
use super::handshake::Established;
use super::lifetime::Lifetime;
use super::limits::Limits;
use crate::chain::Chain;
use crate::metrics;
use crate::shutdown::Shutdown;
use crate::tasks::{Executor, Tasks};

/// The largest set of request headers: far more than a deadline, ids and a trace context need.
const MAX_HEADERS: u32 = 16 * 1024;

/// What one call may send us unread. Requests are selectors and names; a larger one only takes more round trips.
const STREAM_WINDOW: u32 = 64 * 1024;

/// What all calls of one connection may send us unread: this bounds what a client makes us hold.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// What one call may have waiting for the socket: enough to fill the pipe between two pages.
const SEND_BUFFER: usize = 256 * 1024;

/// From cutting the calls that outlived their connection to closing the socket: time for their last frames to go out.
pub(super) const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Serves the connection to its end.
pub(super) async fn run(established: Established, calls: Calls, limits: Limits, shutdown: Shutdown) {
    let Established { io, peer, not_after } = established;
    let _open = Open::new();
    let life = Lifetime::new(&limits, not_after);
    let context = CallContext {
        peer,
        cut: CancellationToken::new(),
        unread: CancellationToken::new(),
        unread_grace: limits.unread_grace,
    };
    let (cut, unread) = (context.cut.clone(), context.unread.clone());
    // Declared before the connection: dropped after it, and its tasks with it.
    let tasks = Tasks::default();
    let service = service_fn(move |request: Request<_>| calls.clone().answer(request, context.clone()));
    let connection = http2_builder(tasks.executor(), &limits).serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);

    tokio::select! {
        ended = connection.as_mut() => return report(ended),
        () = tokio::time::sleep_until(life.leave) => {}
        () = shutdown.token().cancelled() => {}
        () = unread.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let drained = async {
        shutdown.token().cancelled().await;
        tokio::time::sleep(limits.drain).await;
    };
    tokio::select! {
        ended = connection.as_mut() => return report(ended),
        () = tokio::time::sleep_until(life.close) => {}
        () = drained => {}
        () = unread.cancelled() => {}
    }
    cut.cancel();
    close(connection).await;
}

async fn close(connection: Pin<&mut impl Future<Output = hyper::Result<()>>>) {
    match tokio::time::timeout(CLOSE_TIME, connection).await {
        Ok(ended) => report(ended),
        Err(_) => tracing::debug!("connection aborted"),
    }
}

fn http2_builder(executor: Executor, limits: &Limits) -> http2::Builder<Executor> {
    let mut builder = http2::Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.max_streams)
        .max_header_list_size(MAX_HEADERS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(limits.keep_alive_interval)
        .keep_alive_timeout(limits.keep_alive_timeout);
    builder
}

/// How a connection ended is the client's affair; its calls have been recorded.
fn report(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(error = %Chain(&error), "connection ended");
    }
}

/// Counts the connection as long as it lives.
struct Open;

impl Open {
    fn new() -> Self {
        metrics::connections().opened();
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::connections().closed();
    }
}
