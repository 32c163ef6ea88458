//! The configuration with which a client finds the replay.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// A kubeconfig; JSON, which is YAML.
pub(super) fn kubeconfig(url: &str, ca_pem: &str, token: Option<&str>) -> String {
    let user = token.map_or_else(|| json!({}), |token| json!({"token": token}));
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "replay",
        "contexts": [{"name": "replay", "context": {"cluster": "replay", "user": "collector"}}],
        "clusters": [{
            "name": "replay",
            "cluster": {"server": url, "certificate-authority-data": STANDARD.encode(ca_pem)},
        }],
        "users": [{"name": "collector", "user": user}],
    })
    .to_string()
}
