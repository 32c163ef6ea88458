//! What happens to every Kubernetes object right after it was decoded, whatever its kind.
//!
//! The walk over the fields is generated from the descriptors (`build/normalize.rs`), so a new field cannot be forgotten.

use prost_types::Timestamp;

// The generated impls name every message of the package.
#[allow(clippy::wildcard_imports)]
use crate::collector::v1::*;

/// Brings a decoded Kubernetes object into the form in which it leaves the collector.
pub trait Normalize {
    /// Clears what is no time: zero, which Kubernetes writes as an empty message and means as null (apimachinery: `Time.ProtoTime`),
    /// and what lies outside of the years 1 to 9999, which protobuf's `Timestamp` cannot mean and JSON cannot write. Withholds
    /// annotations that hold a copy of the object.
    fn normalize(&mut self);
}

include!(concat!(env!("OUT_DIR"), "/normalize.rs"));

/// The seconds of the years 1 to 9999.
const YEARS: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

fn clear_what_is_no_time(time: &mut Option<Timestamp>) {
    let is_time = |time: &Timestamp| {
        *time != Timestamp::default() && YEARS.contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos)
    };
    if !time.as_ref().is_none_or(is_time) {
        *time = None;
    }
}

/// Says whether an annotation of this key holds a copy of the object it is on, as some tools leave one: kubectl
/// (kubernetes/kubernetes#23564), Rancher, kapp, kopf and whoever follows kubectl's naming; or a token as it is (`OpenShift`).
fn holds_copy(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    key == "objectset.rio.cattle.io/applied"
        || key == "openshift.io/token-secret.value"
        || key.starts_with("kapp.k14s.io/original")
        || ["last-applied", "last-handled-configuration"].iter().any(|part| lower.contains(part))
}

impl ObjectMeta {
    /// Moves annotations that hold a copy of the object from `annotations` to `withheld_annotations`.
    fn withhold_copies(&mut self) {
        self.withheld_annotations.clear();
        self.withhold(holds_copy);
    }

    /// Moves the annotations of these keys from `annotations` to `withheld_annotations`.
    pub fn withhold(&mut self, is_withheld: impl Fn(&str) -> bool) {
        let withheld = &mut self.withheld_annotations;
        self.annotations.retain(|key, value| {
            let withhold = is_withheld(key);
            if withhold {
                let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
                withheld.push(WithheldAnnotation { key: key.clone(), length });
            }
            !withhold
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of each, an object can have as many as fit into etcd's 1.5 MiB, at some ten bytes each.
    #[test]
    fn what_an_object_can_have_many_of_is_small_when_decoded() {
        // A container's defaults alone take it a hundred bytes; a line of a log is in no object.
        let others = ["Container", "ContainerStatus", "LogLine"];
        let counted = REPEATED.iter().filter(|(name, _)| !others.contains(name));
        let large: Vec<_> = counted.filter(|(_, size)| *size > 200).collect();
        assert!(large.is_empty(), "list them in BOXED of build/main.rs: {large:?}");
    }

    fn mk_meta(annotations: &[(&str, &str)]) -> ObjectMeta {
        ObjectMeta {
            annotations: annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn a_copy_of_the_object_is_withheld_with_its_key_and_length() {
        for key in [
            "kubectl.kubernetes.io/last-applied-configuration",
            "objectset.rio.cattle.io/applied",
            "kapp.k14s.io/original",
            "kapp.k14s.io/original-diff-md5",
            "example.com/Last-Applied-Spec",
            "kopf.zalando.org/last-handled-configuration",
            "openshift.io/token-secret.value",
        ] {
            let mut meta = mk_meta(&[(key, "{\"data\":1}"), ("team", "shop")]);
            meta.normalize();
            assert_eq!(meta.annotations.keys().collect::<Vec<_>>(), ["team"], "{key}");
            assert_eq!(meta.withheld_annotations, [WithheldAnnotation { key: key.to_owned(), length: 10 }]);
        }
    }

    #[test]
    fn a_withheld_entry_of_the_sender_is_not_believed() {
        let mut meta = mk_meta(&[]);
        meta.withheld_annotations.push(WithheldAnnotation { key: "forged".into(), length: 1 });
        meta.normalize();
        assert!(meta.withheld_annotations.is_empty());
    }

    #[test]
    fn what_no_timestamp_means_and_json_cannot_write_is_no_time() {
        for (seconds, nanos, is_time) in [
            (-62_135_596_800, 0, true),
            (-62_135_596_801, 999_999_999, false),
            (253_402_300_799, 999_999_999, true),
            (253_402_300_800, 0, false),
            (i64::MIN, 0, false),
            (1, -1, false),
            (1, 1_000_000_000, false),
        ] {
            let creation_timestamp = Some(Timestamp { seconds, nanos });
            let mut meta = ObjectMeta { creation_timestamp, ..ObjectMeta::default() };
            assert!(!is_time || crate::json::try_to_value(&meta).is_ok(), "{seconds} {nanos}");
            meta.normalize();
            assert_eq!(meta.creation_timestamp.is_some(), is_time, "{seconds} {nanos}");
        }
    }

    #[test]
    fn a_zero_time_is_null_at_any_depth() {
        let zero = Some(Timestamp { seconds: 0, nanos: 0 });
        let real = Some(Timestamp { seconds: 1, nanos: 0 });
        let mut pod = Pod {
            metadata: Some(ObjectMeta { creation_timestamp: zero, deletion_timestamp: real, ..ObjectMeta::default() }),
            status: Some(PodStatus {
                conditions: vec![PodCondition { last_probe_time: zero, ..PodCondition::default() }],
                ..PodStatus::default()
            }),
            ..Pod::default()
        };
        pod.normalize();
        let meta = pod.metadata.unwrap_or_default();
        assert_eq!((meta.creation_timestamp, meta.deletion_timestamp), (None, real));
        assert_eq!(pod.status.unwrap_or_default().conditions[0].last_probe_time, None);
    }
}
