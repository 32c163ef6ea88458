//! Logs: `LogService`.

use std::sync::Arc;

use gumshoe_proto::collector::v1::{
    CronJob, DaemonSet, Deployment, Job, Pod, ReadLogsRequest, ReplicaSet, Service, StatefulSet,
};

use crate::{
    error::ReadError,
    kubernetes::{api::Call, resource::Resource},
    lists::{Reader, kind::Kind as _},
    logs::{limits::LogLimits, run::LogRun},
    methods::{Methods, Permission},
    pages::stream::PageStream,
};

/// Whose logs can be asked for: those of the pods that they select.
const SELECT_PODS: [Resource; 7] = [
    Deployment::RESOURCE,
    ReplicaSet::RESOURCE,
    StatefulSet::RESOURCE,
    DaemonSet::RESOURCE,
    Job::RESOURCE,
    CronJob::RESOURCE,
    Service::RESOURCE,
];

/// Serves `LogService`.
#[must_use]
pub fn serve(methods: Methods, reader: &Reader) -> Methods {
    let logs = Logs::new(reader.among(&methods, Pod::RESOURCE, &SELECT_PODS));
    methods
        // The pod says which containers there are. What selects pods, a deployment or a service, is read where its own kind is served.
        .needs(Permission { verb: "get", resource: Pod::RESOURCE, subresource: "" })
        .needs(Permission { verb: "list", resource: Pod::RESOURCE, subresource: "" })
        .needs(Permission { verb: "get", resource: Pod::RESOURCE, subresource: "log" })
        .streams(move |call, request| logs.read(call, &request))
}

/// Reads logs.
#[derive(Clone)]
pub struct Logs {
    reader: Reader,
    limits: Arc<LogLimits>,
}

impl Logs {
    /// Reads with this reader; one for all calls of the process, whose bounds it holds.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self { reader, limits: Arc::default() }
    }

    /// Starts a call.
    ///
    /// # Errors
    /// `InvalidArgument`, or `Denied` where the namespace is outside `--namespaces`.
    pub fn read(&self, call: Call, request: &ReadLogsRequest) -> Result<PageStream, ReadError> {
        let run = LogRun::new(self.reader.clone(), self.limits.clone(), call, request)?;
        Ok(PageStream::start(|pages| run.run(pages)))
    }
}
