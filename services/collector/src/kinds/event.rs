//! Events: `EventService`. The API server has no order for them and no selector by time, so the newest N are found here.

mod columns;
mod filter;
mod position;

use std::time::Duration;

use gumshoe_proto::{
    collector::v1::{Event, Gap, GapReason, GetEventRequest, ListEventsRequest, ListEventsResponse},
    methods::Limit,
};
use k8s_openapi::api::core::v1 as core;
use prost::Message as _;
use prost_types::Timestamp;
use tokio::time::{Instant, timeout_at};

use self::{filter::Filter, position::Position};
use crate::{
    error::ReadError,
    kubernetes::{api::Call, resource::Resource, selector::Selectors},
    lists::{
        Reader,
        collection::{Collection, CollectionQuery, Read},
        kind::Kind,
        memory::{Memory, Share},
        newest::{Cut, Newest, Rank},
    },
    methods::{Methods, Permission},
    pages::{
        page::PageBuilder,
        report::Report,
        size::{limit, page_size},
        stream::{PageSender, PageStream},
        token::{Arguments, check_resource_version},
    },
};

/// The newest events are held, encoded, until the whole set has passed by; some 15,000 ordinary ones fit into this.
const HELD_BYTES: usize = 12 << 20;
/// What all calls may hold of them together: two of the largest, or the default limit's thousand for each of thirty.
const HELD_BYTES_OF_ALL: usize = 32 << 20;
/// Nothing of the API server waits for a caller who is slow, but what is held for him is missing to others.
const SLOW_CALLER_WAIT: Duration = Duration::from_secs(60);

impl Kind for Event {
    const RESOURCE: Resource = Resource::of::<core::Event>();
    /// Events are never in the API server's watch cache.
    const PAGINATE: bool = true;

    fn derive(&mut self, _now: Timestamp) {
        self.columns = Some(columns::columns(self));
    }
}

/// Serves `EventService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    let events = Events::new(reader.clone());
    methods
        .get::<GetEventRequest>(reader)
        .needs(Permission { verb: "list", resource: Event::RESOURCE, subresource: "" })
        .streams(move |call, request| events.list(&call, request))
}

/// Lists the newest events.
#[derive(Clone)]
pub struct Events {
    reader: Reader,
    memory: Memory,
}

impl Events {
    /// Lists with this reader; one for all calls of the process, whose bound it holds.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self { reader, memory: Memory::of(HELD_BYTES_OF_ALL) }
    }

    /// Starts a list. What is wrong with the request is an error at once; all else comes with the stream.
    ///
    /// # Errors
    /// `InvalidArgument`, or `Denied` where all namespaces of the request are outside `--namespaces`.
    pub fn list(&self, call: &Call, request: ListEventsRequest) -> Result<PageStream, ReadError> {
        let list = EventList::new(self, call, request)?;
        Ok(PageStream::start(|pages| list.run(pages)))
    }
}

/// One list on its way to the caller.
struct EventList {
    collection: Collection<Event>,
    memory: Memory,
    filter: Filter,
    arguments: Arguments,
    /// What earlier answers brought.
    position: Position,
    /// The first snapshot that this answer is of.
    snapshot: Option<String>,
    limit: usize,
    page_size: usize,
    deadline: Instant,
}

impl EventList {
    fn new(Events { reader, memory }: &Events, call: &Call, request: ListEventsRequest) -> Result<Self, ReadError> {
        let arguments = Arguments::of_list(&request);
        let position: Position = arguments.decode(&request.page_token)?.unwrap_or_default();
        position.resource_version().map_or(Ok(()), check_resource_version)?;
        let places = reader.scope.places(&request.namespaces)?;
        let selectors = Selectors::parse(&request.label_selector, &request.field_selector)?;
        let limit = limit(request.limit)?.unwrap_or(Limit::EVENTS.default).min(Limit::EVENTS.max);
        let page_size = page_size(request.page_size)?;
        let filter = Filter::new(request)?;
        let query = CollectionQuery {
            places,
            selectors: filter.narrow(selectors),
            resource_version: position.resource_version().map(str::to_owned),
            after: None,
            restartable: true,
            beside: false,
        };
        Ok(Self {
            collection: Collection::new(&reader.api, call, query),
            memory: memory.clone(),
            filter,
            arguments,
            position,
            snapshot: None,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            page_size,
            deadline: call.deadline,
        })
    }

    /// Part of the set is no answer: before all of it has passed by, nobody knows which are the newest.
    async fn run(mut self, pages: PageSender) -> Result<Share, ReadError> {
        let share = timeout_at(self.deadline, self.memory.share()).await.map_err(|_| ReadError::Overloaded)?;
        let newest = timeout_at(self.deadline, self.read(share)).await.unwrap_or(Err(ReadError::Deadline))?;
        Ok(self.send(newest, &pages).await)
    }

    async fn read(&mut self, share: Share) -> Result<Newest, ReadError> {
        let mut newest = Newest::new(self.limit, HELD_BYTES, share);
        while let Some(read) = self.collection.next().await? {
            match read {
                Read::Restart => {
                    newest = newest.emptied(self.limit);
                    self.snapshot = None;
                }
                Read::Item(event, key) => {
                    // Of several snapshots the first: what changed behind it is not in all of the answer.
                    self.snapshot.get_or_insert_with(|| self.collection.resource_version().to_owned());
                    let last_seen = event.columns.as_ref().and_then(|columns| columns.last_seen);
                    let rank = Rank::new(last_seen.as_ref(), key);
                    if self.filter.matches(&event) && !self.position.holds(&rank, &event) {
                        newest.offer(rank, event.encode_to_vec().into());
                    }
                }
            }
        }
        Ok(newest)
    }

    /// Sends all of them. Their share of memory is given back as they are taken.
    async fn send(self, newest: Newest, pages: &PageSender) -> Share {
        let snapshot = self.snapshot.unwrap_or_else(|| self.collection.resource_version().to_owned());
        let token = |last: &Rank| self.arguments.encode(&self.position.moved(&snapshot, last));
        let dropped = newest.dropped();
        let mut report = self.collection.into_report();
        let mut page = PageBuilder::<ListEventsResponse>::new(self.page_size);
        let mut last = None;
        let mut sent = None;
        let mut held = newest.bytes();
        let (newest, mut share) = newest.into_sorted();
        let finish = |mut page: PageBuilder<_>, mut report: Report, token: Option<String>, gap: Option<Gap>| {
            let token = token.filter(|_| gap.is_some()).unwrap_or_default();
            if let Some(gap) = gap {
                report.ends_with(Gap { resumable: !token.is_empty(), ..gap });
            }
            report.count(page.items(), page.item_bytes());
            let completeness = report.finish(token.clone());
            pages.send_last(page.take_with(token, Some(completeness)));
        };
        for (rank, encoded) in newest {
            if !page.fits(encoded.len()) {
                share.shrink_to(held);
                let until = self.deadline.min(Instant::now() + SLOW_CALLER_WAIT);
                let Ok(room) = timeout_at(until, pages.reserve(page.bytes())).await else {
                    let gap = if until == self.deadline { ReadError::Deadline.gap() } else { slow() };
                    page.clear();
                    finish(page, report, sent.as_ref().map(token), Some(gap));
                    return share;
                };
                report.count(page.items(), page.item_bytes());
                pages.send(page.take_with(last.as_ref().map(token).unwrap_or_default(), None), room);
                sent.clone_from(&last);
            }
            held = held.saturating_sub(encoded.len());
            page.push_encoded(&encoded);
            last = Some(rank);
        }
        finish(page, report, last.as_ref().map(token), left_out(dropped));
        share
    }
}

fn slow() -> Gap {
    let message = "the pages were taken too slowly".to_owned();
    Gap { reason: GapReason::SlowCaller.into(), message, ..Gap::default() }
}

fn left_out((dropped, cut): (u64, Cut)) -> Option<Gap> {
    let (reason, why) = match cut {
        Cut::Number => (GapReason::Limit, "are beyond the limit of the request".to_owned()),
        Cut::Bytes => (GapReason::Limit, format!("were left out: the newest ones fill {} MiB", HELD_BYTES >> 20)),
        Cut::Memory => (GapReason::Overloaded, "were left out: other calls hold the memory for them".to_owned()),
    };
    let message = format!("{dropped} older events {why}");
    (dropped > 0).then(|| Gap { reason: reason.into(), message, items: Some(dropped), ..Gap::default() })
}
