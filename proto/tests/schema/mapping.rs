//! JSON Schemas (draft 2020-12) of the queues' messages, by their descriptors: what canonical proto3 JSON, as `gumshoe_proto::json`
//! has it, makes of each type.
//!
//! Written by ourselves, since what generates such schemas from `.proto` files knows neither the envelope nor what a command must
//! have, and closes or opens all messages alike. It knows the types that the contract has, and stops at any other.

use std::collections::BTreeMap;

use gumshoe_proto::envelope::{COMMAND_TYPE, MAX_ID_LENGTH, MAX_QUERIES, RESULT_TYPE};
use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
    prost_types::FileDescriptorProto,
};
use serde_json::{Map, Value, json};

/// What must be there, by the rules of `envelope::check_command` and `envelope::decode_result`.
const REQUIRED: [&str; 6] = [
    "gumshoe.bridge.v1.Command.id",
    "gumshoe.bridge.v1.Command.investigation_id",
    "gumshoe.bridge.v1.Command.deadline",
    "gumshoe.bridge.v1.Query.id",
    "gumshoe.bridge.v1.Result.command_id",
    "gumshoe.bridge.v1.Result.run",
];
/// What must be an id, by the same rules.
const IDS: [&str; 7] = [
    "gumshoe.bridge.v1.Command.id",
    "gumshoe.bridge.v1.Command.investigation_id",
    "gumshoe.bridge.v1.Query.id",
    "gumshoe.bridge.v1.Cancel.command_id",
    "gumshoe.bridge.v1.Cancel.investigation_id",
    "gumshoe.bridge.v1.Result.command_id",
    "gumshoe.bridge.v1.Result.run",
];

/// Whether a message may have what its descriptor does not.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Rest {
    /// It is an error, as in a command.
    Refused,
    /// A later version may have added it, as to a result.
    Allowed,
}

/// The schema of the event that carries a command.
pub(crate) fn command(pool: &DescriptorPool) -> Value {
    event(pool, COMMAND_TYPE, Rest::Refused, "A command to the bridge, as the body of a message of its command queue.")
}

/// The schema of the event that carries a result.
pub(crate) fn result(pool: &DescriptorPool, rest: Rest) -> Value {
    event(pool, RESULT_TYPE, rest, "A result of the bridge, as the body of a message of a result queue.")
}

fn event(pool: &DescriptorPool, r#type: &str, rest: Rest, description: &str) -> Value {
    let message = pool.get_message_by_name(r#type).expect("an event has the name of its data");
    let mut schemas = Schemas { rest, definitions: BTreeMap::new() };
    let data = schemas.message(&message);
    let time = schemas.scalar("google.protobuf.Timestamp", timestamp());
    let text = || json!({"type": "string", "minLength": 1});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": r#type,
        "description": format!("{description} It is a CloudEvent 1.0 in structured JSON; docs/sqs.md says what it means."),
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text(),
            "source": text(),
            "type": {"const": r#type},
            "time": time,
            "subject": {"type": "string"},
            "datacontenttype": {"type": "string", "pattern": "^application/json[ \t]*(;|$)"},
            "traceparent": {"type": "string"},
            "data": data,
            "data_base64": false,
        },
        "required": ["specversion", "id", "source", "type", "data"],
        "$defs": schemas.definitions,
    })
}

struct Schemas {
    rest: Rest,
    definitions: BTreeMap<String, Value>,
}

impl Schemas {
    /// The schema of a message: a reference to its definition.
    fn message(&mut self, message: &MessageDescriptor) -> Value {
        match message.full_name() {
            name @ "google.protobuf.Timestamp" => self.scalar(name, timestamp()),
            name @ "google.protobuf.Duration" => {
                self.scalar(name, json!({"type": "string", "pattern": r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$"}))
            }
            // A Quantity.
            name @ "google.protobuf.StringValue" => self.scalar(name, json!({"type": "string"})),
            name => {
                if !self.definitions.contains_key(name) {
                    // Known from here on, in case it holds itself.
                    self.definitions.insert(name.to_owned(), Value::Null);
                    let definition = self.define(message);
                    self.definitions.insert(name.to_owned(), definition);
                }
                reference(name)
            }
        }
    }

    fn define(&mut self, message: &MessageDescriptor) -> Value {
        let file = message.parent_file_descriptor_proto();
        let properties: Map<_, _> =
            message.fields().map(|field| (field.json_name().to_owned(), self.field(file, &field))).collect();
        let mut schema = described(json!({"type": "object", "properties": properties}), file, message.path());
        let required = message.fields().filter(|field| REQUIRED.contains(&field.full_name()));
        let required: Vec<_> = required.map(|field| field.json_name().to_owned()).collect();
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if self.rest == Rest::Refused {
            schema["additionalProperties"] = json!(false);
        }
        let oneofs = message.oneofs().filter(|oneof| !oneof.is_synthetic());
        let mut oneofs: Vec<_> = oneofs.map(|oneof| json!({"oneOf": self.alternatives(&oneof)})).collect();
        if message.full_name() == COMMAND_TYPE {
            oneofs.push(kind_of_command());
        }
        if !oneofs.is_empty() {
            schema["allOf"] = json!(oneofs);
        }
        schema
    }

    /// One of the fields, or none where that may be.
    fn alternatives(&self, oneof: &OneofDescriptor) -> Vec<Value> {
        let mut fields: Vec<_> = oneof.fields().map(|field| json!({"required": [field.json_name()]})).collect();
        let is_required = match oneof.full_name() {
            // What a later bridge echoes of its commands may be a request that is not known here.
            "gumshoe.bridge.v1.Query.request" => self.rest == Rest::Refused,
            name => ["gumshoe.bridge.v1.Result.kind", "gumshoe.bridge.v1.Cancel.target"].contains(&name),
        };
        if !is_required {
            fields.push(json!({"not": {"anyOf": fields}}));
        }
        fields
    }

    fn field(&mut self, file: &FileDescriptorProto, field: &FieldDescriptor) -> Value {
        let mut schema = match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                json!({"type": "object", "additionalProperties": self.kind(&entry.map_entry_value_field().kind())})
            }
            kind if field.is_list() => json!({"type": "array", "items": self.kind(&kind)}),
            kind => self.kind(&kind),
        };
        if IDS.contains(&field.full_name()) {
            schema = self
                .scalar("id", json!({"type": "string", "pattern": format!("^[A-Za-z0-9_-]{{1,{MAX_ID_LENGTH}}}$")}));
        }
        if field.full_name() == "gumshoe.bridge.v1.Command.queries" {
            schema["maxItems"] = json!(MAX_QUERIES);
        }
        described(schema, file, field.path())
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => json!({"type": "boolean"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => {
                let pattern = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";
                self.scalar("bytes", json!({"type": "string", "contentEncoding": "base64", "pattern": pattern}))
            }
            Kind::Int32 => self.scalar("int32", json!({"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX})),
            Kind::Uint32 => self.scalar("uint32", json!({"type": "integer", "minimum": 0, "maximum": u32::MAX})),
            Kind::Int64 => self.long("int64", "^(0|-?[1-9][0-9]{0,18})$", i64::MIN, i64::MAX.unsigned_abs()),
            Kind::Uint64 => self.long("uint64", "^(0|[1-9][0-9]{0,19})$", 0, u64::MAX),
            Kind::Enum(values) => self.enumeration(values),
            Kind::Message(message) => self.message(message),
            other => panic!("the contract has no {other:?}"),
        }
    }

    /// A number of 64 bits: a text always where we write it, also a number where we read it.
    fn long(&mut self, name: &str, pattern: &str, minimum: i64, maximum: u64) -> Value {
        let schema = match self.rest {
            Rest::Allowed => json!({"type": "string", "pattern": pattern}),
            Rest::Refused => {
                json!({"type": ["string", "integer"], "pattern": pattern, "minimum": minimum, "maximum": maximum})
            }
        };
        self.scalar(name, schema)
    }

    fn enumeration(&mut self, values: &EnumDescriptor) -> Value {
        let file = values.parent_file_descriptor_proto();
        let value =
            |value: prost_reflect::EnumValueDescriptor| described(json!({"const": value.name()}), file, value.path());
        let mut known: Vec<_> = values.values().map(value).collect();
        if self.rest == Rest::Allowed {
            let zero = values.default_value();
            let prefix = zero.name().trim_end_matches("UNSPECIFIED");
            let later = "A value of a later version: its name, or its number where the bridge does not know it either.";
            known.push(json!({"type": ["string", "integer"], "pattern": format!("^{prefix}[A-Z0-9_]+$"), "description": later}));
        }
        self.scalar(values.full_name(), described(json!({"anyOf": known}), file, values.path()))
    }

    /// A definition that holds no other.
    fn scalar(&mut self, name: &str, schema: Value) -> Value {
        self.definitions.entry(name.to_owned()).or_insert(schema);
        reference(name)
    }
}

/// A command has queries, or it is a cancel or a ping, which has nothing of what goes with queries.
fn kind_of_command() -> Value {
    let without = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!(false))).collect::<Map<_, _>>();
    let mut queries = without(&["cancel", "ping"]);
    queries.insert("queries".into(), json!({"minItems": 1}));
    let bare = |name: &str, other: &str| {
        let mut nothing = without(&["budget", "progressInterval", other]);
        nothing.insert("queries".into(), json!({"maxItems": 0}));
        json!({"required": [name], "properties": nothing})
    };
    let queries = json!({"required": ["queries"], "properties": queries});
    json!({"oneOf": [queries, bare("cancel", "ping"), bare("ping", "cancel")]})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn timestamp() -> Value {
    let pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$";
    json!({"type": "string", "format": "date-time", "pattern": pattern})
}

/// Adds the comment of the `.proto` file.
fn described(mut schema: Value, file: &FileDescriptorProto, path: &[i32]) -> Value {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let comment =
        locations.filter(|location| location.path == path).find_map(|location| location.leading_comments.as_deref());
    if let Some(comment) = comment {
        let lines: Vec<_> = comment.lines().map(str::trim).collect();
        schema["description"] = json!(lines.join(" ").trim());
    }
    schema
}
