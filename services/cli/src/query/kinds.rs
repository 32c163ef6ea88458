//! Objects as people name them (`po/web-0`) and as events name them (`Pod`, `web-0`).

use gumshoe_proto::collector::v1::InvolvedObject;

/// Kinds that people write in lower case, with kubectl's short names. Any other kind is taken as it is written in CamelCase.
const KINDS: [(&str, &[&str]); 20] = [
    ("ConfigMap", &["cm"]),
    ("CronJob", &["cj"]),
    ("DaemonSet", &["ds"]),
    ("Deployment", &["deploy"]),
    ("Endpoints", &["ep"]),
    ("HorizontalPodAutoscaler", &["hpa"]),
    ("Ingress", &["ing", "ingresses"]),
    ("Job", &[]),
    ("Namespace", &["ns"]),
    ("Node", &["no"]),
    ("PersistentVolume", &["pv"]),
    ("PersistentVolumeClaim", &["pvc"]),
    ("Pod", &["po"]),
    ("PodDisruptionBudget", &["pdb"]),
    ("ReplicaSet", &["rs"]),
    ("ReplicationController", &["rc"]),
    ("Secret", &[]),
    ("Service", &["svc"]),
    ("ServiceAccount", &["sa"]),
    ("StatefulSet", &["sts"]),
];

/// Reads `<kind>/<name>`.
pub(crate) fn object(text: &str) -> Result<InvolvedObject, String> {
    let named = text.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty());
    let (kind, name) = named.ok_or("KIND/NAME is needed: pod/web-0")?;
    Ok(InvolvedObject { kind: canonical(kind)?, name: name.to_owned(), ..InvolvedObject::default() })
}

/// The kind as people write it: in lower case where [`object`] reads it back.
pub(crate) fn spoken(kind: &str) -> String {
    let known = KINDS.iter().any(|(known, _)| *known == kind);
    if known { kind.to_ascii_lowercase() } else { kind.to_owned() }
}

fn canonical(spoken: &str) -> Result<String, String> {
    let lower = spoken.to_ascii_lowercase();
    let is = |kind: &str, short: &[&str]| {
        let kind = kind.to_ascii_lowercase();
        lower == kind || lower.strip_suffix('s') == Some(&kind) || short.contains(&lower.as_str())
    };
    if let Some((kind, _)) = KINDS.iter().find(|(kind, short)| is(kind, short)) {
        return Ok((*kind).to_owned());
    }
    if spoken.starts_with(|first: char| first.is_ascii_uppercase()) {
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
    fn every_kind_is_spoken_as_it_is_read() {
        for kind in KINDS.map(|(kind, _)| kind).into_iter().chain(["Rollout"]) {
            assert_eq!(canonical(&spoken(kind)), Ok(kind.to_owned()));
        }
    }
}
