//! How the calls go.

use async_trait::async_trait;
use tokio::time::sleep;

use super::*;
use crate::{
    queue::{CommandQueue, QueueError, QueueErrorKind, Received},
    simulation::{
        POLL_GRACE,
        faults::{Fails, call, failure},
        schedule::{Operation, Trouble},
    },
};

impl ModelCommands {
    async fn extend(&self, receipts: &[usize], trouble: Option<Trouble>) -> Result<Vec<FailedEntry>, QueueError> {
        let asked = Instant::now();
        self.check_extensions(receipts);
        let effect = |fails: Fails<'_>| {
            self.check_extensions(receipts);
            self.messages().change(receipts, Instant::now() + VISIBILITY, fails)
        };
        let failed = call("ChangeMessageVisibilityBatch", trouble, effect).await?;
        self.extended(receipts, asked, &failed);
        Ok(failed)
    }

    async fn give_back(
        &self,
        receipts: &[usize],
        after: Duration,
        trouble: Option<Trouble>,
    ) -> Result<Vec<FailedEntry>, QueueError> {
        self.hold(receipts, Held::GivingBack);
        let effect = |fails: Fails<'_>| {
            let failed = self.messages().change(receipts, Instant::now() + after, fails);
            self.changed.notify_one();
            failed
        };
        let called = call("ChangeMessageVisibilityBatch", trouble, effect).await;
        self.hold(receipts, Held::Settled(Instant::now()));
        called
    }

    fn note_trouble(&self, trouble: Option<Trouble>) {
        if trouble.is_some() {
            *self.troubled.lock().unwrap() = Some(Instant::now());
        }
    }
}

#[async_trait]
impl CommandQueue for ModelCommands {
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError> {
        let failed = |kind| Err(failure("ReceiveMessage", kind));
        self.check_room(max);
        let trouble = self.faults.next(Operation::Receive);
        match trouble {
            Some(Trouble::Hangs) => {
                sleep(wait + POLL_GRACE).await;
                return failed(QueueErrorKind::Transient);
            }
            Some(Trouble::Fails) => return failed(QueueErrorKind::Transient),
            Some(Trouble::Misconfigured) => return failed(QueueErrorKind::Misconfigured),
            None | Some(Trouble::Slow(_) | Trouble::AnswerLost | Trouble::Partly { .. }) => {}
        }
        let taken = self.wait_for(max, wait, visibility).await;
        match trouble {
            Some(Trouble::AnswerLost) => return failed(QueueErrorKind::Transient),
            Some(Trouble::Slow(time)) => sleep(time.min(POLL_GRACE)).await,
            _ => {}
        }
        let mut messages = self.messages();
        Ok(taken.into_iter().map(|receipt| messages.hand_out(receipt)).collect())
    }

    async fn change_visibility(
        &self,
        receipt_handles: &[String],
        visibility: Duration,
    ) -> Result<Vec<FailedEntry>, QueueError> {
        let receipts: Vec<usize> = receipt_handles.iter().map(|handle| handle.parse().unwrap()).collect();
        let trouble = self.faults.next(Operation::ChangeVisibility);
        self.note_trouble(trouble);
        // Nothing is given back for just that long.
        let called = match visibility == VISIBILITY {
            true => self.extend(&receipts, trouble).await,
            false => self.give_back(&receipts, visibility, trouble).await,
        };
        self.note_trouble(trouble);
        called
    }

    async fn delete(&self, receipt_handle: &str) -> Result<(), QueueError> {
        const NAME: &str = "DeleteMessage";
        let receipt: usize = receipt_handle.parse().unwrap();
        self.check_answered(receipt);
        self.hold(&[receipt], Held::Deleting);
        let effect = |fails: Fails<'_>| {
            let failed = fails(0);
            if failed.is_none() {
                self.messages().remove(receipt);
            }
            failed.into_iter().collect()
        };
        let called = call(NAME, self.faults.next(Operation::Delete), effect).await;
        let deleted = called.and_then(|failed| match failed.first() {
            None => Ok(()),
            Some(failed) if failed.sender_fault => Err(failure(NAME, QueueErrorKind::ReceiptLost)),
            Some(_) => Err(failure(NAME, QueueErrorKind::Transient)),
        });
        let is_over = deleted.as_ref().err().is_none_or(|error| error.kind == QueueErrorKind::ReceiptLost);
        self.hold(&[receipt], if is_over { Held::Settled(Instant::now()) } else { Held::Working });
        deleted
    }
}
