//! `List` of a kind whose objects come in the order of their keys: pages are sent on while the list is still being read.

use std::time::Duration;

use futures::future::BoxFuture;
use gumshoe_proto::{
    collector::v1::{Gap, GapReason},
    methods::{ListRequest, Object as _, Page, Selection},
};
use gumshoe_runtime::chain::Chain;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use super::{
    collection::{Collection, CollectionQuery, Read},
    kind::Kind,
    scope::Scope,
};
use crate::{
    error::ReadError,
    kubernetes::{
        api::{Call, KubernetesApi},
        names::Namespace,
        selector::Selectors,
    },
    pages::{
        page::PageBuilder,
        report::Report,
        size::{is_summary, limit, page_size},
        stream::PageSender,
        token::{Arguments, check_resource_version},
    },
};

/// When the buffer is full, the API server is held up for no longer than this: it has a connection open and, on older
/// servers, the whole list in memory.
const SLOW_CALLER_WAIT: Duration = Duration::from_secs(10);
/// The API server cuts an answer off 60 s after its request; we stop first and say where.
const READ_MAX: Duration = Duration::from_secs(50);

/// Where a list goes on: behind this key, at this snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Position {
    resource_version: String,
    key: String,
}

/// What is added to the objects of a list from another read. That is made before the list, which waits for nobody once it is open.
pub trait Supplement<K>: Send {
    /// Reads it for the places of the list, and notes what could not be read.
    fn read<'a>(&'a mut self, places: Vec<Option<Namespace>>, report: &'a mut Report) -> BoxFuture<'a, ()>;

    /// Adds it to an object.
    fn add(&self, item: &mut K);
}

/// Any of them.
pub type Supplements<K> = Box<dyn Supplement<K>>;

/// One list on its way to the caller.
pub(super) struct List<R: Page> {
    collection: Collection<R::Item>,
    supplement: Option<Supplements<R::Item>>,
    arguments: Arguments,
    page: PageBuilder<R>,
    limit: Option<u64>,
    summary: bool,
    given: u64,
    /// The key of the last object that was given or is in the page.
    last_key: Option<String>,
    /// The token behind the last page that was sent.
    sent_token: String,
    deadline: Instant,
}

impl<R: Page<Item: Kind>> List<R> {
    /// Checks the request; nothing is read yet.
    pub(super) fn new<Q>(
        api: &KubernetesApi,
        scope: &Scope,
        call: &Call,
        request: &Q,
        supplement: Option<Supplements<R::Item>>,
    ) -> Result<Self, ReadError>
    where
        Q: ListRequest<Response = R>,
    {
        let Selection { namespaces, label_selector, field_selector, page_size: size, page_token, limit: most } =
            request.selection();
        let arguments = Arguments::of_list(request);
        let position: Option<Position> = arguments.decode(page_token)?;
        position.iter().try_for_each(|position| check_resource_version(&position.resource_version))?;
        let (resource_version, after) = position.map(|position| (position.resource_version, position.key)).unzip();
        let query = CollectionQuery {
            places: scope.places_of(<R::Item as Kind>::RESOURCE, namespaces)?,
            selectors: Selectors::parse(label_selector, field_selector)?,
            resource_version,
            after: after.clone(),
            restartable: false,
            beside: false,
        };
        Ok(Self {
            collection: Collection::new(api, call, query),
            supplement,
            arguments,
            page: PageBuilder::new(page_size(*size)?),
            limit: limit(*most)?,
            summary: is_summary(request.view())?,
            given: 0,
            last_key: after,
            sent_token: page_token.clone(),
            deadline: call.deadline,
        })
    }

    /// Reads and sends until the end, a bound or an error; what is missing is told in the last message. Only where nothing
    /// could be given at all, the error is the answer.
    pub(super) async fn run(mut self, pages: PageSender) -> Result<(), ReadError> {
        if let Some(supplement) = &mut self.supplement {
            supplement.read(self.collection.places(), self.collection.report()).await;
        }
        let gap = match self.read(&pages).await {
            Ok(gap) => gap,
            Err(error) if self.given == 0 => return Err(error),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a list ends early");
                Some(Gap {
                    reason: match error {
                        ReadError::Deadline => GapReason::Deadline.into(),
                        _ => GapReason::ReadInterrupted.into(),
                    },
                    message: error.to_string(),
                    ..Gap::default()
                })
            }
        };
        self.finish(gap, &pages);
        Ok(())
    }

    async fn read(&mut self, pages: &PageSender) -> Result<Option<Gap>, ReadError> {
        while let Some(read) = self.next().await? {
            let Read::Item(mut item, key) = read else { continue };
            if self.limit.is_some_and(|limit| self.given >= limit) {
                let message = "there are more than the limit of the request".to_owned();
                return Ok(Some(Gap { reason: GapReason::Limit.into(), message, ..Gap::default() }));
            }
            if let Some(supplement) = &self.supplement {
                supplement.add(&mut item);
            }
            self.shape(&mut item);
            let length = item.encoded_len();
            if !self.page.fits(length)
                && let Some(gap) = self.send_page(pages).await
            {
                return Ok(Some(gap));
            }
            self.page.push(&item, length);
            self.last_key = Some(key);
            self.given += 1;
        }
        Ok(None)
    }

    /// Brings an object into the form that a list gives.
    fn shape(&mut self, item: &mut R::Item) {
        if self.summary {
            item.summarize();
        } else {
            item.abridge().into_iter().for_each(|gap| self.collection.report().gap(gap));
        }
    }

    async fn next(&mut self) -> Result<Option<Read<R::Item>>, ReadError> {
        timeout_at(self.deadline, self.collection.next()).await.unwrap_or(Err(ReadError::Deadline))
    }

    /// Sends the page that is full; a gap where the caller does not take the pages.
    async fn send_page(&mut self, pages: &PageSender) -> Option<Gap> {
        let patience = Instant::now() + SLOW_CALLER_WAIT;
        let cut_off = self.collection.request_began().map_or(patience, |began| began + READ_MAX);
        let until = patience.min(cut_off).min(self.deadline);
        let Ok(room) = timeout_at(until, pages.reserve(self.page.bytes())).await else {
            // The page is not given: the token behind the last one brings it.
            self.given -= self.page.items() as u64;
            self.page.clear();
            let (reason, message) = if until == self.deadline {
                (GapReason::Deadline, ReadError::Deadline.to_string())
            } else {
                (GapReason::SlowCaller, "the pages were taken too slowly for the API server to wait".to_owned())
            };
            return Some(Gap { reason: reason.into(), message, ..Gap::default() });
        };
        self.collection.report().count(self.page.items(), self.page.item_bytes());
        self.sent_token = self.token();
        pages.send(self.page.take_with(self.sent_token.clone(), None), room);
        None
    }

    /// The token behind the last object; empty where it would bring nothing or not the right thing.
    fn token(&self) -> String {
        match &self.last_key {
            Some(key) if self.collection.resumable() => {
                let resource_version = self.collection.resource_version().to_owned();
                self.arguments.encode(&Position { resource_version, key: key.clone() })
            }
            _ => String::new(),
        }
    }

    fn finish(mut self, gap: Option<Gap>, pages: &PageSender) {
        let slow = gap.as_ref().is_some_and(|gap| gap.reason() == GapReason::SlowCaller);
        let token = match &gap {
            None => String::new(),
            Some(_) if self.page.is_empty() => self.sent_token.clone(),
            Some(_) => self.token(),
        };
        debug_assert!(!slow || self.page.is_empty(), "a page that was not taken is not sent");
        let report = self.collection.report();
        report.count(self.page.items(), self.page.item_bytes());
        if let Some(gap) = gap {
            report.ends_with(Gap { resumable: !token.is_empty(), ..gap });
        }
        let completeness = self.collection.into_report().finish(token.clone());
        pages.send_last(self.page.take_with(token, Some(completeness)));
    }
}
