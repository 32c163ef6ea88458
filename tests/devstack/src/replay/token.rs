//! The continue tokens of paginated lists, in the API server's own format (k8s.io/apiserver: storage/continue.go).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Where a list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContinueToken {
    /// The version of the list; none goes on with whatever is the newest.
    pub(super) version: Option<u64>,
    /// Items from this key on.
    pub(super) start: String,
}

impl ContinueToken {
    pub(super) fn encode(&self) -> String {
        let version = self.version.map_or(json!(-1), Value::from);
        let text = json!({"v": "meta.k8s.io/v1", "rv": version, "start": self.start}).to_string();
        URL_SAFE_NO_PAD.encode(text)
    }

    pub(super) fn decode(token: &str) -> Option<Self> {
        let value: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        if value["v"] != "meta.k8s.io/v1" {
            return None;
        }
        let version = match value["rv"].as_i64()? {
            -1 => None,
            version => Some(u64::try_from(version).ok()?),
        };
        Some(Self { version, start: value["start"].as_str()?.to_owned() })
    }

    /// The token that an expired one is answered with: the rest, in whatever state it is by now.
    pub(super) fn inconsistent(&self) -> Self {
        Self { version: None, start: self.start.clone() }
    }
}
