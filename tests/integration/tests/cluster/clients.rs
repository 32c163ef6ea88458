//! Clients of others over mTLS, with the certificates of `gumshoe pki`: grpcurl, which knows nothing but reflection, and
//! Google's grpcio, generated from the same `.proto` files.

use std::collections::BTreeSet;
use std::process::Output;

use gumshoe_devstack::processes::Identity;
use gumshoe_devstack::tools::workspace;
use gumshoe_integration::dynamic;
use serde_json::Value;
use tokio::process::Command;

use crate::support::{Bench, Collector, ended, kubectl, on_the_bench, settled};

/// The exit codes of grpcurl are 64 + the gRPC code.
const INVALID_ARGUMENT: i32 = 64 + 3;
const NOT_FOUND: i32 = 64 + 5;

async fn grpcurl(bench: &Bench, collector: &Collector, flags: &[&str], what: &[&str]) -> Output {
    let mut command = Command::new(bench.cluster.tools().program("grpcurl").unwrap());
    let pki = &bench.certificates;
    command.arg("-cacert").arg(pki.ca()).arg("-cert").arg(pki.certificate(Identity::Client));
    command.arg("-key").arg(pki.key(Identity::Client)).args(["-max-time", "60"]).args(flags);
    ended(command.arg(collector.address.to_string()).args(what)).await
}

async fn answered(bench: &Bench, collector: &Collector, flags: &[&str], what: &[&str]) -> String {
    let output = grpcurl(bench, collector, flags, what).await;
    assert!(output.status.success(), "{what:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The collector's own, by the contract.
fn services() -> BTreeSet<String> {
    dynamic::methods().map(|method| method.parent_service().full_name().to_owned()).collect()
}

#[test]
fn grpcurl_lists_and_describes_every_service() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let listed = answered(bench, &collector, &[], &["list"]).await;
        let standard = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"].map(str::to_owned);
        for service in services().into_iter().chain(standard) {
            assert!(listed.lines().any(|line| line == service), "{service}: {listed}");
            let described = answered(bench, &collector, &[], &["describe", &service]).await;
            assert!(described.contains("rpc "), "{described}");
        }
        let method = "gumshoe.collector.v1.LogService.ReadLogs";
        let described = answered(bench, &collector, &[], &["describe", method]).await;
        assert!(described.contains("returns ( stream .gumshoe.collector.v1.ReadLogsResponse )"), "{described}");
        let described = answered(bench, &collector, &[], &["describe", "gumshoe.collector.v1.Pod"]).await;
        assert!(described.contains("PodColumns columns = 1000"), "{described}");
    });
}

#[test]
fn grpcurl_calls_the_services() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        // The empty name is the server's own.
        for service in services().into_iter().chain([String::new()]) {
            let request = serde_json::json!({ "service": service }).to_string();
            let health = answered(bench, &collector, &["-d", &request], &["grpc.health.v1.Health/Check"]).await;
            let health: Value = serde_json::from_str(&health).unwrap();
            assert_eq!(health["status"], "SERVING", "{service}");
        }
        let request = r#"{"namespaces": ["shop"], "label_selector": "app=api"}"#;
        let method = "gumshoe.collector.v1.PodService/ListPods";
        let pods = answered(bench, &collector, &["-d", request], &[method]).await;
        let pods: Vec<Value> = serde_json::Deserializer::from_str(&pods).into_iter().map(Result::unwrap).collect();
        assert_eq!(pods.last().unwrap()["completeness"]["complete"], true, "{pods:?}");
        let pods: Vec<_> = pods.iter().flat_map(|page| page["items"].as_array().into_iter().flatten()).collect();
        assert_eq!(pods.len(), 2);
        for pod in pods {
            let name = pod["metadata"]["name"].as_str().unwrap();
            let row = kubectl(bench, &["get", "pod", name, "-n", "shop", "--no-headers"]).await;
            assert_eq!(row.split_whitespace().nth(2), pod["columns"]["status"].as_str(), "{row}");
        }
    });
}

#[test]
fn grpcurl_shows_a_rich_error_in_the_clear() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let method = "gumshoe.collector.v1.PodService/GetPod";
        let output =
            grpcurl(bench, &collector, &["-d", r#"{"namespace": "no/namespace", "name": "web"}"#], &[method]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(INVALID_ARGUMENT), "{said}");
        for words in [
            "Code: InvalidArgument",
            "google.rpc.BadRequest",
            "\"field\": \"namespace\"",
            "\"reason\": \"INVALID_FIELD\"",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let output = grpcurl(bench, &collector, &["-d", r#"{"namespace": "shop", "name": "nobody"}"#], &[method]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(NOT_FOUND), "{said}");
        for words in ["google.rpc.ResourceInfo", "\"resourceName\": \"shop/nobody\"", "\"domain\": \"gumshoe.dev\""] {
            assert!(said.contains(words), "{words}: {said}");
        }
        // What grpcurl prints of a detail whose type the server does not reflect.
        assert!(!said.contains("@value") && !said.contains("@error"), "{said}");
    });
}

#[test]
fn grpcurl_without_a_certificate_gets_nothing() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let mut command = Command::new(bench.cluster.tools().program("grpcurl").unwrap());
        command.arg("-cacert").arg(bench.certificates.ca()).args(["-max-time", "10", "-connect-timeout", "5"]);
        let output = ended(command.arg(collector.address.to_string()).arg("list")).await;
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        // With TLS 1.3 the client sees no more than a connection that is closed again and again.
        let refused = |line: &Value| line["error"].as_str().is_some_and(|error| error.contains("certificates"));
        let line = collector.process.logged("it says why", refused).await.unwrap();
        assert_eq!(line["level"], "WARN", "{line}");
    });
}

#[test]
fn grpcio_lists_pods_and_reads_a_rich_error() {
    on_the_bench(async |bench| {
        let collector = bench.collector().await;
        let scratch = bench.directory("grpcio");
        let pki = &bench.certificates;
        let script = workspace().join("tests/integration/tests/cluster/client.py");
        // NAMESPACE, NAME, STATUS.
        let oracle = async || {
            let rows = kubectl(bench, &["get", "pods", "-A", "--no-headers"]).await;
            let rows = rows.lines().map(|row| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
            rows.map(|row| vec![row[0].clone(), row[1].clone(), row[3].clone()]).collect::<Vec<_>>()
        };
        let client = async || {
            let mut command = Command::new(bench.cluster.tools().python_program("python").unwrap());
            command.arg(&script).arg(collector.address.to_string()).arg(pki.ca());
            command.arg(pki.certificate(Identity::Client)).arg(pki.key(Identity::Client));
            let output = ended(command.arg(workspace().join("proto")).arg(&scratch)).await;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            serde_json::from_slice::<Value>(&output.stdout).unwrap()
        };
        let (theirs, ours, _) = settled(oracle, client, |before, after| before == after).await;
        let pods: Vec<Vec<String>> = serde_json::from_value(ours["pods"].clone()).unwrap();
        assert_eq!(pods, theirs);
        assert_eq!(ours["completeness"]["complete"], true, "{ours}");
        assert!(ours["pages"].as_u64().unwrap() > 4, "{ours}");

        let error = &ours["error"];
        assert_eq!(error["code"], "INVALID_ARGUMENT", "{ours}");
        assert_eq!(error["details"]["ErrorInfo"]["reason"], "INVALID_FIELD", "{ours}");
        assert_eq!(error["details"]["ErrorInfo"]["domain"], "gumshoe.dev", "{ours}");
        assert_eq!(error["details"]["BadRequest"]["fieldViolations"][0]["field"], "namespace", "{ours}");
    });
}
