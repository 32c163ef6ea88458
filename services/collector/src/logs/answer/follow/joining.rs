//! Pods that appear while those that were there are followed. They are looked for every few seconds: Kubernetes' watches would be one
//! more thing to be wrong.

use std::{
    collections::{BTreeSet, HashSet},
    future::pending,
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use gumshoe_proto::collector::v1::{Gap, GapReason, Pod};
use tokio::time::sleep;

use crate::{
    error::ReadError,
    logs::{
        log::Log,
        output::Output,
        plan::{Plan, unreadable},
        pods::{Finder, Found, uid},
    },
    pages::report::Report,
};

/// The wait before pods are looked for again, when one has just appeared: others may follow soon.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// It doubles while nothing changes, up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Looks for new pods.
pub(in crate::logs) struct Joining {
    finder: Finder,
    plan: Plan,
    /// The uids of the pods whose logs are in the answer.
    known: HashSet<String>,
    /// Of these, those whose logs have come to their end: they take no room from others.
    done: HashSet<String>,
    /// Whether no more logs fit into the answer.
    full: bool,
    /// Those that have to wait until others end.
    no_room: BTreeSet<String>,
    /// Why it is not known which pods there are now.
    failed: Option<String>,
    /// What the last look could not read.
    unread: Vec<Gap>,
    /// Whether the last look found that no others will come, but for those that there is no room for yet.
    over: bool,
    waiting: bool,
    /// Whether any pod was ever found.
    found_any: bool,
    wait: Duration,
    next: BoxFuture<'static, Result<Found, ReadError>>,
}

/// What is found next.
pub(super) async fn found(joining: &mut Option<Joining>) -> Result<Found, ReadError> {
    match joining {
        Some(joining) => (&mut joining.next).await,
        None => pending().await,
    }
}

impl Joining {
    /// Looks for the pods of `finder`.
    pub(in crate::logs) fn new(finder: Finder, plan: Plan) -> Self {
        Self {
            finder,
            plan,
            known: HashSet::new(),
            done: HashSet::new(),
            full: false,
            no_room: BTreeSet::new(),
            failed: None,
            unread: Vec::new(),
            over: false,
            waiting: false,
            found_any: false,
            wait: FIRST_WAIT,
            next: pending().boxed(),
        }
    }

    /// Begins, knowing the pods with these uids.
    pub(super) fn with(mut self, known: HashSet<String>) -> Self {
        self.found_any = !known.is_empty();
        self.known = known;
        self.look_again(true);
        self
    }

    /// Looks again after a while, which is short where something has changed.
    pub(super) fn look_again(&mut self, changed: bool) {
        self.wait = if changed { FIRST_WAIT } else { (self.wait * 2).min(LONGEST_WAIT) };
        let (finder, done, wait) = (self.finder.clone(), self.done.clone(), self.wait);
        let keep = self.known.difference(&done).cloned().collect();
        self.next = async move {
            sleep(wait).await;
            finder.find(&keep, &done).await
        }
        .boxed();
    }

    /// The pods that there are now. A workload that is gone has none; of any other failure only the last one counts.
    pub(super) fn pods(&mut self, found: Result<Found, ReadError>, out: &mut Output) -> Vec<Pod> {
        self.failed = None;
        self.no_room.clear();
        self.unread.clear();
        match found {
            Ok(found) => {
                self.over = found.over;
                self.found_any |= !found.pods.is_empty();
                self.unread = found.gaps;
                out.report.warnings(found.warnings);
                self.waiting = !found.left_out.is_empty();
                out.left_out.extend(found.left_out);
                found.pods
            }
            Err(ReadError::NotFound { .. }) => Vec::new(),
            Err(error) => {
                tracing::debug!(error = %error, "new pods could not be looked for");
                self.failed = Some(error.to_string());
                Vec::new()
            }
        }
    }

    /// Whether there is nothing more to join.
    pub(super) fn is_over(&self) -> bool {
        self.over && self.no_room.is_empty() && (self.full || !self.waiting)
    }

    /// Whether the pod's logs are in the answer.
    pub(super) fn knows(&self, pod: &Pod) -> bool {
        self.known.contains(uid(pod))
    }

    /// The logs of a new pod, if there is room for them; `may_follow` asks whether so many more may be followed.
    pub(super) fn logs(&mut self, pod: &Pod, out: &mut Output, may_follow: impl FnOnce(usize) -> bool) -> Vec<Log> {
        let name = name_of(pod);
        let logs = match self.plan.logs_from_the_beginning(pod) {
            Ok(logs) => logs,
            Err(error) => {
                self.unread.push(unreadable(&self.finder.namespace, name, &error));
                return Vec::new();
            }
        };
        if !out.has_room(&logs) {
            self.full = true;
            pod.metadata.iter().for_each(|pod| out.left_out.add(pod));
            return Vec::new();
        }
        if !may_follow(logs.iter().filter(|log| log.source.goes_on()).count()) {
            self.no_room(pod);
            return Vec::new();
        }
        out.left_out.take_in(pod);
        self.known.insert(uid(pod).to_owned());
        logs
    }

    /// Notes that a pod's logs have to wait until others end.
    pub(super) fn no_room(&mut self, pod: &Pod) {
        self.no_room.insert(name_of(pod));
    }

    /// Notes the pods all of whose logs have come to their end; a log that is waited for is not there.
    pub(super) fn done(&mut self, logs: &[Option<Log>], uids: &[&str]) {
        let is_over =
            |log: &Option<Log>| log.as_ref().is_some_and(|log| !log.source.goes_on() && !log.source.has_no_node());
        let going = logs.iter().zip(uids).filter(|(log, _)| !is_over(log)).map(|(_, uid)| *uid);
        let going: HashSet<&str> = going.collect();
        self.done = uids.iter().filter(|uid| !going.contains(**uid)).map(|uid| (*uid).to_owned()).collect();
    }

    /// Says at the end what could not be read.
    pub(super) fn tell(&mut self, report: &mut Report) {
        let gap = |reason: GapReason, name: &str, message: String| Gap {
            reason: reason.into(),
            namespace: self.finder.namespace.to_string(),
            name: name.to_owned(),
            message,
            resumable: true,
            ..Gap::default()
        };
        if let Some(why) = &self.failed {
            let message = format!("whether there are other pods by now could not be read: {why}");
            report.gap(gap(GapReason::ReadInterrupted, "", message));
        } else if !self.found_any && self.unread.is_empty() {
            report.gap(gap(GapReason::LogUnreadable, "", ReadError::NoPods(self.finder.what()).to_string()));
        }
        for gap in self.unread.drain(..) {
            report.gap_once(gap);
        }
        for name in &self.no_room {
            let message = "too many logs are being followed at this time".to_owned();
            report.gap(gap(GapReason::Overloaded, name, message));
        }
    }
}

fn name_of(pod: &Pod) -> String {
    pod.metadata.as_ref().map(|metadata| metadata.name.clone()).unwrap_or_default()
}
