//! Our canonical proto3 JSON and Kubernetes' own, brought to one form by the rules by which they differ, and by no others
//! (docs/fields.md). Driven by the descriptors: a new field is compared without new code.

use std::collections::BTreeSet;

use jiff::Timestamp;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

/// Structs that Go inlines: their fields are those of the message around them.
const INLINED: [&str; 5] =
    ["VolumeSource", "ProbeHandler", "LocalObjectReference", "IngressRuleValue", "EphemeralContainerCommon"];
/// Numbers from here up are Gumshoe's own.
const DERIVED: u32 = 1000;

/// Message and field of all that is left out on purpose: the table in docs/fields.md.
#[must_use]
pub fn left_out() -> BTreeSet<(String, String)> {
    let rows = include_str!("../../../docs/fields.md").lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.filter_map(|row| row.split_once('`')?.0.split_once('.'));
    names.map(|(message, field)| (message.to_owned(), field.to_owned())).collect()
}

/// What we print of a message, in the common form.
#[must_use]
pub fn of_ours(value: &Value, message: &MessageDescriptor) -> Value {
    let mut object = Map::new();
    for field in message.fields().filter(|field| field.number() < DERIVED) {
        let Some(value) = value.get(field.json_name()) else { continue };
        match of_field(value, &field, of_ours) {
            Value::Object(inlined) if is_inlined(&field) => object.extend(inlined),
            value => {
                object.insert(field.json_name().to_owned(), value);
            }
        }
    }
    without_nothing(Value::Object(object))
}

/// What Kubernetes prints of the same, in the common form.
#[must_use]
pub fn of_theirs(value: &Value, message: &MessageDescriptor) -> Value {
    let left_out = left_out();
    let fields = fields_of(message);
    let known = |key: &str| fields.iter().find(|field| field.json_name() == key);
    // Which kind an object is of, its message says.
    let is_object = message.get_field_by_name("columns").is_some();
    let object = value.as_object().into_iter().flatten().filter_map(|(key, value)| {
        if is_object && ["apiVersion", "kind"].contains(&key.as_str()) {
            return None;
        }
        let owner = known(key).map_or(message.name().to_owned(), |field| field.parent_message().name().to_owned());
        if left_out.contains(&(owner, key.clone())) {
            return None;
        }
        let value = known(key).map_or_else(|| value.clone(), |field| of_field(value, field, of_theirs));
        Some((key.clone(), value))
    });
    without_nothing(Value::Object(object.collect()))
}

/// The fields of a message as JSON has them: those of inlined structs are its own.
fn fields_of(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let own = message.fields().filter(|field| field.number() < DERIVED);
    own.flat_map(|field| match field.kind() {
        Kind::Message(below) if is_inlined(&field) => fields_of(&below),
        _ => vec![field],
    })
    .collect()
}

fn is_inlined(field: &FieldDescriptor) -> bool {
    field.kind().as_message().is_some_and(|below| INLINED.contains(&below.name())) && !field.is_list()
}

/// The value of a field, each of its elements in the common form.
fn of_field(value: &Value, field: &FieldDescriptor, below: fn(&Value, &MessageDescriptor) -> Value) -> Value {
    let one = |value: &Value, kind: &Kind| match (kind, value) {
        (Kind::Message(time), Value::String(text)) if time.name() == "Timestamp" => {
            Value::String(text.parse::<Timestamp>().unwrap().to_string())
        }
        (Kind::Message(message), Value::Object(int_or_string)) if message.name() == "IntOrString" => {
            let text = int_or_string.get("strVal").cloned();
            text.or_else(|| int_or_string.get("intVal").cloned()).unwrap_or_else(|| 0.into())
        }
        (Kind::Message(message), Value::Object(_)) => below(value, message),
        // 64-bit numbers are texts in ours.
        (Kind::Int64 | Kind::Uint64, Value::String(text)) => text.parse::<i64>().unwrap().into(),
        (_, value) => value.clone(),
    };
    match value {
        Value::Array(list) => Value::Array(list.iter().map(|value| one(value, &field.kind())).collect()),
        Value::Object(map) if field.is_map() => {
            let kind = field.kind().as_message().unwrap().map_entry_value_field().kind();
            Value::Object(map.iter().map(|(key, value)| (key.clone(), one(value, &kind))).collect())
        }
        value => one(value, &field.kind()),
    }
}

/// Null, "", [] and {} are as good as absent.
fn without_nothing(value: Value) -> Value {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    match value {
        Value::Object(object) => {
            let kept = object.into_iter().map(|(key, value)| (key, without_nothing(value)));
            Value::Object(kept.filter(|(_, value)| !is_nothing(value)).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(without_nothing).collect()),
        value => value,
    }
}

/// Where two values differ: the path, the one and the other.
#[must_use]
pub fn differences(path: &str, one: &Value, other: &Value) -> Vec<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
            let at = |object: &Map<String, Value>, key: &String| object.get(key).cloned().unwrap_or(Value::Null);
            keys.into_iter().flat_map(|key| differences(&format!("{path}.{key}"), &at(a, key), &at(b, key))).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs.flat_map(|(index, (a, b))| differences(&format!("{path}[{index}]"), a, b)).collect()
        }
        (a, b) if a == b => Vec::new(),
        (a, b) => vec![format!("{path}: {a} and {b}")],
    }
}
