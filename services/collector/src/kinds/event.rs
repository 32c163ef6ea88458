//! Events: `EventService`. The API server has no order for them and no selector by time, so the newest N are found here.

use gumshoe_proto::collector::v1::{
    Completeness, Event, EventColumns, Gap, GapReason, InvolvedObject, ListEventsRequest, ListEventsResponse,
    ObjectMeta, event_service_server::EventService,
};
use k8s_openapi::api::core::v1 as core;
use prost::Message as _;
use prost_types::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};
use tonic::{Request, Response, Status};

use super::{Kind, ListResponse};
use crate::{
    error::ReadError,
    kubernetes::{api::Call, resource::Resource, selector::Selectors},
    lists::{
        Reader,
        collection::{Collection, CollectionQuery, Read},
        newest::{Newest, Rank},
        page::{PageCutter, limit, page_size},
        report::Report,
        stream::{PageSender, PageStream},
        token::Arguments,
    },
};

/// Events in an answer where the request says nothing: kubectl's users look at the last page of far more.
const LIMIT_DEFAULT: u64 = 1000;
/// Most events in an answer, whatever the request says.
const LIMIT_MAX: u64 = 50_000;
/// The newest events are held until the whole set has passed by; some 20,000 ordinary ones fit into this.
const HELD_BYTES: usize = 12 << 20;
/// Names and reasons in a filter; more would not fit into an address.
const FILTER_MAX: usize = 100;

impl Kind for Event {
    const RESOURCE: Resource = Resource::of::<core::Event>();
    /// Events are never in the API server's watch cache.
    const PAGINATE: bool = true;

    fn metadata(&self) -> Option<&ObjectMeta> {
        self.metadata.as_ref()
    }

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns(self));
    }
}

impl ListResponse for ListEventsResponse {
    type Item = Event;

    fn page(items: Vec<Event>, next_page_token: String, completeness: Option<Completeness>) -> Self {
        Self { items, next_page_token, completeness }
    }
}

/// Serves `EventService`.
#[derive(Clone)]
pub struct Events(pub Reader);

#[tonic::async_trait]
impl EventService for Events {
    type ListEventsStream = PageStream<ListEventsResponse>;

    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<Self::ListEventsStream>, Status> {
        let list = EventList::new(&self.0, &Call::of(&request), request.into_inner())?;
        Ok(Response::new(PageStream::start(|pages| list.run(pages))))
    }
}

/// Where a list goes on: behind this event, at this snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Position {
    resource_version: String,
    after: Rank,
}

/// One list on its way to the caller.
struct EventList {
    collection: Collection<Event>,
    filter: Filter,
    arguments: Arguments,
    after: Option<Rank>,
    limit: usize,
    page_size: usize,
    deadline: Instant,
}

impl EventList {
    fn new(reader: &Reader, call: &Call, request: ListEventsRequest) -> Result<Self, ReadError> {
        let arguments =
            Arguments::of(&ListEventsRequest { page_size: 0, page_token: String::new(), limit: 0, ..request.clone() });
        let position: Option<Position> = arguments.decode(&request.page_token)?;
        let (resource_version, after) = position.map(|position| (position.resource_version, position.after)).unzip();
        let places = reader.scope.places(&request.namespaces)?;
        let selectors = Selectors::parse(&request.label_selector, &request.field_selector)?;
        let limit = limit(request.limit)?.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
        let page_size = page_size(request.page_size)?;
        let filter = Filter::new(request)?;
        let query = CollectionQuery {
            places,
            selectors: filter.narrow(selectors),
            resource_version,
            after: None,
            restartable: true,
        };
        Ok(Self {
            collection: Collection::new(&reader.api, call, query),
            filter,
            arguments,
            after,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            page_size,
            deadline: call.deadline,
        })
    }

    /// Part of the set is no answer: before all of it has passed by, nobody knows which are the newest.
    async fn run(mut self, pages: PageSender<ListEventsResponse>) -> Result<(), ReadError> {
        let newest = timeout_at(self.deadline, self.read()).await.unwrap_or(Err(ReadError::Deadline))?;
        self.send(newest, &pages).await;
        Ok(())
    }

    async fn read(&mut self) -> Result<Newest<Event>, ReadError> {
        let mut newest = Newest::new(self.limit, HELD_BYTES);
        while let Some(read) = self.collection.next().await? {
            match read {
                Read::Restart => newest = Newest::new(self.limit, HELD_BYTES),
                Read::Item(event, key) => {
                    let last_seen = event.columns.as_ref().and_then(|columns| columns.last_seen);
                    let rank = Rank::new(last_seen.as_ref(), key);
                    if self.filter.matches(&event) && self.after.as_ref().is_none_or(|after| rank > *after) {
                        let bytes = event.encoded_len();
                        newest.offer(rank, bytes, *event);
                    }
                }
            }
        }
        Ok(newest)
    }

    async fn send(self, newest: Newest<Event>, pages: &PageSender<ListEventsResponse>) {
        let resource_version = self.collection.resource_version().to_owned();
        let token = |after: &Rank| {
            let position = Position { resource_version: resource_version.clone(), after: after.clone() };
            self.arguments.encode(&position)
        };
        let (dropped, cut_by_bytes) = newest.dropped();
        let mut report = self.collection.into_report();
        let mut cutter = PageCutter::new(self.page_size);
        let mut last = self.after;
        let mut sent = last.clone();
        for (rank, event) in newest.into_sorted() {
            let bytes = PageCutter::size_of(&event);
            if !cutter.fits(bytes) {
                let Ok(room) = timeout_at(self.deadline, pages.reserve(cutter.bytes())).await else {
                    return finish(report, Vec::new(), sent.map(|sent| token(&sent)), Some(late()), pages);
                };
                let (items, bytes) = cutter.take();
                report.count(items.len(), bytes);
                pages.send(ListEventsResponse::page(items, last.as_ref().map(token).unwrap_or_default(), None), room);
                sent.clone_from(&last);
            }
            cutter.push(event, bytes);
            last = Some(rank);
        }
        let (items, bytes) = cutter.take();
        report.count(items.len(), bytes);
        let gap = (dropped > 0).then(|| left_out(dropped, cut_by_bytes));
        finish(report, items, last.map(|last| token(&last)), gap, pages);
    }
}

fn finish(
    mut report: Report,
    items: Vec<Event>,
    token: Option<String>,
    gap: Option<Gap>,
    pages: &PageSender<ListEventsResponse>,
) {
    let token = token.filter(|_| gap.is_some()).unwrap_or_default();
    if let Some(gap) = gap {
        report.gap(Gap { resumable: !token.is_empty(), ..gap });
    }
    let completeness = report.finish(token.clone());
    pages.send_last(ListEventsResponse::page(items, token, Some(completeness)));
}

fn late() -> Gap {
    Gap { reason: GapReason::Deadline.into(), message: ReadError::Deadline.to_string(), ..Gap::default() }
}

fn left_out(dropped: u64, cut_by_bytes: bool) -> Gap {
    let message = if cut_by_bytes {
        format!("{dropped} older events were left out: the newest ones fill {} MiB", HELD_BYTES >> 20)
    } else {
        format!("{dropped} older events are beyond the limit of the request")
    };
    Gap { reason: GapReason::Limit.into(), message, items: Some(dropped), ..Gap::default() }
}

/// What a request filters by, beside its selectors.
#[derive(Debug)]
struct Filter {
    involved_object: InvolvedObject,
    types: Vec<String>,
    reasons: Vec<String>,
}

impl Filter {
    fn new(request: ListEventsRequest) -> Result<Self, ReadError> {
        let involved_object = request.involved_object.unwrap_or_default();
        let InvolvedObject { kind, namespace, name, uid } = &involved_object;
        for (field, value) in [
            ("involved_object.kind", kind),
            ("involved_object.namespace", namespace),
            ("involved_object.name", name),
            ("involved_object.uid", uid),
        ] {
            // The name of a node event's object can be any path segment, so only what no name can hold is refused.
            let illegal =
                |character: char| character.is_control() || character.is_whitespace() || "/%?".contains(character);
            if value.len() > 253 || value.contains(illegal) || matches!(value.as_str(), "." | "..") {
                return Err(ReadError::invalid(field, "is not a name"));
            }
        }
        for (field, values) in [("types", &request.types), ("reasons", &request.reasons)] {
            if values.len() > FILTER_MAX {
                return Err(ReadError::invalid(field, format!("must be no more than {FILTER_MAX}")));
            }
            if values.iter().any(|value| value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
                return Err(ReadError::invalid(field, "must consist of letters and digits, as in Warning or BackOff"));
            }
        }
        Ok(Self { involved_object, types: request.types, reasons: request.reasons })
    }

    /// Lets the API server filter where one value is asked for: it knows no "any of".
    fn narrow(&self, mut selectors: Selectors) -> Selectors {
        let InvolvedObject { kind, namespace, name, uid } = &self.involved_object;
        for (field, value) in [
            ("involvedObject.kind", kind),
            ("involvedObject.namespace", namespace),
            ("involvedObject.name", name),
            ("involvedObject.uid", uid),
        ] {
            if !value.is_empty() {
                selectors = selectors.with_field(field, value);
            }
        }
        for (field, values) in [("type", &self.types), ("reason", &self.reasons)] {
            if let [value] = values.as_slice() {
                selectors = selectors.with_field(field, value);
            }
        }
        selectors
    }

    fn matches(&self, event: &Event) -> bool {
        let any = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == value);
        any(&self.types, &event.r#type) && any(&self.reasons, &event.reason)
    }
}

/// The true times and count of an event: old ones carry lastTimestamp and count, new ones eventTime and a series.
fn columns(event: &Event) -> EventColumns {
    let created = event.metadata.as_ref().and_then(|metadata| metadata.creation_timestamp);
    let series = event.series.as_ref();
    let count = series.map_or(event.count, |series| series.count);
    let involved = event.involved_object.clone().unwrap_or_default();
    let kind = involved.kind.to_lowercase();
    EventColumns {
        last_seen: series
            .and_then(|series| series.last_observed_time)
            .or(event.last_timestamp)
            .or(event.event_time)
            .or(event.first_timestamp)
            .or(created),
        first_seen: event.first_timestamp.or(event.event_time).or(created),
        count: u32::try_from(count).unwrap_or_default().max(1),
        object: if involved.name.is_empty() { kind } else { format!("{kind}/{}", involved.name) },
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::EventSeries;

    use super::*;

    fn mk_time(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn the_last_time_is_the_truest_that_the_event_has() {
        let created = Event {
            metadata: Some(ObjectMeta { creation_timestamp: mk_time(1), ..ObjectMeta::default() }),
            ..Event::default()
        };
        let first = Event { first_timestamp: mk_time(2), ..created.clone() };
        let event_time = Event { event_time: mk_time(3), ..first.clone() };
        let last = Event { last_timestamp: mk_time(4), count: 7, ..event_time.clone() };
        let series = Event { series: Some(EventSeries { count: 9, last_observed_time: mk_time(5) }), ..last.clone() };
        for (event, seconds, count) in
            [(created, 1, 1), (first, 2, 1), (event_time, 3, 1), (last, 4, 7), (series, 5, 9)]
        {
            let columns = columns(&event);
            assert_eq!((columns.last_seen, columns.count), (mk_time(seconds), count));
        }
    }

    #[test]
    fn one_value_is_filtered_by_the_server_and_several_here() {
        let filter = Filter::new(ListEventsRequest {
            involved_object: Some(InvolvedObject {
                kind: "Pod".into(),
                name: "api-0".into(),
                ..InvolvedObject::default()
            }),
            types: vec!["Warning".into()],
            reasons: vec!["BackOff".into(), "Failed".into()],
            ..ListEventsRequest::default()
        })
        .unwrap();
        let selectors = filter.narrow(Selectors::default());
        assert_eq!(selectors.field(), "involvedObject.kind=Pod,involvedObject.name=api-0,type=Warning");
        let mk_event = |reason: &str| Event { reason: reason.into(), r#type: "Warning".into(), ..Event::default() };
        assert!(filter.matches(&mk_event("Failed")));
        assert!(!filter.matches(&mk_event("Pulled")));
    }

    #[test]
    fn a_wrong_filter_is_refused_with_the_field_named() {
        for bad in ["..", "a/b", "%", "?", "a b"] {
            let request = ListEventsRequest {
                involved_object: Some(InvolvedObject { name: bad.into(), ..InvolvedObject::default() }),
                ..ListEventsRequest::default()
            };
            let error = Filter::new(request);
            assert!(matches!(error, Err(ReadError::InvalidArgument { field: "involved_object.name", .. })), "{bad}");
        }
    }
}
