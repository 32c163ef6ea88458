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
pub mod page;
pub mod report;
pub mod scope;
pub mod stream;
pub mod token;

use std::sync::Arc;

use tokio::{sync::Semaphore, time::timeout_at};
use tonic::{Request, Status};

use self::{
    kind::Kind,
    list::{List, ListRequest},
    object::Unreadable,
    report::Report,
    scope::Scope,
    stream::PageStream,
};
use crate::{
    error::ReadError,
    kubernetes::{
        api::{Call, KubernetesApi},
        names::{Namespace, ObjectName},
    },
};
use gumshoe_proto::collector::v1::Completeness;

/// Lists that are read or wait for their callers at one time. Each may hold a full buffer, whose pages are several times as large
/// decoded, beside the one that is filled; and the API server is not asked for more at a time either.
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

    /// Reads one object by the names of a request.
    ///
    /// # Errors
    /// `InvalidArgument` for a name, `Denied`, `NotFound`, and whatever else keeps the API server from answering.
    pub async fn get<K: Kind, T>(
        &self,
        request: &Request<T>,
        namespace: &str,
        name: &str,
    ) -> Result<(K, Completeness), ReadError> {
        let namespace = Namespace::parse("namespace", namespace)?;
        let name = ObjectName::parse("name", name)?;
        self.object(&Call::of(request), &namespace, &name).await
    }

    /// Reads one object.
    ///
    /// # Errors
    /// As `get`.
    pub async fn object<K: Kind>(
        &self,
        call: &Call,
        namespace: &Namespace,
        name: &ObjectName,
    ) -> Result<(K, Completeness), ReadError> {
        self.scope.permits(namespace)?;
        let (bytes, warnings) = self.api.get(call, K::RESOURCE, namespace, name).await?;
        let item: K = object::decode(&bytes).map_err(|unreadable| match unreadable {
            Unreadable::Malformed(why) => ReadError::Malformed(why),
            Unreadable::TooLarge(size) => ReadError::TooLarge(size),
        })?;
        let mut report = Report::default();
        report.warnings(warnings);
        report.count(1, item.encoded_len());
        Ok((item, report.finish(String::new())))
    }

    /// Starts a list. What is wrong with the request is an error at once; all else comes with the stream.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, or `PERMISSION_DENIED` where all namespaces of the request are outside `--namespaces`.
    pub fn list<Q: ListRequest>(&self, request: &Request<Q>) -> Result<PageStream<Q::Response>, Status> {
        let call = Call::of(request);
        let list = List::new(&self.api, &self.scope, &call, request.get_ref())?;
        let lists = self.lists.clone();
        Ok(PageStream::start(async move |pages| {
            let permit = timeout_at(call.deadline, lists.acquire_owned()).await.map_err(|_| ReadError::Overloaded)?;
            list.run(pages).await?;
            Ok(permit)
        }))
    }
}
