//! What the API server says that it was asked.

use serde_json::Value;

use super::bench::Bench;

/// A request, as the audit log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) id: String,
    pub(crate) verb: String,
    pub(crate) uri: String,
    pub(crate) user_agent: String,
    /// The HTTP status of the answer.
    pub(crate) code: u64,
}

/// Everything that was asked with this user's credentials so far, and written down.
pub(crate) fn asked_by(bench: &Bench, user: &str) -> Vec<Asked> {
    let log = std::fs::read(bench.cluster.audit_log().unwrap()).unwrap();
    let marker = format!("\"username\":\"{user}\"");
    // Its last line may not be whole yet.
    let whole = log.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let lines = log[..whole].split(|byte| *byte == b'\n');
    let lines = lines.map(|line| std::str::from_utf8(line).unwrap()).filter(|line| line.contains(&marker));
    let entries = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| entry["user"]["username"] == user).map(|entry| Asked::of(&entry)).collect()
}

/// Awaits what was asked under this id.
pub(crate) async fn asked_under(bench: &Bench, user: &str, id: &str) -> Vec<Asked> {
    gumshoe_devstack::eventually(&format!("the audit log has {id}"), async || {
        let found: Vec<_> = asked_by(bench, user).into_iter().filter(|asked| asked.id == id).collect();
        (!found.is_empty()).then_some(found)
    })
    .await
    .unwrap()
}

impl Asked {
    fn of(entry: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            id: text(&entry["auditID"]),
            verb: text(&entry["verb"]),
            uri: text(&entry["requestURI"]),
            user_agent: text(&entry["userAgent"]),
            code: entry["responseStatus"]["code"].as_u64().unwrap_or_default(),
        }
    }

    pub(crate) fn path(&self) -> &str {
        self.uri.split_once('?').map_or(&self.uri, |(path, _)| path)
    }
}
