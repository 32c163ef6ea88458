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
    methods::{GetRequest, ListRequest, Object as _, Page},
};
use prost::Message as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};

use self::{kind::Kind, list::List, object::Unreadable, scope::Scope};
use crate::{
    error::ReadError,
    kubernetes::{
        api::{Call, KubernetesApi},
        names::{Namespace, ObjectName},
    },
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
    lists: Arc<Semaphore>,
}

impl Reader {
    /// Reads what is in the scope; one for all calls of the process, whose bound on lists it holds.
    #[must_use]
    pub fn new(api: KubernetesApi, scope: Scope) -> Self {
        Self { api, scope, lists: Arc::new(Semaphore::new(LISTS)) }
    }

    /// Reads the object that a request names.
    ///
    /// # Errors
    /// `InvalidArgument` for a name, `Denied`, `NotFound`, and whatever else keeps the API server from answering.
    pub async fn get<Q>(&self, call: &Call, request: &Q) -> Result<Encoded, ReadError>
    where
        Q: GetRequest<Response: Page<Item: Kind>>,
    {
        let namespace = request.namespace().map(|name| Namespace::parse("namespace", name)).transpose()?;
        let name = ObjectName::parse("name", request.name())?;
        let summary = is_summary(request.view())?;
        let (mut item, completeness) =
            self.object::<<Q::Response as Page>::Item>(call, namespace.as_ref(), &name).await?;
        if summary {
            item.summarize();
        }
        let mut page = PageBuilder::<Q::Response>::new(1);
        page.push(&item, item.encoded_len());
        Ok(page.take_with(String::new(), Some(completeness)))
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
        report.count(1, item.encoded_len());
        Ok((item, report.finish(String::new())))
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
        let list = List::new(&self.api, &self.scope, call, request)?;
        let (lists, deadline) = (self.lists.clone(), call.deadline);
        Ok(PageStream::start(async move |pages| {
            let permit = timeout_at(deadline, lists.acquire_owned()).await.map_err(|_| ReadError::Overloaded)?;
            list.run(pages).await?;
            Ok(permit)
        }))
    }
}
