//! Kinds and objects as people name them (`po/web-0`) and as events name them (`Pod`, `web-0`).

use gumshoe_proto::{
    collector::v1::{InvolvedObject, LogLine, TopologyElement},
    methods::{Method, Page},
    with_request,
};
use prost::Name;

use crate::{
    Request,
    kinds::{KINDS, Kind},
    refusal::{self, Refusal},
};

/// As people name a kind.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// `pod`.
    pub singular: &'static str,
    /// `pods`.
    pub plural: &'static str,
    /// kubectl's short names: `po`.
    pub short: &'static [&'static str],
}

/// What the items of an answer are called.
#[must_use]
pub fn names(request: &Request) -> Names {
    fn item<Q: Method>(_: &Q) -> &'static str {
        <<Q::Response as Page>::Item as Name>::NAME
    }
    let item = with_request!(request, request => item(request));
    let kind = KINDS.iter().find(|kind| kind.item == item).map(Kind::names);
    kind.unwrap_or(match item {
        LogLine::NAME => LINES,
        TopologyElement::NAME => ELEMENTS,
        _ => ITEMS,
    })
}

const LINES: Names = Names { singular: "line", plural: "lines", short: &[] };

const ELEMENTS: Names = Names { singular: "object or connection", plural: "objects and connections", short: &[] };

/// What is called nothing else.
pub const ITEMS: Names = Names { singular: "item", plural: "items", short: &[] };

/// Kinds that nothing here reads and that events are about, with their groups. Any other kind is taken as it is written in CamelCase.
const OTHERS: [(&str, &str, &[&str]); 18] = [
    ("APIService", "apiregistration.k8s.io", &[]),
    ("CertificateSigningRequest", "certificates.k8s.io", &["csr"]),
    ("ControllerRevision", "apps", &[]),
    ("CSINode", "storage.k8s.io", &[]),
    ("CustomResourceDefinition", "apiextensions.k8s.io", &["crd"]),
    ("IngressClass", "networking.k8s.io", &[]),
    ("Lease", "coordination.k8s.io", &[]),
    ("LimitRange", "", &["limits"]),
    ("NetworkPolicy", "networking.k8s.io", &["netpol"]),
    ("PersistentVolume", "", &["pv"]),
    ("PodDisruptionBudget", "policy", &["pdb"]),
    ("PriorityClass", "scheduling.k8s.io", &["pc"]),
    ("ReplicationController", "", &["rc"]),
    ("ResourceQuota", "", &["quota"]),
    ("RoleBinding", "rbac.authorization.k8s.io", &[]),
    ("ServiceAccount", "", &["sa"]),
    ("StorageClass", "storage.k8s.io", &["sc"]),
    ("VolumeAttachment", "storage.k8s.io", &[]),
];

impl Kind {
    /// Whether people call it so.
    fn is_called(&self, name: &str) -> bool {
        let names = self.names();
        [names.singular, names.plural].iter().chain(names.short).any(|it| it.eq_ignore_ascii_case(name))
    }
}

/// The kind that a word means: `deployments`, `Deployment`, `deploy.apps`, `deployments.v1.apps`; None where it has no name of ours.
///
/// # Errors
/// It has the name of a kind of ours, and another group: it is somebody else's kind.
pub(crate) fn kind(word: &str) -> Result<Option<&'static Kind>, Refusal> {
    let (name, group) = typed(word);
    let kind = KINDS.iter().find(|kind| kind.is_called(name));
    match kind {
        Some(kind) if !is_of(group, kind.text.group) => Err(refusal::group(word, kind.names().plural)),
        kind => Ok(kind),
    }
}

/// The name and the group of `TYPE[.VERSION][.GROUP]`. The version says nothing: the objects are the same in all of them.
fn typed(word: &str) -> (&str, Option<&str>) {
    let Some((name, rest)) = word.split_once('.') else { return (word, None) };
    let (version, group) = rest.split_once('.').unwrap_or((rest, ""));
    let is_version = version.strip_prefix('v').is_some_and(|number| number.starts_with(|it: char| it.is_ascii_digit()));
    (name, Some(if is_version { group } else { rest }))
}

fn is_of(group: Option<&str>, expected: &str) -> bool {
    group.is_none_or(|group| group.eq_ignore_ascii_case(expected))
}

/// Reads `<kind>/<name>`.
pub(crate) fn object(text: &str) -> Result<InvolvedObject, Refusal> {
    let named = text.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty());
    let (kind, name) = named.ok_or_else(|| Refusal::Syntax("KIND/NAME is needed: pod/web-0".to_owned()))?;
    if name.contains('/') {
        return Err(Refusal::Syntax(format!("{name:?} is no name")));
    }
    Ok(InvolvedObject { kind: canonical(kind)?, name: name.to_owned(), ..InvolvedObject::default() })
}

/// The kind as people write it: in lower case where [`object`] reads it back.
fn spoken(kind: &str) -> String {
    if known().any(|known| known == kind) { kind.to_ascii_lowercase() } else { kind.to_owned() }
}

/// The object as [`object`] reads it.
pub(crate) fn describe(kind: &str, name: &str) -> String {
    format!("{}/{name}", spoken(kind))
}

/// The kinds that have a name here.
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|it| it.kind).chain(OTHERS.iter().map(|(kind, ..)| *kind))
}

/// The kind as events write it. What is no kind would be compared with theirs, and find nothing as if there were nothing.
fn canonical(spoken: &str) -> Result<String, Refusal> {
    if let Some(known) = kind(spoken)? {
        return Ok(known.kind.to_owned());
    }
    let (name, group) = typed(spoken);
    let lower = name.to_ascii_lowercase();
    let is = |kind: &str, short: &[&str]| {
        let kind = kind.to_ascii_lowercase();
        lower == kind || lower == plural(&kind) || short.contains(&lower.as_str())
    };
    if let Some((kind, ..)) = OTHERS.iter().find(|(kind, of, short)| is(kind, short) && is_of(group, of)) {
        return Ok((*kind).to_owned());
    }
    if group.is_none() && is_camel_case(spoken) && !is_plural(spoken) {
        return Ok(spoken.to_owned());
    }
    Err(Refusal::NotSupported(format!(
        "the kind {spoken:?} is not known; write it as events do, in CamelCase, in the singular and without its group: Rollout"
    )))
}

fn is_camel_case(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.contains(|it: char| it.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether it looks like several: `Rollouts`, and not `IngressClass`, `Prometheus` or `Redis`.
fn is_plural(word: &str) -> bool {
    word.ends_with('s') && !["ss", "us", "is"].iter().any(|end| word.ends_with(end))
}

/// As Kubernetes makes it of the names of its kinds.
fn plural(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_its_name_its_plural_and_its_short_name() {
        for text in ["pod/web-0", "pods/web-0", "po/web-0", "Pod/web-0", "POD/web-0"] {
            assert_eq!(object(text).map(|it| (it.kind, it.name)), Ok(("Pod".into(), "web-0".into())), "{text}");
        }
        for (text, kind) in [
            ("deploy/a", "Deployment"),
            ("ingresses/a", "Ingress"),
            ("svc/a", "Service"),
            ("endpoints/a", "Endpoints"),
            ("pv/a", "PersistentVolume"),
            ("NetworkPolicies/a", "NetworkPolicy"),
            ("storageclasses/a", "StorageClass"),
            ("networkpolicy.networking.k8s.io/a", "NetworkPolicy"),
        ] {
            assert_eq!(object(text).map(|it| it.kind), Ok(kind.into()));
        }
    }

    #[test]
    fn a_kind_may_be_named_with_its_group_and_version_and_with_no_other_group() {
        for (word, plural) in [
            ("deployments.apps", "deployments"),
            ("deploy.v1.apps", "deployments"),
            ("Deployment.Apps", "deployments"),
            ("pods.v1.", "pods"),
            ("hpa.autoscaling", "horizontalpodautoscalers"),
        ] {
            assert_eq!(kind(word).map(|kind| kind.map(|kind| kind.names().plural)), Ok(Some(plural)), "{word}");
            assert!(canonical(word).is_ok(), "{word}");
        }
        for word in ["services.serving.knative.dev", "pods.metrics.k8s.io", "ingresses.extensions", "deployments.v1"] {
            assert_eq!(kind(word).err().map(|refused| refused.reason()), Some("KUBECTL_NOT_SUPPORTED"), "{word}");
            assert!(canonical(word).is_err(), "{word}");
        }
        assert!(matches!(kind("rollouts.argoproj.io"), Ok(None)));
    }

    #[test]
    fn another_kind_is_taken_as_events_write_it() {
        for kind in ["Rollout", "Prometheus", "GatewayClass"] {
            assert_eq!(object(&format!("{kind}/web")).map(|it| it.kind), Ok(kind.into()));
        }
        for wrong in ["rollout/web", "web-0", "pod/", "/web-0", ""] {
            assert!(object(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_events_cannot_have_as_a_kind_is_refused() {
        for wrong in ["Rollouts/web", "Rollout.argoproj.io/web", "Pod.apps/web", "ROLLOUT/web", "Roll-out/web"] {
            assert!(object(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_kind_that_is_read_is_not_among_the_others() {
        for entry in KINDS {
            assert!(OTHERS.iter().all(|(other, ..)| *other != entry.kind), "{}", entry.kind);
        }
    }

    #[test]
    fn every_kind_is_spoken_as_it_is_read() {
        for kind in known().chain(["Rollout"]) {
            assert_eq!(canonical(&spoken(kind)), Ok(kind.to_owned()));
        }
    }
}
