//! The pages of one query on their way to the sender of its run.

use std::{io::Write as _, sync::Arc};

use flate2::{Compression, write::GzEncoder};
use gumshoe_proto::bridge::v1::Encoding;
use jiff::Timestamp;
use prost_reflect::FieldDescriptor;
use tokio::sync::mpsc;

use super::{
    RunId,
    budget::{ByteBudget, Share},
    encode::{Content, PageHeader, encode_page},
    pages::{Cutter, Frame, PageLimits, Piece},
};

/// A page that was handed to the sender.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(super) header: PageHeader,
    pub(super) content: Content,
    /// The parts of one response have one together.
    pub(super) share: Arc<Share>,
}

/// Nobody takes pages any more: the run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run is over")]
pub(crate) struct Stopped;

/// So much of a response is compressed at one time: what belongs to it is cut no finer than that.
const COMPRESSED: usize = 1024 * 1024;

/// Takes the items of one query, cuts them into pages and hands those over.
#[derive(Debug)]
pub(crate) struct QueryWriter {
    header: PageHeader,
    items: u64,
    overhead: usize,
    /// What a message holds of a response that comes in parts.
    part: usize,
    /// What stands around it.
    around_part: usize,
    cutter: Cutter,
    encoding: Encoding,
    budget: ByteBudget,
    sender: mpsc::Sender<Handed>,
}

impl QueryWriter {
    /// A writer for the responses whose items are in the field `items`.
    #[must_use]
    pub(crate) fn new(
        run: &RunId,
        query_id: &str,
        (arm, items): (&str, &FieldDescriptor),
        (limits, encoding): (PageLimits, Encoding),
        budget: ByteBudget,
        sender: mpsc::Sender<Handed>,
    ) -> Self {
        let header = PageHeader { query_id: query_id.to_owned(), number: 0, arm: arm.to_owned() };
        let longest = PageHeader { number: u32::MAX, ..header.clone() };
        let length_of = |content: &Content| encode_page(run, u32::MAX, &longest, content, Timestamp::now()).len();
        let overhead = length_of(&Content::Response(String::new()));
        let around_part = length_of(&Content::Part { number: u32::MAX, of: u32::MAX, data: Vec::new(), encoding });
        // Base64 makes four characters of three bytes.
        let part = limits.page.saturating_sub(around_part).max(4) / 4 * 3;
        let (items, is_list) = (items.json_name().to_owned(), items.is_list());
        let limits = match encoding {
            Encoding::Unspecified => limits,
            Encoding::Gzip => PageLimits { page: COMPRESSED, message: COMPRESSED },
        };
        let cutter = Cutter::new(Frame { items, is_list, overhead, limits });
        Self { header, items: 0, overhead, part, around_part, cutter, encoding, budget, sender }
    }

    /// Adds an item, canonical JSON, to the current response. Waits while pages wait that are full.
    ///
    /// # Errors
    /// `Stopped`.
    pub(crate) async fn item(&mut self, item: &str) -> Result<(), Stopped> {
        match self.cutter.push(item) {
            None => Ok(()),
            Some(full) => self.hand_over(full).await,
        }
    }

    /// Ends the current response with its other fields, a JSON object.
    ///
    /// # Errors
    /// `Stopped`.
    pub(crate) async fn end_response(&mut self, rest: &str) -> Result<(), Stopped> {
        for piece in self.cutter.finish(rest) {
            self.hand_over(piece).await?;
        }
        Ok(())
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

    /// Waits until there is room for the piece, in the budget and with the sender.
    async fn hand_over(&mut self, piece: Piece) -> Result<(), Stopped> {
        let Piece { response, items } = piece;
        let length = self.overhead + response.len();
        match self.encoding {
            Encoding::Unspecified if length <= self.cutter.message_max() => {
                let share = Arc::new(self.budget.take(length).await);
                self.hand(Content::Response(response), share).await?;
            }
            Encoding::Unspecified => self.hand_parts(response.as_bytes()).await?,
            Encoding::Gzip => self.hand_parts(&zipped(&response)).await?,
        }
        self.items += items;
        Ok(())
    }

    async fn hand_parts(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        let (parts, encoding) = (bytes.chunks(self.part), self.encoding);
        let of = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        // Base64 makes four characters of three bytes, and of what is left over.
        let length = bytes.len().div_ceil(3) * 4 + parts.len() * self.around_part;
        let share = Arc::new(self.budget.take(length).await);
        for (number, data) in (1..).zip(parts) {
            self.hand(Content::Part { number, of, data: data.to_vec(), encoding }, share.clone()).await?;
        }
        Ok(())
    }

    async fn hand(&mut self, content: Content, share: Arc<Share>) -> Result<(), Stopped> {
        let header = PageHeader { number: self.header.number + 1, ..self.header.clone() };
        self.sender.send(Handed { header, content, share }).await.map_err(|_| Stopped)?;
        self.header.number += 1;
        Ok(())
    }
}

/// The fastest level: the best one takes several times as long for a fifth of the bytes.
fn zipped(json: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(json.as_bytes()).and_then(|()| encoder.finish()).expect("a Vec takes all that is written")
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::bridge::v1::{Query, query::Request};

    use super::*;
    use crate::dispatch::Method;

    #[tokio::test]
    async fn a_response_in_parts_takes_as_much_of_the_budget_as_all_its_messages() {
        let run = RunId { command_id: "c".into(), run: "r".into(), investigation_id: "i".into() };
        let query = Query { request: Some(Request::ListPods(Default::default())), ..Query::default() };
        let (method, _) = Method::of(&query).unwrap();
        let (budget, limits) = (ByteBudget::of_mebibytes(1), (PageLimits::of_queue(8 * 1024), Encoding::Unspecified));
        let (sender, mut handed) = mpsc::channel(100);
        let mut writer = QueryWriter::new(&run, "q", (&method.arm, &method.items), limits, budget.clone(), sender);
        let item = format!("{{\"metadata\":{{\"name\":{:?}}}}}", "x".repeat(100_000));
        writer.item(&item).await.unwrap();
        writer.end_response("{}").await.unwrap();
        let taken = budget.taken();
        drop(writer);
        let mut sent = 0;
        while let Some(Handed { header, content, share: _ }) = handed.recv().await {
            sent += encode_page(&run, header.number, &header, &content, Timestamp::now()).len();
        }
        assert!((sent..sent + sent / 50).contains(&taken), "{sent} are sent, {taken} were taken");
    }
}
