//! `GetEndpoints`: the slices of a service, and what the service itself says of them.

use gumshoe_proto::collector::v1::{
    EndpointSlice, Endpoints, EndpointsStatus, Gap, GapReason, GetEndpointsRequest, GetEndpointsResponse, Pod, Service,
    ServiceSelection,
};
use prost::Message as _;
use tokio::time::timeout_at;

use super::{
    merge::Merge,
    state::{Counts, SERVICE_NAME},
};
use crate::{
    error::ReadError,
    kinds::{NOT_ENDED, cells},
    kubernetes::{
        api::Call,
        names::{Namespace, ObjectName},
        selector::Selectors,
    },
    lists::{Reader, kind::Kind as _, scope::Places},
    pages::{
        page::{Encoded, PageBuilder},
        report::Report,
    },
};

/// The longest value of a label: no service has a longer name.
const NAME_MAX: usize = 63;

/// Reads the backends of a service.
///
/// # Errors
/// `InvalidArgument` for a name, `Denied`, `NotFound`, and whatever else keeps the API server from answering about slices.
pub(super) async fn endpoints(
    reader: &Reader,
    call: &Call,
    request: &GetEndpointsRequest,
) -> Result<Encoded, ReadError> {
    let namespace = Namespace::parse("namespace", &request.namespace)?;
    let name = ObjectName::parse("name", &request.name)?;
    reader.scope.permits(&namespace)?;
    let not_found = || ReadError::NotFound { kind: Service::RESOURCE.kind, name: format!("{namespace}/{name}") };
    if name.as_str().len() > NAME_MAX {
        return Err(not_found());
    }
    let mut merge = Merge::default();
    let selectors = Selectors::parse(&format!("{SERVICE_NAME}={name}"), "")?;
    let place = Places { places: vec![Some(namespace.clone())], gaps: Vec::new() };
    let slices = reader.each(call, place, selectors, |slice: EndpointSlice| merge.add(slice));
    let service = reader.object::<Service>(call, Some(&namespace), &name);
    let (report, service) = tokio::join!(slices, timeout_at(call.deadline, service));
    let mut report = report?;
    let service = service.unwrap_or(Err(ReadError::Deadline)).map(|(service, _)| service);
    let merged = merge.finish();
    if merged.left_out > 0 || merged.shortened {
        report.gap(Gap {
            reason: GapReason::Limit.into(),
            namespace: namespace.to_string(),
            name: name.to_string(),
            message: left_out(merged.left_out, merged.shortened),
            items: (merged.left_out > 0).then_some(merged.left_out),
            ..Gap::default()
        });
    }
    let slices = merged.slices;
    let mut item =
        Endpoints { namespace: namespace.to_string(), name: name.to_string(), slices, ..Endpoints::default() };
    match service {
        Ok(service) => {
            let pods = if merged.counts.all() == 0 { Some((reader, &namespace)) } else { None };
            look(&mut item, service, call, pods, &mut report).await;
        }
        Err(ReadError::NotFound { .. }) if item.slices.is_empty() => return Err(not_found()),
        Err(ReadError::NotFound { .. }) => item.status = EndpointsStatus::NoService.into(),
        Err(error) => unknown(&mut item, &error, &mut report),
    }
    judge(&mut item, merged.counts);
    item.backends = merged.backends;
    report.count(1, item.encoded_len());
    let mut page = PageBuilder::<GetEndpointsResponse>::new(1);
    page.push(&item, item.encoded_len());
    Ok(page.take_with(String::new(), Some(report.finish(String::new()))))
}

/// What the service says of its backends; where there are none, `pods` are looked for.
async fn look(
    item: &mut Endpoints,
    service: Service,
    call: &Call,
    pods: Option<(&Reader, &Namespace)>,
    report: &mut Report,
) {
    let spec = service.spec.unwrap_or_default();
    if spec.r#type == "ExternalName" {
        item.external_name = spec.external_name;
        return;
    }
    if spec.selector.is_empty() {
        item.selection = ServiceSelection::NoSelector.into();
        return;
    }
    item.selector = cells::labels(&spec.selector);
    let Some((reader, namespace)) = pods else { return };
    match selection(reader, call, namespace, &item.selector).await {
        Ok(selection) => item.selection = selection.into(),
        Err(error) => unknown(item, &error, report),
    }
}

/// Whether the selector matches pods. Those that have ended are no endpoints, so they are looked for only where there are no others.
async fn selection(
    reader: &Reader,
    call: &Call,
    namespace: &Namespace,
    selector: &str,
) -> Result<ServiceSelection, ReadError> {
    for (phases, found) in [(NOT_ENDED, ServiceSelection::Pods), ("", ServiceSelection::EndedPods)] {
        if reader.any::<Pod>(call, namespace, Selectors::parse(selector, phases)?).await? {
            return Ok(found);
        }
    }
    Ok(ServiceSelection::NoPod)
}

fn unknown(item: &mut Endpoints, error: &ReadError, report: &mut Report) {
    item.selection = ServiceSelection::Unknown.into();
    report.gap(Gap {
        namespace: item.namespace.clone(),
        message: format!("what the service selects is not known: {error}"),
        ..error.gap()
    });
}

fn left_out(backends: u64, shortened: bool) -> String {
    let ports = "some ports, addresses or names of slices are left out";
    match (backends, shortened) {
        (0, _) => format!("an answer has no room for all of this service: {ports}"),
        (_, false) => format!("an answer has no room for {backends} of this service's backends; the counts are of all"),
        (_, true) => {
            format!("an answer has no room for {backends} of this service's backends; the counts are of all; {ports}")
        }
    }
}

/// The status of all that was read, and its sentence.
fn judge(item: &mut Endpoints, counts: Counts) {
    (item.healthy, item.unhealthy, item.terminating) = (counts.healthy, counts.unhealthy, counts.terminating);
    let (all, ready, healthy) = (counts.all(), counts.ready, counts.healthy);
    let (status, message) = if !item.external_name.is_empty() {
        let message = format!("the service is another name for {}", item.external_name);
        (EndpointsStatus::ExternalName, format!("{message}{}", left_behind(item, all)))
    } else if item.status() == EndpointsStatus::NoService {
        (EndpointsStatus::NoService, format!("there is no such service{}", left_behind(item, all)))
    } else if item.slices.is_empty() {
        (EndpointsStatus::NoSlice, format!("there is no endpoint slice of this service{}", why(item)))
    } else if all == 0 {
        (EndpointsStatus::NoReadyBackend, format!("its slices have no backends{}", why(item)))
    } else if ready == 0 {
        (EndpointsStatus::NoReadyBackend, format!("none of its {all} backends is ready{}", why(item)))
    } else if ready == healthy {
        (EndpointsStatus::Ready, format!("{ready} of its {all} backends are ready{}", why(item)))
    } else {
        // The service publishes the addresses of pods that are not ready, and of those that terminate.
        let Counts { unhealthy, terminating, .. } = counts;
        let whose = format!("{healthy} healthy, {unhealthy} unhealthy, {terminating} terminating");
        let message = format!("traffic goes to {ready} of its {all} backends, ready or not (publishNotReadyAddresses)");
        (EndpointsStatus::Ready, format!("{message}: {whose}{}", why(item)))
    };
    (item.status, item.message) = (status.into(), message);
}

/// Of a service that has become something else, or was deleted, Kubernetes leaves or forgets the slices, and no traffic goes by them.
fn left_behind(item: &Endpoints, backends: u32) -> String {
    match item.slices.len() {
        0 => String::new(),
        slices => format!("; {slices} slices of it are left, with {backends} backends to which no traffic goes"),
    }
}

fn why(item: &Endpoints) -> String {
    match item.selection() {
        ServiceSelection::NoPod => format!(": no pod matches its selector {}", item.selector),
        ServiceSelection::Pods => format!(", though pods match its selector {}", item.selector),
        ServiceSelection::EndedPods => format!(": all pods that match its selector {} have ended", item.selector),
        ServiceSelection::NoSelector if item.slices.is_empty() => {
            ": it has no selector, so whoever made it makes them".to_owned()
        }
        ServiceSelection::NoSelector => "; it has no selector, so Kubernetes does not keep them up to date".to_owned(),
        ServiceSelection::Unknown | ServiceSelection::Unspecified => String::new(),
    }
}
