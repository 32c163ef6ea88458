//! The pods on a node and what they come to, as `kubectl describe node` shows them.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use gumshoe_proto::{
    collector::v1::{NodePod, NodePods},
    human_duration::human_age,
};
use jiff::Timestamp;

use super::table::Table;
use crate::units;

/// Writes two tables: the pods, and the sums by resource.
pub(super) fn pods(out: &mut dyn Write, pods: &NodePods) -> io::Result<()> {
    let now = units::to_proto(Timestamp::now());
    writeln!(out, "\nNon-terminated Pods:          ({} in total)", pods.total)?;
    let columns = vec!["NAMESPACE", "NAME", "CPU REQUESTS", "CPU LIMITS", "MEMORY REQUESTS", "MEMORY LIMITS", "AGE"];
    let row = |pod: &NodePod| {
        let [cpu, memory] = ["cpu", "memory"].map(|name| [amount(&pod.requests, name), amount(&pod.limits, name)]);
        let age = human_age(pod.creation_timestamp.as_ref(), &now);
        [vec![pod.namespace.clone(), pod.name.clone()], cpu.to_vec(), memory.to_vec(), vec![age]].concat()
    };
    let rows: Vec<_> = pods.items.iter().map(row).collect();
    Table::new(columns).rows(out, &rows)?;
    writeln!(out, "\nAllocated resources:")?;
    let names = pods.requests_percent.keys().chain(pods.requests.keys()).chain(pods.limits.keys());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names.dedup();
    let rows: Vec<_> = names
        .into_iter()
        .map(|name| {
            let of = |amounts, shares| share(amounts, shares, name);
            vec![name.clone(), of(&pods.requests, &pods.requests_percent), of(&pods.limits, &pods.limits_percent)]
        })
        .collect();
    Table::new(vec!["RESOURCE", "REQUESTS", "LIMITS"]).rows(out, &rows)
}

fn amount(amounts: &BTreeMap<String, String>, name: &str) -> String {
    amounts.get(name).map_or("0", String::as_str).to_owned()
}

/// `750m (18%)`; without a share where the node does not say what it can give.
fn share(amounts: &BTreeMap<String, String>, shares: &BTreeMap<String, i64>, name: &str) -> String {
    let amount = amount(amounts, name);
    shares.get(name).map_or(amount.clone(), |share| format!("{amount} ({share}%)"))
}
