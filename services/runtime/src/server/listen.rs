//! The loop that accepts connections and owns every one of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};

use super::call::Calls;
use super::connection::{self, CLOSE_TIME};
use super::handshake::{Established, Refused, shake};
use super::limits::Limits;
use super::share::Shares;
use crate::chain::Chain;
use crate::io::accept;
use crate::metrics;
use crate::shutdown::Shutdown;
use crate::tasks::Bounded;
use crate::tls::ServerIdentity;

/// Connections close themselves at the end of the drain; one that has not done so after this time more is aborted.
const ABORT_MARGIN: Duration = Duration::from_secs(1);

pub(super) struct Loop {
    listener: TcpListener,
    identity: Arc<ServerIdentity>,
    calls: Calls,
    limits: Limits,
    shutdown: Shutdown,
    handshakes: Bounded<SocketAddr, Result<Established, Refused>>,
    connections: JoinSet<()>,
    shares: Arc<Shares>,
}

impl Loop {
    pub(super) fn new(
        listener: TcpListener,
        identity: Arc<ServerIdentity>,
        calls: Calls,
        limits: Limits,
        shutdown: Shutdown,
    ) -> Self {
        let handshakes = Bounded::new(limits.max_handshakes);
        let shares = Shares::new(limits.max_connections);
        Self { listener, identity, calls, limits, shutdown, handshakes, connections: JoinSet::new(), shares }
    }

    /// Accepts until the shutdown, then waits for the connections to end.
    pub(super) async fn run(mut self) {
        let shutdown = self.shutdown.token().clone();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                (stream, address) = accept(&self.listener) => self.begin(stream, address),
                Some((address, outcome)) = self.handshakes.next() => self.shaken(address, outcome),
                Some(ended) = self.connections.join_next() => report(ended),
            }
        }
        let Self { listener, handshakes, connections, limits, .. } = self;
        // Closed before the drain, so that new clients go to another server at once.
        drop((listener, handshakes));
        drain(connections, limits.drain).await;
    }

    fn begin(&mut self, stream: TcpStream, address: SocketAddr) {
        let handshake = shake(stream, address, self.identity.config(), self.limits.handshake_timeout);
        if let Some(evicted) = self.handshakes.begin(address, handshake) {
            refuse(evicted, &Refused::Flood);
        }
    }

    fn shaken(&mut self, address: SocketAddr, outcome: Result<Established, Refused>) {
        let established = match outcome {
            Ok(established) => established,
            Err(refused) => return refuse(address, &refused),
        };
        let Some(share) = self.shares.take(&established.peer) else { return refuse(address, &Refused::Limit) };
        let (calls, limits, shutdown) = (self.calls.clone(), self.limits.clone(), self.shutdown.clone());
        self.connections.spawn(async move {
            let _share = share;
            connection::run(established, calls, limits, shutdown).await;
        });
    }
}

fn refuse(address: SocketAddr, refused: &Refused) {
    metrics::connections().refused(refused.reason());
    let error = Chain(refused);
    match refused {
        // What a load balancer's or the kubelet's TCP probe does, every few seconds.
        Refused::Closed => tracing::debug!(%address, %error, "connection closed before the handshake"),
        _ => tracing::warn!(%address, %error, "connection refused"),
    }
}

async fn drain(mut connections: JoinSet<()>, drain: Duration) {
    let ended = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(drain + CLOSE_TIME + ABORT_MARGIN, ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections outlived the drain: aborted");
        connections.shutdown().await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("the task of a connection panicked");
    }
}
