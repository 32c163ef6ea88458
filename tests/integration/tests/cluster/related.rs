//! The backends of services and of ingresses, beside `kubectl describe`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Bench, Collector, kubectl, on_the_bench, settled};

/// Of all objects of the kind, where they are and what they are called.
async fn named(bench: &Bench, kind: &str) -> Vec<(String, String)> {
    let rows = kubectl(bench, &["get", kind, "-A", "--no-headers"]).await;
    let words = rows.lines().map(|row| row.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>());
    words.map(|words| (words[0].clone(), words[1].clone())).collect()
}

async fn item(collector: &Collector, kind: &str, namespace: &str, name: &str) -> Value {
    let document = collector.complete(&["get", kind, name, "-n", namespace, "-o", "json"]).await;
    serde_json::from_str::<Value>(&document).unwrap()["item"].clone()
}

fn texts(values: &Value) -> impl Iterator<Item = &str> {
    values.as_array().into_iter().flatten().map(|value| value.as_str().unwrap())
}

/// What a service's ports lead to: three addresses at most, and how many there are beyond them.
type Reached = (BTreeSet<String>, usize);

/// What `kubectl describe service` says: a line a port, of which a headless service may have none.
fn described(text: &str) -> Reached {
    let cells = text.lines().filter_map(|line| line.strip_prefix("Endpoints:")).map(str::trim);
    let mut reached = Reached::default();
    for cell in cells.filter(|cell| !cell.is_empty() && *cell != "<none>") {
        let (addresses, more) = cell.split_once(" + ").unwrap_or((cell, "0 more..."));
        reached.0.extend(addresses.split(',').map(str::to_owned));
        reached.1 += more.split(' ').next().unwrap().parse::<usize>().unwrap();
    }
    reached
}

/// All addresses with all ports of the backends that traffic goes to.
fn reached(endpoints: &Value) -> BTreeSet<String> {
    let ready = endpoints["backends"].as_array().into_iter().flatten().filter(|backend| backend["ready"] == true);
    let pairs = ready.flat_map(|backend| {
        let ports = backend["ports"].as_array().into_iter().flatten().map(|port| &port["port"]);
        let ports: Vec<_> = ports.collect();
        texts(&backend["addresses"]).flat_map(move |address| {
            let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
            ports.clone().into_iter().map(move |port| format!("{host}:{port}"))
        })
    });
    pairs.collect()
}

#[test]
fn the_backends_of_every_service_are_those_that_kubectl_describes() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let mut seen = 0;
        for (namespace, name) in named(bench, "services").await {
            let theirs = async || {
                let arguments = ["describe", "service", &name, "-n", &namespace, "--show-events=false"];
                kubectl(bench, &arguments).await
            };
            let ours = async || item(&collector, "endpoints", &namespace, &name).await;
            let (theirs, endpoints, _) = settled(theirs, ours, |one, other| one == other).await;
            let (some, more) = described(&theirs);
            let ours = reached(&endpoints);
            assert!(some.is_subset(&ours), "{namespace}/{name}: {ours:?}, kubectl {some:?}");
            assert_eq!(ours.len(), some.len() + more, "{namespace}/{name}: {ours:?}, kubectl {some:?} and {more} more");
            let is_external = theirs.contains("ExternalName");
            assert_eq!(endpoints["status"] == "ENDPOINTS_STATUS_EXTERNAL_NAME", is_external, "{endpoints}");
            seen += ours.len();
        }
        assert!(seen > 10, "{seen}");
    });
}

#[test]
fn the_backends_of_an_ingress_are_missing_where_kubectl_does_not_find_them() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let mut all = BTreeSet::new();
        for (namespace, name) in named(bench, "ingresses").await {
            let arguments = ["describe", "ingress", &name, "-n", &namespace, "--show-events=false"];
            let theirs = kubectl(bench, &arguments).await;
            let ingress = item(&collector, "ingress", &namespace, &name).await;
            for backend in ingress["backends"].as_array().unwrap() {
                let (service, port) =
                    (backend["service"].as_str().unwrap(), backend["port"].as_str().unwrap_or_default());
                let existence = backend["existence"].as_str().unwrap().trim_start_matches("BACKEND_EXISTENCE_");
                let found = format!("{service}:{port} (");
                let not_found = format!("{service}:{port} (<error: services \"{service}\" not found>)");
                let expected = if theirs.contains(&not_found) {
                    "NO_SERVICE"
                } else if !theirs.contains(&found) {
                    "NOT_A_SERVICE"
                } else {
                    let json = kubectl(bench, &["get", "service", service, "-n", &namespace, "-o", "json"]).await;
                    let json: Value = serde_json::from_str(&json).unwrap();
                    let ports = json["spec"]["ports"].as_array().unwrap().clone();
                    let number = port.parse::<u64>().ok();
                    let is_it = |it: &Value| it["name"] == port || it["port"].as_u64() == number;
                    if ports.iter().any(is_it) { "EXISTS" } else { "NO_PORT" }
                };
                assert_eq!(existence, expected, "{namespace}/{name}: {backend}, kubectl {theirs}");
                all.insert(expected);
            }
        }
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["EXISTS", "NOT_A_SERVICE", "NO_PORT", "NO_SERVICE"]);
    });
}
