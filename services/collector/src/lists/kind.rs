//! What a kind must say of itself so that lists and single reads of it can be served.

use gumshoe_proto::{Normalize, methods::Object};
use prost_types::Timestamp;

use crate::kubernetes::resource::Resource;

/// A kind of Kubernetes object, as the contract has it.
pub trait Kind: Object + Normalize {
    /// Where the Kubernetes API has it.
    const RESOURCE: Resource;
    /// Whether lists of it come in several answers: for kinds that the API server's watch cache does not hold.
    const PAGINATE: bool = false;

    /// Fills the fields that Kubernetes does not send, from those that it does; `now` is for ages.
    fn derive(&mut self, now: Timestamp);
}
