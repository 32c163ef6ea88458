//! The kinds that are served: one file a kind, which holds what is particular to it. What they have in common is in `lists`.

pub(crate) mod cells;
pub mod config_map;
pub mod cron_job;
pub mod daemon_set;
pub mod deployment;
pub mod endpoint;
pub mod event;
pub mod horizontal_pod_autoscaler;
pub mod ingress;
pub mod job;
pub mod log;
pub mod namespace;
pub mod node;
pub mod persistent_volume_claim;
pub mod pod;
mod quantity;
pub mod replica_set;
mod rollout;
pub mod secret;
pub mod service;
pub mod stateful_set;
pub mod topology;

use std::str::FromStr;

use crate::{lists::Reader, methods::Methods};

/// The field selector of pods that have not ended: the others hold nothing on their nodes, and are no backends.
const NOT_ENDED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// A kind that can be served.
#[derive(Debug, Clone, Copy)]
pub struct ServedKind {
    /// Its name in `--kinds`: the resource's plural, and "logs".
    pub name: &'static str,
    /// Whether it is served without being named in `--kinds`.
    pub by_default: bool,
    serve: fn(Methods, &Reader) -> Methods,
}

impl ServedKind {
    const fn new(name: &'static str, serve: fn(Methods, &Reader) -> Methods) -> Self {
        Self { name, by_default: true, serve }
    }

    /// One that is served only where it is named: the right to read it is worth more than what is read.
    const fn if_named(name: &'static str, serve: fn(Methods, &Reader) -> Methods) -> Self {
        Self { name, by_default: false, serve }
    }
}

/// One line a kind: its methods, from which follow its health status and the permissions that it needs.
pub const KINDS: &[ServedKind] = &[
    ServedKind::new("pods", pod::serve),
    ServedKind::new("events", event::serve),
    ServedKind::new("namespaces", namespace::serve),
    ServedKind::new("nodes", node::serve),
    ServedKind::new("deployments", deployment::serve),
    ServedKind::new("replicasets", replica_set::serve),
    ServedKind::new("statefulsets", stateful_set::serve),
    ServedKind::new("daemonsets", daemon_set::serve),
    ServedKind::new("jobs", job::serve),
    ServedKind::new("cronjobs", cron_job::serve),
    ServedKind::new("services", service::serve),
    ServedKind::new("endpointslices", endpoint::serve),
    ServedKind::new("ingresses", ingress::serve),
    ServedKind::new("configmaps", config_map::serve),
    ServedKind::if_named("secrets", secret::serve),
    ServedKind::new("persistentvolumeclaims", persistent_volume_claim::serve),
    ServedKind::new("horizontalpodautoscalers", horizontal_pod_autoscaler::serve),
    // The last ones: what they read beside depends on those before them.
    ServedKind::new("logs", log::serve),
    ServedKind::new("topology", topology::serve),
];

impl FromStr for ServedKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
        KINDS.iter().find(|kind| kind.name == name).copied().ok_or_else(|| format!("there are: {}", known()))
    }
}

/// The kinds that are served: those that are named, else all that need not be.
#[must_use]
pub fn served(named: &[ServedKind]) -> Vec<ServedKind> {
    if named.is_empty() { KINDS.iter().filter(|kind| kind.by_default).copied().collect() } else { named.to_vec() }
}

/// The methods of these kinds, in the order of [`KINDS`]; those of the others are refused by name.
#[must_use]
pub fn methods(kinds: &[ServedKind], reader: &Reader) -> Methods {
    let is_wanted = |known: &&ServedKind| kinds.iter().any(|kind| kind.name == known.name);
    let (wanted, others): (Vec<&ServedKind>, Vec<&ServedKind>) = KINDS.iter().partition(is_wanted);
    let methods = wanted.into_iter().fold(Methods::default(), |methods, kind| (kind.serve)(methods, reader));
    others
        .into_iter()
        .fold(methods, |methods, kind| methods.refusing(kind.name, (kind.serve)(Methods::default(), reader).paths()))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, convert::Infallible};

    use kube::client::Body;
    use tonic::{Code, Status};
    use tonic_types::StatusExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{kubernetes::api::KubernetesApi, lists::scope::Scope, methods::Permission};

    /// A reader that reads nothing.
    fn mk_reader() -> Reader {
        let nobody =
            tower::service_fn(async |_: http::Request<Body>| Ok::<_, Infallible>(http::Response::new(Body::empty())));
        let api = KubernetesApi::from_client(kube::Client::new(nobody, "default"));
        Reader::new(api, Scope::default())
    }

    #[tokio::test]
    async fn every_method_of_the_contract_is_served() {
        let mut served = methods(KINDS, &mk_reader()).paths().to_vec();
        let mut declared = gumshoe_proto::methods::PATHS.to_vec();
        served.sort_unstable();
        declared.sort_unstable();
        assert_eq!(served, declared);
    }

    #[tokio::test]
    async fn a_kind_that_is_not_named_is_not_served_and_needs_no_permission() {
        let methods = methods(&["logs".parse().unwrap()], &mk_reader());
        assert_eq!(methods.paths(), ["/gumshoe.collector.v1.LogService/ReadLogs"]);
        let needed: Vec<_> =
            methods.permissions().iter().map(|it| (it.verb, it.resource.plural, it.subresource)).collect();
        assert_eq!(needed, [("get", "pods", ""), ("list", "pods", ""), ("get", "pods", "log")]);
        assert!("podsecurity".parse::<ServedKind>().is_err());
    }

    #[tokio::test]
    async fn a_call_for_a_kind_that_is_not_served_is_told_which_flag_would_serve_it() {
        let routes = methods(&["logs".parse().unwrap()], &mk_reader()).routes();
        let call = async |path: &str| {
            let request = http::Request::post(path).header("content-type", "application/grpc");
            let answer = routes.clone().oneshot(request.body(tonic::body::Body::empty()).unwrap()).await.unwrap();
            Status::from_header_map(answer.headers()).unwrap()
        };
        let refused = call("/gumshoe.collector.v1.SecretService/ListSecrets").await;
        let reason = refused.get_error_details().error_info().map(|info| info.reason.clone());
        assert_eq!((refused.code(), reason.as_deref()), (Code::Unimplemented, Some("KIND_NOT_SERVED")));
        assert!(refused.message().contains("--kinds") && refused.message().contains("collector.kinds.secrets"));

        let unknown = call("/gumshoe.collector.v1.SecretService/GetValues").await;
        assert_eq!((unknown.code(), unknown.message()), (Code::Unimplemented, ""));
    }

    #[tokio::test]
    async fn secrets_are_served_only_where_they_are_named() {
        let reads_secrets = |named: &[ServedKind]| {
            let methods = methods(&served(named), &mk_reader());
            methods.permissions().iter().any(|permission| permission.resource.plural == "secrets")
        };
        assert!(!reads_secrets(&[]));
        assert!(!reads_secrets(&["pods".parse().unwrap()]));
        assert!(reads_secrets(&["secrets".parse().unwrap()]));
    }

    /// Group, resource and verb of each right that the chart gives for a kind: the lines below its name, each a rule.
    fn rights_in_the_chart(kind: &str) -> BTreeSet<[String; 3]> {
        let chart = include_str!("../../../../deploy/chart/templates/_helpers.tpl");
        let below = chart.lines().skip_while(|line| !line.starts_with(&format!("{kind}:"))).skip(1);
        let rules = below.take_while(|line| line.starts_with("  ")).filter_map(|line| line.strip_prefix("  - "));
        let mut rights = BTreeSet::new();
        for rule in rules {
            let texts = |field: &str| {
                let list = rule.split(field).nth(1).unwrap().split(['[', ']']).nth(1).unwrap();
                list.split(", ").map(|text| text.trim_matches('"').to_owned()).collect::<Vec<_>>()
            };
            let [groups, resources, verbs] = ["apiGroups", "resources", "verbs"].map(texts);
            for (group, resource) in groups.iter().flat_map(|group| resources.iter().map(move |it| (group, it))) {
                rights.extend(verbs.iter().map(|verb| [group.clone(), resource.clone(), verb.clone()]));
            }
        }
        rights
    }

    #[tokio::test]
    async fn the_chart_gives_the_rights_that_each_kind_needs_and_no_others() {
        for kind in KINDS {
            let methods = methods(&[*kind], &mk_reader());
            let needed = methods.permissions().iter().map(|Permission { verb, resource, subresource }| {
                let sub = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
                [resource.group, &format!("{}{sub}", resource.plural), *verb].map(str::to_owned)
            });
            assert_eq!(rights_in_the_chart(kind.name), needed.collect(), "{}", kind.name);
        }
    }

    #[tokio::test]
    async fn every_kind_has_its_switch_in_the_chart_and_its_rights_in_the_readme() {
        let values = include_str!("../../../../deploy/chart/values.yaml");
        let readme = include_str!("../../../../README.md");
        for kind in KINDS {
            let switch = format!("\n    {}: {}\n", kind.name, kind.by_default);
            assert!(values.contains(&switch), "values.yaml has no {switch:?}");
            for Permission { verb, resource, subresource } in methods(&[*kind], &mk_reader()).permissions() {
                let sub = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
                let row = |line: &&str| line.starts_with('|') && line.contains(&format!("`{}{sub}`", resource.plural));
                let row =
                    readme.lines().find(row).unwrap_or_else(|| panic!("README has no row of {}{sub}", resource.plural));
                assert!(row.contains(&format!("`{verb}`")), "{row}");
            }
        }
    }
}
