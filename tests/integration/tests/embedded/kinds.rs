//! What holds of every kind, driven by the descriptors and by what was recorded: a new kind is held to it by its `.proto`.

use std::collections::{BTreeMap, BTreeSet};

use gumshoe_devstack::replay::Shop;
use gumshoe_devstack::stack::{Stack, StackBuilder};
use gumshoe_integration::table::{self, Cells, timeless};
use gumshoe_integration::{dynamic, grpc_client};
use gumshoe_proto::{
    bridge::v1::Query,
    collector::v1::{Completeness, Gap, GapReason},
    json,
};
use prost_reflect::{DynamicMessage, FieldDescriptor, MethodDescriptor, ReflectMessage as _, Value};

use crate::support::{answer, command, send};

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

/// What was recorded, with a collector that serves every kind.
fn stack() -> StackBuilder {
    Stack::of(Shop::recorded().unwrap()).collector_arguments(&[&dynamic::every_kind()])
}

/// Those that list the objects of a kind.
fn lists() -> impl Iterator<Item = MethodDescriptor> {
    dynamic::methods().filter(|method| method.is_server_streaming() && method.name().starts_with("List"))
}

/// The kind that a method lists, as Kubernetes writes it. Of Secrets there is only the metadata.
fn kind_of(list: &MethodDescriptor) -> String {
    list.output().get_field(1).unwrap().kind().as_message().unwrap().name().trim_end_matches("Metadata").to_owned()
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

/// What was derived: every text, and the numbers that are columns.
fn derived(items: &[DynamicMessage], names: &[String]) -> Cells {
    let mut cells = Cells::new();
    for item in items {
        let columns = below(item, "columns");
        for field in columns.descriptor().fields() {
            let name = plain(field.name());
            let cell = match columns.get_field(&field).into_owned() {
                Value::String(cell) => timeless(&cell),
                Value::I32(cell) if names.contains(&name) => cell.to_string(),
                Value::U32(cell) if names.contains(&name) => cell.to_string(),
                _ => continue,
            };
            cells.insert((key(item), name), cell);
        }
    }
    cells
}

/// What the API server printed of the same.
fn printed(table: &serde_json::Value, names: &[String], wanted: &Cells) -> Cells {
    let mut cells = Cells::new();
    for row in table["rows"].as_array().into_iter().flatten() {
        let metadata = &row["object"]["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default();
        let key = format!("{}/{}", text("namespace"), text("name"));
        for (name, cell) in names.iter().zip(row["cells"].as_array().unwrap()) {
            let cell = cell.as_str().map_or_else(|| cell.to_string(), timeless);
            cells.insert((key.clone(), name.clone()), cell);
        }
    }
    cells.retain(|(_, name), _| wanted.keys().any(|(_, wanted)| wanted == name));
    cells
}

fn items(pages: &[DynamicMessage]) -> Vec<DynamicMessage> {
    let items = pages.iter().flat_map(|page| page.get_field_by_number(1).unwrap().as_list().unwrap().to_vec());
    items.map(|item| item.as_message().unwrap().clone()).collect()
}

fn keys(pages: &[DynamicMessage]) -> Vec<String> {
    items(pages).iter().map(key).collect()
}

/// A request with these fields; what the kind does not have is passed over.
fn request(method: &MethodDescriptor, fields: &[(&str, Value)]) -> DynamicMessage {
    let mut request = DynamicMessage::new(method.input());
    for (name, value) in fields {
        let _ = request.try_set_field_by_name(name, value.clone());
    }
    request
}

#[tokio::test]
async fn a_list_of_every_kind_has_every_object_and_the_columns_that_the_server_prints() {
    let stack = stack().start_without_bridge().await.unwrap();
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    for method in lists() {
        let pages = dynamic::call(&client, &method, DynamicMessage::new(method.input())).await.unwrap();
        let items = items(&pages);
        let kind = kind_of(&method);
        let table = recorded(&kind);
        let rows = table["rows"].as_array().map_or(0, Vec::len);
        assert_eq!(items.len(), rows, "{kind}");
        assert!(rows > 0, "the shop has no {kind}");
        let names = table["columnDefinitions"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|column| plain(column["name"].as_str().unwrap())).collect();
        let derived = derived(&items, &names);
        assert_eq!(derived, printed(&table, &names, &derived), "{kind}");
    }
}

#[tokio::test]
async fn a_list_of_every_kind_comes_in_pages_and_goes_on_behind_each_of_them() {
    let stack = stack().start_without_bridge().await.unwrap();
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    for method in lists() {
        let list = async |fields: &[(&str, Value)]| {
            let pages = dynamic::call(&client, &method, request(&method, fields)).await.unwrap();
            let completeness = below(pages.last().unwrap(), "completeness").transcode_to::<Completeness>().unwrap();
            (pages, completeness)
        };
        let kind = kind_of(&method);
        let all = keys(&list(&[]).await.0);
        let (pages, completeness) = list(&[("page_size", Value::I32(1))]).await;
        assert!(completeness.complete, "{kind}: {completeness:?}");
        assert_eq!(keys(&pages), all, "{kind}");
        assert!(pages.iter().all(|page| keys(std::slice::from_ref(page)).len() <= 1), "{kind}");
        for given in [1, all.len().div_ceil(2)].into_iter().filter(|given| *given < all.len()) {
            let page = (1..=pages.len()).find(|page| keys(&pages[..*page]).len() == given).unwrap();
            let token = Value::String(text(&pages[page - 1], "next_page_token"));
            let (rest, _) = list(&[("page_token", token)]).await;
            assert_eq!(keys(&rest), all[given..], "{kind} behind {given}");
        }
        let (pages, completeness) = list(&[("limit", Value::I64(1))]).await;
        assert_eq!(keys(&pages), all[..1], "{kind}");
        let gaps: Vec<_> = completeness.gaps.iter().map(Gap::reason).collect();
        let expected: &[_] = if all.len() > 1 { &[GapReason::Limit] } else { &[] };
        assert_eq!(gaps, expected, "{kind}");
    }
}

#[tokio::test]
async fn a_list_of_every_kind_is_narrowed_by_namespace_and_labels() {
    let stack = stack().start_without_bridge().await.unwrap();
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    let mut labelled = 0;
    for method in lists() {
        let list = async |fields: &[(&str, Value)]| {
            items(&dynamic::call(&client, &method, request(&method, fields)).await.unwrap())
        };
        let labels = |item: &DynamicMessage| {
            let labels = below(item, "metadata").get_field_by_name("labels").unwrap().as_map().unwrap().clone();
            let texts = labels.into_iter().map(|(key, value)| (key.as_str().map(str::to_owned), value));
            texts.map(|(key, value)| format!("{}={}", key.unwrap(), value.as_str().unwrap())).collect::<Vec<_>>()
        };
        let (kind, all) = (kind_of(&method), list(&[]).await);
        let keys_of = |wanted: &dyn Fn(&DynamicMessage) -> bool| {
            all.iter().filter(|item| wanted(item)).map(key).collect::<Vec<_>>()
        };
        let namespace = text(&below(&all[0], "metadata"), "namespace");
        let namespaces = Value::List(vec![Value::String(namespace.clone())]);
        let found = list(&[("namespaces", namespaces)]).await;
        let expected = keys_of(&|item| text(&below(item, "metadata"), "namespace") == namespace);
        assert_eq!(found.iter().map(key).collect::<Vec<_>>(), expected, "{kind} in {namespace:?}");
        let Some(label) = all.iter().flat_map(labels).next() else { continue };
        let found = list(&[("label_selector", Value::String(label.clone()))]).await;
        let expected = keys_of(&|item| labels(item).contains(&label));
        assert_eq!(found.iter().map(key).collect::<Vec<_>>(), expected, "{kind} with {label}");
        labelled += 1;
    }
    assert!(labelled > 8, "{labelled}");
}

#[tokio::test]
async fn one_object_of_every_kind_is_the_one_of_the_list() {
    let stack = stack().start_without_bridge().await.unwrap();
    let client = grpc_client(stack.collector_address(), &stack.certificates);
    // What is derived may be of the time, or more of one object than of many.
    let own = |item: &DynamicMessage| {
        let mut item = item.clone();
        let derived: Vec<_> = item.descriptor().fields().filter(|field| field.number() >= 1000).collect();
        derived.iter().for_each(|field| item.clear_field(field));
        item
    };
    for method in lists() {
        let kind = kind_of(&method);
        let listed = items(&dynamic::call(&client, &method, DynamicMessage::new(method.input())).await.unwrap());
        let get = dynamic::methods().find(|method| method.name() == format!("Get{kind}")).unwrap();
        for item in [listed.first(), listed.last()].into_iter().flatten() {
            let metadata = below(item, "metadata");
            let names = ["namespace", "name"].map(|field| (field, Value::String(text(&metadata, field))));
            let answer = dynamic::call(&client, &get, request(&get, &names)).await.unwrap().remove(0);
            assert_eq!(own(&below(&answer, "item")), own(item), "{kind}");
        }
    }
}

/// A query with a request of any method.
fn query(id: &str, request: DynamicMessage) -> Query {
    let mut query = DynamicMessage::new(json::descriptor::<Query>());
    query.set_field_by_name("id", Value::String(id.to_owned()));
    let descriptor = query.descriptor();
    let arms = descriptor.oneofs().flat_map(|oneof| oneof.fields().collect::<Vec<_>>());
    let takes = |arm: &FieldDescriptor| arm.kind().as_message() == Some(&request.descriptor());
    let arm = arms.into_iter().find(takes).unwrap_or_else(|| panic!("no query for {}", request.descriptor().name()));
    query.set_field(&arm, Value::Message(request));
    query.transcode_to().unwrap()
}

#[tokio::test]
async fn a_command_can_ask_for_one_object_and_for_all_of_every_kind() {
    let stack = stack().start().await.unwrap();
    let (mut queries, mut expected) = (Vec::new(), BTreeMap::new());
    for list in lists() {
        let kind = kind_of(&list);
        let rows = recorded(&kind)["rows"].as_array().unwrap().clone();
        queries.push(query(&format!("list-{kind}"), DynamicMessage::new(list.input())));
        expected.insert(format!("list-{kind}"), rows.len() as u64);
        let get = dynamic::methods().find(|method| method.name() == format!("Get{kind}")).unwrap();
        let metadata = &rows[0]["object"]["metadata"];
        let text = |field: &str| Value::String(metadata[field].as_str().unwrap_or_default().to_owned());
        let names = ["namespace", "name"].map(|field| (field, text(field)));
        queries.push(query(&format!("get-{kind}"), request(&get, &names)));
        expected.insert(format!("get-{kind}"), 1);
    }
    send(&stack, &command("kinds", queries)).await;
    let answer = answer(&stack, "kinds").await;
    for (query, items) in expected {
        let completeness = answer.completeness(&query);
        assert_eq!((completeness.complete, completeness.items), (true, items), "{query}: {completeness:?}");
    }
}

#[test]
fn the_recorded_objects_are_in_every_odd_state() {
    let mut odd = BTreeSet::new();
    for (plural, column, states) in [
        (
            "pods",
            "STATUS",
            "Running Pending Completed Error Terminating Unknown Evicted NotReady SchedulingGated CrashLoopBackOff OOMKilled \
             ImagePullBackOff ContainerCreating CreateContainerConfigError ExitCode:3 Signal:9 Init:1/2 Init:0/1 Init:Error \
             Init:ExitCode:4 Init:Signal:15 Init:CrashLoopBackOff Init:ImagePullBackOff",
        ),
        ("deployments", "READY", "0/0 0/1 1/1 2/2 3/3"),
        ("statefulsets", "READY", "0/0 0/1 1/2 2/2"),
        ("jobs", "STATUS", "Complete Failed Running Suspended"),
        ("cronjobs", "LAST SCHEDULE", "<none> 26h"),
        ("services", "TYPE", "ClusterIP NodePort LoadBalancer ExternalName"),
        ("services", "CLUSTER-IP", "None <none>"),
        ("services", "EXTERNAL-IP", "<none> <pending> 203.0.113.7,balanced-7.lb.example"),
        ("endpointslices", "ADDRESSTYPE", "IPv4 IPv6"),
        ("persistentvolumeclaims", "STATUS", "Bound Pending"),
        ("namespaces", "STATUS", "Active Terminating"),
        ("nodes", "STATUS", "Ready NotReady NotReady,SchedulingDisabled"),
    ] {
        let table = String::from_utf8(Shop::recording(&format!("kubectl-get-{plural}.txt")).unwrap()).unwrap();
        let cells = table::cells(&table);
        let seen: Vec<_> = cells.iter().filter(|((_, name), _)| name == column).map(|(_, cell)| cell.clone()).collect();
        let is_odd = |cell: &String| {
            !["Running", "Complete", "Active", "Ready", "1/1", "2/2", "3/3", "ClusterIP", "IPv4", "Bound"]
                .contains(&cell.as_str())
        };
        let cells = cells.iter().filter(|((_, name), cell)| name == column && is_odd(cell));
        odd.extend(cells.map(|((object, _), _)| format!("{plural} {object}")));
        for state in states.split_whitespace() {
            assert!(seen.contains(&timeless(state)), "none of the {plural} has the {column} {state}: {seen:?}");
        }
    }
    assert!(odd.len() >= 60, "{}: {odd:?}", odd.len());
}
