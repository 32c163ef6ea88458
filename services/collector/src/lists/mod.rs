//! What is the same for the list of every kind: whose namespaces, in what order, in pages of which size, how to go on, and
//! what is missing in the end.

mod absence;
mod call;
pub mod collection;
pub mod kind;
pub mod list;
pub mod memory;
pub mod newest;
mod object;
pub mod scope;

use std::sync::Arc;

use gumshoe_proto::{
    collector::v1::Completeness,
    methods::{GetRequest, ListRequest, Page},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};

use self::{
    collection::{Collection, CollectionQuery, Read},
    kind::Kind,
    list::{List, Supplements},
    object::Unreadable,
    scope::{Places, Scope},
};
use crate::{
    error::ReadError,
    kubernetes::{
        api::{Call, KubernetesApi},
        list::{ListQuery, ListRead},
        names::{Namespace, ObjectName},
        resource::Resource,
        selector::Selectors,
    },
    methods::Methods,
    pages::{
        page::{Encoded, PageBuilder},
        report::Report,
        size::is_summary,
        stream::PageStream,
    },
};

/// Lists that are read or wait for their callers at one time. Each may hold a full buffer beside the page that is filled and the
/// object that is decoded; and the API server is not asked for more at a time either.
const LISTS: usize = 16;

/// What every handler reads with.
#[derive(Clone)]
pub struct Reader {
    /// The Kubernetes API.
    pub api: KubernetesApi,
    /// The namespaces that may be read.
    pub scope: Scope,
    /// The kinds that may be read, by their plurals; None where whoever holds it reads its own kind alone.
    kinds: Option<Arc<[&'static str]>>,
    lists: Arc<Semaphore>,
}

/// An object that a request names, before it is the answer.
pub struct Named<K> {
    /// To which more may be added.
    pub item: K,
    /// What is to be said of the answer.
    pub report: Report,
    summary: bool,
}

impl<K: Kind> Named<K> {
    /// The answer.
    #[must_use]
    pub fn answer<R: Page<Item = K>>(self) -> Encoded {
        let Self { mut item, mut report, summary } = self;
        if summary {
            item.summarize();
        }
        let length = item.encoded_len();
        report.count(1, length);
        let mut page = PageBuilder::<R>::new(1);
        page.push(&item, length);
        page.take_with(String::new(), Some(report.finish(String::new())))
    }
}

impl Reader {
    /// Reads what is in the scope; one for all calls of the process, whose bound on lists it holds.
    #[must_use]
    pub fn new(api: KubernetesApi, scope: Scope) -> Self {
        Self { api, scope, kinds: None, lists: Arc::new(Semaphore::new(LISTS)) }
    }

    /// The same, for an answer that says more of its own kind than its objects do: of the `others` it reads those alone whose lists are
    /// served, for a kind that is switched off is not read by another way either.
    #[must_use]
    pub fn among(&self, methods: &Methods, own: Resource, others: &[Resource]) -> Self {
        let served = others.iter().filter(|other| methods.lists(**other));
        let kinds: Vec<_> = [own].iter().chain(served).map(|resource| resource.plural).collect();
        Self { kinds: Some(kinds.into()), ..self.clone() }
    }

    /// Whether objects of a kind may be read for the answer that this reader is for.
    ///
    /// # Errors
    /// `Denied` where the kind is switched off.
    pub fn permits_kind(&self, resource: Resource) -> Result<(), ReadError> {
        match &self.kinds {
            Some(kinds) if !kinds.contains(&resource.plural) => {
                Err(ReadError::Denied(format!("read {}: they are not among its --kinds", resource.plural)))
            }
            _ => Ok(()),
        }
    }

    /// Reads the object that a request names.
    ///
    /// # Errors
    /// `InvalidArgument` for a name, `Denied`, `NotFound`, and whatever else keeps the API server from answering.
    pub async fn get<Q>(&self, call: &Call, request: &Q) -> Result<Encoded, ReadError>
    where
        Q: GetRequest<Response: Page<Item: Kind>>,
    {
        Ok(self.named(call, request).await?.answer::<Q::Response>())
    }

    /// Reads the object that a request names, for an answer that says more of it.
    ///
    /// # Errors
    /// As `get`.
    pub async fn named<Q>(&self, call: &Call, request: &Q) -> Result<Named<<Q::Response as Page>::Item>, ReadError>
    where
        Q: GetRequest<Response: Page<Item: Kind>>,
    {
        let namespace = request.namespace().map(|name| Namespace::parse("namespace", name)).transpose()?;
        let name = ObjectName::parse("name", request.name())?;
        let summary = is_summary(request.view())?;
        let (item, report) = self.read(call, namespace.as_ref(), &name).await?;
        Ok(Named { item, report, summary })
    }

    /// Reads one object.
    ///
    /// # Errors
    /// As `get`.
    pub async fn object<K: Kind>(
        &self,
        call: &Call,
        namespace: Option<&Namespace>,
        name: &ObjectName,
    ) -> Result<(K, Completeness), ReadError> {
        let (item, mut report) = self.read::<K>(call, namespace, name).await?;
        report.count(1, item.encoded_len());
        Ok((item, report.finish(String::new())))
    }

    async fn read<K: Kind>(
        &self,
        call: &Call,
        namespace: Option<&Namespace>,
        name: &ObjectName,
    ) -> Result<(K, Report), ReadError> {
        self.permits_kind(K::RESOURCE)?;
        match namespace {
            Some(namespace) => self.scope.permits(namespace)?,
            None => self.scope.permits_in_no_namespace(K::RESOURCE, name)?,
        }
        let (bytes, warnings) = self.api.get(call, K::RESOURCE, K::ENCODING, namespace, name).await?;
        let item: K = object::decode(&bytes).map_err(|unreadable| match unreadable {
            Unreadable::Malformed(why) => ReadError::Malformed(why),
            Unreadable::TooLarge(size) => ReadError::TooLarge(size),
        })?;
        let mut report = Report::default();
        report.warnings(warnings);
        Ok((item, report))
    }

    /// Reads all objects of a selection, one at a time, for what another answer says of them.
    ///
    /// # Errors
    /// `Denied` where none of the places may be read, and whatever else ends the read early.
    pub async fn each<K: Kind>(
        &self,
        call: &Call,
        places: Places,
        selectors: Selectors,
        take: impl FnMut(K),
    ) -> Result<Report, ReadError> {
        self.permits_kind(K::RESOURCE)?;
        let _permit = self.may_list(call).await?;
        Ok(self.each_beside(call, places, selectors, take).await?.0)
    }

    /// The same within a list, which counts for both: it must not wait for others that may wait for it. Behind the report comes the
    /// snapshot that was read.
    ///
    /// # Errors
    /// As `each`.
    pub async fn each_beside<K: Kind>(
        &self,
        call: &Call,
        places: Places,
        selectors: Selectors,
        mut take: impl FnMut(K),
    ) -> Result<(Report, String), ReadError> {
        self.permits_kind(K::RESOURCE)?;
        let query = CollectionQuery {
            places,
            selectors,
            resource_version: None,
            after: None,
            restartable: false,
            beside: true,
        };
        let mut collection = Collection::new(&self.api, call, query);
        let read = async {
            while let Some(read) = collection.next().await? {
                if let Read::Item(item, _) = read {
                    take(*item);
                }
            }
            Ok(())
        };
        timeout_at(call.deadline, read).await.unwrap_or(Err(ReadError::Deadline))?;
        let snapshot = collection.resource_version().to_owned();
        Ok((collection.into_report(), snapshot))
    }

    /// Whether there is any object of a selection, readable or not. It reads no further than to the first one.
    ///
    /// # Errors
    /// As `each`.
    pub async fn any<K: Kind>(
        &self,
        call: &Call,
        namespace: &Namespace,
        selectors: Selectors,
    ) -> Result<bool, ReadError> {
        self.permits_kind(K::RESOURCE)?;
        self.scope.permits(namespace)?;
        let _permit = self.may_list(call).await?;
        let query = ListQuery {
            resource: K::RESOURCE,
            encoding: K::ENCODING,
            namespace: Some(namespace.clone()),
            selectors,
            resource_version: None,
            limit: Some("1"),
        };
        let first = async { ListRead::open(&self.api, call, query).await?.next_entry().await };
        Ok(timeout_at(call.deadline, first).await.unwrap_or(Err(ReadError::Deadline))?.is_some())
    }

    /// Waits until one more list may be read; for those that are part of another answer.
    ///
    /// # Errors
    /// `Overloaded`, where that is not before the deadline.
    pub async fn may_list(&self, call: &Call) -> Result<OwnedSemaphorePermit, ReadError> {
        let permit = timeout_at(call.deadline, self.lists.clone().acquire_owned()).await;
        Ok(permit.map_err(|_| ReadError::Overloaded)?.expect("nobody closes this semaphore"))
    }

    /// Starts a list. What is wrong with the request is an error at once; all else comes with the stream.
    ///
    /// # Errors
    /// `InvalidArgument`, or `Denied` where all namespaces of the request are outside `--namespaces`.
    pub fn list<Q>(&self, call: &Call, request: &Q) -> Result<PageStream, ReadError>
    where
        Q: ListRequest<Response: Page<Item: Kind>>,
    {
        self.list_with(call, request, None)
    }

    /// The same, with what is added to each object.
    ///
    /// # Errors
    /// As `list`.
    pub fn list_with<Q>(
        &self,
        call: &Call,
        request: &Q,
        supplement: Option<Supplements<<Q::Response as Page>::Item>>,
    ) -> Result<PageStream, ReadError>
    where
        Q: ListRequest<Response: Page<Item: Kind>>,
    {
        let list = List::new(&self.api, &self.scope, call, request, supplement)?;
        let (lists, deadline) = (self.lists.clone(), call.deadline);
        Ok(PageStream::start(async move |pages| {
            let permit = timeout_at(deadline, lists.acquire_owned()).await.map_err(|_| ReadError::Overloaded)?;
            list.run(pages).await?;
            Ok(permit)
        }))
    }
}
