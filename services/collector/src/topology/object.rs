//! What the walk knows of kinds: which there are, which of them point at which, and where it does not go on.

use gumshoe_proto::collector::v1::{self, SecretMetadata};

use crate::{kubernetes::resource::Resource, lists::kind::Kind as _};

/// A kind that the walk reads.
#[allow(missing_docs, reason = "they are Kubernetes' own names")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WalkedKind {
    Pod,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    Service,
    EndpointSlice,
    Ingress,
    Node,
    PersistentVolumeClaim,
    HorizontalPodAutoscaler,
    ConfigMap,
    Secret,
}

use WalkedKind::{
    ConfigMap, CronJob, DaemonSet, Deployment, EndpointSlice, HorizontalPodAutoscaler, Ingress, Job, Node,
    PersistentVolumeClaim, Pod, ReplicaSet, Secret, Service, StatefulSet,
};

impl WalkedKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Pod,
        Deployment,
        ReplicaSet,
        StatefulSet,
        DaemonSet,
        Job,
        CronJob,
        Service,
        EndpointSlice,
        Ingress,
        Node,
        PersistentVolumeClaim,
        HorizontalPodAutoscaler,
        ConfigMap,
        Secret,
    ];

    /// Those that make pods which services select.
    pub(super) const WORKLOADS: [Self; 4] = [Deployment, StatefulSet, DaemonSet, ReplicaSet];

    /// Where the Kubernetes API has it.
    #[must_use]
    pub const fn resource(self) -> Resource {
        match self {
            Pod => v1::Pod::RESOURCE,
            Deployment => v1::Deployment::RESOURCE,
            ReplicaSet => v1::ReplicaSet::RESOURCE,
            StatefulSet => v1::StatefulSet::RESOURCE,
            DaemonSet => v1::DaemonSet::RESOURCE,
            Job => v1::Job::RESOURCE,
            CronJob => v1::CronJob::RESOURCE,
            Service => v1::Service::RESOURCE,
            EndpointSlice => v1::EndpointSlice::RESOURCE,
            Ingress => v1::Ingress::RESOURCE,
            Node => v1::Node::RESOURCE,
            PersistentVolumeClaim => v1::PersistentVolumeClaim::RESOURCE,
            HorizontalPodAutoscaler => v1::HorizontalPodAutoscaler::RESOURCE,
            ConfigMap => v1::ConfigMap::RESOURCE,
            Secret => SecretMetadata::RESOURCE,
        }
    }

    /// By its name, in whatever case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.resource().kind.eq_ignore_ascii_case(name))
    }

    /// The kind that a reference of this group and kind means.
    #[must_use]
    pub fn of_reference(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.resource().group == group && known.resource().kind == kind)
    }

    /// Whether many that have nothing to do with each other meet in it: the walk shows it and does not go on from it, unless it began
    /// there. Else a node, or a certificate authority that everybody mounts, would bring the whole cluster.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        matches!(self, Node | ConfigMap | Secret | PersistentVolumeClaim)
    }

    /// Of these, only that they exist is of interest: nothing but their metadata is asked for.
    #[must_use]
    pub const fn is_metadata_only(self) -> bool {
        matches!(self, ConfigMap | Secret)
    }

    /// Those are listed at once where only one is wanted: others of them are likely to be wanted next.
    #[must_use]
    pub(super) const fn is_listed(self) -> bool {
        matches!(self, ReplicaSet | ConfigMap | Secret | PersistentVolumeClaim)
    }

    /// The kinds whose objects can point at one of this kind, so that all of them in the namespace must be known.
    #[must_use]
    pub const fn pointed_at_by(self) -> &'static [Self] {
        match self {
            // A pod may own pods: the executors of a driver.
            Pod => &[Service, EndpointSlice, Pod],
            Deployment => &[ReplicaSet, HorizontalPodAutoscaler],
            ReplicaSet | StatefulSet => &[Pod, HorizontalPodAutoscaler],
            DaemonSet | Job => &[Pod],
            // Only where the walk begins at one: a workload may have no pods.
            ConfigMap | PersistentVolumeClaim => &[Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob],
            CronJob => &[Job],
            Service => &[EndpointSlice, Ingress],
            Secret => &[Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Ingress],
            EndpointSlice | Ingress | Node | HorizontalPodAutoscaler => &[],
        }
    }

    /// The kinds whose objects in the namespace a walk of this depth is likely to need all of, when it begins at one of this kind: they
    /// are read side by side, and not each when its turn comes.
    pub(super) fn likely(self, max_depth: u32) -> Vec<Self> {
        let (mut reached, mut listed, mut from) = (vec![self], Vec::new(), 0);
        for _ in 0..max_depth {
            let level = from..reached.len();
            from = reached.len();
            for kind in level {
                let kind = reached[kind];
                let selected: &[Self] = match kind {
                    Service => &[Pod],
                    // Where they have no pods, services are looked for by the labels of the template.
                    Deployment | StatefulSet | DaemonSet => &[Pod, Service],
                    _ => &[],
                };
                for &next in kind.pointed_at_by().iter().chain(selected) {
                    if !listed.contains(&next) {
                        listed.push(next);
                    }
                    if !reached.contains(&next) && !next.is_shared() {
                        reached.push(next);
                    }
                }
            }
        }
        listed
    }
}

/// The kind of an object: one that the walk reads, or any other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// One that is read.
    Walked(WalkedKind),
    /// One that is only named by others: the owner of a Deployment may be of any kind.
    Other {
        /// Its API group, empty for core.
        group: String,
        /// Its name.
        kind: String,
    },
}

/// What an object is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: ObjectKind,
    /// Empty where it is in none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// An object of a kind that is read; the namespace is passed over where there is none.
    #[must_use]
    pub fn of(kind: WalkedKind, namespace: &str, name: &str) -> Self {
        let namespace = if kind.resource().namespaced { namespace.to_owned() } else { String::new() };
        Self { kind: ObjectKind::Walked(kind), namespace, name: name.to_owned() }
    }

    /// An object of a kind that is read, in a namespace that is not: nothing but its name is known.
    #[must_use]
    pub fn elsewhere(kind: WalkedKind, namespace: &str, name: &str) -> Self {
        let Resource { group, kind, .. } = kind.resource();
        let kind = ObjectKind::Other { group: group.to_owned(), kind: kind.to_owned() };
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// What a reference names that has an API version and a kind: an owner, the target of an autoscaler.
    #[must_use]
    pub fn of_reference(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        match WalkedKind::of_reference(group, kind) {
            Some(kind) => Self::of(kind, namespace, name),
            None => Self {
                kind: ObjectKind::Other { group: group.to_owned(), kind: kind.to_owned() },
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
        }
    }

    /// Its kind, where that is one that is read.
    #[must_use]
    pub fn walked(&self) -> Option<WalkedKind> {
        match &self.kind {
            ObjectKind::Walked(kind) => Some(*kind),
            ObjectKind::Other { .. } => None,
        }
    }

    /// The API group and the name of its kind.
    #[must_use]
    pub fn group_and_kind(&self) -> (&str, &str) {
        match &self.kind {
            ObjectKind::Walked(kind) => (kind.resource().group, kind.resource().kind),
            ObjectKind::Other { group, kind } => (group, kind),
        }
    }

    /// Bytes that it holds.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.held()
    }

    /// The same without its own place.
    pub(super) fn held(&self) -> usize {
        let other = match &self.kind {
            ObjectKind::Walked(_) => 0,
            ObjectKind::Other { group, kind } => group.len() + kind.len(),
        };
        other + self.namespace.len() + self.name.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_means_the_kind_of_its_group_alone() {
        let walked = |version, kind| Key::of_reference(version, kind, "shop", "web").walked();
        assert_eq!(walked("apps/v1", "Deployment"), Some(Deployment));
        assert_eq!(walked("v1", "Pod"), Some(Pod));
        assert_eq!(walked("example.com/v1", "Deployment"), None);
        assert_eq!(Key::of_reference("v1", "Node", "shop", "a").namespace, "");
        assert_eq!(WalkedKind::of_name("deployment"), Some(Deployment));
    }

    #[test]
    fn what_a_walk_from_a_deployment_will_need_is_known_by_its_depth() {
        assert_eq!(Deployment.likely(1), [ReplicaSet, HorizontalPodAutoscaler, Pod, Service]);
        let next = [ReplicaSet, HorizontalPodAutoscaler, Pod, Service, EndpointSlice, Ingress];
        assert_eq!(Deployment.likely(2), next);
        assert_eq!(Deployment.likely(5), next);
        assert_eq!(Node.likely(5), []);
    }
}
