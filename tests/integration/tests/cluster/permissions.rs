//! The chart: what it installs, what it lets the collector do, and that it lets it do nothing else.

use std::collections::BTreeSet;

use gumshoe_devstack::processes::Identity;
use gumshoe_integration::names;
use gumshoe_proto::collector::v1::{GapReason, ListPodsRequest};
use serde_json::Value;
use tonic::{Code, Request};

use crate::support::{Bench, Release, audit, ended, kubectl, on_the_bench};

/// Resource and verbs of each right that the chart gives in a namespace.
const RIGHTS: [(&str, &str); 15] = [
    ("configmaps", "[get list]"),
    ("cronjobs.batch", "[get list]"),
    ("daemonsets.apps", "[get list]"),
    ("deployments.apps", "[get list]"),
    ("endpointslices.discovery.k8s.io", "[get list]"),
    ("events", "[get list]"),
    ("horizontalpodautoscalers.autoscaling", "[get list]"),
    ("ingresses.networking.k8s.io", "[get list]"),
    ("jobs.batch", "[get list]"),
    ("persistentvolumeclaims", "[get list]"),
    ("pods", "[get list]"),
    ("pods/log", "[get]"),
    ("replicasets.apps", "[get list]"),
    ("services", "[get list]"),
    ("statefulsets.apps", "[get list]"),
];

/// Those that `Release::WIDE` has beside them: it is not confined to namespaces, and Secrets are switched on.
const WIDE_RIGHTS: [(&str, &str); 3] =
    [("namespaces", "[get list]"), ("nodes", "[get list]"), ("secrets", "[get list]")];

/// Rights that an attacker, or a careless rule, would have.
const NOT_RIGHTS: [(&str, &str); 16] = [
    ("watch", "secrets"),
    ("watch", "configmaps"),
    ("watch", "nodes"),
    ("get", "nodes/proxy"),
    ("list", "serviceaccounts"),
    ("update", "deployments.apps"),
    ("watch", "pods"),
    ("watch", "events"),
    ("create", "pods"),
    ("delete", "pods"),
    ("patch", "pods"),
    ("create", "pods/exec"),
    ("get", "pods/exec"),
    ("create", "pods/eviction"),
    ("create", "serviceaccounts/token"),
    ("impersonate", "users"),
];

async fn json(bench: &Bench, arguments: &[&str]) -> Value {
    serde_json::from_str(&kubectl(bench, &[arguments, &["-o", "json"]].concat()).await).unwrap()
}

/// What `kubectl auth can-i` says of a right. For kubectl `pods/exec` is a pod called "exec".
async fn may(bench: &Bench, release: Release, verb: &str, resource: &str, scope: &[&str]) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let subresource = format!("--subresource={subresource}");
    match can_i(bench, release, &[&[verb, resource, &subresource], scope].concat()).await.as_str() {
        "yes\n" => true,
        "no\n" => false,
        answer => panic!("{answer}"),
    }
}

/// `kubectl auth can-i`, answered by the API server for an account.
async fn can_i(bench: &Bench, release: Release, arguments: &[&str]) -> String {
    let user = release.user();
    let arguments = [&["auth", "can-i", "--as", &user], arguments].concat();
    // "no" is exit code 1.
    let output = ended(&mut bench.cluster.kubectl_command(&arguments).unwrap()).await;
    assert!(output.stderr.is_empty() || output.stderr.starts_with(b"Warning: "), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Resources and verbs in a namespace, but for what every account may do: ask what it may do.
async fn rights(bench: &Bench, release: Release, namespace: &str) -> BTreeSet<(String, String)> {
    let table = can_i(bench, release, &["--list", "--namespace", namespace]).await;
    let rows = table.lines().skip(1).filter(|row| !row.starts_with(' ') && !row.starts_with("selfsubject"));
    let rows = rows.map(|row| {
        let (resource, rest) = row.split_once("  ").unwrap();
        let verbs = &rest[rest.rfind('[').unwrap()..];
        (resource.to_owned(), verbs.to_owned())
    });
    rows.collect()
}

fn expected_rights(wide: bool) -> BTreeSet<(String, String)> {
    let beside = WIDE_RIGHTS.into_iter().filter(|_| wide);
    RIGHTS.into_iter().chain(beside).map(|(resource, verbs)| (resource.to_owned(), verbs.to_owned())).collect()
}

#[test]
fn the_chart_installs_with_the_secrets_of_gumshoe_pki() {
    on_the_bench(async |bench| {
        let pki = &bench.certificates;
        for release in [Release::WIDE, Release::NARROW] {
            for (component, identity) in [("collector", Identity::Collector), ("bridge", Identity::Bridge)] {
                let name = format!("gumshoe-{component}");
                let deployment = json(bench, &["get", "deployment", &name, "-n", release.namespace]).await;
                assert_eq!(deployment["status"]["readyReplicas"], 2, "{deployment}");
                let pod = &deployment["spec"]["template"]["spec"];
                assert_eq!(pod["serviceAccountName"], name);
                let secret = pod["volumes"][0]["secret"]["secretName"].as_str().unwrap();
                for (key, file) in
                    [("tls\\.crt", pki.certificate(identity)), ("tls\\.key", pki.key(identity)), ("ca\\.crt", pki.ca())]
                {
                    let template =
                        format!("-o=go-template={{{{index .data \"{}\" | base64decode}}}}", key.replace('\\', ""));
                    let held = kubectl(bench, &["get", "secret", secret, "-n", release.namespace, &template]).await;
                    assert_eq!(held, std::fs::read_to_string(file).unwrap(), "{secret} {key}");
                }
            }
        }
    });
}

/// kwok only plays the pods, so that the arguments have to be tried here.
#[test]
fn the_shipped_programs_know_the_arguments_that_the_chart_gives_them() {
    on_the_bench(async |bench| {
        for release in [Release::WIDE, Release::NARROW] {
            for program in ["gumshoe-collector", "gumshoe-bridge"] {
                let deployment = json(bench, &["get", "deployment", program, "-n", release.namespace]).await;
                let container = &deployment["spec"]["template"]["spec"]["containers"][0];
                let arguments = container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
                let mut command = bench.binaries.command(program).unwrap();
                // An argument that is not known is an error before the help is given.
                let output = ended(command.args(arguments).arg("--help")).await;
                assert!(output.status.success(), "{container}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    });
}

#[test]
fn the_account_may_read_what_is_served_and_do_nothing_else() {
    on_the_bench(async |bench| {
        for namespace in ["default", "shop", "kube-system"] {
            assert_eq!(rights(bench, Release::WIDE, namespace).await, expected_rights(true), "{namespace}");
        }
        for (resource, verbs) in RIGHTS.into_iter().chain(WIDE_RIGHTS) {
            for verb in verbs.trim_matches(['[', ']']).split(' ') {
                assert!(may(bench, Release::WIDE, verb, resource, &["-A"]).await, "{verb} {resource}");
            }
        }
        for (verb, resource) in NOT_RIGHTS {
            assert!(!may(bench, Release::WIDE, verb, resource, &["-n", "shop"]).await, "{verb} {resource}");
        }
    });
}

#[test]
fn an_account_with_namespaces_may_read_these_and_no_other() {
    on_the_bench(async |bench| {
        for namespace in Release::NARROW.reads {
            assert_eq!(rights(bench, Release::NARROW, namespace).await, expected_rights(false), "{namespace}");
        }
        for namespace in ["default", "backoffice", "kube-system", Release::NARROW.namespace] {
            assert_eq!(rights(bench, Release::NARROW, namespace).await, BTreeSet::new(), "{namespace}");
        }
        assert!(!may(bench, Release::NARROW, "list", "pods", &["-A"]).await);
        // They are off until they are switched on.
        assert!(!may(bench, Release::NARROW, "list", "secrets", &["-n", "shop"]).await);
        for (verb, resource) in NOT_RIGHTS {
            assert!(!may(bench, Release::NARROW, verb, resource, &["-n", "shop"]).await, "{verb} {resource}");
        }
    });
}

#[test]
fn a_collector_of_two_namespaces_lists_these_and_asks_for_nothing_elsewhere() {
    on_the_bench(async |bench| {
        let Release { reads, .. } = Release::NARROW;
        let mut collector = bench.narrow_collector(reads).await;
        let inside = kubectl(bench, &["get", "pods", "-A", "--no-headers"]).await;
        let inside = inside.lines().filter(|row| reads.iter().any(|name| row.starts_with(&format!("{name} "))));
        let pages = collector.client.list_pods(ListPodsRequest::default()).await.unwrap();
        assert!(pages.last().unwrap().completeness.as_ref().unwrap().complete, "{pages:?}");
        let pods: Vec<_> = pages.into_iter().flat_map(|page| page.items).collect();
        assert_eq!(names(&pods).len(), inside.count());
        assert!(names(&pods).iter().all(|name| reads.contains(&name.split_once('/').unwrap().0)));

        let list = |namespace: &str, id: &str| {
            let namespaces = vec![namespace.to_owned()];
            let mut request = Request::new(ListPodsRequest { namespaces, ..ListPodsRequest::default() });
            request.metadata_mut().insert("x-request-id", id.parse().unwrap());
            request
        };
        let refused = collector.client.pods.list_pods(list("backoffice", "narrow-outside")).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
        assert!(refused.message().contains("--namespaces"), "{refused:?}");
        collector
            .client
            .pods
            .list_pods(list("shop", "narrow-inside"))
            .await
            .unwrap()
            .into_inner()
            .message()
            .await
            .unwrap();
        // When the later request is in the log, the earlier one would be too.
        let user = Release::NARROW.user();
        audit::asked_under(bench, &user, "narrow-inside").await;
        assert!(audit::asked_by(bench, &user).iter().all(|asked| asked.id != "narrow-outside"));
    });
}

#[test]
fn a_collector_whose_rights_end_at_namespaces_says_so() {
    on_the_bench(async |bench| {
        let mut collector = bench.narrow_collector(&[]).await;
        let refused = collector.client.list_pods(ListPodsRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
        assert!(refused.message().contains("--namespaces"), "{refused:?}");

        let namespaces = ["backoffice", "shop"].map(str::to_owned).to_vec();
        let pages =
            collector.client.list_pods(ListPodsRequest { namespaces, ..ListPodsRequest::default() }).await.unwrap();
        let completeness = pages.last().unwrap().completeness.as_ref().unwrap();
        let gaps: Vec<_> = completeness.gaps.iter().map(|gap| (gap.reason(), gap.namespace.as_str())).collect();
        assert_eq!((completeness.complete, gaps), (false, vec![(GapReason::NamespaceDenied, "backoffice")]));
        assert!(pages.iter().flat_map(|page| &page.items).count() > 0);

        let warned = |line: &Value| line.to_string().contains("not permitted: calls that need it fail");
        collector.process.logged("it warns of the rights that it lacks", warned).await.unwrap();
    });
}
