//! Which containers a pod has, of any sort, and what their status says about their logs.

use gumshoe_proto::collector::v1::{ContainerState, ContainerStatus, Pod};

use super::{moment::Moment, request::Containers};
use crate::{error::ReadError, kubernetes::names::ContainerName};

/// kubectl's own convention.
pub(super) const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// The containers that an error names, each of 63 bytes at most: more do not help whoever mistyped one, and the text of an error goes
/// into a header.
const NAMED_MAX: usize = 20;
/// CRI-O writes what a container has written so far as a record of its own, so a line may be of any number of records.
/// Others make a second record of a line only when it is long.
const RECORDS_SHORTER_THAN_LINES: &str = "cri-o://";

/// One run of a container: what there is one log of. Which one it is, its number says: the restarts before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub number: u32,
    /// The number of the run that the kubelet reads with `previous`, where there has been one.
    pub earlier: Option<u32>,
    /// When it began.
    pub started: Option<Moment>,
    /// Whether a short line is one record.
    pub lines_are_records: bool,
}

/// A container whose log is to be read; None where the pod has none of that name.
pub type Subject = (ContainerName, Option<Run>);

/// The containers that are meant, in the order of the pod: init, regular, ephemeral.
///
/// # Errors
/// `NoSuchContainer` where only one container is named and the pod has none of that name; `Malformed` for a pod without containers.
pub fn resolve(pod: &Pod, wanted: &Containers, previous: bool) -> Result<Vec<Subject>, ReadError> {
    let subject = |name: &str| -> Result<Subject, ReadError> {
        let name = ContainerName::parse("containers", name).map_err(|error| ReadError::Malformed(error.to_string()))?;
        let run = run(pod, name.as_str(), previous);
        Ok((name, Some(run.unwrap_or_default())))
    };
    match wanted {
        Containers::All => names(pod).map(subject).collect(),
        Containers::Default => Ok(vec![subject(default_container(pod)?)?]),
        Containers::Named(wanted) => {
            let exists = |name: &ContainerName| names(pod).any(|existing| existing == name.as_str());
            if let [name] = &wanted[..]
                && !exists(name)
            {
                return Err(no_such_container(pod, name));
            }
            let subject = |name: &ContainerName| {
                let run = exists(name).then(|| run(pod, name.as_str(), previous).unwrap_or_default());
                (name.clone(), run)
            };
            Ok(wanted.iter().map(subject).collect())
        }
    }
}

fn no_such_container(pod: &Pod, name: &ContainerName) -> ReadError {
    let metadata = pod.metadata.clone().unwrap_or_default();
    let mut existing = names(pod).take(NAMED_MAX).collect::<Vec<_>>().join(", ");
    if names(pod).nth(NAMED_MAX).is_some() {
        existing.push_str(" and more");
    }
    ReadError::NoSuchContainer {
        pod: format!("{}/{}", metadata.namespace, metadata.name),
        name: name.to_string(),
        existing,
    }
}

impl Containers {
    /// Whether a container of this name may be meant; of a pod that is gone nothing is read.
    #[must_use]
    pub fn mean(&self, pod: Option<&Pod>, name: &str) -> bool {
        match self {
            Self::Named(wanted) => wanted.iter().any(|wanted| wanted.as_str() == name),
            Self::All | Self::Default => pod.is_none_or(|pod| names(pod).any(|existing| existing == name)),
        }
    }
}

fn names(pod: &Pod) -> impl Iterator<Item = &str> {
    let spec = pod.spec.as_ref();
    let init = spec.into_iter().flat_map(|spec| &spec.init_containers).map(|container| container.name.as_str());
    let regular = spec.into_iter().flat_map(|spec| &spec.containers).map(|container| container.name.as_str());
    let ephemeral = spec.into_iter().flat_map(|spec| &spec.ephemeral_containers);
    let ephemeral = ephemeral.filter_map(|container| container.ephemeral_container_common.as_ref());
    init.chain(regular).chain(ephemeral.map(|container| container.name.as_str()))
}

fn default_container(pod: &Pod) -> Result<&str, ReadError> {
    let annotated = pod.metadata.as_ref().and_then(|metadata| metadata.annotations.get(DEFAULT_CONTAINER));
    // An annotation that names no container is passed over, as kubectl does.
    let annotated = annotated.and_then(|wanted| names(pod).find(|name| name == wanted));
    let first = pod.spec.as_ref().and_then(|spec| spec.containers.first()).map(|container| container.name.as_str());
    annotated.or(first).ok_or_else(|| ReadError::Malformed("the pod has no containers".into()))
}

/// The run whose log the kubelet reads, with `previous` or without, as far as the pod's status tells (kubernetes:
/// pkg/kubelet/kubelet_pods.go, validateContainerLogStatus). None for a container without status.
#[must_use]
pub fn run(pod: &Pod, container: &str, previous: bool) -> Option<Run> {
    let status = status(pod, container)?;
    let state = status.state.as_ref();
    let last = status.last_state.as_ref();
    let restarts = status.restart_count.and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
    // A container that waits to be started again has left its newest run behind: `previous` or not, the kubelet reads that one.
    let waits = state.is_none_or(|state| state.running.is_none() && state.terminated.is_none());
    let loops = waits && last.is_some_and(|last| last.terminated.is_some());
    let earlier = if loops { Some(restarts) } else { restarts.checked_sub(1) };
    let id = &status.container_id;
    Some(Run {
        number: if previous { earlier.unwrap_or_default() } else { restarts },
        earlier,
        started: if previous || waits { begin(last) } else { begin(state) },
        lines_are_records: !id.is_empty() && !id.starts_with(RECORDS_SHORTER_THAN_LINES),
    })
}

/// A container's status, of whatever sort it is.
pub(super) fn status<'pod>(pod: &'pod Pod, container: &str) -> Option<&'pod ContainerStatus> {
    let status = pod.status.as_ref()?;
    let all = [&status.init_container_statuses, &status.container_statuses, &status.ephemeral_container_statuses];
    all.into_iter().flatten().find(|status| status.name == container)
}

fn begin(state: Option<&ContainerState>) -> Option<Moment> {
    let state = state?;
    let running = state.running.as_ref().and_then(|running| running.started_at.as_ref());
    let terminated = state.terminated.as_ref().and_then(|terminated| terminated.started_at.as_ref());
    Moment::of(running.or(terminated)?)
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::{
        Container, ContainerStateRunning, ContainerStateTerminated, EphemeralContainer, EphemeralContainerCommon,
        ObjectMeta, PodSpec, PodStatus,
    };
    use prost_types::Timestamp;

    use super::*;

    fn mk_container(name: &str) -> Container {
        Container { name: name.into(), ..Container::default() }
    }

    fn mk_pod() -> Pod {
        let debug = EphemeralContainerCommon { name: "debug".into(), ..EphemeralContainerCommon::default() };
        Pod {
            metadata: Some(ObjectMeta { namespace: "shop".into(), name: "web-0".into(), ..ObjectMeta::default() }),
            spec: Some(PodSpec {
                init_containers: vec![mk_container("migrate")],
                containers: vec![mk_container("web"), mk_container("proxy")],
                ephemeral_containers: vec![EphemeralContainer {
                    ephemeral_container_common: Some(Box::new(debug)),
                    ..EphemeralContainer::default()
                }],
                ..PodSpec::default()
            }),
            ..Pod::default()
        }
    }

    fn mk_named(names: &[&str]) -> Containers {
        Containers::Named(names.iter().map(|name| ContainerName::parse("containers", name).unwrap()).collect())
    }

    fn resolved(pod: &Pod, wanted: &Containers) -> Vec<(String, bool)> {
        let subjects = resolve(pod, wanted, false).unwrap();
        subjects.into_iter().map(|(name, run)| (name.to_string(), run.is_some())).collect()
    }

    #[test]
    fn all_containers_are_those_of_every_sort() {
        let names: Vec<_> = resolved(&mk_pod(), &Containers::All).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["migrate", "web", "proxy", "debug"]);
    }

    #[test]
    fn the_default_container_is_the_annotated_one_else_the_first() {
        let mut pod = mk_pod();
        assert_eq!(resolved(&pod, &Containers::Default), [("web".to_owned(), true)]);
        let annotations = &mut pod.metadata.as_mut().unwrap().annotations;
        annotations.insert(DEFAULT_CONTAINER.into(), "proxy".into());
        assert_eq!(resolved(&pod, &Containers::Default), [("proxy".to_owned(), true)]);
        pod.metadata.as_mut().unwrap().annotations.insert(DEFAULT_CONTAINER.into(), "gone".into());
        assert_eq!(resolved(&pod, &Containers::Default), [("web".to_owned(), true)]);
    }

    #[test]
    fn a_name_that_does_not_exist_is_an_error_alone_and_an_outcome_among_several() {
        let error = resolve(&mk_pod(), &mk_named(&["gone"]), false).unwrap_err().to_string();
        assert_eq!(error, "Container shop/web-0/gone not found; the pod has migrate, web, proxy, debug");
        let several = resolved(&mk_pod(), &mk_named(&["gone", "debug"]));
        assert_eq!(several, [("gone".to_owned(), false), ("debug".to_owned(), true)]);
    }

    #[test]
    fn an_error_names_no_more_containers_than_somebody_reads() {
        let mut pod = mk_pod();
        pod.spec.as_mut().unwrap().containers = (0..100).map(|number| mk_container(&format!("c{number}"))).collect();
        let error = resolve(&pod, &mk_named(&["gone"]), false).unwrap_err().to_string();
        assert!(error.ends_with(", c18 and more"), "{error}");
    }

    #[test]
    fn the_run_is_the_one_whose_log_is_read() {
        let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let mut pod = mk_pod();
        let running = ContainerStateRunning { started_at: time(20) };
        let terminated = ContainerStateTerminated { started_at: time(10), ..ContainerStateTerminated::default() };
        pod.status = Some(PodStatus {
            container_statuses: vec![ContainerStatus {
                name: "web".into(),
                restart_count: Some(3),
                state: Some(ContainerState { running: Some(running), ..ContainerState::default() }),
                last_state: Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() }),
                container_id: "containerd://1".into(),
                ..ContainerStatus::default()
            }],
            ..PodStatus::default()
        });
        let read = |pod: &Pod, previous| {
            let run = run(pod, "web", previous).unwrap();
            (run.number, run.started.unwrap().seconds, run.lines_are_records)
        };
        assert_eq!((read(&pod, false), read(&pod, true)), ((3, 20, true), (2, 10, true)));
        assert_eq!(run(&pod, "proxy", false), None);

        // The run ends, and the container waits for the next one.
        let status = &mut pod.status.as_mut().unwrap().container_statuses[0];
        let terminated = ContainerStateTerminated { started_at: time(20), ..ContainerStateTerminated::default() };
        status.last_state = Some(ContainerState { terminated: Some(terminated), ..ContainerState::default() });
        status.state = Some(ContainerState::default());
        status.container_id.clear();
        assert_eq!((read(&pod, false), read(&pod, true)), ((3, 20, false), (3, 20, false)));
    }
}
