//! The gRPC server: its own connection loop, because the one of tonic neither ends streams at their deadline nor drains
//! to an end nor reloads certificates.
//!
//! A connection is a handshake (bounded in number and time), then HTTP/2 until its age, its client's certificate or the
//! shutdown ends it; a call is what `call` makes of it. No task outlives `serve`.

mod call;
mod connection;
mod handshake;
mod lifetime;
mod limits;
mod listen;
mod peer;
mod share;

pub use limits::{Limits, MAX_REQUEST_BYTES};
pub use peer::Peer;

use std::sync::Arc;

use tokio::net::TcpListener;
use tonic::service::Routes;

use crate::metrics;
use crate::shutdown::Shutdown;
use crate::tls::ServerIdentity;

/// Why a server ended other than by its drain.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The limits leave no room for a single call.
    #[error("limit {0} must not be zero")]
    ZeroLimit(&'static str),
}

/// Serves the routes on the listener until the shutdown begins and the calls that run then have ended or used up the time
/// of the drain. Then every socket is closed and every task has ended.
///
/// The methods are those of the routes, each `package.Service/Method`: calls of others are measured together, as `_OTHER`.
/// Every request carries the extensions `Deadline`, `RequestId`, `Peer` and, if its caller sent one, `TraceParent`.
///
/// # Errors
/// A limit is zero. What befalls single connections is logged and counted.
pub async fn serve(
    listener: TcpListener,
    identity: Arc<ServerIdentity>,
    routes: Routes,
    methods: impl IntoIterator<Item = String>,
    limits: Limits,
    shutdown: Shutdown,
) -> Result<(), ServeError> {
    limits.check()?;
    metrics::rpc().serves(methods);
    let calls = call::Calls::new(routes.prepare(), limits.max_calls);
    listen::Loop::new(listener, identity, calls, limits, shutdown).run().await;
    Ok(())
}
