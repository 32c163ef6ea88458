//! Asks the collectors: one path for queries of every kind.
//!
//! Nothing here knows a kind. Which method a query means, where its items are and what ends it, is read from the contract's
//! descriptors ([`method`]), so a kind that is added to the contract is served without a line of code. What comes from the
//! collector stays encoded until it is cut into messages, item by item.

mod call;
mod codec;
mod completeness;
mod logs;
mod method;
mod outcome;
mod query;
mod wire;

use std::sync::Arc;

use gumshoe_runtime::client::GrpcClient;
use http::{Request, Response};
use tonic::{Status, body::Body};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

pub(crate) use completeness::shorten;
pub(crate) use logs::follows;
pub(crate) use method::Method;
pub(crate) use outcome::{cut, error, of_status};
pub(crate) use query::Asker;

/// The way to one collector.
pub(crate) type Channel = BoxCloneSyncService<Request<Body>, Response<Body>, Status>;

/// The collectors of the configuration; clones share them.
#[derive(Clone)]
pub(crate) struct Collectors(Arc<Vec<(String, Channel)>>);

impl Collectors {
    /// Collectors by their names, the default one first; there must be one.
    #[must_use]
    pub(crate) fn new(collectors: Vec<(String, Channel)>) -> Self {
        Self(Arc::new(collectors))
    }

    /// The collector of that name; the default one where the name is empty.
    fn get(&self, name: &str) -> Option<Channel> {
        let mut all = self.0.iter();
        let found = if name.is_empty() { all.next() } else { all.find(|(known, _)| known == name) };
        found.map(|(_, channel)| channel.clone())
    }

    /// All of them, in the order of the configuration.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Channel)> {
        self.0.iter().map(|(name, channel)| (name.as_str(), channel.clone()))
    }
}

/// The way to a real collector.
#[must_use]
pub(crate) fn channel(client: GrpcClient) -> Channel {
    BoxCloneSyncService::new(client.map_response(|response| response.map(Body::new)))
}
