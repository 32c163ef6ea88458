//! Tables, in which form alone Secrets are served: a real API server gives their values in every other.

use bytes::Bytes;
use http::Response;
use k8s_pb::apimachinery::pkg::apis::meta::v1::ListMeta;
use serde_json::{Value, json};

use super::response::{self, Body};

/// The body of a Table with these rows, chunk by chunk.
pub(super) fn secrets(metadata: &ListMeta, rows: Vec<Bytes>) -> Response<Body> {
    let columns = ["Name", "Type", "Data", "Age"].map(|name| json!({"name": name, "type": "string", "priority": 0}));
    let mut members = json!({"resourceVersion": metadata.resource_version.clone().unwrap_or_default()});
    if let Some(token) = metadata.r#continue.as_ref().filter(|token| !token.is_empty()) {
        members["continue"] = Value::from(token.as_str());
    }
    // In the order in which Go writes the struct.
    let begin = format!(
        "{{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{members},\"columnDefinitions\":{},\"rows\":[",
        Value::from(columns.to_vec())
    );
    let rows = rows.into_iter().enumerate().flat_map(|(index, row)| {
        let comma = Bytes::from_static(if index == 0 { b"" } else { b"," });
        [comma, row]
    });
    let chunks = std::iter::once(Bytes::from(begin)).chain(rows).chain([Bytes::from_static(b"]}\n")]);
    response::table(chunks.filter(|chunk| !chunk.is_empty()).collect::<Vec<_>>().into_iter())
}
