//! What a pod needs beside itself: the ConfigMaps, Secrets and claims that its spec names. Pure; whether they exist is another
//! question.
//!
//! Where Kubernetes itself looks for such names stands in `pkg/api/v1/pod/util.go` (VisitPodSecretNames, VisitPodConfigmapNames).

use std::collections::{BTreeMap, btree_map::Entry};

use gumshoe_proto::collector::v1::{
    EnvFromSource, EnvVar, LocalObjectReference, PodReference, PodSpec, ProjectedVolumeSource, VolumeSource,
};

/// The kinds that are named.
const CONFIG_MAP: &str = "ConfigMap";
const SECRET: &str = "Secret";
const CLAIM: &str = "PersistentVolumeClaim";

/// All that the spec names, each once, in the order in which it is named first. `pod` is the pod's name, after which the claims of its
/// ephemeral volumes are called; a template has none, and such claims only with its pods.
#[must_use]
pub fn references(pod: Option<&str>, spec: &PodSpec) -> Vec<PodReference> {
    let mut found = Found::default();
    for volume in &spec.volumes {
        if let Some(source) = &volume.volume_source {
            let named_by = || format!("volume {}", volume.name);
            found.of_volume(source, &named_by);
            if let Some(pod) = pod.filter(|_| source.ephemeral.is_some()) {
                // pkg/controller/volume/ephemeral, through component-helpers' `storage/ephemeral`.
                found.add(CLAIM, &format!("{pod}-{}", volume.name), false, &named_by);
            }
        }
    }
    let ephemeral = spec.ephemeral_containers.iter().filter_map(|it| it.ephemeral_container_common.as_deref());
    for container in &spec.init_containers {
        found.of_container(&container.name, &container.env, &container.env_from);
    }
    for container in &spec.containers {
        found.of_container(&container.name, &container.env, &container.env_from);
    }
    for container in ephemeral {
        found.of_container(&container.name, &container.env, &container.env_from);
    }
    for secret in &spec.image_pull_secrets {
        found.add(SECRET, &secret.name, false, &|| "imagePullSecrets".to_owned());
    }
    found.references
}

/// What was found so far, and where each stands in it.
#[derive(Default)]
struct Found {
    references: Vec<PodReference>,
    places: BTreeMap<(&'static str, String), usize>,
}

/// Says what names something; asked only where it is new.
type NamedBy<'a> = &'a dyn Fn() -> String;

impl Found {
    fn of_volume(&mut self, source: &VolumeSource, named_by: NamedBy<'_>) {
        if let Some(claim) = &source.persistent_volume_claim {
            self.add(CLAIM, &claim.claim_name, false, named_by);
        }
        if let Some(config_map) = &source.config_map {
            self.add_local(CONFIG_MAP, config_map.local_object_reference.as_ref(), config_map.optional, named_by);
        }
        if let Some(secret) = &source.secret {
            self.add(SECRET, &secret.secret_name, secret.optional == Some(true), named_by);
        }
        if let Some(projected) = &source.projected {
            self.of_projected(projected, named_by);
        }
        if let Some(file) = &source.azure_file {
            self.add(SECRET, &file.secret_name, false, named_by);
        }
        let secrets = [
            source.cephfs.as_ref().and_then(|it| it.secret_ref.as_ref()),
            source.cinder.as_ref().and_then(|it| it.secret_ref.as_ref()),
            source.flex_volume.as_ref().and_then(|it| it.secret_ref.as_ref()),
            source.rbd.as_ref().and_then(|it| it.secret_ref.as_ref()),
            source.scale_io.as_ref().and_then(|it| it.secret_ref.as_ref()),
            source.iscsi.as_ref().and_then(|it| it.secret_ref.as_ref()),
            source.storageos.as_ref().and_then(|it| it.secret_ref.as_ref()),
            source.csi.as_ref().and_then(|it| it.node_publish_secret_ref.as_ref()),
        ];
        secrets.into_iter().for_each(|secret| self.add_local(SECRET, secret, None, named_by));
    }

    fn of_projected(&mut self, projected: &ProjectedVolumeSource, named_by: NamedBy<'_>) {
        for source in &projected.sources {
            if let Some(secret) = &source.secret {
                self.add_local(SECRET, secret.local_object_reference.as_ref(), secret.optional, named_by);
            }
            if let Some(config_map) = &source.config_map {
                self.add_local(CONFIG_MAP, config_map.local_object_reference.as_ref(), config_map.optional, named_by);
            }
        }
    }

    fn of_container(&mut self, container: &str, env: &[EnvVar], env_from: &[EnvFromSource]) {
        let named_by = || format!("envFrom of container {container}");
        for source in env_from {
            if let Some(config_map) = &source.config_map_ref {
                self.add_local(CONFIG_MAP, config_map.local_object_reference.as_ref(), config_map.optional, &named_by);
            }
            if let Some(secret) = &source.secret_ref {
                self.add_local(SECRET, secret.local_object_reference.as_ref(), secret.optional, &named_by);
            }
        }
        for (variable, source) in env.iter().filter_map(|variable| Some((variable, variable.value_from.as_ref()?))) {
            let named_by = || format!("env {} of container {container}", variable.name);
            if let Some(key) = &source.config_map_key_ref {
                self.add_local(CONFIG_MAP, key.local_object_reference.as_ref(), key.optional, &named_by);
            }
            if let Some(key) = &source.secret_key_ref {
                self.add_local(SECRET, key.local_object_reference.as_ref(), key.optional, &named_by);
            }
        }
    }

    fn add_local(
        &mut self,
        kind: &'static str,
        reference: Option<&LocalObjectReference>,
        optional: Option<bool>,
        named_by: NamedBy<'_>,
    ) {
        if let Some(reference) = reference {
            self.add(kind, &reference.name, optional == Some(true), named_by);
        }
    }

    /// What is named several times may be missing only where all of them allow it. Kubernetes passes over empty names too.
    fn add(&mut self, kind: &'static str, name: &str, optional: bool, named_by: NamedBy<'_>) {
        if name.is_empty() {
            return;
        }
        match self.places.entry((kind, name.to_owned())) {
            Entry::Occupied(place) => self.references[*place.get()].optional &= optional,
            Entry::Vacant(place) => {
                place.insert(self.references.len());
                let (kind, name) = (kind.to_owned(), name.to_owned());
                self.references.push(PodReference { kind, name, optional, named_by: named_by() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, Value};
    use serde_json::json;

    use super::*;

    fn mk_spec(spec: serde_json::Value) -> PodSpec {
        json::from_value(spec).unwrap()
    }

    /// Each message of a kind in which one of all the texts below it that name an object is set, and what it is set to.
    fn with_one_name(descriptor: &MessageDescriptor) -> Vec<DynamicMessage> {
        let mut all = Vec::new();
        for field in descriptor.fields() {
            let names_an_object = match field.name() {
                "name" => descriptor.name() == "LocalObjectReference",
                name => ["secret_name", "claim_name"].contains(&name),
            };
            let values: Vec<Value> = match field.kind() {
                Kind::String if names_an_object => vec![Value::String("it".into())],
                Kind::Message(below) if !field.is_map() => {
                    with_one_name(&below).into_iter().map(Value::Message).collect()
                }
                _ => Vec::new(),
            };
            for value in values {
                let value = if field.is_list() { Value::List(vec![value]) } else { value };
                let mut message = DynamicMessage::new(descriptor.clone());
                message.set_field(&field, value);
                all.push(message);
            }
        }
        all
    }

    #[test]
    fn whatever_the_schema_has_that_names_an_object_is_found() {
        let specs = with_one_name(&json::descriptor::<PodSpec>());
        assert!(specs.len() > 20, "{}", specs.len());
        for spec in specs {
            let named = references(None, &spec.transcode_to().unwrap());
            assert!(matches!(&named[..], [one] if one.name == "it"), "{named:?} of {spec}");
        }
    }

    #[test]
    fn what_is_named_twice_is_told_once_and_is_optional_only_where_both_allow_it() {
        let tokens = json!({"name": "tokens"});
        let spec = mk_spec(json!({"volumes": [
            {"name": "first", "volumeSource": {"projected": {"sources": [
                {"secret": {"localObjectReference": tokens, "optional": true}},
                {"configMap": {"localObjectReference": tokens, "optional": true}},
            ]}}},
            {"name": "second", "volumeSource": {"secret": {"secretName": "tokens"}}},
        ]}));
        let mk = |kind: &str, optional| PodReference {
            kind: kind.into(),
            name: "tokens".into(),
            optional,
            named_by: "volume first".into(),
        };
        assert_eq!(references(None, &spec), [mk("Secret", false), mk("ConfigMap", true)]);
    }

    #[test]
    fn the_claim_of_an_ephemeral_volume_is_called_after_its_pod() {
        let spec = mk_spec(json!({"volumes": [{"name": "scratch", "volumeSource": {"ephemeral": {}}}]}));
        assert_eq!(references(None, &spec), []);
        assert_eq!(references(Some("web-0"), &spec)[0].name, "web-0-scratch");
    }

    #[test]
    fn what_names_it_is_said_with_its_container() {
        let of = |name: &str| json!({"localObjectReference": {"name": name}, "key": "k"});
        let spec = mk_spec(json!({
            "initContainers": [{"name": "init", "env": [{"name": "A", "valueFrom": {"secretKeyRef": of("a")}}]}],
            "containers": [{"name": "web", "envFrom": [{"configMapRef": {"localObjectReference": {"name": "b"}}}]}],
            "ephemeralContainers": [{"ephemeralContainerCommon":
                {"name": "debug", "env": [{"name": "C", "valueFrom": {"configMapKeyRef": of("c")}}]}}],
            "imagePullSecrets": [{"name": "d"}, {"name": ""}],
        }));
        let found = references(None, &spec);
        let named_by: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.named_by.as_str())).collect();
        let expected = [
            ("a", "env A of container init"),
            ("b", "envFrom of container web"),
            ("c", "env C of container debug"),
            ("d", "imagePullSecrets"),
        ];
        assert_eq!(named_by, expected);
    }
}
