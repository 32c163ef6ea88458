//! Secrets: `SecretService`. What stands in them is never read: the API server is asked for a Table, whose rows hold names, types,
//! numbers of keys and metadata, and nothing here has a place for a value.

mod metadata;

use bytes::Bytes;
use gumshoe_proto::collector::v1::{GetSecretRequest, ListSecretsRequest, ObjectMeta, SecretColumns, SecretMetadata};
use k8s_openapi::api::core::v1 as core;
use prost_types::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use self::metadata::Metadata;
use crate::{
    kubernetes::{encoding::Encoding, resource::Resource},
    lists::{Reader, kind::Kind},
    methods::Methods,
};

impl Kind for SecretMetadata {
    const RESOURCE: Resource = Resource::of::<core::Secret>();
    const ENCODING: Encoding = Encoding::Table(&["Name", "Type", "Data"]);
    // Of a Table, the API server streams nothing: it makes all of an answer before it sends it.
    const PAGINATE: bool = true;

    fn decode_object(row: &Bytes) -> Result<Self, String> {
        // What is wrong is not quoted, as serde_json does: it could be anything.
        let wrong = |error: serde_json::Error| format!("its row is not as expected, at character {}", error.column());
        let row: Row = serde_json::from_slice(row).map_err(wrong)?;
        if row.object.kind != "PartialObjectMetadata" {
            return Err("its row holds more than metadata".to_owned());
        }
        let [_, Value::String(r#type), data, ..] = &row.cells[..] else {
            return Err("its row has other cells than a Secret's".to_owned());
        };
        let data = data.as_i64().and_then(|data| i32::try_from(data).ok()).unwrap_or_default();
        let mut metadata = row.object.metadata;
        Ok(Self {
            key_names: metadata.take_key_names(),
            metadata: Some(metadata.into_message()),
            r#type: r#type.clone(),
            columns: Some(SecretColumns { r#type: r#type.clone(), data }),
        })
    }

    fn derive(&mut self, _now: Timestamp) {
        let withhold = |metadata: &mut ObjectMeta| metadata.withhold(|key| !PLAIN_ANNOTATIONS.contains(&key));
        self.metadata.iter_mut().for_each(withhold);
    }
}

/// The annotations of Secrets whose values are given: those of Kubernetes, Helm and cert-manager that name something. Others may hold what
/// the Secret does, as a token or a copy of it, and no list of those is ever whole.
const PLAIN_ANNOTATIONS: [&str; 13] = [
    "cert-manager.io/alt-names",
    "cert-manager.io/certificate-name",
    "cert-manager.io/common-name",
    "cert-manager.io/ip-sans",
    "cert-manager.io/issuer-group",
    "cert-manager.io/issuer-kind",
    "cert-manager.io/issuer-name",
    "cert-manager.io/uri-sans",
    "kubernetes.io/description",
    "kubernetes.io/service-account.name",
    "kubernetes.io/service-account.uid",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
];

/// Serves `SecretService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetSecretRequest>(reader).list::<ListSecretsRequest>(reader)
}

/// A row of the Table, as much as is taken of it.
#[derive(Deserialize)]
struct Row {
    /// Of the columns that `ENCODING` names, and others behind them.
    cells: Vec<Value>,
    object: PartialObject,
}

#[derive(Deserialize)]
struct PartialObject {
    kind: String,
    metadata: Metadata,
}
