//! The pods on a node and what they come to, beside `kubectl describe node`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{kubectl, on_the_bench, settled};

/// What `kubectl describe node` says: the cells of a pod's row or a resource's, by its name.
type Cells = BTreeMap<String, Vec<String>>;

/// The rows below a heading, cut at two spaces or more.
fn rows<'a>(text: &'a str, heading: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let below = text.lines().skip_while(move |line| !line.starts_with(heading)).skip(1);
    let rows = below.take_while(|line| line.starts_with("  "));
    rows.map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
}

fn described(text: &str) -> (Cells, Cells) {
    let pods = rows(text, "Non-terminated Pods:").skip(2).map(|row| {
        let amounts = row[2..6].iter().map(|cell| cell.split(' ').next().unwrap().to_owned());
        (format!("{}/{}", row[0], row[1]), amounts.collect())
    });
    let sums = rows(text, "Allocated resources:").skip(3);
    let sums = sums.map(|row| (row[0].to_owned(), row[1..].iter().map(|&cell| cell.to_owned()).collect()));
    (pods.collect(), sums.collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("0").to_owned()
}

fn ours(document: &str) -> (Cells, Cells) {
    let node: Value = serde_json::from_str(document).unwrap();
    let pods = &node["item"]["pods"];
    let items = pods["items"].as_array().into_iter().flatten().map(|pod| {
        let [requests, limits] = ["requests", "limits"].map(|side| &pod[side]);
        let cells = [&requests["cpu"], &limits["cpu"], &requests["memory"], &limits["memory"]].map(text);
        (format!("{}/{}", pod["namespace"].as_str().unwrap(), pod["name"].as_str().unwrap()), cells.to_vec())
    });
    let sum = |name: &String| {
        let cell = |side: &str| {
            let share = &pods[format!("{side}Percent")][name];
            match share.as_str() {
                Some(share) => format!("{} ({share}%)", text(&pods[side][name])),
                None => text(&pods[side][name]),
            }
        };
        (name.clone(), vec![cell("requests"), cell("limits")])
    };
    let names = pods["requestsPercent"].as_object().into_iter().chain(pods["requests"].as_object());
    let names = names.flat_map(|amounts| amounts.keys());
    (items.collect(), names.map(sum).collect())
}

#[test]
fn the_pods_on_a_node_and_their_sums_are_those_that_kubectl_describes() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let nodes = kubectl(bench, &["get", "nodes", "-o", "name"]).await;
        let mut seen = 0;
        for node in nodes.lines().map(|line| line.trim_start_matches("node/")) {
            let theirs = async || described(&kubectl(bench, &["describe", "node", node]).await);
            let ours = async || ours(&collector.complete(&["get", "node", node, "--with-pods", "-o", "json"]).await);
            let (theirs, ours, _) = settled(theirs, ours, |one, other| one == other).await;
            assert_eq!(ours.0, theirs.0, "the pods of {node}");
            // kubectl leaves out what the node does not have.
            let sums: Cells = ours.1.into_iter().filter(|(name, _)| theirs.1.contains_key(name)).collect();
            assert_eq!(sums, theirs.1, "the sums of {node}");
            seen += theirs.0.len();
        }
        assert!(seen > 10, "{seen}");
        // What resources.yaml has for each rule is among them.
        let all = kubectl(bench, &["describe", "node", "node-a"]).await;
        for (pod, request) in [("plain", "300m"), ("start", "2100m"), ("heavy", "350m"), ("whole", "300m")] {
            assert_eq!(described(&all).0[&format!("resources/{pod}")][0], request, "{pod}");
        }
    });
}
