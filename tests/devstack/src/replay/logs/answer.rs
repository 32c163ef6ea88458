//! Which container's log is meant, and what there is of it (kubelet: validateContainerLogStatus).

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use k8s_pb::api::core::v1::{ContainerState, ContainerStatus, Pod};
use prost::Message;

use super::follow::follow;
use super::options::LogOptions;
use super::window;
use crate::replay::failure::Failure;
use crate::replay::journal::Query;
use crate::replay::response::{self, Body, BodyError};
use crate::replay::route::Resource;
use crate::replay::shop::{ContainerId, LogAnswer, Shop};
use crate::replay::store::Store;

/// Bytes in one chunk of a log: what the kubelet's connection copies at once.
const CHUNK: usize = 32 * 1024;

/// Answers a log request.
pub(in crate::replay) fn read(
    store: &Arc<Store>,
    namespace: &str,
    pod: &str,
    query: &Query,
) -> Result<Response<Body>, Failure> {
    let (_, shop) = store.current();
    let options = LogOptions::parse(query)?;
    let decoded = find_pod(&shop, namespace, pod)?;
    let container = choose_container(&decoded, pod, query.get("container"))?;
    if decoded.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default().is_empty() {
        return Ok(response::no_content());
    }
    let id = ContainerId { previous: options.previous, ..ContainerId::new(namespace, pod, &container) };
    let log = content(&shop, &decoded, &id)?;
    let pieces = window::select(&log, &options);
    let chunks = futures::stream::iter(pieces.into_iter().flat_map(chunks).map(Ok::<_, BodyError>));
    if options.follow && is_running(&decoded, &id) {
        use futures::StreamExt;
        return Ok(response::log(chunks.chain(follow(Arc::clone(store), id, log.len(), options))));
    }
    Ok(response::log(chunks))
}

fn find_pod(shop: &Shop, namespace: &str, pod: &str) -> Result<Pod, Failure> {
    shop.get(Resource::PODS, namespace, pod)
        .and_then(|object| Pod::decode(object.bytes.clone()).ok())
        .ok_or_else(|| Failure::not_found("pods", pod))
}

fn choose_container(pod: &Pod, name: &str, wanted: &str) -> Result<String, Failure> {
    let Some(spec) = &pod.spec else { return Err(Failure::bad_request("a pod without a spec")) };
    let regular: Vec<&str> = spec.containers.iter().filter_map(|container| container.name.as_deref()).collect();
    let init: Vec<&str> = spec.init_containers.iter().filter_map(|container| container.name.as_deref()).collect();
    let ephemeral = spec.ephemeral_containers.iter().filter_map(|container| {
        container.ephemeral_container_common.as_ref().and_then(|common| common.name.as_deref())
    });
    if wanted.is_empty() {
        if let [only] = regular[..] {
            return Ok(only.to_owned());
        }
        let others = match &init[..] {
            [] => String::new(),
            init => format!(" or one of the init containers: [{}]", init.join(" ")),
        };
        let names = regular.join(" ");
        return Err(Failure::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{names}]{others}"
        )));
    }
    if regular.iter().chain(&init).copied().chain(ephemeral).any(|container| container == wanted) {
        return Ok(wanted.to_owned());
    }
    Err(Failure::bad_request(format!("container {wanted} is not valid for pod {name}")))
}

/// The log that was recorded, else what the container's status says.
fn content(shop: &Shop, pod: &Pod, id: &ContainerId) -> Result<Bytes, Failure> {
    match shop.logs().get(id) {
        Some(LogAnswer::Lines(lines)) => Ok(lines.clone()),
        Some(LogAnswer::Error { code, reason, message }) => Err(Failure::new(*code, reason, message.clone())),
        None => match why_none(pod, id) {
            Some(message) => Err(Failure::bad_request(message)),
            None => Ok(Bytes::new()),
        },
    }
}

fn why_none(pod: &Pod, id: &ContainerId) -> Option<String> {
    let place = format!("container \"{}\" in pod \"{}\"", id.container, id.pod);
    let Some(status) = container_status(pod, &id.container) else {
        return Some(format!("{place} is not available"));
    };
    let has_ended = |state: &Option<ContainerState>| state.as_ref().is_some_and(|state| state.terminated.is_some());
    let ended_before = has_ended(&status.last_state);
    if id.previous {
        return (!ended_before).then(|| format!("previous terminated {place} not found"));
    }
    let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref())?;
    let why = match waiting.reason.as_deref().unwrap_or_default() {
        "ErrImagePull" => "image can't be pulled",
        "ImagePullBackOff" => "trying and failing to pull image",
        reason => reason,
    };
    (!ended_before).then(|| format!("{place} is waiting to start: {why}"))
}

/// Whether the container may still write.
pub(super) fn is_running(pod: &Pod, id: &ContainerId) -> bool {
    let state = container_status(pod, &id.container).and_then(|status| status.state.as_ref());
    !id.previous && state.is_some_and(|state| state.running.is_some())
}

fn container_status<'a>(pod: &'a Pod, container: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    [&status.container_statuses, &status.init_container_statuses, &status.ephemeral_container_statuses]
        .into_iter()
        .flatten()
        .find(|status| status.name.as_deref() == Some(container))
}

fn chunks(piece: Bytes) -> impl Iterator<Item = Bytes> {
    (0..piece.len()).step_by(CHUNK).map(move |start| piece.slice(start..piece.len().min(start + CHUNK)))
}
