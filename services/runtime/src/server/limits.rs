//! The bounds of a server, each with the reason for its default.

use std::time::Duration;

use super::ServeError;

/// The largest request that a handler decodes: five hundred namespaces, a token and selectors fit. A request that is not
/// finished is held, so this times the calls is what callers can make the process hold. Handlers set it with
/// `max_decoding_message_size`.
pub const MAX_REQUEST_BYTES: usize = 128 * 1024;

/// What a server grants; `Default` is right for a collector of a large cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections past their handshake. Clients keep one each, so this is the number of client processes. One peer has at most
    /// half of them, so that no certificate can lock the others out.
    pub max_connections: usize,
    /// Unfinished handshakes; a further connection closes the oldest of them, so that a flood cannot lock others out.
    pub max_handshakes: usize,
    /// From accept to the HTTP/2 preface. Bridges over continents need under a second.
    pub handshake_timeout: Duration,
    /// Calls under way in the whole server. As many again wait up to five seconds for one of them to end; what finds no room
    /// then is told UNAVAILABLE, which clients retry with a back-off. One peer has at most half of either.
    pub max_calls: usize,
    /// Calls under way on one connection, told to the client in SETTINGS; further ones wait at the client.
    pub max_streams: u32,
    /// Age at which a connection is asked to end (GOAWAY), give or take a tenth so that a fleet does not reconnect at
    /// once. Reconnecting spreads clients over new servers and brings reloaded certificates into use.
    pub connection_age: Duration,
    /// How long calls may go on after that.
    pub connection_grace: Duration,
    /// How long calls may go on after the shutdown began: less than Kubernetes' 30 s to SIGKILL.
    pub drain: Duration,
    /// How long a client may leave the end of a response unread after its deadline. One in order resets the call then;
    /// for one that does neither, only closing the connection gives back what is buffered for it.
    pub unread_grace: Duration,
    /// A connection that carries nothing for so long is asked for a sign of life.
    pub keep_alive_interval: Duration,
    /// How long that sign may take; then the connection is closed.
    pub keep_alive_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 256,
            max_handshakes: 64,
            handshake_timeout: Duration::from_secs(10),
            max_calls: 256,
            max_streams: 128,
            connection_age: Duration::from_secs(30 * 60),
            connection_grace: Duration::from_secs(5 * 60),
            drain: Duration::from_secs(20),
            unread_grace: Duration::from_secs(30),
            keep_alive_interval: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(20),
        }
    }
}

impl Limits {
    /// A limit of zero would refuse everybody, which nobody means.
    pub(super) fn check(&self) -> Result<(), ServeError> {
        let counts = [
            ("max_connections", self.max_connections),
            ("max_handshakes", self.max_handshakes),
            ("max_calls", self.max_calls),
            ("max_streams", self.max_streams as usize),
        ];
        match counts.iter().find(|(_, count)| *count == 0) {
            Some((name, _)) => Err(ServeError::ZeroLimit(name)),
            None => Ok(()),
        }
    }
}
