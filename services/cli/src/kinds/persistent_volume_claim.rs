//! Persistent volume claims as `kubectl get persistentvolumeclaims` prints them.

use gumshoe_proto::{collector::v1::PersistentVolumeClaim, human_duration::human_age};
use prost_types::Timestamp;

use super::Kind;

impl Kind for PersistentVolumeClaim {
    fn columns(wide: bool) -> Vec<&'static str> {
        let mut columns = vec![
            "NAME",
            "STATUS",
            "VOLUME",
            "CAPACITY",
            "ACCESS MODES",
            "STORAGECLASS",
            "VOLUMEATTRIBUTESCLASS",
            "AGE",
        ];
        if wide {
            columns.extend(["VOLUMEMODE"]);
        }
        columns
    }

    fn row(&self, wide: bool, now: &Timestamp) -> Vec<String> {
        let metadata = self.metadata.clone().unwrap_or_default();
        let derived = self.columns.clone().unwrap_or_default();
        let age = human_age(metadata.creation_timestamp.as_ref(), now);
        let mut row = vec![
            metadata.name,
            derived.status,
            derived.volume,
            derived.capacity,
            derived.access_modes,
            derived.storage_class,
            derived.volume_attributes_class,
            age,
        ];
        if wide {
            row.extend([derived.volume_mode]);
        }
        row
    }
}
