//! Messages in which every field is set, by their descriptors.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value, bytes::Bytes};

/// One message for each field of its `oneof`, and for each that this field can hold; one message where there is none.
pub(crate) fn messages(message: &MessageDescriptor) -> Vec<DynamicMessage> {
    let mut base = DynamicMessage::new(message.clone());
    for field in message.fields().filter(|field| !is_alternative(field)) {
        base.set_field(&field, every(&field).remove(0));
    }
    let alternatives: Vec<_> = message.fields().filter(is_alternative).collect();
    if alternatives.is_empty() {
        return vec![base];
    }
    let set = |field: &FieldDescriptor, value| {
        let mut full = base.clone();
        full.set_field(field, value);
        full
    };
    alternatives.iter().flat_map(|field| every(field).into_iter().map(|value| set(field, value))).collect()
}

fn is_alternative(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic())
}

/// What a field can hold: a list has all of it in one.
fn every(field: &FieldDescriptor) -> Vec<Value> {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let value = values(&entry.map_entry_value_field().kind()).remove(0);
            vec![Value::Map([(MapKey::String("x".to_owned()), value)].into())]
        }
        kind if field.is_list() => vec![Value::List(values(&kind))],
        kind => values(&kind),
    }
}

/// Values at the edges of a type. None is the default, which canonical JSON leaves out.
fn values(kind: &Kind) -> Vec<Value> {
    match kind {
        Kind::Bool => vec![Value::Bool(true)],
        Kind::String => vec![Value::String("x".to_owned())],
        Kind::Bytes => ["\u{1}", "ÿ", "ÿ?", "ÿ??"].map(|text| Value::Bytes(Bytes::from(text))).into(),
        Kind::Int32 => vec![Value::I32(i32::MIN), Value::I32(i32::MAX)],
        Kind::Int64 => vec![Value::I64(i64::MIN), Value::I64(i64::MAX), Value::I64(0)],
        Kind::Uint32 => vec![Value::U32(u32::MAX)],
        Kind::Uint64 => vec![Value::U64(u64::MAX), Value::U64(0)],
        Kind::Enum(names) => {
            let mut numbers: Vec<_> = names.values().map(|value| Value::EnumNumber(value.number())).collect();
            numbers.reverse();
            numbers
        }
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" | "google.protobuf.Duration" => vec![moment(message)],
            _ => messages(message).into_iter().map(Value::Message).collect(),
        },
        other => panic!("the contract has no {other:?}"),
    }
}

fn moment(message: &MessageDescriptor) -> Value {
    let mut moment = DynamicMessage::new(message.clone());
    moment.set_field_by_name("seconds", Value::I64(1_800_000_000));
    moment.set_field_by_name("nanos", Value::I32(120_000_000));
    Value::Message(moment)
}
