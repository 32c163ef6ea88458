//! What holds of every kind, driven by the descriptors and by what was recorded: a new kind is held to it by its `.proto`.

use std::collections::BTreeMap;

use gumshoe_devstack::replay::Shop;
use gumshoe_devstack::stack::Stack;
use gumshoe_integration::{dynamic, grpc_client};
use prost_reflect::{DynamicMessage, MethodDescriptor, ReflectMessage as _, Value};

/// A kind as it was recorded.
fn recorded(kind: &str) -> serde_json::Value {
    let read = |file: &str| serde_json::from_slice(&Shop::recording(file).unwrap()).unwrap();
    let resources: serde_json::Value = read("resources.json");
    let of_kind = resources.as_array().unwrap().iter().find(|resource| resource["kind"] == kind);
    read(&format!(
        "{}.table.json",
        of_kind.unwrap_or_else(|| panic!("{kind} was not recorded"))["plural"].as_str().unwrap()
    ))
}

/// Those that list the objects of a kind.
fn lists() -> impl Iterator<Item = MethodDescriptor> {
    dynamic::methods().filter(|method| method.is_server_streaming() && method.name().starts_with("List"))
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn below(message: &DynamicMessage, field: &str) -> DynamicMessage {
    message.get_field_by_name(field).unwrap().as_message().unwrap().clone()
}

fn key(item: &DynamicMessage) -> String {
    let metadata = below(item, "metadata");
    format!("{}/{}", text(&metadata, "namespace"), text(&metadata, "name"))
}

/// As both sides name a column, however they write it: "Up-to-date" is `up_to_date`.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// "3 (5m ago)" without how long ago: time goes on.
fn timeless(cell: &str) -> &str {
    cell.split_once(" (").map_or(cell, |(before, _)| before)
}

/// The derived texts of each object, by the name of their column.
fn derived(items: &[DynamicMessage]) -> BTreeMap<(String, String), String> {
    let cells = items.iter().flat_map(|item| {
        let columns = below(item, "columns");
        let texts: Vec<_> = columns.descriptor().fields().filter(|field| field.kind().as_message().is_none()).collect();
        texts.into_iter().filter_map(move |field| {
            let Value::String(cell) = columns.get_field(&field).into_owned() else { return None };
            Some(((key(item), plain(field.name())), timeless(&cell).to_owned()))
        })
    });
    cells.collect()
}

/// What the API server printed of the same.
fn printed(
    table: &serde_json::Value,
    wanted: &BTreeMap<(String, String), String>,
) -> BTreeMap<(String, String), String> {
    let names: Vec<_> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|it| plain(it["name"].as_str().unwrap())).collect();
    let rows = table["rows"].as_array().into_iter().flatten().flat_map(|row| {
        let metadata = &row["object"]["metadata"];
        let key =
            format!("{}/{}", metadata["namespace"].as_str().unwrap_or_default(), metadata["name"].as_str().unwrap());
        let cells =
            row["cells"].as_array().unwrap().iter().map(|cell| timeless(cell.as_str().unwrap_or_default()).to_owned());
        names.iter().map(move |name| (key.clone(), name.clone())).zip(cells).collect::<Vec<_>>()
    });
    rows.filter(|(place, _)| wanted.keys().any(|(_, name)| *name == place.1)).collect()
}

#[tokio::test]
async fn a_list_of_every_kind_has_every_object_and_the_columns_that_the_server_prints() {
    let stack = Stack::of(Shop::recorded().unwrap()).start_without_bridge().await.unwrap();
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    for method in lists() {
        let pages = dynamic::call(&client, &method, DynamicMessage::new(method.input())).await.unwrap();
        let items = pages.iter().flat_map(|page| page.get_field_by_number(1).unwrap().as_list().unwrap().to_vec());
        let items: Vec<_> = items.map(|item| item.as_message().unwrap().clone()).collect();
        let kind = method.output().get_field(1).unwrap().kind().as_message().unwrap().name().to_owned();
        let table = recorded(&kind);
        let rows = table["rows"].as_array().map_or(0, Vec::len);
        assert_eq!(items.len(), rows, "{kind}");
        assert!(rows > 0, "the shop has no {kind}");
        let derived = derived(&items);
        assert_eq!(derived, printed(&table, &derived), "{kind}");
    }
}
