//! What a kind must say of itself so that lists and single reads of it can be served.

use gumshoe_proto::{
    Normalize,
    collector::v1::{Completeness, ObjectMeta},
};
use prost::{Message, Name};
use prost_types::Timestamp;

use crate::kubernetes::resource::Resource;

/// A kind of Kubernetes object, as the contract has it.
pub trait Kind: Message + Name + Normalize + Default + 'static {
    /// Where the Kubernetes API has it.
    const RESOURCE: Resource;
    /// Whether lists of it come in several answers: for kinds that the API server's watch cache does not hold.
    const PAGINATE: bool = false;

    /// The object's metadata, where it has been sent.
    fn metadata(&self) -> Option<&ObjectMeta>;

    /// Fills the fields that Kubernetes does not send, from those that it does; `now` is for ages.
    fn derive(&mut self, now: Timestamp);
}

/// The page of a kind.
pub trait ListResponse: Send + 'static {
    /// What it holds.
    type Item: Kind;

    /// A page; only the last one of an answer has a `completeness`.
    fn page(items: Vec<Self::Item>, next_page_token: String, completeness: Option<Completeness>) -> Self;
}
