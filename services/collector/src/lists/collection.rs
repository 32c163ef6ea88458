//! The objects of one kind over all places of a request, decoded, one after the other in the order of their keys.
//!
//! Interruptions are mended here as far as they can be: a list that broke off is taken up again at its snapshot, behind the
//! last object that came. What cannot be read is noted in the report and never ends the read of the rest.

use std::{collections::VecDeque, marker::PhantomData};

use bytes::Bytes;
use gumshoe_proto::collector::v1::{Gap, GapReason, ObjectMeta};
use tokio::time::Instant;

use super::{
    absence::Absence,
    kind::Kind,
    object::{self, Unreadable},
    scope::Places,
};
use crate::{
    error::ReadError,
    kubernetes::{
        api::{Call, KubernetesApi},
        list::{Entry, ListQuery, ListRead, PAGE_LIMIT},
        names::Namespace,
        selector::Selectors,
    },
    pages::report::Report,
};

/// A list that breaks off is taken up again so often in all: each time the API server makes the whole list again.
const RESUMES_MAX: u32 = 2;

/// What comes off a collection.
#[derive(Debug)]
pub enum Read<K> {
    /// An object and its key, `<namespace>/<name>`.
    Item(Box<K>, String),
    /// The snapshot expired, and everything comes again from the beginning, of another snapshot. Only where `restartable`.
    Restart,
}

/// What to read.
#[derive(Debug)]
pub struct CollectionQuery {
    /// Where.
    pub places: Places,
    /// Which objects.
    pub selectors: Selectors,
    /// The snapshot of an earlier answer.
    pub resource_version: Option<String>,
    /// Objects up to this key are passed over.
    pub after: Option<String>,
    /// Whether the reader can begin again: it can where it has not passed anything on yet.
    pub restartable: bool,
    /// Whether it is read for what another answer says: nobody has named its places, so nothing is said of those that are empty, and one
    /// that may not be read is the kind's gap.
    pub beside: bool,
}

/// A collection that is being read.
pub struct Collection<K> {
    api: KubernetesApi,
    call: Call,
    query: CollectionQuery,
    waiting: VecDeque<Option<Namespace>>,
    current: Option<Place>,
    resource_version: Option<String>,
    /// Objects up to this key have been given already.
    skip_through: Option<String>,
    last_key: Option<String>,
    /// Whether the keys come in order, as they must for `skip_through` to mean anything: Kubernetes does not promise it.
    ordered: bool,
    resumes: u32,
    restarted: bool,
    /// The places that were read to their end or denied, and the last denial.
    readable: usize,
    denied: Option<ReadError>,
    absence: Absence,
    report: Report,
    kind: PhantomData<K>,
}

struct Place {
    namespace: Option<Namespace>,
    list: ListRead,
    empty: bool,
}

impl<K: Kind> Collection<K> {
    /// Nothing is sent before the first `next`.
    #[must_use]
    pub fn new(api: &KubernetesApi, call: &Call, query: CollectionQuery) -> Self {
        Self {
            api: api.clone(),
            call: call.clone(),
            waiting: query.places.places.iter().cloned().collect(),
            current: None,
            resource_version: query.resource_version.clone(),
            skip_through: query.after.clone(),
            last_key: None,
            ordered: true,
            resumes: 0,
            restarted: false,
            readable: 0,
            denied: None,
            absence: Absence::default(),
            report: report_of(&query.places),
            query,
            kind: PhantomData,
        }
    }

    /// Where it reads, in all.
    #[must_use]
    pub fn places(&self) -> Vec<Option<Namespace>> {
        self.query.places.places.clone()
    }

    /// What is to be said of the read so far.
    pub fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    /// The report, at the end.
    #[must_use]
    pub fn into_report(mut self) -> Report {
        self.report.note(self.absence.warning());
        self.report
    }

    /// When the request began that is open now; None between two.
    #[must_use]
    pub fn request_began(&self) -> Option<Instant> {
        self.current.as_ref().map(|place| place.list.began())
    }

    /// The snapshot that is read; empty before the first object.
    #[must_use]
    pub fn resource_version(&self) -> &str {
        self.resource_version.as_deref().unwrap_or_default()
    }

    /// Whether a token made of the snapshot and a key brings what comes behind that key.
    #[must_use]
    pub fn resumable(&self) -> bool {
        self.ordered && self.resource_version.is_some()
    }

    /// The next object; None at the end.
    ///
    /// # Errors
    /// Where the read cannot go on; what came before stays valid.
    pub async fn next(&mut self) -> Result<Option<Read<K>>, ReadError> {
        loop {
            let resumable = self.resumes < RESUMES_MAX && self.resumable();
            let Some(place) = &mut self.current else {
                let Some(namespace) = self.waiting.pop_front() else { return self.end() };
                self.open(namespace).await?;
                continue;
            };
            let entry = place.list.next_entry().await;
            self.report.warnings(place.list.take_warnings());
            match entry {
                Ok(Some(entry)) => {
                    place.empty = false;
                    if self.resource_version.is_none() {
                        self.resource_version = Some(place.list.resource_version().to_owned());
                    }
                    if let Some(read) = self.decode(entry) {
                        return Ok(Some(read));
                    }
                }
                Ok(None) => self.close().await,
                Err(ReadError::Expired { continue_token }) => {
                    if let Some(restart) = self.expired(continue_token).await? {
                        return Ok(Some(restart));
                    }
                }
                Err(error) if error.retryable() && resumable => {
                    self.resumes += 1;
                    tracing::debug!(error = %error, "taking a list up again");
                    let namespace = place.namespace.clone();
                    self.skip_through = self.last_key.clone().or(self.skip_through.take());
                    self.current = None;
                    self.open(namespace).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn open(&mut self, namespace: Option<Namespace>) -> Result<(), ReadError> {
        let mut query = ListQuery {
            resource: K::RESOURCE,
            encoding: K::ENCODING,
            namespace: namespace.clone(),
            selectors: self.query.selectors.clone(),
            resource_version: self.resource_version.clone(),
            limit: (K::PAGINATE || !self.api.streams_lists()).then_some(PAGE_LIMIT),
        };
        let mut opened = ListRead::open(&self.api, &self.call, query.clone()).await;
        if matches!(opened, Err(ReadError::Expired { .. })) {
            // The snapshot of the token has been compacted away: the list is made afresh and read on behind the key.
            self.report.inconsistent();
            self.resource_version = None;
            query.resource_version = None;
            opened = ListRead::open(&self.api, &self.call, query).await;
        }
        match opened {
            Ok(mut list) => {
                self.report.warnings(list.take_warnings());
                self.current = Some(Place { namespace, list, empty: true });
            }
            Err(error @ ReadError::Denied(_)) => self.denied(namespace.as_ref(), error),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn denied(&mut self, namespace: Option<&Namespace>, error: ReadError) {
        match namespace {
            Some(namespace) => {
                let reason = if self.query.beside { GapReason::KindNotRead } else { GapReason::NamespaceDenied };
                self.report.gap(Gap {
                    reason: reason.into(),
                    namespace: namespace.to_string(),
                    message: error.to_string(),
                    ..Gap::default()
                });
                self.denied = Some(error);
            }
            None if self.query.beside || !K::RESOURCE.namespaced => self.denied = Some(error),
            None => {
                self.denied = Some(ReadError::Denied(format!(
                    "list {} in all namespaces; name the namespaces in the request, or start the collector with --namespaces",
                    K::RESOURCE.plural
                )));
            }
        }
    }

    /// The end of all places: an error where none of them could be read.
    fn end(&mut self) -> Result<Option<Read<K>>, ReadError> {
        match self.denied.take() {
            Some(error) if self.readable == 0 => Err(error),
            _ => Ok(None),
        }
    }

    async fn close(&mut self) {
        let Some(place) = self.current.take() else { return };
        self.readable += 1;
        if self.resource_version.is_none() {
            self.resource_version = Some(place.list.resource_version().to_owned());
        }
        if let Some(namespace) = place.namespace
            && place.empty
            && !self.query.beside
        {
            self.absence.note(&self.api, &self.call, namespace, &mut self.report).await;
        }
    }

    /// The snapshot expired between two answers of one list.
    async fn expired(&mut self, continue_token: Option<String>) -> Result<Option<Read<K>>, ReadError> {
        if self.query.restartable && !self.restarted {
            self.restarted = true;
            self.current = None;
            self.readable = 0;
            self.resource_version = None;
            self.skip_through.clone_from(&self.query.after);
            self.last_key = None;
            self.waiting = self.query.places.places.iter().cloned().collect();
            // What was missing will be found missing again.
            self.absence = Absence::default();
            self.report = report_of(&self.query.places);
            if self.query.resource_version.is_some() {
                // The answer goes on with one of another snapshot.
                self.report.inconsistent();
            }
            return Ok(Some(Read::Restart));
        }
        let (Some(place), Some(token)) = (&mut self.current, continue_token) else {
            return Err(ReadError::Expired { continue_token: None });
        };
        self.report.inconsistent();
        place.list.go_on_inconsistently(&token).await?;
        Ok(None)
    }

    /// The object of an entry; None where it was passed over or could not be read.
    fn decode(&mut self, entry: Entry) -> Option<Read<K>> {
        match entry {
            Entry::Item(bytes) => match object::decode::<K>(&bytes) {
                Ok(item) => {
                    let key = object::key_of(&item);
                    self.advance(&key).then(|| Read::Item(Box::new(item), key))
                }
                Err(Unreadable::Malformed(error)) => {
                    let why = format!("{} could not be decoded: {error}", self.it());
                    self.unreadable(GapReason::ItemUnreadable, &bytes, bytes.len() as u64, why);
                    None
                }
                Err(Unreadable::TooLarge(size)) => {
                    let why = format!("{} takes {size} bytes, which is too much for a message", self.it());
                    self.unreadable(GapReason::ItemTooLarge, &bytes, size as u64, why);
                    None
                }
            },
            Entry::TooLarge { head, length } => {
                let why = format!("{} is larger than {} bytes", self.it(), crate::kubernetes::wire::ITEM_MAX);
                self.unreadable(GapReason::ItemTooLarge, &head, length, why);
                None
            }
        }
    }

    /// What a gap is about: in the answer of another kind, that must be said.
    fn it(&self) -> String {
        if self.query.beside { format!("the {}", K::RESOURCE.kind) } else { "it".to_owned() }
    }

    fn unreadable(&mut self, reason: GapReason, head: &Bytes, length: u64, message: String) {
        let (namespace, name) = K::ENCODING.name_of_head(head);
        if !name.is_empty() && !self.advance(&format!("{namespace}/{name}")) {
            return;
        }
        self.report.gap(Gap {
            reason: reason.into(),
            namespace,
            name,
            message,
            items: (!self.query.beside).then_some(1),
            bytes: Some(length),
            ..Gap::default()
        });
    }

    /// Notes that the object of this key came; false where it is to be passed over.
    fn advance(&mut self, key: &str) -> bool {
        if self.skip_through.as_deref().is_some_and(|given| key <= given) {
            return false;
        }
        self.ordered &= self.last_key.as_deref().is_none_or(|last| key > last);
        self.last_key = Some(key.to_owned());
        true
    }
}

/// Whether an object was written behind a snapshot, which cannot know it as it is now. Resource versions can be compared as numbers
/// (KEP-5504): those of one resource, and those of two that the API server keeps in one etcd, as it does with all but what
/// `--etcd-servers-overrides` names.
pub fn is_written_behind(metadata: Option<&ObjectMeta>, snapshot: &str) -> bool {
    let own = metadata.and_then(|metadata| metadata.resource_version.parse::<u64>().ok());
    own.zip(snapshot.parse().ok()).is_some_and(|(own, snapshot)| own > snapshot)
}

/// The report of an answer of which nothing has been read yet.
fn report_of(places: &Places) -> Report {
    let mut report = Report::default();
    places.gaps.iter().cloned().for_each(|gap| report.gap(gap));
    report
}
