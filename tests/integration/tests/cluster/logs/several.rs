//! The pods of a deployment, by its name and by its labels: their logs, merged.

use gumshoe_proto::collector::v1::{ContainerLogStatus, ReadLogsRequest};
use serde_json::Value;

use super::{LONGEST_LINE, our_timed, read, timed};
use crate::support::{Bench, FOLLOWED, kubectl, kubectl_logs, on_the_bench};

/// Deployments that select by labels alone: their namespaces, names, and labels.
async fn deployments(bench: &Bench) -> Vec<[String; 3]> {
    let found: Value =
        serde_json::from_str(&kubectl(bench, &["get", "deployments", "-A", "-o", "json"]).await).unwrap();
    let deployment = |item: &Value| {
        let selector = &item["spec"]["selector"];
        let labels = selector["matchLabels"].as_object().filter(|_| selector["matchExpressions"].is_null())?;
        let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap())).collect();
        let [namespace, name] = ["namespace", "name"].map(|field| item["metadata"][field].as_str().unwrap().to_owned());
        Some([namespace, name, labels.join(",")])
    };
    let deployments = found["items"].as_array().unwrap().iter().filter_map(deployment);
    // Another test writes to the logs there.
    deployments.filter(|[namespace, ..]| namespace != FOLLOWED.0).collect()
}

async fn pods(bench: &Bench, namespace: &str, labels: &str) -> Vec<String> {
    let names = kubectl(bench, &["get", "pods", "-n", namespace, "-l", labels, "-o", "name"]).await;
    names.lines().map(|name| name.trim_start_matches("pod/").to_owned()).collect()
}

#[test]
fn the_logs_of_a_deployment_are_the_sorted_union_of_those_of_its_pods() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let mut of_several = 0;
        for [namespace, name, labels] in deployments(bench).await {
            let pods = pods(bench, &namespace, &labels).await;
            let mut expected = Vec::new();
            for pod in &pods {
                // What has no log is an outcome of its pod.
                if let Ok(log) = kubectl_logs(bench, &["-n", &namespace, pod, "--timestamps"]).await {
                    let cut = |(time, mut text): (_, Vec<u8>)| {
                        text.truncate(LONGEST_LINE);
                        (time, text)
                    };
                    expected.extend(timed(&log).into_iter().map(cut));
                }
            }
            expected.sort();
            let request = ReadLogsRequest { namespace, whole_log: true, ..ReadLogsRequest::default() };
            for request in [
                ReadLogsRequest { workload: format!("deploy/{name}"), ..request.clone() },
                ReadLogsRequest { label_selector: labels, ..request },
            ] {
                if pods.is_empty() {
                    continue;
                }
                let ours = read(&collector, request).await;
                let mut lines = our_timed(&ours.lines);
                assert!(lines.iter().map(|(time, _)| time).is_sorted(), "{name}");
                lines.sort();
                let differ = lines.iter().zip(&expected).find(|(ours, kubectls)| ours != kubectls);
                let what = (lines.len(), expected.len(), differ.map(|(ours, kubectls)| (ours.0, kubectls.0)));
                assert!(lines == expected, "{name}: {what:?}");
                let told: Vec<_> = ours.logs.iter().map(|log| log.pod.clone()).collect();
                assert_eq!(told, pods, "{name}");
                let read = |lines: u64, status| lines > 0 && status == ContainerLogStatus::Read;
                of_several += usize::from(ours.logs.iter().filter(|log| read(log.lines, log.status())).count() > 1);
            }
        }
        assert!(of_several >= 2, "{of_several} answers have lines of several pods");
    });
}
