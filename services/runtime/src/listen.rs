//! Taking an address to listen on, and what is said where it cannot be had.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct BindError {
    flag: &'static str,
    address: SocketAddr,
    source: io::Error,
}

impl BindError {
    fn text(&self) -> String {
        let Self { flag, address, source } = self;
        match source.kind() {
            io::ErrorKind::AddrInUse => format!(
                "{flag} {address} is in use, maybe by another process of Gumshoe: give one of them another port with {flag}"
            ),
            io::ErrorKind::AddrNotAvailable => {
                format!(
                    "{flag} {address} is no address of this machine: 127.0.0.1 is this machine alone, 0.0.0.0 all its addresses"
                )
            }
            _ => format!("{flag} {address} cannot be listened on"),
        }
    }
}

/// Takes the address that a flag names.
///
/// # Errors
/// It is in use, not ours, or not for us; the error names the flag.
pub async fn bind(flag: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { flag, address, source })
}
