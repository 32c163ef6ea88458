//! `docs/asyncapi.json`: what it refers to is there, and its examples are messages of the contract.

use std::fs;

use gumshoe_proto::envelope::{decode_command, decode_result};
use serde_json::Value;

use super::{assert_valid, docs, validator};

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(docs().join(name)).unwrap()).unwrap()
}

/// Everything that a `$ref` in the document names.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(
                |(name, value)| if name == "$ref" { value.as_str().into_iter().collect() } else { references(value) },
            )
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_document_refers_to_what_is_there() {
    let document = read("asyncapi.json");
    let references = references(&document);
    assert!(references.len() > 8, "{references:?}");
    for reference in references {
        match reference.strip_prefix('#') {
            Some(pointer) => assert!(document.pointer(pointer).is_some(), "{reference}"),
            None => assert!(docs().join(reference).is_file(), "{reference}"),
        }
    }
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn its_examples_are_messages_of_the_contract() {
    let document = read("asyncapi.json");
    for (name, is_read) in [
        ("command", (|body: &str| decode_command(body).is_ok()) as fn(&str) -> bool),
        ("result", |body| decode_result(body).is_ok()),
    ] {
        let message = &document["components"]["messages"][name];
        let schema = validator(&read(message["payload"]["schema"]["$ref"].as_str().unwrap()));
        for example in message["examples"].as_array().unwrap() {
            assert_valid(&schema, &example["payload"]);
            assert!(is_read(&example["payload"].to_string()), "{example}");
        }
    }
}
