//! The one who has asked: takes the results away, and notes when each command was answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use gumshoe_devstack::sqs::Sqs;
use gumshoe_devstack::stack::RESULTS;
use gumshoe_proto::bridge::v1::{End, EndStatus, result::Kind};
use gumshoe_proto::envelope::decode_result;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// So many receive at one time, so that results do not heap up.
const RECEIVERS: usize = 3;
/// More than the longest command takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Receives results for as long as it lives.
pub(super) struct Answers {
    seen: Arc<Seen>,
    _receivers: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    ended: Mutex<HashMap<String, Ended>>,
    count: watch::Sender<usize>,
    /// The body of a page of a log, to send others like it.
    page: Mutex<Option<String>>,
}

/// How a command ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    /// When SQS took its `End`, by SQS's own clock, which is that of this machine. It counts milliseconds: the end of that one.
    pub(super) at: SystemTime,
    pub(super) end: End,
}

impl Answers {
    pub(super) fn of(sqs: &Sqs) -> Self {
        let seen = Arc::<Seen>::default();
        let mut receivers = JoinSet::new();
        for _ in 0..RECEIVERS {
            receivers.spawn(receive(sqs.client().clone(), sqs.queue_url(RESULTS), Arc::clone(&seen)));
        }
        Self { seen, _receivers: receivers }
    }

    /// How many commands were answered so far.
    pub(super) fn count(&self) -> usize {
        *self.seen.count.borrow()
    }

    /// How many of them have not succeeded.
    pub(super) fn failed(&self) -> usize {
        let ended = self.seen.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.values().filter(|ended| ended.end.status() != EndStatus::Succeeded).count()
    }

    /// Awaits that so many were.
    pub(super) async fn reach(&self, count: usize) -> anyhow::Result<()> {
        let mut counts = self.seen.count.subscribe();
        let reached = tokio::time::timeout(PATIENCE, counts.wait_for(|now| *now >= count)).await;
        reached.with_context(|| format!("{} of {count} commands were answered", self.count()))??;
        Ok(())
    }

    /// Awaits the end of a command, which must have succeeded.
    pub(super) async fn ended(&self, command_id: &str) -> anyhow::Result<Ended> {
        let mut counts = self.seen.count.subscribe();
        let ended = async {
            loop {
                counts.mark_unchanged();
                let ended = self.seen.ended.lock().unwrap_or_else(PoisonError::into_inner).get(command_id).cloned();
                match ended {
                    Some(ended) => return anyhow::Ok(ended),
                    None => counts.changed().await?,
                }
            }
        };
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        let ended = ended.with_context(|| format!("the command {command_id} was not answered"))??;
        ensure!(ended.end.status() == EndStatus::Succeeded, "the command {command_id} failed: {:?}", ended.end.error);
        Ok(ended)
    }

    /// A page of a log as the bridge wrote it.
    pub(super) fn page(&self) -> anyhow::Result<String> {
        self.seen.page.lock().unwrap_or_else(PoisonError::into_inner).clone().context("no page of a log came")
    }
}

async fn receive(client: Client, url: String, seen: Arc<Seen>) {
    loop {
        let call = client.receive_message().queue_url(&url).max_number_of_messages(10).wait_time_seconds(1);
        let call = call.message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        let messages = call.send().await.ok().and_then(|received| received.messages).unwrap_or_default();
        messages.iter().for_each(|message| seen.take(message));
        let handles = messages.into_iter().filter_map(|message| message.receipt_handle).enumerate();
        let entry = |(id, handle): (usize, String)| {
            DeleteMessageBatchRequestEntry::builder().id(id.to_string()).receipt_handle(handle).build().ok()
        };
        let entries: Vec<_> = handles.filter_map(entry).collect();
        if !entries.is_empty() {
            // One that is not deleted comes again, and says the same.
            let _ = client.delete_message_batch().queue_url(&url).set_entries(Some(entries)).send().await;
        }
    }
}

impl Seen {
    fn take(&self, message: &Message) {
        let body = message.body.as_deref().unwrap_or_default();
        // Reading every page would take more of the machine than anything that is measured.
        if !body.contains("\"end\":{") {
            if body.contains("\"readLogs\":{") {
                self.page.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| body.to_owned());
            }
            return;
        }
        let sent = message.attributes.as_ref().and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp));
        let (Some(sent), Ok(result)) = (sent.and_then(|sent| sent.parse::<u64>().ok()), decode_result(body)) else {
            return;
        };
        let Some(Kind::End(end)) = result.kind else { return };
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(sent + 1);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.insert(result.command_id, Ended { at, end });
        self.count.send_replace(ended.len());
    }
}
