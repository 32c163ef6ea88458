//! `GetEndpoints`: the slices of a service, and, where there is nothing in them, what the service itself says.

use gumshoe_proto::collector::v1::{
    EndpointSlice, Endpoints, EndpointsStatus, Gap, GapReason, GetEndpointsRequest, GetEndpointsResponse, Pod, Service,
    ServiceSelection,
};
use prost::Message as _;

use super::merge::{Counts, Merge};
use crate::{
    error::ReadError,
    kinds::cells,
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

/// The label by which a slice says whose it is.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
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
    let place = || Places { places: vec![Some(namespace.clone())], gaps: Vec::new() };
    let mut report = reader.each(call, place(), selectors, |slice: EndpointSlice| merge.add(slice)).await?;
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
    if merged.counts.all() == 0 {
        match service(reader, call, &namespace, &name).await {
            Ok(service) => look(&mut item, &service, reader, call, place(), &mut report).await,
            Err(ReadError::NotFound { .. }) if item.slices.is_empty() => return Err(not_found()),
            Err(error) => unknown(&mut item, &error, &mut report),
        }
    }
    judge(&mut item, merged.counts);
    item.backends = merged.backends;
    report.count(1, item.encoded_len());
    let mut page = PageBuilder::<GetEndpointsResponse>::new(1);
    page.push(&item, item.encoded_len());
    Ok(page.take_with(String::new(), Some(report.finish(String::new()))))
}

async fn service(reader: &Reader, call: &Call, namespace: &Namespace, name: &ObjectName) -> Result<Service, ReadError> {
    reader.object::<Service>(call, Some(namespace), name).await.map(|(service, _)| service)
}

/// What the service says of why there are no backends.
async fn look(
    item: &mut Endpoints,
    service: &Service,
    reader: &Reader,
    call: &Call,
    place: Places,
    report: &mut Report,
) {
    let spec = service.spec.clone().unwrap_or_default();
    if spec.r#type == "ExternalName" {
        item.external_name = spec.external_name;
        return;
    }
    if spec.selector.is_empty() {
        item.selection = ServiceSelection::NoSelector.into();
        return;
    }
    item.selector = cells::labels(&spec.selector);
    let mut pods = 0_u64;
    let read = match Selectors::parse(&item.selector, "") {
        Ok(selectors) => reader.each(call, place, selectors, |_: Pod| pods += 1).await,
        Err(error) => Err(error),
    };
    match read {
        Ok(_) if pods == 0 => item.selection = ServiceSelection::NoPod.into(),
        Ok(_) => item.selection = ServiceSelection::Pods.into(),
        Err(error) => unknown(item, &error, report),
    }
}

fn unknown(item: &mut Endpoints, error: &ReadError, report: &mut Report) {
    item.selection = ServiceSelection::Unknown.into();
    report.gap(Gap {
        reason: match error {
            ReadError::Denied(_) => GapReason::KindNotRead.into(),
            ReadError::Deadline => GapReason::Deadline.into(),
            _ => GapReason::ReadInterrupted.into(),
        },
        namespace: item.namespace.clone(),
        message: format!("whether the service selects pods is not known: {error}"),
        ..Gap::default()
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
        (EndpointsStatus::ExternalName, format!("the service is another name for {}", item.external_name))
    } else if item.slices.is_empty() {
        (EndpointsStatus::NoSlice, format!("there is no endpoint slice of this service{}", why(item)))
    } else if all == 0 {
        (EndpointsStatus::NoReadyBackend, format!("its slices have no backends{}", why(item)))
    } else if ready == 0 {
        (EndpointsStatus::NoReadyBackend, format!("none of its {all} backends is ready"))
    } else if ready == healthy {
        (EndpointsStatus::Ready, format!("{ready} of its {all} backends are ready"))
    } else {
        // The service publishes the addresses of pods that are not ready.
        let message = format!("traffic goes to {ready} of its {all} backends, of which {healthy} are healthy");
        (EndpointsStatus::Ready, format!("{message} (publishNotReadyAddresses)"))
    };
    (item.status, item.message) = (status.into(), message);
}

fn why(item: &Endpoints) -> String {
    match item.selection() {
        ServiceSelection::NoPod => format!(": no pod matches its selector {}", item.selector),
        ServiceSelection::Pods => format!(", though pods match its selector {}", item.selector),
        ServiceSelection::NoSelector => ": it has no selector, so whoever made it makes them".to_owned(),
        ServiceSelection::Unknown | ServiceSelection::Unspecified => String::new(),
    }
}
