//! Who makes a call.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// The other side of a connection; an extension of every request. Clones share the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    name: Arc<str>,
    address: SocketAddr,
}

impl Peer {
    /// A peer of the name, at the address.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, address: SocketAddr) -> Self {
        Self { name: name.into(), address }
    }

    /// The name in its verified certificate: the URI SAN (a SPIFFE id), else the first DNS SAN, else the subject.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name, to be kept.
    pub(super) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// Where it connects from.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}
