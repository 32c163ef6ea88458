//! The gRPC server: its own connection loop, because the one of tonic neither ends calls at their deadline nor drains
//! to an end nor reloads certificates.

mod limits;
mod peer;

pub use limits::{Limits, MAX_REQUEST_BYTES};
pub use peer::Peer;

use std::sync::Arc;

use tokio::net::TcpListener;
use tonic::service::Routes;

use crate::shutdown::Shutdown;
use crate::tls::ServerIdentity;

/// Why a server ended other than by its drain.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A task of the server panicked.
    #[error("a task of the server panicked")]
    Panicked,
}

/// Serves until the shutdown begins and every connection is drained or its time is over.
///
/// # Errors
/// Currently none.
#[allow(clippy::unused_async, clippy::unimplemented)]
pub async fn serve(
    _listener: TcpListener,
    _identity: Arc<ServerIdentity>,
    _routes: Routes,
    _limits: Limits,
    _shutdown: Shutdown,
) -> Result<(), ServeError> {
    unimplemented!("the connection loop follows in the next commit")
}
