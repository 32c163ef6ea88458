//! The pages of one query on their way to the sender of its run.

use jiff::Timestamp;
use prost_reflect::FieldDescriptor;
use tokio::sync::mpsc;

use super::{
    RunId,
    budget::{ByteBudget, Share},
    encode::{PageHeader, encode_page},
    pages::{Cutter, Frame, PageLimits, Piece, TooLarge},
};

/// A page that was handed to the sender.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(super) header: PageHeader,
    pub(super) response: String,
    pub(super) share: Share,
}

/// Why something was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteError {
    /// It alone is too large for a message. It was left out; the writer takes others.
    #[error("too large for a message")]
    TooLarge,
    /// Nobody takes pages any more: the run is over.
    #[error("the run is over")]
    Stopped,
}

/// Takes the items of one query, cuts them into pages and hands those over.
#[derive(Debug)]
pub(crate) struct QueryWriter {
    header: PageHeader,
    items: u64,
    overhead: usize,
    cutter: Cutter,
    budget: ByteBudget,
    sender: mpsc::Sender<Handed>,
}

impl QueryWriter {
    /// A writer for the responses whose items are in the field `items`.
    #[must_use]
    pub(crate) fn new(
        run: &RunId,
        query_id: &str,
        arm: &str,
        items: &FieldDescriptor,
        limits: PageLimits,
        budget: ByteBudget,
        sender: mpsc::Sender<Handed>,
    ) -> Self {
        let header = PageHeader { query_id: query_id.to_owned(), number: 0, arm: arm.to_owned() };
        let longest = PageHeader { number: u32::MAX, ..header.clone() };
        let overhead = encode_page(run, u32::MAX, &longest, "", Timestamp::now()).len();
        let (items, is_list) = (items.json_name().to_owned(), items.is_list());
        let cutter = Cutter::new(Frame { items, is_list, overhead, limits });
        Self { header, items: 0, overhead, cutter, budget, sender }
    }

    /// Adds an item, canonical JSON, to the current response. Waits while pages wait that are full.
    ///
    /// # Errors
    /// `TooLarge`, and the item is left out; `Stopped`.
    pub(crate) async fn item(&mut self, item: &str) -> Result<(), WriteError> {
        match self.cutter.push(item)? {
            None => Ok(()),
            Some(full) => self.hand_over(full).await,
        }
    }

    /// Ends the current response with its other fields, a JSON object.
    ///
    /// # Errors
    /// `TooLarge`, and shorter fields can be tried; `Stopped`.
    pub(crate) async fn end_response(&mut self, rest: &str) -> Result<(), WriteError> {
        for piece in self.cutter.finish(rest)? {
            self.hand_over(piece).await?;
        }
        Ok(())
    }

    /// The bytes of the largest message, which no item can exceed.
    #[must_use]
    pub(crate) fn item_max(&self) -> usize {
        self.cutter.message_max()
    }

    /// The query.
    #[must_use]
    pub(crate) fn query_id(&self) -> &str {
        &self.header.query_id
    }

    /// The pages that were handed over.
    #[must_use]
    pub(crate) fn pages(&self) -> u32 {
        self.header.number
    }

    /// The items in them.
    #[must_use]
    pub(crate) fn items(&self) -> u64 {
        self.items
    }

    /// Waits until there is room for the page, in the budget and with the sender.
    async fn hand_over(&mut self, piece: Piece) -> Result<(), WriteError> {
        let share = self.budget.take(self.overhead + piece.response.len()).await;
        let header = PageHeader { number: self.header.number + 1, ..self.header.clone() };
        let handed = Handed { header, response: piece.response, share };
        self.sender.send(handed).await.map_err(|_| WriteError::Stopped)?;
        self.header.number += 1;
        self.items += piece.items;
        Ok(())
    }
}

impl From<TooLarge> for WriteError {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}
