//! Pods, beside what `kubectl get pods` prints at the same time.

use std::time::Duration;

use crate::support::{kubectl, on_the_bench, settled};

/// A row as kubectl prints it, without the age of the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    namespace: String,
    name: String,
    ready: String,
    status: String,
    /// RESTARTS: how many, and how long ago the last was.
    restarts: (String, Option<Duration>),
    age: Duration,
}

impl Row {
    /// Of a line of a table, whose columns are three spaces apart.
    fn parse(line: &str) -> Self {
        let cells: Vec<_> = line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let [namespace, name, ready, status, restarts, age, ..] = cells[..] else { panic!("not a row: {line}") };
        let (number, last) = restarts.split_once(" (").unwrap_or((restarts, ""));
        let last = last.strip_suffix(" ago)").map(duration);
        let [namespace, name, ready, status, number] = [namespace, name, ready, status, number].map(str::to_owned);
        Self { namespace, name, ready, status, restarts: (number, last), age: duration(age) }
    }

    /// All that does not change by itself.
    fn still(&self) -> [&str; 5] {
        [&self.namespace, &self.name, &self.ready, &self.status, &self.restarts.0]
    }
}

/// What Kubernetes writes for a duration: `5m`, `9m2s`, `26h`, `3d4h`.
fn duration(text: &str) -> Duration {
    let mut seconds = 0;
    let mut number = 0;
    for character in text.chars() {
        match character.to_digit(10) {
            Some(digit) => number = number * 10 + u64::from(digit),
            None => {
                let unit = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('y', 365 * 86_400)];
                seconds += number * unit.iter().find(|(name, _)| *name == character).unwrap().1;
                number = 0;
            }
        }
    }
    Duration::from_secs(seconds)
}

fn rows(table: &str) -> Vec<Row> {
    table.lines().skip(1).map(Row::parse).collect()
}

fn same(before: &[Row], after: &[Row]) -> bool {
    before.iter().map(Row::still).eq(after.iter().map(Row::still))
}

/// Compares tables that were made one after the other.
fn assert_between(before: &[Row], ours: &[Row], after: &[Row]) {
    assert!(!before.is_empty());
    assert_eq!(ours.iter().map(Row::still).collect::<Vec<_>>(), before.iter().map(Row::still).collect::<Vec<_>>());
    for ((before, ours), after) in before.iter().zip(ours).zip(after) {
        assert!((before.age..=after.age).contains(&ours.age), "{before:?} {ours:?} {after:?}");
        match (before.restarts.1, ours.restarts.1, after.restarts.1) {
            (None, None, None) => {}
            (Some(first), Some(age), Some(last)) => {
                assert!((first..=last).contains(&age), "{before:?} {ours:?} {after:?}");
            }
            _ => panic!("{before:?} {ours:?} {after:?}"),
        }
    }
}

fn compare(arguments: &'static [&'static str]) {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let arguments = [&["get", "pods"], arguments].concat();
        let (before, ours, after) = settled(
            async || rows(&kubectl(bench, &arguments).await),
            async || rows(&collector.complete(&arguments).await),
            |before, after| same(before, after),
        )
        .await;
        assert_between(&before, &ours, &after);
    });
}

#[test]
fn the_columns_of_every_pod_are_those_of_kubectl() {
    compare(&["-A"]);
}

#[test]
fn wide_columns_are_those_of_kubectl() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        // IP, NODE, NOMINATED NODE, READINESS GATES.
        let columns = |table: &str| {
            let cells = table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()));
            cells.map(|cells| cells.skip(6).map(str::to_owned).collect()).collect::<Vec<Vec<_>>>()
        };
        let arguments = ["get", "pods", "-A", "-o", "wide"];
        let (before, ours, _) = settled(
            async || columns(&kubectl(bench, &arguments).await),
            async || columns(&collector.complete(&arguments).await),
            |before, after| before == after,
        )
        .await;
        assert_eq!(ours, before);
    });
}

#[test]
fn a_label_selector_selects_what_it_selects_in_kubectl() {
    compare(&["-A", "-l", "app in (api,web),app!=web"]);
}

#[test]
fn a_field_selector_selects_what_it_selects_in_kubectl() {
    compare(&["-A", "--field-selector", "status.phase!=Running,spec.nodeName!=node-c"]);
}
