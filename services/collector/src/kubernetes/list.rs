//! One list of the Kubernetes API, item by item: in one streamed answer, or page after page where the server is older than
//! 1.33 or the kind is not in its watch cache.
//!
//! What to do when a snapshot has expired in the middle (410) is the reader's choice: `next_entry` says `Expired`, and
//! `go_on_inconsistently` takes up the continuation that the server offers.

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    api::{Answer, Call, KubernetesApi, STALL, place},
    encoding::{Encoding, PieceReader},
    names::Namespace,
    resource::Resource,
    selector::Selectors,
    wire::{ListMeta, Piece, WireError},
};
use crate::error::ReadError;

/// Items in one answer where lists are paginated: what kubectl and client-go's reflectors ask for.
pub const PAGE_LIMIT: &str = "500";

/// What to list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// The kind.
    pub resource: Resource,
    /// In what form.
    pub encoding: Encoding,
    /// In this namespace; in the whole cluster where there is none.
    pub namespace: Option<Namespace>,
    /// Which objects.
    pub selectors: Selectors,
    /// The snapshot to list; the newest where there is none.
    pub resource_version: Option<String>,
    /// In several answers, the first of so many items; in one where there is no limit.
    pub limit: Option<&'static str>,
}

/// What comes off a list.
#[derive(Debug)]
pub enum Entry {
    /// An encoded item.
    Item(Bytes),
    /// An item that is too large to be read: its first bytes, and its length.
    TooLarge {
        /// Enough to name it.
        head: Bytes,
        /// In bytes.
        length: u64,
    },
}

/// A list that is being read. Dropping it ends the request.
pub struct ListRead {
    api: KubernetesApi,
    call: Call,
    query: ListQuery,
    what: String,
    answer: Answer,
    began: Instant,
    reader: PieceReader,
    meta: ListMeta,
    /// Of the first answer: those of later pages of an inconsistent list differ.
    resource_version: String,
    warnings: Vec<String>,
}

impl ListRead {
    /// Sends the first request.
    ///
    /// # Errors
    /// `Denied`, `Refused`, `Expired` (where `resource_version` is too old), or whatever else keeps the API server from
    /// answering.
    pub async fn open(api: &KubernetesApi, call: &Call, query: ListQuery) -> Result<Self, ReadError> {
        let what = match &query.namespace {
            None if query.resource.namespaced => format!("list {} in all namespaces", query.resource.plural),
            namespace => format!("list {}{}", query.resource.plural, place(namespace.as_ref())),
        };
        let began = Instant::now();
        let answer = request(api, call, &query, &what, "").await?;
        let mut list = Self {
            api: api.clone(),
            call: call.clone(),
            reader: query.encoding.reader(),
            query,
            what,
            answer,
            began,
            meta: ListMeta::default(),
            resource_version: String::new(),
            warnings: Vec::new(),
        };
        list.note_warnings();
        Ok(list)
    }

    /// The snapshot that is being listed; known once the first entry came.
    #[must_use]
    pub fn resource_version(&self) -> &str {
        &self.resource_version
    }

    /// When the request began whose answer is being read: the API server bounds the time of each.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Takes the texts of the `Warning` headers of the answer that is being read.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// The next item; None at the end of the list.
    ///
    /// # Errors
    /// `Interrupted` where the answer broke off; `Expired` where the server has forgotten the snapshot between two pages.
    pub async fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            match self.reader.next_piece().map_err(malformed)? {
                Some(Piece::Item(item)) => return Ok(Some(Entry::Item(item))),
                Some(Piece::TooLarge { head, length }) => return Ok(Some(Entry::TooLarge { head, length })),
                Some(Piece::ListMeta(meta)) => self.begin(meta),
                None => match self.answer.chunk(STALL).await? {
                    Some(chunk) => self.reader.push(&chunk),
                    None => {
                        self.reader.finish().map_err(cut)?;
                        if self.meta.continue_token.is_empty() {
                            return Ok(None);
                        }
                        let token = std::mem::take(&mut self.meta.continue_token);
                        self.next_page(&token).await?;
                    }
                },
            }
        }
    }

    /// Goes on with the token of an `Expired` error: at another moment than the list began.
    ///
    /// # Errors
    /// As `open`.
    pub async fn go_on_inconsistently(&mut self, continue_token: &str) -> Result<(), ReadError> {
        self.next_page(continue_token).await
    }

    fn begin(&mut self, meta: ListMeta) {
        self.meta = meta;
        if self.resource_version.is_empty() {
            self.resource_version.clone_from(&self.meta.resource_version);
        }
    }

    async fn next_page(&mut self, continue_token: &str) -> Result<(), ReadError> {
        self.began = Instant::now();
        self.answer = request(&self.api, &self.call, &self.query, &self.what, continue_token).await?;
        self.reader = self.query.encoding.reader();
        self.note_warnings();
        Ok(())
    }

    fn note_warnings(&mut self) {
        // Whoever reads this list has taken those of earlier answers.
        self.warnings = self.answer.warnings().map(str::to_owned).collect();
    }
}

async fn request(
    api: &KubernetesApi,
    call: &Call,
    query: &ListQuery,
    what: &str,
    continue_token: &str,
) -> Result<Answer, ReadError> {
    let mut target = query
        .resource
        .collection(query.namespace.as_ref())
        .with("labelSelector", query.selectors.label())
        .with("fieldSelector", query.selectors.field());
    if let Some(limit) = if continue_token.is_empty() { query.limit } else { Some(PAGE_LIMIT) } {
        target = target.with("limit", limit);
    }
    // A continue token holds its snapshot: the server refuses a resourceVersion beside it.
    target = match &query.resource_version {
        Some(version) if continue_token.is_empty() => {
            target.with("resourceVersion", version).with("resourceVersionMatch", "Exact")
        }
        _ => target.with("continue", continue_token),
    };
    api.read(call, &target, query.encoding).await.map_err(|failure| failure.into_read_error(what))
}

fn malformed(error: WireError) -> ReadError {
    ReadError::Malformed(error.to_string())
}

fn cut(error: WireError) -> ReadError {
    ReadError::Interrupted { what: "the answer broke off".into(), source: Some(error.into()) }
}
