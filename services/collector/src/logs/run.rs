//! One `ReadLogs`: from the checked request to the last page.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use gumshoe_proto::collector::v1::{Pod, ReadLogsRequest};
use tokio::time::timeout_at;

use super::{
    answer::{Answer, Joining},
    containers::{Subject, resolve},
    left_out::LeftOut,
    limits::LogLimits,
    log::Log,
    moment::Moment,
    output::{LOGS_MAX, Output, has_room},
    page::LinePage,
    plan::{Plan, left_out_earlier, unreadable},
    pods::{Finder, Found, PODS_MAX, lighter, uid},
    request::{CONTAINERS_MAX, Containers, LogRequest, Selection},
    token::{PodToken, Token},
};
use crate::{
    error::ReadError,
    kubernetes::{api::Call, names::ObjectName},
    lists::Reader,
    pages::{report::Report, stream::PageSender},
};

/// Pods that are asked for by their names at the same moment.
const ASKED_AT_ONCE: usize = 8;

/// A call that has not begun to read.
pub struct LogRun {
    reader: Reader,
    limits: Arc<LogLimits>,
    call: Call,
    request: LogRequest,
    resumed: Option<Token>,
}

/// The logs to read.
#[derive(Default)]
struct Logs {
    logs: Vec<Log>,
    report: Report,
    left_out: LeftOut,
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
    /// What concerns the whole call; what concerns one pod or container is an outcome.
    pub async fn run(self, pages: PageSender) -> Result<(), ReadError> {
        let Self { reader, limits, call, request, resumed } = self;
        let LogRequest { namespace, selection, containers, previous, follow, window, filter, fold, .. } = request;
        let deadline = call.deadline;
        let _may_filter = match filter.takes_all() {
            true => None,
            false => Some(timeout_at(deadline, limits.filter()).await.ok().flatten().ok_or(ReadError::Overloaded)?),
        };
        let plan = Plan {
            reader: reader.clone(),
            call: call.clone(),
            namespace: namespace.clone(),
            containers,
            previous,
            follow,
            window,
            filter,
            fold,
        };
        let finder = Finder { reader, call, namespace, selection };
        let Logs { logs, report, left_out } = match &finder.selection {
            Selection::Pod(name) => one_pod(&plan, name, resumed).await?,
            _ => several_pods(&plan, &finder, resumed).await?,
        };
        let mut out =
            Output::new(LinePage::new(request.page_size), pages, deadline, request.arguments, window.since, report);
        out.left_out = left_out;
        logs.iter().for_each(|log| out.add(log));
        let joins = follow && !matches!(finder.selection, Selection::Pod(_));
        let joining = joins.then(|| Joining::new(finder, plan.clone()));
        Answer { limits, logs, out, plan, joining }.give().await
    }
}

/// The logs of the pod that is named.
async fn one_pod(plan: &Plan, name: &ObjectName, resumed: Option<Token>) -> Result<Logs, ReadError> {
    let mut report = Report::default();
    let pod = match plan.reader.object::<Pod>(&plan.call, Some(&plan.namespace), name).await {
        Ok((pod, completeness)) => {
            report.warnings(completeness.warnings);
            Some(pod)
        }
        // The caller knows already that there was such a pod.
        Err(ReadError::NotFound { .. }) if resumed.is_some() => None,
        Err(error) => return Err(error),
    };
    let logs = match (resumed, pod) {
        (Some(token), pod) => {
            let plan = &plan.with_window_of(&token.pods);
            let Ok([token]) = <[PodToken; 1]>::try_from(token.pods) else { return Err(misfit()) };
            if token.name != name.as_str() {
                return Err(misfit());
            }
            resume(plan, &token, pod.as_ref().filter(|pod| uid(pod) == token.uid))?
        }
        (None, None) => Vec::new(),
        (None, Some(pod)) => {
            let subjects = resolve(&pod, &plan.containers, plan.previous)?;
            let window = plan.window.of_each(subjects.len());
            Plan { window, ..plan.clone() }.logs(&pod, subjects)?
        }
    };
    Ok(Logs { logs, report, ..Logs::default() })
}

/// The logs of the pods that are selected: those that there are now, or those of the token.
async fn several_pods(plan: &Plan, finder: &Finder, resumed: Option<Token>) -> Result<Logs, ReadError> {
    let begun = resumed.is_some();
    let (tokens, earlier) = resumed.map(|token| (token.pods, token.left_out)).unwrap_or_default();
    let keep: HashSet<_> = tokens.iter().map(|token| token.uid.clone()).collect();
    if keep.len() < tokens.len() || tokens.len() > LOGS_MAX {
        return Err(misfit());
    }
    // Each is opened, whoever wrote the token.
    let open = tokens.iter().flat_map(|token| &token.containers).filter(|progress| progress.step.place.has_more());
    if open.count() > LOGS_MAX {
        return Err(ReadError::invalid("page_token", "speaks of more logs than one call reads"));
    }
    // What is read to its end takes no room from others.
    let is_done = |token: &&PodToken| !has_more(token);
    let done = tokens.iter().filter(is_done).map(|token| token.uid.clone()).collect();
    let found = match finder.find(&keep, &done).await {
        // The caller knows already that there was such a workload.
        Err(ReadError::NotFound { .. }) if begun => Found::default(),
        found => found?,
    };
    if found.pods.is_empty() && !begun && !plan.follow {
        return Err(ReadError::NoPods(finder.what()));
    }
    let mut all = Logs { left_out: LeftOut::behind(earlier), ..Logs::default() };
    all.report.warnings(found.warnings);
    found.gaps.into_iter().for_each(|gap| all.report.gap(gap));
    let mut pods: HashMap<_, _> = found.pods.iter().map(|pod| (uid(pod).to_owned(), pod)).collect();
    let mut not_found = Vec::new();
    for token in &tokens {
        // Of the others nothing is read.
        if has_more(token) && !pods.contains_key(&token.uid) {
            not_found.push((ObjectName::parse("page_token", &token.name)?, token.uid.clone()));
        }
    }
    let others = still_there(plan, not_found).await?;
    pods.extend(others.iter().map(|pod| (uid(pod).to_owned(), pod)));
    let resumed = plan.with_window_of(&tokens);
    let mut begun_pods = 0;
    for token in &tokens {
        let pod = pods.remove(&token.uid);
        begun_pods += usize::from(pod.is_some());
        all.logs.extend(resume(&resumed, token, pod)?);
    }
    // Behind a token only what is followed grows.
    if !begun || plan.follow {
        let new = found.pods.iter().filter(|pod| pods.contains_key(uid(pod)));
        begin(plan, new, begun.then_some(begun_pods), &mut all)?;
        all.left_out.extend(found.left_out);
    }
    if let Some(pods) = all.left_out.earlier() {
        all.report.gap(left_out_earlier(&plan.namespace, pods));
    }
    Ok(all)
}

/// The pods of tokens that were not found where they were before, but exist: the workload is gone, or selects others by now.
async fn still_there(plan: &Plan, pods: Vec<(ObjectName, String)>) -> Result<Vec<Pod>, ReadError> {
    let ask = |(name, uid_then): (ObjectName, String)| {
        let Plan { reader, call, namespace, .. } = plan.clone();
        async move {
            match reader.object::<Pod>(&call, Some(&namespace), &name).await {
                Ok((pod, _)) => Ok(Some(lighter(pod)).filter(|pod| uid(pod) == uid_then)),
                Err(ReadError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        }
    };
    let asked: Vec<Option<Pod>> = stream::iter(pods).map(ask).buffered(ASKED_AT_ONCE).try_collect().await?;
    Ok(asked.into_iter().flatten().collect())
}

/// Adds the logs of pods that no token speaks of: from the beginning of the window, or of the log where so many others are followed already.
fn begin<'pod>(
    plan: &Plan,
    pods: impl Iterator<Item = &'pod Pod>,
    begun: Option<usize>,
    all: &mut Logs,
) -> Result<(), ReadError> {
    let mut taken: Vec<(&Pod, Vec<Subject>)> = Vec::new();
    let mut room = Vec::new();
    for pod in pods {
        let name = pod.metadata.as_ref().map(|metadata| metadata.name.clone()).unwrap_or_default();
        let subjects = match plan.subjects(pod) {
            Ok(subjects) => subjects,
            Err(error) => {
                all.report.gap(unreadable(&plan.namespace, name, &error));
                continue;
            }
        };
        room.push((name.len(), subjects.iter().map(|(name, _)| name.as_str().len()).collect::<Vec<_>>()));
        if all.left_out.is_empty() && taken.len() + begun.unwrap_or_default() < PODS_MAX && has_room(&all.logs, &room) {
            taken.push((pod, subjects));
        } else {
            room.pop();
            pod.metadata.iter().for_each(|pod| all.left_out.add(pod));
        }
    }
    taken.sort_by(|(one, _), (other, _)| name_of(one).cmp(name_of(other)));
    let containers = taken.iter().map(|(_, subjects)| subjects.len()).sum();
    let plan = Plan { window: plan.window.of_each(containers), ..plan.clone() };
    for (pod, subjects) in taken {
        let logs = if begun.is_some() { plan.logs_from_the_beginning(pod)? } else { plan.logs(pod, subjects)? };
        all.logs.extend(logs);
        all.left_out.take_in(pod);
    }
    Ok(())
}

fn has_more(token: &PodToken) -> bool {
    token.containers.iter().any(|progress| progress.step.place.has_more())
}

fn name_of(pod: &Pod) -> &str {
    pod.metadata.as_ref().map_or("", |metadata| &metadata.name)
}

/// The logs of a pod of a token, which is in the hands of the caller.
fn resume(plan: &Plan, token: &PodToken, pod: Option<&Pod>) -> Result<Vec<Log>, ReadError> {
    let containers = &token.containers;
    let names: HashSet<_> = containers.iter().map(|progress| progress.name.as_str()).collect();
    let meant = names.iter().all(|name| plan.containers.mean(pod, name));
    let one = !matches!(plan.containers, Containers::Default) || names.len() <= 1;
    if names.len() < containers.len() || names.len() > CONTAINERS_MAX || !meant || !one {
        return Err(misfit());
    }
    let name = ObjectName::parse("page_token", &token.name)?;
    plan.logs_resumed(name, &token.uid, pod, containers)
}

fn misfit() -> ReadError {
    ReadError::invalid("page_token", "does not fit the rest of the request")
}
