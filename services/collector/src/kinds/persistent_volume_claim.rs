//! Persistent volume claims: `PersistentVolumeClaimService`, and the columns that `kubectl get persistentvolumeclaims` derives
//! (kubernetes: `pkg/printers/internalversion/printers.go`, printPersistentVolumeClaim).

use gumshoe_proto::collector::v1::{
    GetPersistentVolumeClaimRequest, ListPersistentVolumeClaimsRequest, ObjectMeta, PersistentVolumeClaim,
    PersistentVolumeClaimColumns,
};
use k8s_openapi::api::core::v1 as core;
use prost_types::Timestamp;

use crate::{
    kubernetes::resource::Resource,
    lists::{Reader, kind::Kind},
    methods::Methods,
};

/// Names the class where a claim is older than the field for it (component-helpers: storage/volume).
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

impl Kind for PersistentVolumeClaim {
    const RESOURCE: Resource = Resource::of::<core::PersistentVolumeClaim>();

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
    }
}

/// Serves `PersistentVolumeClaimService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetPersistentVolumeClaimRequest>(reader).list::<ListPersistentVolumeClaimsRequest>(reader)
}

fn columns(claim: &PersistentVolumeClaim) -> PersistentVolumeClaimColumns {
    let (no_metadata, no_spec, no_status) = (ObjectMeta::default(), Default::default(), Default::default());
    let metadata = claim.metadata.as_ref().unwrap_or(&no_metadata);
    let spec = claim.spec.as_ref().unwrap_or(&no_spec);
    let status = claim.status.as_ref().unwrap_or(&no_status);
    let deleted = metadata.deletion_timestamp.is_some();
    let mut columns = PersistentVolumeClaimColumns {
        status: if deleted { "Terminating".to_owned() } else { status.phase.clone() },
        volume: spec.volume_name.clone(),
        volume_attributes_class: or_unset(&spec.volume_attributes_class_name),
        volume_mode: or_unset(&spec.volume_mode),
        storage_class: metadata.annotations.get(CLASS_ANNOTATION).unwrap_or(&spec.storage_class_name).clone(),
        ..PersistentVolumeClaimColumns::default()
    };
    if !spec.volume_name.is_empty() {
        columns.capacity = status.capacity.get("storage").cloned().unwrap_or_else(|| "0".to_owned());
        columns.access_modes = access_modes(&status.access_modes);
    }
    columns
}

fn or_unset(text: &str) -> String {
    if text.is_empty() { "<unset>".to_owned() } else { text.to_owned() }
}

/// The short names, each once, in the order in which kubectl has them.
fn access_modes(modes: &[String]) -> String {
    let known =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let has = |mode: &str| modes.iter().any(|it| it == mode);
    let short: Vec<_> = known.into_iter().filter(|(mode, _)| has(mode)).map(|(_, short)| short).collect();
    short.join(",")
}
