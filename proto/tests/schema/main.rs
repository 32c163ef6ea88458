//! The JSON Schemas in `docs/schema`: that they are what the descriptors give, and that they and our own reader agree.
//!
//! `make schema` has the first test write them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects")]

mod asyncapi;
mod full;
mod layout;
mod mapping;

use std::{env, fs, path::Path, sync::LazyLock};

use gumshoe_proto::{
    bridge::v1,
    envelope::{COMMAND_TYPE, MAX_QUERIES, RESULT_TYPE, decode_command, decode_result},
    json,
};
use jsonschema::Validator;
use proptest::prelude::*;
use prost::Name;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};

use mapping::Rest;

/// Says that the schemas are to be written, not compared.
const WRITE: &str = "GUMSHOE_WRITE_SCHEMA";

/// The descriptors with the comments of the `.proto` files.
fn pool() -> DescriptorPool {
    DescriptorPool::decode(&include_bytes!(concat!(env!("OUT_DIR"), "/described_descriptor_set.bin"))[..]).unwrap()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::new(schema).unwrap()
}

fn docs() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"))
}

/// The body of a message with this data.
fn event(r#type: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "id": "x", "source": "/test", "type": r#type, "data": data})
}

/// The bodies of messages in which every field is set.
fn full_events<M: Name>() -> impl Iterator<Item = Value> {
    let canonical = |message: DynamicMessage| event(&M::full_name(), &serde_json::to_value(message).unwrap());
    full::messages(&json::descriptor::<M>()).into_iter().map(canonical)
}

fn assert_valid(validator: &Validator, event: &Value) {
    let errors: Vec<_> =
        validator.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{event}: {errors:#?}");
}

#[test]
fn the_schemas_in_docs_are_what_the_descriptors_give() {
    for (name, schema) in [("command", mapping::command(&pool())), ("result", mapping::result(&pool(), Rest::Allowed))]
    {
        let path = docs().join(format!("schema/{name}.schema.json"));
        let text = layout::text(&schema);
        if env::var_os(WRITE).is_some() {
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), schema);
        assert!(fs::read_to_string(&path).unwrap() == text, "{} is not up to date: run make schema", path.display());
    }
}

#[test]
fn every_field_of_a_command_may_be_in_it() {
    let validator = validator(&mapping::command(&pool()));
    for mut event in full_events::<v1::Command>() {
        let data = event["data"].as_object_mut().unwrap();
        data.remove("cancel").unwrap();
        data.remove("ping").unwrap();
        assert_valid(&validator, &event);
    }
    let cancels = full::messages(&json::descriptor::<v1::Cancel>()).into_iter().map(|cancel| ("cancel", json!(cancel)));
    for (name, value) in cancels.chain([("ping", json!({}))]) {
        let mut event = mk_command();
        event["data"].as_object_mut().unwrap().remove("queries").unwrap();
        event["data"][name] = value;
        assert_valid(&validator, &event);
        decode_command(&event.to_string()).unwrap();
    }
}

/// Where nothing else may be in it: so each field has the name that it is given.
#[test]
fn every_field_of_a_result_may_be_in_it() {
    let validator = validator(&mapping::result(&pool(), Rest::Refused));
    let events: Vec<_> = full_events::<v1::Result>().collect();
    let pages = json::descriptor::<v1::Page>().oneofs().map(|oneof| oneof.fields().len()).sum::<usize>();
    assert_eq!(events.len(), pages + 3, "every page; accepted, progress, end");
    events.iter().for_each(|event| assert_valid(&validator, event));
}

#[test]
fn a_result_may_have_what_a_later_version_adds() {
    let validator = validator(&mapping::result(&pool(), Rest::Allowed));
    let end = json!({"status": "END_STATUS_LATER", "sha512": "x", "queries": [{"queryId": "q", "completeness": {"gaps": [{"reason": 99}]}}]});
    let page = json!({"queryId": "q", "getLater": {}});
    let accepted = json!({"queries": [{"id": "q", "getLater": {}}]});
    for (kind, message) in [("end", end), ("page", page), ("accepted", accepted)] {
        let data = json!({"commandId": "c", "run": "r", "later": 1, kind: message});
        assert_valid(&validator, &event(RESULT_TYPE, &data));
    }
}

#[test]
fn a_result_has_the_types_of_its_fields_and_one_kind() {
    let validator = validator(&mapping::result(&pool(), Rest::Allowed));
    let end = |end: Value| json!({"commandId": "c", "run": "r", "end": end});
    for data in [
        json!({"commandId": "c", "run": "r"}),
        json!({"commandId": "c", "run": "r", "end": {}, "page": {}}),
        json!({"commandId": "c", "run": "r", "page": {"getPod": {}, "listPods": {}}}),
        json!({"run": "r", "end": {}}),
        json!({"commandId": "c", "run": "../r", "end": {}}),
        end(json!({"bytes": 5})),
        end(json!({"bytes": "-5"})),
        end(json!({"pages": "5"})),
        end(json!({"sha256": "a"})),
        end(json!({"status": "SUCCEEDED"})),
        end(json!({"error": "no"})),
        end(json!({"queries": {}})),
    ] {
        assert!(!validator.is_valid(&event(RESULT_TYPE, &data)), "{data}");
    }
}

#[test]
fn the_examples_in_the_document_are_valid() {
    let text = fs::read_to_string(docs().join("sqs.md")).unwrap();
    let examples: Vec<Value> = text
        .split("```json")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .collect();
    let [command, end] = &examples[..] else { panic!("{} examples", examples.len()) };
    assert_valid(&validator(&mapping::command(&pool())), command);
    decode_command(&command.to_string()).unwrap();
    let end = event(RESULT_TYPE, end);
    assert_valid(&validator(&mapping::result(&pool(), Rest::Refused)), &end);
    decode_result(&end.to_string()).unwrap();
}

/// A command with a list, a log and a line in kubectl's words.
fn mk_command() -> Value {
    let list = json!({"namespaces": ["shop"], "labelSelector": "app=web", "limit": "50", "pageSize": 10, "view": "VIEW_SUMMARY"});
    let log = json!({"namespace": "shop", "pod": "web-0", "tailLines": 5, "since": "1.5s", "sinceTime": "2030-01-01T00:00:00.5+01:00", "follow": true});
    let topology = json!({"labels": {"namespace": "shop", "pod": "web-0"}, "maxDepth": 3});
    let queries = json!([
        {"id": "list", "listPods": list},
        {"id": "log", "collector": "eu", "readLogs": log},
        {"id": "topology", "discoverTopology": topology},
        {"id": "words", "kubectl": "get pods"},
    ]);
    let data = json!({"id": "c-1", "investigationId": "i_1", "deadline": "2030-01-01T00:00:00Z", "replyTo": "main", "queries": queries});
    event(COMMAND_TYPE, &data)
}

#[test]
fn what_the_bridge_refuses_for_its_shape_the_schema_refuses() {
    let validator = validator(&mapping::command(&pool()));
    assert_valid(&validator, &mk_command());
    decode_command(&mk_command().to_string()).unwrap();
    for (place, name, value) in [
        ("", "specversion", json!("0.3")),
        ("", "source", json!("")),
        ("", "type", json!(RESULT_TYPE)),
        ("", "datacontenttype", json!("application/protobuf")),
        ("", "data_base64", json!("AA==")),
        ("", "data", json!("{}")),
        ("/data", "id", json!("a.b")),
        ("/data", "id", json!("a".repeat(65))),
        ("/data", "investigationId", json!(7)),
        ("/data", "deadline", json!(null)),
        ("/data", "deadline", json!("tomorrow")),
        ("/data", "queries", json!([])),
        ("/data", "queries", json!(vec![json!({"id": "q", "kubectl": "get pods"}); MAX_QUERIES + 1])),
        ("/data", "dryRun", json!(true)),
        ("/data", "cancel", json!({"commandId": "c"})),
        ("/data", "ping", json!({})),
        ("/data", "budget", json!({"maxItems": -1})),
        ("/data/queries/0", "id", json!("ä")),
        ("/data/queries/0", "getPod", json!({})),
        ("/data/queries/0/listPods", "nmae", json!("web")),
        ("/data/queries/0/listPods", "namespaces", json!("shop")),
        ("/data/queries/0/listPods", "namespaces", json!([null])),
        ("/data/queries/0/listPods", "limit", json!("many")),
        ("/data/queries/0/listPods", "limit", json!(1.5)),
        ("/data/queries/0/listPods", "limit", json!(9_223_372_036_854_775_808_u64)),
        ("/data/queries/0/listPods", "view", json!("SUMMARY")),
        ("/data/queries/1/readLogs", "since", json!("5m")),
        ("/data/queries/2/discoverTopology", "labels", json!({"pod": 1})),
        ("/data/queries/3", "kubectl", json!(["get", "pods"])),
    ] {
        let mut body = mk_command();
        body.pointer_mut(place).unwrap()[name] = value;
        assert!(decode_command(&body.to_string()).is_err(), "{body}");
        assert!(!validator.is_valid(&body), "{body}");
    }
    for (place, name) in [("/data", "id"), ("/data", "deadline"), ("/data", "queries"), ("/data/queries/3", "kubectl")]
    {
        let mut body = mk_command();
        body.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name).unwrap();
        assert!(decode_command(&body.to_string()).is_err() && !validator.is_valid(&body), "{body}");
    }
}

/// Every place in a value that has a name or a number.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), all)),
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{at}/{n}"), all)),
        _ => {}
    }
}

/// Puts something else into one place, or beside it under a name.
fn change(body: &mut Value, place: prop::sample::Index, name: Option<&str>, value: &Value) {
    let mut all = Vec::new();
    places(body, "", &mut all);
    let place = body.pointer_mut(place.get(&all).as_str()).unwrap();
    match (place, name) {
        (Value::Object(members), Some(name)) => {
            members.insert(name.to_owned(), value.clone());
        }
        (place, _) => *place = value.clone(),
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let texts =
        ["", "x", "x.y", "é", "12", "-0", "007", "1e3", "1.5s", "2030-01-01T00:00:00Z", "tomorrow", "VIEW_SUMMARY"];
    let numbers = [json!(0), json!(-1), json!(1.0), json!(1.5), json!(1e300), json!(i64::MIN), json!(u64::MAX)];
    let others = [
        json!(null),
        json!(true),
        json!([]),
        json!([null]),
        json!(["x"]),
        json!([{}]),
        json!({}),
        json!({"x": "y"}),
        json!({"commandId": "c"}),
        json!({"maxItems": "9"}),
    ];
    prop::sample::select([&texts.map(Value::from)[..], &numbers, &others].concat())
}

static COMMANDS: LazyLock<Validator> = LazyLock::new(|| validator(&mapping::command(&pool())));

proptest! {
    /// But for two queries of one id, which no schema can see, and the bounds of a duration.
    #[test]
    fn what_the_schema_takes_the_bridge_takes(
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::option::of(prop::sample::select(vec!["x", "id", "namespace", "limit", "kubectl", "cancel", "ping", "budget", "progressInterval", "getPod", "data_base64", "time"])), any_value()),
            1..4,
        ),
    ) {
        let mut body = mk_command();
        for (place, name, value) in &changes {
            change(&mut body, *place, *name, value);
        }
        if COMMANDS.is_valid(&body) {
            let decoded = decode_command(&body.to_string());
            let refused = decoded.as_ref().err().map(|error| error.fault.reason());
            prop_assert!(matches!(refused, None | Some("DUPLICATE_QUERY_ID" | "INVALID_PROGRESS_INTERVAL")), "{body}: {decoded:?}");
        }
    }
}
