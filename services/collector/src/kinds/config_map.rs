//! Config maps: `ConfigMapService`. What is binary is never decoded: only how long it is is read off the encoding. Of long texts a
//! list gives the beginning.

use bytes::Bytes;
use gumshoe_proto::collector::v1::{
    ConfigMap, ConfigMapColumns, ConfigMapKey, Gap, GapReason, GetConfigMapRequest, ListConfigMapsRequest,
};
use k8s_openapi::api::core::v1 as core;
use prost_types::Timestamp;

use crate::{
    kubernetes::{resource::Resource, wire::fields},
    lists::{Reader, kind::Kind},
    methods::Methods,
};

/// The most of a text that a list gives: whole configuration files, and the beginning of what somebody keeps there for want of a
/// better place.
const TEXT_MAX: usize = 64 << 10;
/// `binaryData` of Kubernetes' message, a map of bytes.
const BINARY_DATA: u32 = 3;

impl Kind for ConfigMap {
    const RESOURCE: Resource = Resource::of::<core::ConfigMap>();

    fn measure(&mut self, encoded: &Bytes) {
        let texts = self.data.iter().map(|(name, text)| ConfigMapKey {
            name: name.clone(),
            length: text.len() as u64,
            ..ConfigMapKey::default()
        });
        let mut keys: Vec<_> = texts.chain(binary_keys(encoded)).collect();
        keys.sort_by(|one, other| one.name.cmp(&other.name));
        self.keys = keys;
    }

    fn abridge(&mut self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (name, text) in self.data.iter_mut().filter(|(_, text)| text.len() > TEXT_MAX) {
            let length = text.len();
            text.truncate(text.floor_char_boundary(TEXT_MAX));
            self.keys.iter_mut().filter(|key| key.name == *name && !key.binary).for_each(|key| key.cut = true);
            let left_out = length - text.len();
            gaps.push((format!("of {name:?} only the beginning is given"), left_out));
        }
        let metadata = self.metadata.as_ref();
        let gap = |(message, left_out): (String, usize)| Gap {
            reason: GapReason::ValueCut.into(),
            namespace: metadata.map(|metadata| metadata.namespace.clone()).unwrap_or_default(),
            name: metadata.map(|metadata| metadata.name.clone()).unwrap_or_default(),
            message,
            bytes: Some(left_out as u64),
            ..Gap::default()
        };
        gaps.into_iter().map(gap).collect()
    }

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(ConfigMapColumns { data: i32::try_from(self.keys.len()).unwrap_or(i32::MAX) });
    }
}

/// Serves `ConfigMapService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    methods.get::<GetConfigMapRequest>(reader).list::<ListConfigMapsRequest>(reader)
}

/// The keys of `binaryData` in an encoded config map, which has been decoded before.
fn binary_keys(encoded: &Bytes) -> Vec<ConfigMapKey> {
    let entries = fields(encoded).filter(|(number, _)| *number == BINARY_DATA);
    let key = |(_, entry): (u32, &[u8])| {
        let mut key = ConfigMapKey { binary: true, ..ConfigMapKey::default() };
        for (number, value) in fields(entry) {
            match number {
                1 => key.name = String::from_utf8_lossy(value).into_owned(),
                _ => key.length = value.len() as u64,
            }
        }
        key
    };
    entries.map(key).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gumshoe_proto::{collector::v1::ObjectMeta, methods::Object as _};
    use k8s_pb::api::core::v1::ConfigMap as Full;
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::kubernetes::repair::decode_lossy;

    fn mk_map(data: &[(&str, usize)], binary: &[(&str, usize)]) -> ConfigMap {
        let full = Full {
            data: data.iter().map(|(key, length)| ((*key).to_owned(), "é".repeat(length / 2))).collect(),
            binary_data: binary.iter().map(|(key, length)| ((*key).to_owned(), vec![7; *length])).collect(),
            ..Full::default()
        };
        decode(&full.encode_to_vec().into())
    }

    fn decode(encoded: &Bytes) -> ConfigMap {
        let mut map: ConfigMap = decode_lossy(encoded).unwrap();
        map.measure(encoded);
        map.derive(Timestamp::default());
        map
    }

    #[test]
    fn every_key_says_how_long_it_is_and_nothing_binary_is_given() {
        let map = mk_map(&[("b", 4)], &[("a", 3), ("c", 0)]);
        let keys: Vec<_> = map.keys.iter().map(|key| (key.name.as_str(), key.length, key.binary)).collect();
        assert_eq!(keys, [("a", 3, true), ("b", 4, false), ("c", 0, true)]);
        assert_eq!(map.columns, Some(ConfigMapColumns { data: 3 }));
        assert!(!map.encode_to_vec().windows(3).any(|bytes| bytes == [7; 3]));
    }

    #[test]
    fn a_long_text_is_cut_where_a_character_ends_and_told() {
        let mut map = mk_map(&[("long", TEXT_MAX + 5), ("short", TEXT_MAX)], &[]);
        map.metadata = Some(ObjectMeta { namespace: "shop".into(), name: "web".into(), ..ObjectMeta::default() });
        let gaps = map.abridge();
        assert_eq!((gaps.len(), gaps[0].reason(), gaps[0].name.as_str()), (1, GapReason::ValueCut, "web"));
        assert_eq!((map.data["long"].len(), gaps[0].bytes), (TEXT_MAX, Some(4)));
        assert_eq!(map.keys.iter().map(|key| key.cut).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_summary_has_the_keys_and_not_what_stands_under_them() {
        let mut map = mk_map(&[("a", 10)], &[]);
        map.summarize();
        assert_eq!((map.data.len(), map.keys.len(), map.columns.is_some()), (0, 1, true));
    }

    proptest! {
        #[test]
        fn whatever_is_binary_is_measured(binary: BTreeMap<String, Vec<u8>>, cut in any::<prop::sample::Index>()) {
            let binary_data = binary.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            let encoded = Bytes::from(Full { binary_data, ..Full::default() }.encode_to_vec());
            let measured = binary_keys(&encoded).into_iter().map(|key| (key.name, key.length));
            let expected: BTreeMap<_, _> = binary.into_iter().map(|(key, value)| (key, value.len() as u64)).collect();
            prop_assert_eq!(measured.collect::<BTreeMap<_, _>>(), expected);
            // Whatever comes, it ends.
            let _ = binary_keys(&encoded.slice(..cut.index(encoded.len() + 1)));
        }
    }
}
