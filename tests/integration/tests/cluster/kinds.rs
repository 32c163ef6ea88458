//! Every kind beside kubectl, driven by the contract: a new kind is held to it by its `.proto`.

use std::collections::{BTreeMap, BTreeSet};

use gumshoe_integration::{
    dynamic,
    kubernetes_json::{self, of_ours, of_theirs},
    table::{self, Cells},
};
use prost_reflect::MessageDescriptor;
use serde_json::Value;

use crate::support::{ended, kubectl, on_the_bench, settled};

/// The arguments that print all of a kind, the same for kubectl and for `gumshoe`, and the kind's message.
fn kinds(output: &str) -> impl Iterator<Item = (Vec<String>, MessageDescriptor)> {
    dynamic::methods().filter_map(move |method| {
        let kind = method.name().strip_prefix("List")?.to_ascii_lowercase();
        let words = ["get", &kind, "-o", output, "-A"].map(str::to_owned);
        let message = method.output().get_field(1)?.kind().as_message()?.clone();
        Some((words.to_vec(), message))
    })
}

fn columns(cells: &Cells) -> BTreeSet<&String> {
    cells.keys().map(|(_, column)| column).collect()
}

/// Ages go on between two looks; where an event has no time of its own, kubectl does not know one, and ours is that of its creation.
const AGES: [&str; 3] = ["AGE", "FIRST SEEN", "LAST SEEN"];

/// Where, ours, kubectl's.
fn differences(ours: &Cells, theirs: &Cells) -> Vec<String> {
    let columns = columns(ours);
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys().filter(|(_, column)| columns.contains(column))).collect();
    let compared = keys.into_iter().filter(|(_, column)| !AGES.contains(&column.as_str()));
    let different = compared.filter(|key| ours.get(*key) != theirs.get(*key));
    different.map(|key| format!("{key:?}: {:?}, kubectl {:?}", ours.get(key), theirs.get(key))).collect()
}

#[test]
fn every_column_of_every_kind_is_the_one_that_kubectl_prints() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        for (arguments, _) in kinds("wide") {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            let theirs = async || table::cells(&kubectl(bench, &arguments).await);
            let ours = async || table::cells(&collector.complete(&arguments).await);
            let (theirs, ours, _) = settled(theirs, ours, Cells::eq).await;
            assert!(!ours.is_empty(), "{arguments:?}");
            let unknown: Vec<_> = columns(&ours).difference(&columns(&theirs)).copied().cloned().collect();
            assert!(unknown.is_empty(), "{arguments:?}: kubectl has no {unknown:?}");
            let different = differences(&ours, &theirs);
            assert!(different.is_empty(), "{arguments:?}: {different:#?}");
        }
    });
}

/// The objects of a document by namespace and name.
fn objects(document: &str, one_form: impl Fn(&Value) -> Value) -> BTreeMap<String, Value> {
    let document: Value = serde_json::from_str(document).unwrap();
    let key = |item: &Value| {
        let text = |field: &str| item["metadata"][field].as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text("namespace"), text("name"))
    };
    document["items"].as_array().unwrap().iter().map(|item| (key(item), one_form(item))).collect()
}

/// What stands in the place of an annotation that is withheld.
fn withheld(length: usize) -> Value {
    Value::from(format!("<withheld: {length} bytes>"))
}

/// Of Kubernetes' object, with the length of what holds a copy of it in its place.
fn theirs(item: &Value, message: &MessageDescriptor) -> Value {
    let mut item = item.clone();
    for (key, value) in item["metadata"]["annotations"].as_object_mut().into_iter().flatten() {
        if key.contains("last-applied") {
            *value = withheld(value.as_str().unwrap().len());
        }
    }
    of_theirs(&item, message)
}

/// Of ours, with what it says of the annotations that are withheld in the place of these.
fn ours(item: &Value, message: &MessageDescriptor) -> Value {
    let mut item = item.clone();
    let metadata = &mut item["metadata"];
    for told in metadata["withheldAnnotations"].as_array().cloned().into_iter().flatten() {
        let length = told["length"].as_u64().unwrap().try_into().unwrap();
        metadata["annotations"][told["key"].as_str().unwrap()] = withheld(length);
    }
    of_ours(&item, message)
}

#[test]
fn every_field_of_every_object_is_the_one_that_kubectl_prints() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let mut all_withheld = 0;
        for (arguments, message) in kinds("json") {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            let oracle = async || objects(&kubectl(bench, &arguments).await, |item| theirs(item, &message));
            let own = async || objects(&collector.complete(&arguments).await, |item| ours(item, &message));
            let (theirs, ours, _) = settled(oracle, own, BTreeMap::eq).await;
            assert!(!ours.is_empty(), "{arguments:?}");
            all_withheld += ours.values().filter(|item| item.to_string().contains("<withheld: ")).count();
            assert!(ours.keys().eq(theirs.keys()), "{arguments:?}: {:?} and {:?}", ours.keys(), theirs.keys());
            let pairs = ours.iter().zip(theirs.values());
            let different: Vec<_> =
                pairs.flat_map(|((key, ours), theirs)| kubernetes_json::differences(key, ours, theirs)).collect();
            assert!(different.is_empty(), "{arguments:?}: ours and kubectl's: {different:#?}");
        }
        assert!(all_withheld > 0, "nothing in the shop has a copy of itself");
    });
}

/// What the words of kubectl mean.
fn meaning(message: &str) -> &'static str {
    match message {
        _ if message.contains("exceeded its progress deadline") => "ROLLOUT_STATUS_FAILED",
        _ if message.contains("only available for RollingUpdate") => "ROLLOUT_STATUS_NOT_TRACKED",
        _ if message.to_lowercase().starts_with("waiting for") => "ROLLOUT_STATUS_IN_PROGRESS",
        _ if message.contains("successfully rolled out") || message.contains("complete") => "ROLLOUT_STATUS_COMPLETE",
        _ => panic!("kubectl says {message:?}"),
    }
}

#[test]
fn the_revision_of_a_deployment_is_that_of_its_history() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let arguments = ["get", "deployments", "-A", "-o", "json"];
        const REVISION: &str = "deployment.kubernetes.io/revision";
        let theirs = async || {
            objects(&kubectl(bench, &arguments).await, |item| item["metadata"]["annotations"][REVISION].clone())
        };
        let ours = async || objects(&collector.complete(&arguments).await, |item| item["revision"].clone());
        let (theirs, ours, _) = settled(theirs, ours, BTreeMap::eq).await;
        assert_eq!(ours, theirs);
        assert!(ours.values().any(|revision| revision == "2"), "{ours:?}");
    });
}

#[test]
fn the_rollout_of_every_workload_is_told_in_the_words_of_kubectl() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let mut messages = String::new();
        for kind in ["deployments", "statefulsets", "daemonsets"] {
            let said = async || {
                let names = kubectl(bench, &["get", kind, "-A", "--no-headers"]).await;
                let mut said = BTreeMap::new();
                for row in names.lines() {
                    let [namespace, name] = row.split_whitespace().take(2).collect::<Vec<_>>()[..] else {
                        panic!("{row}")
                    };
                    let arguments = ["rollout", "status", kind, name, "-n", namespace, "--watch=false"];
                    let output = ended(&mut bench.cluster.kubectl_command(&arguments).unwrap()).await;
                    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
                    said.insert(format!("{namespace}/{name}"), Value::from(text.trim().trim_start_matches("error: ")));
                }
                said
            };
            let arguments = ["get", kind, "-A", "-o", "json", "--summary"];
            let ours = async || objects(&collector.complete(&arguments).await, |item| item["rollout"].clone());
            let (theirs, ours, _) = settled(said, ours, BTreeMap::eq).await;
            assert!(!ours.is_empty(), "{kind}");
            let told: BTreeMap<_, _> =
                ours.iter().map(|(key, rollout)| (key.clone(), rollout["message"].clone())).collect();
            assert_eq!(told, theirs, "{kind}");
            for (key, rollout) in &ours {
                assert_eq!(rollout["status"], meaning(rollout["message"].as_str().unwrap()), "{kind} {key}: {rollout}");
            }
            messages.extend(told.values().map(Value::to_string));
        }
        for odd in [
            "successfully rolled out",
            "exceeded its progress deadline",
            "1 out of 3 new replicas have been updated",
            "1 out of 3 new pods have been updated",
            "partitioned roll out complete",
            "only available for RollingUpdate",
        ] {
            assert!(messages.contains(odd), "nothing in the shop says {odd:?}: {messages}");
        }
    });
}
