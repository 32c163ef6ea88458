//! The admin port: `/livez`, `/readyz` and `/metrics` in plaintext HTTP/1 for the kubelet and Prometheus, which have no
//! client certificate. Nothing else belongs here.

mod handle;
mod http;

pub use handle::{AdminHandle, ReadinessGate};

use std::future::Future;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::args::AdminArgs;
use crate::listen;

/// The admin port, bound.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
    address: SocketAddr,
}

/// Binds the admin port: first thing in a process, so that an address in use ends it before it does anything.
///
/// # Errors
/// The address is in use or not ours.
pub async fn bind(args: &AdminArgs) -> anyhow::Result<Admin> {
    let listener = listen::bind("--admin-listen", args.admin_listen).await?;
    let address = listener.local_addr()?;
    tracing::info!(addr = %address, port_name = "admin", "listening");
    Ok(Admin { listener, address })
}

impl Admin {
    /// The address with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers on the port for as long as `work` runs, then closes it and gives what `work` gave. So `/readyz` says
    /// "draining" until the last call is over.
    pub async fn serve<T>(self, handle: &AdminHandle, work: impl Future<Output = T>) -> T {
        let end = CancellationToken::new();
        let server = tokio::spawn(http::serve(self.listener, handle.clone(), end.clone()));
        let server = tokio_util::task::AbortOnDropHandle::new(server);
        let done = work.await;
        end.cancel();
        if server.await.is_err() {
            tracing::error!("the admin port's task panicked");
        }
        done
    }
}
