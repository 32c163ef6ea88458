//! The contract of Gumshoe: the protobuf packages `gumshoe.collector.v1` (gRPC) and `gumshoe.bridge.v1` (SQS), their Rust
//! types, their descriptors and their canonical JSON.
//!
//! Opens no connection, and knows shapes and texts of Kubernetes only: what is here, every part of Gumshoe and every client may use.

pub mod envelope;
pub mod human_duration;
pub mod json;
pub mod log_tally;
pub mod methods;
mod normalize;
pub mod run;
pub mod trace_parent;

pub use normalize::Normalize;

/// The descriptors of both packages and of what they import, as a serialised `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));

/// The gRPC services of the collector.
pub mod collector {
    /// `gumshoe.collector.v1`.
    #[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/gumshoe.collector.v1.rs"));
    }
}

/// The messages of the bridge's queues.
pub mod bridge {
    /// `gumshoe.bridge.v1`.
    #[allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/gumshoe.bridge.v1.rs"));
    }
}
