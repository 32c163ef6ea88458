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

const ITEMS: Names = Names { singular: "item", plural: "items", short: &[] };

/// Kinds that nothing here reads, and that events are about. Any other kind is taken as it is written in CamelCase.
const OTHERS: [(&str, &[&str]); 4] = [
    ("PersistentVolume", &["pv"]),
    ("PodDisruptionBudget", &["pdb"]),
    ("ReplicationController", &["rc"]),
    ("ServiceAccount", &["sa"]),
];

/// Reads `<kind>/<name>`.
pub(crate) fn object(text: &str) -> Result<InvolvedObject, String> {
    let named = text.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty());
    let (kind, name) = named.ok_or("KIND/NAME is needed: pod/web-0")?;
    if name.contains('/') {
        return Err(format!("{name:?} is no name"));
    }
    Ok(InvolvedObject { kind: canonical(kind)?, name: name.to_owned(), ..InvolvedObject::default() })
}

/// The kind as people write it: in lower case where [`object`] reads it back.
fn spoken(kind: &str) -> String {
    if known().any(|known| known == kind) { kind.to_ascii_lowercase() } else { kind.to_owned() }
}

/// The object as [`object`] reads it.
pub(crate) fn describe(object: &InvolvedObject) -> String {
    format!("{}/{}", spoken(&object.kind), object.name)
}

fn known() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|it| it.kind).chain(OTHERS.iter().map(|(kind, _)| *kind))
}

fn canonical(spoken: &str) -> Result<String, String> {
    // What is no kind would be compared with those of events, and find nothing as if there were nothing.
    if !spoken.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("{spoken:?} is no kind: write it without its group and version: Pod, Deployment, Rollout"));
    }
    let lower = spoken.to_ascii_lowercase();
    let is = |kind: &str, short: &[&str]| {
        let kind = kind.to_ascii_lowercase();
        lower == kind || lower.strip_suffix('s') == Some(&kind) || short.contains(&lower.as_str())
    };
    let ours = KINDS.iter().find(|it| lower == it.names().plural || is(it.kind, it.names().short)).map(|it| it.kind);
    let others = || OTHERS.iter().find(|(kind, short)| is(kind, short)).map(|(kind, _)| *kind);
    if let Some(kind) = ours.or_else(others) {
        return Ok(kind.to_owned());
    }
    if spoken.starts_with(|first: char| first.is_ascii_uppercase())
        && spoken.contains(|it: char| it.is_ascii_lowercase())
    {
        return Ok(spoken.to_owned());
    }
    Err(format!("the kind {spoken:?} is not known; write it as events do, in CamelCase: Pod, Rollout"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_its_name_its_plural_and_its_short_name() {
        for text in ["pod/web-0", "pods/web-0", "po/web-0", "Pod/web-0", "POD/web-0"] {
            assert_eq!(object(text).map(|it| (it.kind, it.name)), Ok(("Pod".into(), "web-0".into())), "{text}");
        }
        for (text, kind) in
            [("deploy/a", "Deployment"), ("ingresses/a", "Ingress"), ("svc/a", "Service"), ("endpoints/a", "Endpoints")]
        {
            assert_eq!(object(text).map(|it| it.kind), Ok(kind.into()));
        }
    }

    #[test]
    fn another_kind_is_taken_as_events_write_it() {
        assert_eq!(object("Rollout/web").map(|it| it.kind), Ok("Rollout".into()));
        for wrong in ["rollout/web", "web-0", "pod/", "/web-0", ""] {
            assert!(object(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_events_cannot_have_as_a_kind_is_refused() {
        for wrong in ["Deployment.apps/web", "deployments.v1.apps/web", "Pod.v1/web", "ROLLOUT/web", "Roll-out/web"] {
            assert!(object(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_kind_that_is_read_is_not_among_the_others() {
        for entry in KINDS {
            assert!(OTHERS.iter().all(|(other, _)| *other != entry.kind), "{}", entry.kind);
        }
    }

    #[test]
    fn every_kind_is_spoken_as_it_is_read() {
        for kind in known().chain(["Rollout"]) {
            assert_eq!(canonical(&spoken(kind)), Ok(kind.to_owned()));
        }
    }
}
