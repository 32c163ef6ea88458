//! What is the same for the list of every kind: whose namespaces, in what order, in pages of which size, how to go on, and
//! what is missing in the end.

mod absence;
mod call;
pub mod collection;
pub mod kind;
pub mod list;
pub mod memory;
pub mod newest;
pub mod page;
pub mod report;
pub mod scope;
pub mod stream;
pub mod token;

use prost_types::Timestamp;
use tonic::{Request, Status};

use self::{
    kind::Kind,
    list::{List, ListRequest},
    report::Report,
    scope::Scope,
    stream::PageStream,
};
use crate::{
    error::ReadError,
    kubernetes::{
        api::{Call, KubernetesApi},
        names::{Namespace, ObjectName},
        repair::decode_lossy,
    },
};
use gumshoe_proto::collector::v1::Completeness;

/// What every handler reads with.
#[derive(Clone)]
pub struct Reader {
    /// The Kubernetes API.
    pub api: KubernetesApi,
    /// The namespaces that may be read.
    pub scope: Scope,
}

impl Reader {
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
        let mut item: K = decode_lossy(&bytes).map_err(|error| ReadError::Malformed(error.to_string()))?;
        item.normalize();
        item.derive(Timestamp::from(std::time::SystemTime::now()));
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
        let list = List::new(&self.api, &self.scope, &Call::of(request), request.get_ref())?;
        Ok(PageStream::start(|pages| list.run(pages)))
    }
}
