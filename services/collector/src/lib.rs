//! The collector: reads typed evidence from the Kubernetes API, read-only, and streams it over gRPC.

pub mod access;
pub mod args;
pub mod error;
pub mod kinds;
pub mod kubernetes;
pub mod lists;
pub mod logs;
pub mod methods;
pub mod pages;
pub mod serve;
pub mod standard;
pub mod status;
pub mod topology;
