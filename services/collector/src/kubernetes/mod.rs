//! Everything that knows how the Kubernetes API speaks: paths, encodings, errors, lists, logs. Knows neither gRPC nor the
//! kinds' own columns.

pub mod api;
pub mod client;
pub mod list;
pub mod names;
pub mod repair;
pub mod resource;
pub mod selector;
pub mod status;
pub mod version;
pub mod wire;
