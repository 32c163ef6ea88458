//! What a call reads of each pod, and how the logs of a pod are made of it.

use std::sync::Arc;

use gumshoe_proto::collector::v1::{Gap, GapReason, Pod};

use super::{
    containers::{Run, Subject, resolve, run},
    filter::Filter,
    log::Log,
    outcome::Trouble,
    pods::uid,
    read::PodLogs,
    request::{Containers, Window},
    source::{Progress, Source},
    token::PodToken,
};
use crate::{
    error::ReadError,
    kubernetes::{
        api::Call,
        names::{ContainerName, Namespace, ObjectName},
    },
    lists::Reader,
};

/// What is read of each pod.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) reader: Reader,
    pub(super) call: Call,
    pub(super) namespace: Namespace,
    pub(super) containers: Containers,
    pub(super) previous: bool,
    pub(super) follow: bool,
    pub(super) window: Window,
    pub(super) filter: Arc<Filter>,
    pub(super) fold: bool,
}

impl Plan {
    /// The containers of one of several pods; one that it lacks is an outcome, for other pods may have it.
    ///
    /// # Errors
    /// `Malformed` for a pod without containers.
    pub(super) fn subjects(&self, pod: &Pod) -> Result<Vec<Subject>, ReadError> {
        match (resolve(pod, &self.containers, self.previous), &self.containers) {
            (Err(ReadError::NoSuchContainer { .. }), Containers::Named(names)) => {
                Ok(names.iter().map(|name| (name.clone(), None)).collect())
            }
            (resolved, _) => resolved,
        }
    }

    /// The logs of a pod from the beginnings of their windows.
    ///
    /// # Errors
    /// `Malformed` for a pod without a proper name.
    pub(super) fn logs(&self, pod: &Pod, subjects: Vec<Subject>) -> Result<Vec<Log>, ReadError> {
        let logs = self.pod_logs(name_of(pod)?, uid(pod));
        let node = node_of(pod);
        Ok(subjects.into_iter().map(|(name, run)| self.log(&logs, node, self.source(name, run))).collect())
    }

    /// The logs of a pod that has appeared while others were followed: all of them is new.
    ///
    /// # Errors
    /// As `logs` and `subjects`.
    pub(super) fn logs_from_the_beginning(&self, pod: &Pod) -> Result<Vec<Log>, ReadError> {
        let mut logs = self.logs(pod, self.subjects(pod)?)?;
        for log in &mut logs {
            if log.source.trouble.is_none() {
                log.source.start_from_the_beginning();
            }
        }
        Ok(logs)
    }

    /// The logs of a pod from where an earlier answer left them; None stands for a pod that is gone.
    ///
    /// # Errors
    /// `InvalidArgument`, where the token is not one of ours.
    pub(super) fn logs_resumed(
        &self,
        name: ObjectName,
        uid: &str,
        pod: Option<&Pod>,
        containers: &[Progress],
    ) -> Result<Vec<Log>, ReadError> {
        let logs = self.pod_logs(name, uid);
        let node = pod.map(node_of).unwrap_or_default();
        let resume = |progress: &Progress| {
            let name = ContainerName::parse("page_token", &progress.name)?;
            let run = pod.and_then(|pod| run(pod, name.as_str(), self.previous));
            let same = || Run { number: progress.step.run, ..Run::default() };
            let source = self.source(name, Some(run.unwrap_or_else(same))).resume(progress, self.previous);
            let mut log = self.log(&logs, node, source);
            if pod.is_none() && (log.source.is_wanted() || log.source.has_no_node()) {
                log.source.trouble = Some(Trouble::pod_gone());
            }
            Ok(log)
        };
        containers.iter().map(resume).collect()
    }

    /// The same, with the window that each log has had in the call that gave these tokens.
    pub(super) fn with_window_of(&self, tokens: &[PodToken]) -> Self {
        let logs = tokens.iter().map(|token| token.containers.len()).sum();
        Self { window: self.window.of_each(logs), ..self.clone() }
    }

    fn pod_logs(&self, pod: ObjectName, uid: &str) -> Arc<PodLogs> {
        let Self { reader, call, namespace, previous, .. } = self.clone();
        Arc::new(PodLogs { reader, call, namespace, pod, uid: uid.to_owned(), previous })
    }

    fn source(&self, name: ContainerName, run: Option<Run>) -> Source {
        Source::new(name, run, self.window, &self.filter, self.follow)
    }

    fn log(&self, pod: &Arc<PodLogs>, node: &str, mut source: Source) -> Log {
        if node.is_empty() && source.is_wanted() {
            source.wait_for_node();
        }
        Log::new(pod, node, source, self.fold)
    }
}

/// The node that a pod is on; empty where it has none.
pub(super) fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().map_or("", |spec| &spec.node_name)
}

fn name_of(pod: &Pod) -> Result<ObjectName, ReadError> {
    let name = pod.metadata.as_ref().map_or("", |metadata| &metadata.name);
    ObjectName::parse("pod", name).map_err(|error| ReadError::Malformed(error.to_string()))
}

/// The gap of a pod for whose logs there is no room.
pub(super) fn left_out(namespace: &Namespace, name: String) -> Gap {
    Gap {
        reason: GapReason::Limit.into(),
        namespace: namespace.to_string(),
        name,
        message: "more pods match than one call reads; name fewer of them".to_owned(),
        ..Gap::default()
    }
}

/// The gap of a pod of which nobody can tell what logs it has.
pub(super) fn unreadable(namespace: &Namespace, name: String, error: &ReadError) -> Gap {
    Gap {
        reason: GapReason::ItemUnreadable.into(),
        namespace: namespace.to_string(),
        name,
        message: error.to_string(),
        ..Gap::default()
    }
}

/// The same as `left_out`, of pods that the call has named from which this one goes on.
pub(super) fn left_out_earlier(namespace: &Namespace, pods: usize) -> Gap {
    let message = format!("{pods} more pods matched than one call reads, when the first call was made");
    Gap { message, ..left_out(namespace, String::new()) }
}
