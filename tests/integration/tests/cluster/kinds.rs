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

/// Of Kubernetes' object, without the annotations that we withhold.
fn theirs(item: &Value, message: &MessageDescriptor) -> Value {
    let mut item = item.clone();
    if let Some(annotations) = item["metadata"]["annotations"].as_object_mut() {
        annotations.retain(|key, _| !key.contains("last-applied"));
    }
    of_theirs(&item, message)
}

#[test]
fn every_field_of_every_object_is_the_one_that_kubectl_prints() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        for (arguments, message) in kinds("json") {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            let oracle = async || objects(&kubectl(bench, &arguments).await, |item| theirs(item, &message));
            let own = async || objects(&collector.complete(&arguments).await, |item| of_ours(item, &message));
            let (theirs, ours, _) = settled(oracle, own, BTreeMap::eq).await;
            assert!(!ours.is_empty(), "{arguments:?}");
            assert!(ours.keys().eq(theirs.keys()), "{arguments:?}: {:?} and {:?}", ours.keys(), theirs.keys());
            let pairs = ours.iter().zip(theirs.values());
            let different: Vec<_> =
                pairs.flat_map(|((key, ours), theirs)| kubernetes_json::differences(key, ours, theirs)).collect();
            assert!(different.is_empty(), "{arguments:?}: ours and kubectl's: {different:#?}");
        }
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
            let ours =
                async || objects(&collector.complete(&arguments).await, |item| item["rollout"]["message"].clone());
            let (theirs, ours, _) = settled(said, ours, BTreeMap::eq).await;
            assert!(!ours.is_empty(), "{kind}");
            assert_eq!(ours, theirs, "{kind}");
            messages.extend(ours.values().map(Value::to_string));
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
