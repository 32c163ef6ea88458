//! Everything that knows how the Kubernetes API speaks: paths, encodings, errors, lists, logs. Knows neither gRPC nor the
//! kinds' own columns.

pub mod api;
pub mod client;
pub mod encoding;
pub mod list;
pub mod names;
pub mod repair;
pub mod resource;
pub mod selector;
pub mod status;
pub mod table;
pub mod version;
pub mod wire;
