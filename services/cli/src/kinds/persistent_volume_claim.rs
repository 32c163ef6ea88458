//! Persistent volume claims as `kubectl get persistentvolumeclaims` prints them.

use gumshoe_proto::collector::v1::PersistentVolumeClaim;

use super::{Kind, column::Column};

impl Kind for PersistentVolumeClaim {
    const TABLE: &'static [Column<Self>] = &[
        Column::name(),
        Column::<Self>::derived("STATUS", |it| it.status.clone()),
        Column::<Self>::derived("VOLUME", |it| it.volume.clone()),
        Column::<Self>::derived("CAPACITY", |it| it.capacity.clone()),
        Column::<Self>::derived("ACCESS MODES", |it| it.access_modes.clone()),
        Column::<Self>::derived("STORAGECLASS", |it| it.storage_class.clone()),
        Column::<Self>::derived("VOLUMEATTRIBUTESCLASS", |it| it.volume_attributes_class.clone()),
        Column::age(),
        Column::<Self>::derived("VOLUMEMODE", |it| it.volume_mode.clone()).wide(),
    ];
}
