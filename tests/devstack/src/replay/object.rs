//! One object as the API server stores it: its bytes, and what selectors can ask of it.

use std::collections::BTreeMap;

use anyhow::Context;
use bytes::Bytes;
use k8s_pb::api::core::v1 as core;
use k8s_pb::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use prost::Message;
use serde_json::Value;

use super::route::Resource;

/// An object: its protobuf bytes are served as they are.
#[derive(Debug, Clone)]
pub struct Object {
    /// Empty for what is in no namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What a field selector can ask for; a field that its kind knows is there even where it is empty.
    pub fields: BTreeMap<&'static str, String>,
    /// The message, without any envelope; of a Secret, its row.
    pub bytes: Bytes,
}

impl Object {
    /// A pod of these bytes.
    ///
    /// # Errors
    /// The bytes are no pod, or it has no metadata.
    pub fn pod(bytes: Bytes) -> anyhow::Result<Self> {
        let pod = core::Pod::decode(bytes.clone()).context("decode a pod")?;
        let spec = pod.spec.unwrap_or_default();
        let status = pod.status.unwrap_or_default();
        let fields = BTreeMap::from([
            ("spec.nodeName", spec.node_name.unwrap_or_default()),
            ("spec.restartPolicy", spec.restart_policy.unwrap_or_default()),
            ("spec.schedulerName", spec.scheduler_name.unwrap_or_default()),
            ("spec.serviceAccountName", spec.service_account_name.unwrap_or_default()),
            ("spec.hostNetwork", spec.host_network.unwrap_or_default().to_string()),
            ("status.phase", status.phase.unwrap_or_default()),
            ("status.podIP", status.pod_ip.unwrap_or_default()),
            ("status.nominatedNodeName", status.nominated_node_name.unwrap_or_default()),
        ]);
        Self::new(pod.metadata, fields, bytes)
    }

    /// An event of these bytes.
    ///
    /// # Errors
    /// The bytes are no event, or it has no metadata.
    pub fn event(bytes: Bytes) -> anyhow::Result<Self> {
        let event = EventHead::decode(bytes.clone()).context("decode an event")?;
        let about = event.involved_object.unwrap_or_default();
        let source = event.source.unwrap_or_default().component.filter(|component| !component.is_empty());
        let reporter = event.reporting_component.unwrap_or_default();
        let fields = BTreeMap::from([
            ("involvedObject.kind", about.kind.unwrap_or_default()),
            ("involvedObject.namespace", about.namespace.unwrap_or_default()),
            ("involvedObject.name", about.name.unwrap_or_default()),
            ("involvedObject.uid", about.uid.unwrap_or_default()),
            ("involvedObject.apiVersion", about.api_version.unwrap_or_default()),
            ("involvedObject.resourceVersion", about.resource_version.unwrap_or_default()),
            ("involvedObject.fieldPath", about.field_path.unwrap_or_default()),
            ("reason", event.reason.unwrap_or_default()),
            ("source", source.unwrap_or_else(|| reporter.clone())),
            ("reportingComponent", reporter),
            ("type", event.r#type.unwrap_or_default()),
        ]);
        Self::new(event.metadata, fields, bytes)
    }

    /// A Secret, whose bytes are its row in a Table: {"cells": [name, type, number of keys, age], "object": PartialObjectMetadata}.
    ///
    /// # Errors
    /// The bytes are no such row.
    pub fn secret(bytes: Bytes) -> anyhow::Result<Self> {
        let row: Value = serde_json::from_slice(&bytes).context("decode a row")?;
        let metadata = &row["object"]["metadata"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let labels = metadata["labels"].as_object().into_iter().flatten();
        let metadata = ObjectMeta {
            name: text(&metadata["name"]),
            namespace: text(&metadata["namespace"]),
            labels: labels.filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect(),
            ..ObjectMeta::default()
        };
        let fields = BTreeMap::from([("type", text(&row["cells"][1]).unwrap_or_default())]);
        Self::new(Some(metadata), fields, bytes)
    }

    /// An object of these bytes, of any kind.
    ///
    /// # Errors
    /// The bytes are no object of this kind, or it has no metadata.
    pub(super) fn of(resource: Resource, bytes: Bytes) -> anyhow::Result<Self> {
        match resource {
            Resource::PODS => Self::pod(bytes),
            Resource::EVENTS => Self::event(bytes),
            Resource::SECRETS => Self::secret(bytes),
            _ => Self::new(Head::decode(bytes.clone()).context("decode an object")?.metadata, BTreeMap::new(), bytes),
        }
    }

    fn new(
        metadata: Option<ObjectMeta>,
        mut fields: BTreeMap<&'static str, String>,
        bytes: Bytes,
    ) -> anyhow::Result<Self> {
        let metadata = metadata.context("an object without metadata")?;
        let name = metadata.name.context("an object without a name")?;
        let namespace = metadata.namespace.unwrap_or_default();
        fields.insert("metadata.name", name.clone());
        fields.insert("metadata.namespace", namespace.clone());
        Ok(Self { namespace, name, labels: metadata.labels, fields, bytes })
    }

    /// Its metadata and nothing else of it, as the API server makes a PartialObjectMetadata.
    #[must_use]
    pub(super) fn metadata_only(&self, resource: Resource) -> Bytes {
        let metadata = if resource == Resource::SECRETS {
            let row: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
            let uid = row["object"]["metadata"]["uid"].as_str().map(str::to_owned);
            let (name, namespace) = (Some(self.name.clone()), Some(self.namespace.clone()));
            Some(ObjectMeta { name, namespace, uid, ..ObjectMeta::default() })
        } else {
            Head::decode(self.bytes.clone()).ok().and_then(|head| head.metadata)
        };
        Head { metadata }.encode_to_vec().into()
    }

    /// Where the object stands in a list: the API server orders by the bytes of its storage key.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// What is alike in all kinds.
#[derive(Clone, PartialEq, Message)]
struct Head {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
}

/// What selectors ask of an event, and not its message: a real one is cut at 1024 bytes, also within a character, and would not
/// decode.
#[derive(Clone, PartialEq, Message)]
struct EventHead {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    involved_object: Option<core::ObjectReference>,
    #[prost(string, optional, tag = "3")]
    reason: Option<String>,
    #[prost(message, optional, tag = "5")]
    source: Option<core::EventSource>,
    #[prost(string, optional, tag = "9")]
    r#type: Option<String>,
    #[prost(string, optional, tag = "14")]
    reporting_component: Option<String>,
}
