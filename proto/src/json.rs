//! Canonical proto3 JSON of Gumshoe's messages, driven by the descriptors.
//!
//! prost-reflect rather than generated serde code: it is byte for byte what Google's own implementations write.

mod bounded;

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;

use bounded::Bounds;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(crate::DESCRIPTOR_SET).expect("the embedded descriptor set is what the build encoded")
});

/// Why a text is not the JSON of a message.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

/// The descriptors of Gumshoe's packages and of what they import.
#[must_use]
pub fn descriptors() -> &'static DescriptorPool {
    &POOL
}

/// The descriptor of one of Gumshoe's messages.
#[must_use]
pub fn descriptor<M: Name>() -> MessageDescriptor {
    POOL.get_message_by_name(&M::full_name()).expect("every generated type is in the embedded descriptor set")
}

/// The canonical JSON of a message: field names as Kubernetes prints them, unset fields left out.
///
/// # Errors
/// The message holds a time or a duration that JSON cannot write.
pub fn try_to_value<M: Message + Name>(message: &M) -> Result<Value, JsonError> {
    let mut dynamic = DynamicMessage::new(descriptor::<M>());
    dynamic.transcode_from(message).expect("a generated type agrees with its own descriptor");
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .map_err(|error| JsonError(error.to_string()))
}

/// [`try_to_value`] for a message that we have made.
///
/// # Panics
/// Where it holds a time or a duration that JSON cannot write. What comes from elsewhere may: years 1 to 9999 alone can be written.
#[must_use]
pub fn to_value<M: Message + Name>(message: &M) -> Value {
    try_to_value(message).expect("our own times can be written")
}

/// `to_value` as compact text.
#[must_use]
pub fn to_string<M: Message + Name>(message: &M) -> String {
    to_value(message).to_string()
}

/// Reads JSON in which no object names a member twice, `labelSelector` and `label_selector` being one name: for what people write,
/// where a filter that is overruled unseen would widen a read.
///
/// # Errors
/// The text is no JSON, says something twice, or has more values than any command.
pub fn parse_strictly(text: &str) -> Result<Value, JsonError> {
    bounded::parse(text, Bounds::STRICT).map_err(|error| JsonError(error.to_string()))
}

/// Reads JSON that a program has written.
///
/// # Errors
/// The text is no JSON, or has more values than any message of the contract.
pub(crate) fn parse_bounded(text: &str) -> Result<Value, JsonError> {
    bounded::parse(text, Bounds::LENIENT).map_err(|error| JsonError(error.to_string()))
}

/// Reads the canonical JSON of a message.
///
/// # Errors
/// Names what is wrong: a field that the message does not have, a value of another type, a text that is no JSON.
pub fn from_value<M: Message + Name + Default>(value: Value) -> Result<M, JsonError> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let dynamic = DynamicMessage::deserialize_with_options(descriptor::<M>(), value, &options)
        .map_err(|error| JsonError(error.to_string()))?;
    dynamic.transcode_to().map_err(|error| JsonError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::v1::{GetPodRequest, ObjectMeta, Pod, PodStatus};

    #[test]
    fn names_are_those_that_kubectl_prints() {
        let pod = Pod {
            metadata: Some(ObjectMeta { name: "web-0".into(), ..ObjectMeta::default() }),
            status: Some(PodStatus { pod_ip: "10.0.0.1".into(), host_ip: "10.1.0.1".into(), ..PodStatus::default() }),
            ..Pod::default()
        };
        assert_eq!(
            to_value(&pod),
            serde_json::json!({"metadata": {"name": "web-0"}, "status": {"podIP": "10.0.0.1", "hostIP": "10.1.0.1"}})
        );
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let error = from_value::<GetPodRequest>(serde_json::json!({"namespace": "shop", "nmae": "web"}));
        assert!(error.is_err_and(|error| error.to_string().contains("nmae")));
    }
}
