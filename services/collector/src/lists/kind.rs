//! What a kind must say of itself so that lists and single reads of it can be served.

use bytes::Bytes;
use gumshoe_proto::{Normalize, collector::v1::Gap, methods::Object};
use prost_types::Timestamp;

use crate::kubernetes::{encoding::Encoding, repair::decode_lossy, resource::Resource};

/// A kind of Kubernetes object, as the contract has it.
pub trait Kind: Object + Normalize {
    /// Where the Kubernetes API has it.
    const RESOURCE: Resource;
    /// In what form the API server is asked for it.
    const ENCODING: Encoding = Encoding::Protobuf;
    /// Whether lists of it come in several answers: for kinds that the API server's watch cache does not hold.
    const PAGINATE: bool = false;

    /// The object as it came, in the form of `ENCODING`.
    ///
    /// # Errors
    /// Says what is wrong with it, without its content.
    fn decode_object(encoded: &Bytes) -> Result<Self, String> {
        decode_lossy(encoded).map_err(|error| error.to_string())
    }

    /// Notes what the encoding holds and the message does not, which is never decoded.
    fn measure(&mut self, _encoded: &Bytes) {}

    /// Leaves out what is too much for a list, and says so.
    fn abridge(&mut self) -> Vec<Gap> {
        Vec::new()
    }

    /// Fills the fields that Kubernetes does not send, from those that it does; `now` is for ages.
    fn derive(&mut self, now: Timestamp);
}
