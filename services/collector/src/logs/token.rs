//! Where a call for logs goes on.

use serde::{Deserialize, Serialize};

use super::{moment::Moment, source::Progress};

/// What a page token holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Token {
    /// Of the pod: another one of its name has other logs.
    pub(super) uid: String,
    /// The beginning of the window, which `since` counts from the first call on.
    pub(super) since: Option<Moment>,
    pub(super) containers: Vec<Progress>,
}
