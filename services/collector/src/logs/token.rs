//! Where a call for logs goes on.

use serde::{Deserialize, Serialize};

use super::{left_out::Earlier, moment::Moment, source::Progress};

/// What a page token holds: small, since each page carries one, and one has to fit into a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Token {
    /// The beginning of the window, which `since` counts from the first call on.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Moment>,
    #[serde(rename = "p")]
    pub(super) pods: Vec<PodToken>,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<Earlier>,
}

/// A pod, and where the caller is in its logs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PodToken {
    #[serde(rename = "n")]
    pub(super) name: String,
    /// Another pod of the name has other logs.
    #[serde(rename = "u")]
    pub(super) uid: String,
    #[serde(rename = "c")]
    pub(super) containers: Vec<Progress>,
}
