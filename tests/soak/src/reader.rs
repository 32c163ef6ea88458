//! The one who has asked: takes messages off the result queue, and judges each command when its run is whole.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gumshoe_devstack::sqs::Sqs;
use gumshoe_devstack::stack::RESULTS;
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::run::{Reader, Run, Verdict};
use tokio::sync::OwnedSemaphorePermit;

use crate::plan::{Ask, Plan};
use crate::report::Report;

/// What was asked, and what has come.
pub(crate) struct Asked<'p> {
    plan: &'p Plan,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    reader: Reader,
    open: BTreeMap<String, (Vec<Ask>, OwnedSemaphorePermit)>,
    /// What is wrong with those that were answered, for people.
    wrong: Vec<String>,
    received: u64,
    report: Report,
}

impl<'p> Asked<'p> {
    pub(crate) fn of(plan: &'p Plan) -> Self {
        Self { plan, state: Mutex::default() }
    }

    /// Notes a command before it is sent; the permit makes room for another one when it is answered.
    pub(crate) fn add(&self, command_id: &str, asks: Vec<Ask>, permit: OwnedSemaphorePermit) {
        let mut state = self.state();
        state.report.commands += 1;
        state.open.insert(command_id.to_owned(), (asks, permit));
    }

    /// How many were answered.
    pub(crate) fn answered(&self) -> usize {
        let state = self.state();
        state.report.commands - state.open.len()
    }

    /// Bytes of the runs that count.
    pub(crate) fn bytes(&self) -> u64 {
        self.state().report.bytes
    }

    /// Receives until it is dropped. What SQS does not answer to comes again.
    pub(crate) async fn receive(&self, sqs: &Sqs) {
        let (client, url) = (sqs.client(), sqs.queue_url(RESULTS));
        loop {
            let call = client.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(1);
            for message in call.send().await.ok().and_then(|received| received.messages).unwrap_or_default() {
                self.take(message.body.as_deref().unwrap_or_default());
                let handle = message.receipt_handle.unwrap_or_default();
                // One that is not deleted comes again, and is a duplicate.
                let _ = client.delete_message().queue_url(&url).receipt_handle(handle).send().await;
            }
        }
    }

    fn take(&self, body: &str) {
        let mut state = self.state();
        state.received += 1;
        let Ok(fed) = state.reader.feed(body) else {
            state.report.corrupt += 1;
            state.wrong.push(format!("no result: {}", body.chars().take(200).collect::<String>()));
            return;
        };
        let command_id = fed.key.command_id;
        if !state.open.contains_key(&command_id) {
            // Of a run that came to nothing, or behind the end of one.
            state.reader.forget(&command_id);
            return;
        }
        let Some(key) = state.reader.complete(&command_id).map(|(key, _)| key.clone()) else { return };
        let Some(run) = state.reader.take(&key) else { return };
        let Some((asks, permit)) = state.open.remove(&command_id) else { return };
        if state.reader.runs_of(&command_id).any(|(_, run)| matches!(run.verdict(), Verdict::Mismatch(_))) {
            state.report.corrupt += 1;
            state.wrong.push(format!("{command_id} has a run that does not fit together"));
        }
        state.reader.forget(&command_id);
        state.report.bytes += run.bytes();
        state.report.needed += u64::from(run.end().map_or(0, |end| end.pages)) + 2;
        match self.judge(&asks, &run) {
            Ok(()) => {}
            Err(Wrong::Lost(why)) => {
                state.report.lost += 1;
                state.wrong.push(format!("{command_id} is lost: {why}"));
            }
            Err(Wrong::Corrupt(why)) => {
                state.report.corrupt += 1;
                state.wrong.push(format!("{command_id} is corrupt: {why}"));
            }
        }
        drop(permit);
    }

    fn judge(&self, asks: &[Ask], run: &Run) -> Result<(), Wrong> {
        let end = run.end().ok_or_else(|| Wrong::Lost("no end".to_owned()))?;
        if end.status() != EndStatus::Succeeded {
            return Err(Wrong::Lost(format!("{:?} {:?} {:?}", end.status(), end.error, end.queries)));
        }
        for (index, ask) in asks.iter().enumerate() {
            let pages: Result<Vec<_>, _> = run.pages_of(&query_id(index)).collect();
            let pages = pages.map_err(|error| Wrong::Corrupt(format!("{ask:?}: {error}")))?;
            if !self.plan.is_answered(*ask, &pages) {
                return Err(Wrong::Corrupt(format!("{ask:?} has another answer: {:?}", end.queries[index])));
            }
        }
        Ok(())
    }

    /// What came of all, when nothing more comes; and what is wrong.
    pub(crate) fn report(&self) -> (Report, Vec<String>) {
        let state = self.state();
        let mut report = state.report.clone();
        let mut wrong = state.wrong.clone();
        for command_id in state.open.keys() {
            let runs: Vec<_> = state.reader.runs_of(command_id).collect();
            let has_end = runs.iter().any(|(_, run)| run.end().is_some());
            let mismatch = runs.iter().any(|(_, run)| matches!(run.verdict(), Verdict::Mismatch(_)));
            report.lost += 1;
            report.unanswered += usize::from(!has_end);
            report.corrupt += usize::from(mismatch);
            let verdicts: Vec<_> = runs.iter().map(|(key, run)| (&key.run, run.verdict())).collect();
            wrong.push(format!("{command_id} has no whole run: {verdicts:?}"));
        }
        report.duplicates = state.received.saturating_sub(report.needed);
        (report, wrong)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of a command's query.
pub(crate) fn query_id(index: usize) -> String {
    format!("q{index}")
}

enum Wrong {
    Lost(String),
    Corrupt(String),
}
