//! The metadata of an object in Kubernetes' JSON, and which keys of a Secret it names.

use std::collections::{BTreeMap, BTreeSet};

use gumshoe_proto::collector::v1::{ObjectMeta, OwnerReference};
use prost_types::Timestamp;
use serde::{Deserialize, de::IgnoredAny};

/// ObjectMeta in Kubernetes' JSON (apimachinery: `pkg/apis/meta/v1/types.go`).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metadata {
    name: String,
    generate_name: String,
    namespace: String,
    uid: String,
    resource_version: String,
    generation: i64,
    creation_timestamp: Option<String>,
    deletion_timestamp: Option<String>,
    deletion_grace_period_seconds: Option<i64>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    owner_references: Vec<Owner>,
    finalizers: Vec<String>,
    managed_fields: Vec<ManagedFields>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Owner {
    kind: String,
    name: String,
    uid: String,
    api_version: String,
    controller: Option<bool>,
    block_owner_deletion: Option<bool>,
}

/// Of what somebody has set, the keys (KEP-555): `{"fieldsV1": {"f:data": {".": {}, "f:password": {}}}}`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ManagedFields {
    #[serde(rename = "fieldsV1")]
    fields: Fields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    #[serde(rename = "f:data")]
    data: BTreeMap<String, IgnoredAny>,
}

impl Metadata {
    /// The names of the keys that somebody has set, sorted.
    pub(super) fn take_key_names(&mut self) -> Vec<String> {
        let managed = std::mem::take(&mut self.managed_fields);
        let keys = managed.into_iter().flat_map(|managed| managed.fields.data.into_keys());
        let names: BTreeSet<_> = keys.filter_map(|key| key.strip_prefix("f:").map(str::to_owned)).collect();
        names.into_iter().collect()
    }

    /// As the contract has it, but for what `Normalize` does to every object.
    pub(super) fn into_message(self) -> ObjectMeta {
        let Self {
            name,
            generate_name,
            namespace,
            uid,
            resource_version,
            generation,
            creation_timestamp,
            deletion_timestamp,
            deletion_grace_period_seconds,
            labels,
            annotations,
            owner_references,
            finalizers,
            managed_fields: _,
        } = self;
        ObjectMeta {
            name,
            generate_name,
            namespace,
            uid,
            resource_version,
            generation,
            creation_timestamp: creation_timestamp.as_deref().and_then(time),
            deletion_timestamp: deletion_timestamp.as_deref().and_then(time),
            deletion_grace_period_seconds,
            labels,
            annotations,
            owner_references: owner_references.into_iter().map(Owner::into_message).collect(),
            finalizers,
            withheld_annotations: Vec::new(),
        }
    }
}

impl Owner {
    fn into_message(self) -> OwnerReference {
        let Self { kind, name, uid, api_version, controller, block_owner_deletion } = self;
        OwnerReference { kind, name, uid, api_version, controller, block_owner_deletion }
    }
}

/// A time as Kubernetes writes it, in RFC 3339.
fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, Value};

    use super::*;

    /// A message with every field set that Kubernetes has.
    fn full(descriptor: &MessageDescriptor) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        for field in descriptor.fields().filter(|field| field.number() < 1000) {
            let value = match field.kind() {
                _ if field.is_map() => {
                    Value::Map([(MapKey::String("k".to_owned()), Value::String(field.name().to_owned()))].into())
                }
                Kind::String => Value::String(field.name().to_owned()),
                Kind::Int64 => Value::I64(7),
                Kind::Bool => Value::Bool(true),
                Kind::Message(below) if below.name() == "Timestamp" => {
                    let mut time = DynamicMessage::new(below);
                    time.set_field_by_name("seconds", Value::I64(1_793_534_400));
                    Value::Message(time)
                }
                Kind::Message(below) => Value::Message(full(&below)),
                kind => panic!("{kind:?}"),
            };
            message.set_field(&field, if field.is_list() { Value::List(vec![value]) } else { value });
        }
        message
    }

    #[test]
    fn every_field_of_the_metadata_is_read_from_kubernetes_json() {
        let expected: ObjectMeta = full(&json::descriptor::<ObjectMeta>()).transcode_to().unwrap();
        let mut text = json::to_value(&expected);
        // In ours, numbers of 64 bits are texts.
        for number in ["generation", "deletionGracePeriodSeconds"] {
            text[number] = 7.into();
        }
        let metadata: Metadata = serde_json::from_value(text).unwrap();
        assert_eq!(metadata.into_message(), expected);
    }
}
