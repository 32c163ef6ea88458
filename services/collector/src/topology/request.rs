//! What a request means: where the walk begins, and how far it goes.

use std::collections::BTreeMap;

use gumshoe_proto::collector::v1::DiscoverTopologyRequest;

use super::{
    object::{Key, WalkedKind},
    walk::Bounds,
};
use crate::{
    error::ReadError,
    kubernetes::names::{Namespace, ObjectName},
};

/// From a Deployment to the certificate of the ingress that leads to its pods.
const DEPTH_DEFAULT: u32 = 5;
/// From a node to the pods on it: what is beyond is another namespace with each pod.
const DEPTH_OF_NODE: u32 = 1;
/// No walk within a namespace goes farther before it has all that is connected.
const DEPTH_MAX: u32 = 10;
/// As many as a person looks through, and an application of some ten workloads has.
const NODES_DEFAULT: usize = 300;
/// Some 2 MiB of answer.
const NODES_MAX: usize = 2000;
/// Alerts have some twenty.
const LABELS_MAX: usize = 256;

/// The labels that name an object, those first that mean it and not something about it: kube-state-metrics says `deployment` and,
/// of itself, `pod`.
const ALERT_LABELS: [(&str, WalkedKind); 12] = [
    ("deployment", WalkedKind::Deployment),
    ("statefulset", WalkedKind::StatefulSet),
    ("daemonset", WalkedKind::DaemonSet),
    ("cronjob", WalkedKind::CronJob),
    ("job_name", WalkedKind::Job),
    ("replicaset", WalkedKind::ReplicaSet),
    ("horizontalpodautoscaler", WalkedKind::HorizontalPodAutoscaler),
    ("persistentvolumeclaim", WalkedKind::PersistentVolumeClaim),
    ("ingress", WalkedKind::Ingress),
    ("pod", WalkedKind::Pod),
    ("service", WalkedKind::Service),
    ("node", WalkedKind::Node),
];
/// Prometheus puts it before a label of a metric that the scrape has a label for too.
const EXPORTED: &str = "exported_";
/// An exporter that speaks of others, and whose own pod and service Prometheus adds to what it says.
const EXPORTER: &str = "kube-state-metrics";

/// What Prometheus adds to all that it scrapes from a pod.
fn is_target(kind: WalkedKind) -> bool {
    matches!(kind, WalkedKind::Pod | WalkedKind::Service)
}

/// A request, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Where the walk begins.
    pub seed: Key,
    /// Its namespace, where its kind has them.
    pub namespace: Option<Namespace>,
    /// How far it goes.
    pub bounds: Bounds,
}

impl Question {
    /// # Errors
    /// `InvalidArgument` for a field.
    pub fn of(request: &DiscoverTopologyRequest) -> Result<Self, ReadError> {
        let DiscoverTopologyRequest { namespace, kind, name, labels, max_depth, max_nodes } = request;
        let (kind, namespace, name) = if labels.is_empty() {
            let known = || WalkedKind::ALL.map(|kind| kind.resource().kind).join(", ");
            let walked = WalkedKind::of_name(kind)
                .ok_or_else(|| ReadError::invalid("kind", format!("must be one of {}", known())))?;
            let namespace = match walked.resource().namespaced {
                true => Some(Namespace::parse("namespace", namespace)?),
                false if namespace.is_empty() => None,
                false => {
                    return Err(ReadError::invalid("namespace", "must be empty: objects of this kind are in none"));
                }
            };
            (walked, namespace, ObjectName::parse("name", name)?)
        } else {
            if [namespace, kind, name].into_iter().any(|field| !field.is_empty()) {
                return Err(ReadError::invalid("labels", "must be empty where the object is named"));
            }
            of_labels(labels)?
        };
        let depth =
            bound("max_depth", *max_depth, if kind == WalkedKind::Node { DEPTH_OF_NODE } else { DEPTH_DEFAULT })?;
        let nodes = bound("max_nodes", *max_nodes, NODES_DEFAULT)?;
        let seed = Key::of(kind, namespace.as_ref().map_or("", Namespace::as_str), name.as_str());
        let bounds = Bounds { depth: depth.min(DEPTH_MAX), nodes: nodes.min(NODES_MAX) };
        Ok(Self { seed, namespace, bounds })
    }
}

fn bound<T: TryFrom<i32>>(field: &'static str, requested: i32, default: T) -> Result<T, ReadError> {
    match requested {
        0 => Ok(default),
        requested if requested < 0 => Err(ReadError::invalid(field, "must not be negative")),
        requested => T::try_from(requested).map_err(|_| ReadError::invalid(field, "is too large")),
    }
}

/// The object that an alert is about.
fn of_labels(labels: &BTreeMap<String, String>) -> Result<(WalkedKind, Option<Namespace>, ObjectName), ReadError> {
    if labels.len() > LABELS_MAX {
        return Err(ReadError::invalid("labels", format!("must be no more than {LABELS_MAX}")));
    }
    let value = |name: &str| labels.get(name).filter(|value| !value.is_empty());
    let of_exporter = value("job").is_some_and(|job| job.contains(EXPORTER));
    let is_exporter = |kind, name: &str| of_exporter && is_target(kind) && name.contains(EXPORTER);
    let named = |prefix: &'static str, or_exporter: bool| {
        ALERT_LABELS.into_iter().find_map(|(label, kind)| {
            let name = value(&format!("{prefix}{label}")).filter(|name| or_exporter || !is_exporter(kind, name))?;
            Some((prefix, kind, name))
        })
    };
    // The exporter itself may be what is wrong, where nothing else is named.
    let itself = || if value("exported_namespace").is_none() { named("", true) } else { None };
    let Some((prefix, kind, name)) = named(EXPORTED, false).or_else(|| named("", false)).or_else(itself) else {
        let known = ALERT_LABELS.map(|(label, _)| label).join(", ");
        return Err(ReadError::invalid("labels", format!("must have one of {known}")));
    };
    let name = ObjectName::parse("labels", name)?;
    if !kind.resource().namespaced {
        return Ok((kind, None, name));
    }
    // Where the metric has a namespace and the scrape has too, the metric's is exported, and all else is in that which the scrape does
    // not have itself: its pod and its service it has.
    let of_scrape = value("namespace").filter(|_| prefix.is_empty() && is_target(kind));
    let namespace = of_scrape.or_else(|| value("exported_namespace")).or_else(|| value("namespace"));
    let namespace = namespace.ok_or_else(|| ReadError::invalid("labels", "must have a namespace"))?;
    Ok((kind, Some(Namespace::parse("labels", namespace)?), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed_of(labels: &[(&str, &str)]) -> Result<(WalkedKind, String, String), ReadError> {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let Question { seed, .. } = Question::of(&DiscoverTopologyRequest { labels, ..Default::default() })?;
        Ok((seed.walked().unwrap(), seed.namespace, seed.name))
    }

    #[test]
    fn an_alert_is_about_the_object_that_its_labels_name_and_not_about_who_tells_it() {
        let exporter =
            [("job", "kube-state-metrics"), ("pod", "kube-state-metrics-5d9"), ("service", "kube-state-metrics")];
        for (own, expected) in [
            (&[("namespace", "shop"), ("deployment", "web")][..], (WalkedKind::Deployment, "shop", "web")),
            (&[("namespace", "monitoring"), ("node", "node-1")], (WalkedKind::Node, "", "node-1")),
            (
                &[("namespace", "monitoring"), ("exported_namespace", "shop"), ("exported_pod", "web-0")],
                (WalkedKind::Pod, "shop", "web-0"),
            ),
        ] {
            let (kind, namespace, name) = seed_of(&[own, &exporter].concat()).unwrap();
            assert_eq!((kind, namespace.as_str(), name.as_str()), expected);
        }
        let (kind, ..) = seed_of(&[("namespace", "shop"), ("pod", "web-0"), ("job", "web"), ("node", "n")]).unwrap();
        assert_eq!(kind, WalkedKind::Pod);
    }

    #[test]
    fn what_the_scrape_does_not_have_itself_is_in_the_namespace_that_is_exported() {
        let scrape = [("namespace", "monitoring"), ("job", "kube-state-metrics"), ("pod", "kube-state-metrics-5d9")];
        let exported = [("exported_namespace", "shop"), ("deployment", "web")];
        let (kind, namespace, name) = seed_of(&[&exported[..], &scrape].concat()).unwrap();
        assert_eq!((kind, namespace.as_str(), name.as_str()), (WalkedKind::Deployment, "shop", "web"));
        // The target's own pod is where the target is.
        let own = [("namespace", "monitoring"), ("exported_namespace", "shop"), ("pod", "blackbox-0")];
        assert_eq!(seed_of(&own).unwrap().1, "monitoring");
    }

    #[test]
    fn an_alert_may_be_about_the_exporter_itself() {
        let scrape = [("namespace", "monitoring"), ("job", "kube-state-metrics"), ("pod", "kube-state-metrics-5d9")];
        assert_eq!(seed_of(&scrape).unwrap().0, WalkedKind::Pod);
        let (kind, _, name) = seed_of(&[&scrape[..], &[("deployment", "kube-state-metrics")]].concat()).unwrap();
        assert_eq!((kind, name.as_str()), (WalkedKind::Deployment, "kube-state-metrics"));
        // Of whatever is in that namespace, it is not the exporter.
        assert!(seed_of(&[&scrape[..], &[("exported_namespace", "shop")]].concat()).is_err());
    }

    #[test]
    fn labels_that_name_nothing_are_refused() {
        for labels in [
            &[("alertname", "Watchdog")][..],
            &[("pod", "web-0")],
            &[("namespace", "shop"), ("pod", "../x")],
            &[("namespace", "a/b"), ("pod", "web")],
        ] {
            let refused = seed_of(labels);
            assert!(matches!(refused, Err(ReadError::InvalidArgument { field: "labels", .. })), "{labels:?}");
        }
    }

    #[test]
    fn bounds_have_defaults_and_maxima() {
        let bounds = |kind: &str, max_depth, max_nodes| {
            let namespace = if kind.eq_ignore_ascii_case("node") { "" } else { "shop" };
            let (namespace, kind, name) = (namespace.to_owned(), kind.to_owned(), "web".to_owned());
            let request = DiscoverTopologyRequest { namespace, kind, name, max_depth, max_nodes, ..Default::default() };
            Question::of(&request).map(|question| (question.bounds.depth, question.bounds.nodes)).ok()
        };
        assert_eq!(bounds("Deployment", 0, 0), Some((5, 300)));
        assert_eq!(bounds("Node", 0, 0), Some((1, 300)));
        assert_eq!(bounds("node", 3, 7), Some((3, 7)));
        assert_eq!(bounds("Pod", i32::MAX, i32::MAX), Some((10, 2000)));
        assert_eq!((bounds("Pod", -1, 0), bounds("Pod", 0, -1), bounds("Widget", 0, 0)), (None, None, None));
    }
}
