//! The commands that are in work, and those that are to be stopped: a cancel stops what it finds, and until its own deadline what comes
//! later, for it may have overtaken that.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gumshoe_proto::bridge::v1::{StopCause, cancel::Target};
use tokio::time::Instant;

use crate::{results::RunId, stop::Stop};

/// Cancels that are kept for what comes later. Beyond them the oldest is forgotten: they are best effort.
const KEPT_MAX: usize = 1_000;

/// What is known of commands and cancels; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancels(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    in_work: BTreeMap<u64, InWork>,
    kept: VecDeque<(Target, Instant)>,
}

#[derive(Debug)]
struct InWork {
    command_id: String,
    investigation_id: String,
    stop: Stop,
}

/// A command counts as in work for as long as this lives.
#[derive(Debug)]
pub(crate) struct Entered {
    id: u64,
    cancels: Cancels,
}

impl Cancels {
    /// A command is worked on from now on; one that was cancelled already is stopped at once.
    pub(crate) fn enter(&self, run: &RunId, stop: &Stop) -> Entered {
        let in_work = InWork {
            command_id: run.command_id.clone(),
            investigation_id: run.investigation_id.clone(),
            stop: stop.clone(),
        };
        let mut state = self.state();
        let now = Instant::now();
        state.kept.retain(|(_, until)| *until > now);
        if state.kept.iter().any(|(target, _)| in_work.is(target)) {
            stop.reach(StopCause::Cancel);
        }
        let id = state.next_id;
        state.next_id += 1;
        state.in_work.insert(id, in_work);
        drop(state);
        Entered { id, cancels: self.clone() }
    }

    /// Stops what is in work, and until then what comes; says how many commands it has found.
    pub(crate) fn cancel(&self, target: Target, until: Instant) -> u32 {
        let mut state = self.state();
        let found: Vec<_> = state.in_work.values().filter(|command| command.is(&target)).collect();
        found.iter().for_each(|command| command.stop.reach(StopCause::Cancel));
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        if state.kept.len() >= KEPT_MAX {
            state.kept.pop_front();
        }
        state.kept.push_back((target, until));
        count
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InWork {
    fn is(&self, target: &Target) -> bool {
        match target {
            Target::CommandId(id) => self.command_id == *id,
            Target::InvestigationId(id) => self.investigation_id == *id,
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.cancels.state().in_work.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn mk_run(command: &str, investigation: &str) -> RunId {
        RunId { command_id: command.into(), run: "r".into(), investigation_id: investigation.into() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancel_stops_what_is_in_work_and_what_comes_before_its_deadline() {
        let cancels = Cancels::default();
        let stops: Vec<_> = (0..4).map(|_| Stop::default()).collect();
        let runs = [mk_run("a", "one"), mk_run("b", "one"), mk_run("a", "two")];
        let entered: Vec<_> = runs.iter().zip(&stops).map(|(run, stop)| cancels.enter(run, stop)).collect();
        let stopped = || stops.iter().map(|stop| stop.cause().is_some()).collect::<Vec<_>>();
        let until = Instant::now() + Duration::from_secs(10);
        assert_eq!(cancels.cancel(Target::CommandId("b".into()), until), 1);
        assert_eq!(stopped(), [false, true, false, false]);
        drop(entered);
        assert_eq!(cancels.cancel(Target::InvestigationId("two".into()), until), 0, "none is in work any more");
        let late = cancels.enter(&mk_run("c", "two"), &stops[3]);
        assert_eq!(stopped(), [false, true, false, true]);
        drop(late);
        tokio::time::advance(Duration::from_secs(10)).await;
        let later = Stop::default();
        cancels.enter(&mk_run("c", "two"), &later);
        assert_eq!(later.cause(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn cancels_of_what_never_comes_are_forgotten() {
        let cancels = Cancels::default();
        let until = Instant::now() + Duration::from_secs(10);
        (0..3 * KEPT_MAX).for_each(|index| _ = cancels.cancel(Target::CommandId(index.to_string()), until));
        assert_eq!(cancels.state().kept.len(), KEPT_MAX);
    }
}
