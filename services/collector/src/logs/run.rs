//! One `ReadLogs`: from the checked request to the last page.

use std::{collections::HashSet, sync::Arc};

use gumshoe_proto::collector::v1::{Pod, ReadLogsRequest};

use super::{
    answer::{Answer, Output},
    containers::{Run, resolve, run},
    limits::LogLimits,
    moment::Moment,
    outcome::Trouble,
    page::LinePage,
    read::PodLogs,
    request::{CONTAINERS_MAX, Containers, LogRequest},
    source::{Progress, Source},
    token::Token,
};
use crate::{
    error::ReadError,
    kubernetes::{api::Call, names::ContainerName},
    lists::Reader,
    pages::{report::Report, stream::PageSender},
};

/// A call that has not begun to read.
pub struct LogRun {
    reader: Reader,
    limits: Arc<LogLimits>,
    call: Call,
    request: LogRequest,
    resumed: Option<Token>,
}

impl LogRun {
    /// Checks a request; nothing is read yet.
    ///
    /// # Errors
    /// `InvalidArgument`; `Denied` where the namespace is outside `--namespaces`.
    pub fn new(
        reader: Reader,
        limits: Arc<LogLimits>,
        call: Call,
        request: &ReadLogsRequest,
    ) -> Result<Self, ReadError> {
        let now = Moment::of(&std::time::SystemTime::now().into()).unwrap_or(Moment::EARLIEST);
        let mut request = LogRequest::parse(request, now)?;
        reader.scope.permits(&request.namespace)?;
        let resumed: Option<Token> = request.arguments.decode(&request.page_token)?;
        if let Some(token) = &resumed {
            request.window.since = token.since;
        }
        Ok(Self { reader, limits, call, request, resumed })
    }

    /// Reads and sends the pages.
    ///
    /// # Errors
    /// What concerns the whole call; what concerns one container is an outcome.
    pub async fn run(self, pages: PageSender) -> Result<(), ReadError> {
        let Self { reader, limits, call, request, resumed } = self;
        let mut report = Report::default();
        let pod = match reader.object::<Pod>(&call, Some(&request.namespace), &request.pod).await {
            Ok((pod, completeness)) => {
                report.warnings(completeness.warnings);
                Some(pod)
            }
            // The caller knows already that there was such a pod.
            Err(ReadError::NotFound { .. }) if resumed.is_some() => None,
            Err(error) => return Err(error),
        };
        let known = pod.as_ref().map(uid).unwrap_or_default();
        let uid = resumed.as_ref().map_or_else(|| known.clone(), |token| token.uid.clone());
        let pod = pod.filter(|_| known == uid);
        let mut sources = sources(&request, pod.as_ref(), resumed)?;
        let node =
            pod.as_ref().and_then(|pod| pod.spec.as_ref()).map(|spec| spec.node_name.clone()).unwrap_or_default();
        for source in sources.iter_mut().filter(|source| source.is_wanted()) {
            if pod.is_none() {
                source.trouble = Some(Trouble::pod_gone());
            } else if node.is_empty() {
                source.trouble = Some(Trouble::not_scheduled());
            }
        }
        let LogRequest { namespace, pod, previous, follow, window, page_size, arguments, .. } = request;
        let logs = PodLogs { reader, call, namespace, pod, uid: uid.clone(), previous };
        let out = Output {
            page: LinePage::new(page_size),
            pages,
            deadline: logs.call.deadline,
            arguments,
            uid,
            since: window.since,
            report,
        };
        Answer { logs, limits, node, sources, out }.give(follow).await
    }
}

/// The logs that are read: those of the request, or those of the token.
fn sources(request: &LogRequest, pod: Option<&Pod>, resumed: Option<Token>) -> Result<Vec<Source>, ReadError> {
    let LogRequest { containers, previous, follow, window, .. } = request;
    match (resumed, pod) {
        (None, None) => Ok(Vec::new()),
        (None, Some(pod)) => {
            let subjects = resolve(pod, containers, *previous)?.into_iter();
            Ok(subjects.map(|(name, run)| Source::new(name, run, *window, *follow)).collect())
        }
        (Some(token), pod) => {
            // A token is in the hands of the caller.
            let names: HashSet<_> = token.containers.iter().map(|progress| progress.name.as_str()).collect();
            let meant = names.iter().all(|name| containers.mean(pod, name));
            let one = !matches!(containers, Containers::Default) || names.len() <= 1;
            if names.len() < token.containers.len() || names.len() > CONTAINERS_MAX || !meant || !one {
                return Err(ReadError::invalid("page_token", "does not fit the rest of the request"));
            }
            let resume = |progress: Progress| {
                let name = ContainerName::parse("page_token", &progress.name)?;
                let run = pod.and_then(|pod| run(pod, name.as_str(), *previous));
                let same = || Run { number: progress.run, ..Run::default() };
                Ok(Source::new(name, Some(run.unwrap_or_else(same)), *window, *follow).resume(&progress, *previous))
            };
            token.containers.into_iter().map(resume).collect()
        }
    }
}

fn uid(pod: &Pod) -> String {
    pod.metadata.as_ref().map(|metadata| metadata.uid.clone()).unwrap_or_default()
}
