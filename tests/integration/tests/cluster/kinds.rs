//! Every kind beside kubectl, driven by the contract: a new kind is held to it by its `.proto`.

use std::collections::BTreeSet;

use gumshoe_integration::{
    dynamic,
    table::{self, Cells},
};

use crate::support::{kubectl, on_the_bench, settled};

/// The arguments that print all of a kind, the same for kubectl and for `gumshoe`.
fn arguments() -> impl Iterator<Item = Vec<String>> {
    dynamic::methods().filter_map(|method| {
        let kind = method.name().strip_prefix("List")?.to_ascii_lowercase();
        let all = method.input().get_field_by_name("namespaces").map(|_| "-A");
        let words = ["get", &kind, "-o", "wide"].into_iter().chain(all);
        Some(words.map(str::to_owned).collect())
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
        for arguments in arguments() {
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
