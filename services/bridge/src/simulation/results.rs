//! The model of a result queue. It holds the bridge to the rules of what makes a run, at every call.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use gumshoe_proto::{
    bridge::v1::result::Kind,
    envelope,
    run::{Reader, RunKey},
};

use super::{
    MESSAGE_SIZE, Violations,
    faults::{Fails, Faults, call},
    schedule::Operation,
};
use crate::{
    queue::{FailedEntry, Outgoing, QueueError, ResultQueue},
    results::ByteBudget,
};

/// The queue.
pub(super) struct ModelResults {
    faults: Arc<Faults>,
    violations: Arc<Violations>,
    /// What the pages in the calls must have been taken from.
    budget: Mutex<ByteBudget>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    runs: BTreeMap<RunKey, BTreeMap<u32, Message>>,
    delivered: Vec<String>,
    /// The bytes of the pages in calls that are under way.
    in_calls: usize,
}

struct Message {
    body: String,
    is_end: bool,
    is_acknowledged: bool,
}

/// The pages of a call, for as long as it is under way.
struct InCall<'queue>(&'queue ModelResults, usize);

impl Drop for InCall<'_> {
    fn drop(&mut self) {
        self.0.state().in_calls -= self.1;
    }
}

impl ModelResults {
    pub(super) fn new(faults: Arc<Faults>, violations: Arc<Violations>) -> Self {
        Self { faults, violations, budget: Mutex::default(), state: Mutex::default() }
    }

    /// Another bridge sends from now on, out of this budget.
    pub(super) fn next_life(&self, budget: ByteBudget) {
        *self.budget.lock().unwrap() = budget;
    }

    /// The runs of a command whose `End` was acknowledged.
    pub(super) fn ends_of(&self, command_id: &str) -> usize {
        let state = self.state();
        let of_command = state.runs.iter().filter(|(key, _)| key.command_id == command_id);
        of_command.filter(|(_, run)| run.values().any(|message| message.is_end && message.is_acknowledged)).count()
    }

    /// All that came through.
    pub(super) fn reader(&self) -> Reader {
        let mut reader = Reader::default();
        self.state().delivered.iter().for_each(|body| drop(reader.feed(body).unwrap()));
        reader
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks what is sent, and counts its pages as long as the call is under way.
    fn begin(&self, messages: &[&Outgoing]) -> InCall<'_> {
        let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
        if messages.len() > 10 || bytes > 1 << 20 {
            self.violations.note(format!("{} messages of {bytes} bytes in one call", messages.len()));
        }
        let pages = messages.iter().map(|message| self.check(&message.body)).sum();
        let mut state = self.state();
        state.in_calls += pages;
        let taken = self.budget.lock().unwrap().taken();
        if state.in_calls > taken {
            self.violations.note(format!("{} bytes of pages wait, of which the budget counts {taken}", state.in_calls));
        }
        InCall(self, pages)
    }

    /// Checks a message; gives its bytes if it is a page.
    fn check(&self, body: &str) -> usize {
        let result = envelope::decode_result(body).unwrap();
        let (seq, is_end) = (result.seq, matches!(result.kind, Some(Kind::End(_))));
        let is_page = matches!(result.kind, Some(Kind::Page(_)));
        let key = RunKey { command_id: result.command_id, run: result.run };
        let mut state = self.state();
        let run = state.runs.entry(key).or_default();
        let complain = |what: &str| self.violations.note(format!("{what}: {}", &body[..body.len().min(200)]));
        if body.len() > MESSAGE_SIZE {
            complain("larger than a message");
        }
        if is_end && run.range(..seq).any(|(_, before)| !before.is_acknowledged) {
            complain("an end before all pages were acknowledged");
        }
        if run.values().any(|other| other.is_end && other.body != body) {
            complain("something else after an end");
        }
        match run.get(&seq) {
            Some(before) if before.body != body => complain("something else with a number that was used"),
            Some(before) if before.is_acknowledged => complain("sent again after it was acknowledged"),
            _ => {}
        }
        run.entry(seq).or_insert_with(|| Message { body: body.to_owned(), is_end, is_acknowledged: false });
        if is_page { body.len() } else { 0 }
    }

    fn deliver(&self, messages: &[&Outgoing], fails: Fails<'_>) -> Vec<FailedEntry> {
        let mut state = self.state();
        let mut failed = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            match fails(index) {
                Some(entry) => failed.push(entry),
                None => state.delivered.push(message.body.clone()),
            }
        }
        failed
    }

    fn acknowledge(&self, messages: &[&Outgoing], failed: &[FailedEntry]) {
        let mut state = self.state();
        let is_failed = |index| failed.iter().any(|failed| failed.index == index);
        let taken = messages.iter().enumerate().filter(|(index, _)| !is_failed(*index));
        for (_, outgoing) in taken {
            let of_body = |message: &&mut Message| message.body == outgoing.body;
            let sent = state.runs.values_mut().flat_map(BTreeMap::values_mut).find(of_body);
            sent.into_iter().for_each(|message| message.is_acknowledged = true);
        }
    }
}

#[async_trait]
impl ResultQueue for ModelResults {
    async fn send(&self, messages: &[&Outgoing]) -> Result<Vec<FailedEntry>, QueueError> {
        let _in_call = self.begin(messages);
        let trouble = self.faults.next(Operation::Send);
        let failed = call("SendMessageBatch", trouble, |fails| self.deliver(messages, fails)).await?;
        self.acknowledge(messages, &failed);
        Ok(failed)
    }
}
