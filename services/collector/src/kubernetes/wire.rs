//! Kubernetes' protobuf bodies, read piece by piece as they come off the connection.
//!
//! A body is the magic number `k8s\0` and a `runtime.Unknown` {1: TypeMeta, 2: raw, 3, 4}; the raw of a list is {1: ListMeta,
//! 2: item, 2: item, …} (apimachinery: `pkg/runtime/serializer/protobuf/protobuf.go`). `ListReader` holds one item at a time,
//! whatever the length of the list; an item over `ITEM_MAX` is passed over and named.

use std::iter;

use bytes::{Buf, Bytes, BytesMut};
use prost::{
    Message,
    encoding::{WireType, decode_key, decode_varint},
};

/// The first bytes of every body.
const MAGIC: &[u8; 4] = b"k8s\0";
/// The largest item that is read. etcd keeps objects of up to 1.5 MiB, and the page it would travel in alone must stay
/// under the 4 MiB that gRPC clients accept.
pub const ITEM_MAX: usize = 3 << 20;
/// How much of an item that is too large is kept, to name it: metadata is an item's first field, and a name and a namespace
/// (253 bytes each at most) its first.
const HEAD_MAX: usize = 2048;
/// The longest varint is ten bytes; a tag and a length are two.
const VARINT_MAX: usize = 10;
/// A ListMeta holds a resource version and a continue token, of some hundred bytes.
const LIST_META_MAX: usize = 64 << 10;

/// Why a body is not what Kubernetes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The body does not begin with Kubernetes' magic number.
    #[error("it does not begin with Kubernetes' magic number")]
    Magic,
    /// The body ends before what it announces.
    #[error("it ends too early")]
    Truncated,
    /// The body breaks the protobuf encoding.
    #[error("it is no protobuf list")]
    Malformed,
    /// The body breaks the JSON of a list, or has a member twice.
    #[error("it is no JSON list")]
    Json,
    /// The body is not the metadata that was asked for; what it is instead may be what must not be read.
    #[error("it is not the metadata that was asked for, and was not read")]
    NoMetadata,
    /// The body is not the Table that was asked for; what it is instead may be what must not be read.
    #[error("it is not the Table that was asked for, and was not read")]
    NoTable,
    /// The Table has other columns than the kind's.
    #[error("its Table has other columns than those of the kind")]
    Columns,
}

/// What the API server calls the metadata of one object, where nothing else of it was asked for.
const METADATA: &str = "PartialObjectMetadata";
/// The same of a list.
const METADATA_LIST: &str = "PartialObjectMetadataList";
/// A TypeMeta holds the names of a kind and of its version.
const TYPE_META_MAX: usize = 1024;

/// `meta.k8s.io/v1 ListMeta` (apimachinery: `pkg/apis/meta/v1/generated.proto`).
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ListMeta {
    /// The snapshot that the list is of.
    #[prost(string, tag = "2")]
    pub resource_version: String,
    /// Brings the next page; empty where this was the last.
    #[prost(string, tag = "3")]
    pub continue_token: String,
}

/// What a list is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Of the list; it comes before the items.
    ListMeta(ListMeta),
    /// One encoded item.
    Item(Bytes),
    /// An item that is too large: its first bytes, and its length.
    TooLarge {
        /// At most `HEAD_MAX` bytes.
        head: Bytes,
        /// The length of the whole item.
        length: u64,
    },
}

/// Takes a list body apart. `push` what arrives, take `next` until it has nothing more, `finish` at the end of the body.
#[derive(Debug)]
pub struct ListReader {
    buffer: BytesMut,
    state: State,
    /// Bytes of a field that is of no interest and still to come.
    skip: u64,
    /// Bytes of `raw` that are still to come.
    raw_left: u64,
    raw_seen: bool,
    item_max: usize,
    /// The kind that the body must say it is of before anything else of it is taken.
    awaited: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Magic,
    /// Between the fields of `Unknown`.
    Envelope,
    /// Between the fields of the list.
    List,
}

impl Default for ListReader {
    fn default() -> Self {
        Self::with_item_max(ITEM_MAX)
    }
}

impl ListReader {
    /// A reader that passes over items larger than `item_max` bytes.
    #[must_use]
    pub fn with_item_max(item_max: usize) -> Self {
        let buffer = BytesMut::new();
        Self { buffer, state: State::Magic, skip: 0, raw_left: 0, raw_seen: false, item_max, awaited: None }
    }

    /// A reader of lists of metadata and of no others.
    #[must_use]
    pub fn of_metadata() -> Self {
        Self { awaited: Some(METADATA_LIST), ..Self::default() }
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, mut chunk: &[u8]) {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(chunk.len());
        if self.buffer.is_empty() && skipped > 0 {
            self.skip -= skipped as u64;
            chunk = &chunk[skipped..];
        }
        self.buffer.extend_from_slice(chunk);
    }

    /// The next piece; None where more bytes are needed.
    ///
    /// # Errors
    /// Where the body is not a Kubernetes list; the reader is of no use then.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, WireError> {
        loop {
            if self.skip > 0 {
                let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(self.buffer.len());
                self.buffer.advance(skipped);
                self.skip -= skipped as u64;
                if self.skip > 0 {
                    return Ok(None);
                }
            }
            let step = match self.state {
                State::Magic => self.magic()?,
                State::Envelope => self.envelope()?,
                State::List if self.raw_left == 0 => {
                    self.state = State::Envelope;
                    Step::Again
                }
                State::List => self.list()?,
            };
            match step {
                Step::Again => {}
                Step::NeedMore => return Ok(None),
                Step::Piece(piece) => return Ok(Some(piece)),
            }
        }
    }

    /// Says that the body has ended.
    ///
    /// # Errors
    /// `Truncated` where more was announced: a cut body is never the end of a list.
    pub fn finish(&self) -> Result<(), WireError> {
        let whole = self.state == State::Envelope && self.raw_seen && self.skip == 0 && self.buffer.is_empty();
        if whole { Ok(()) } else { Err(WireError::Truncated) }
    }

    fn magic(&mut self) -> Result<Step, WireError> {
        let seen = self.buffer.len().min(MAGIC.len());
        if self.buffer[..seen] != MAGIC[..seen] {
            return Err(WireError::Magic);
        }
        if seen < MAGIC.len() {
            return Ok(Step::NeedMore);
        }
        self.buffer.advance(MAGIC.len());
        self.state = State::Envelope;
        Ok(Step::Again)
    }

    fn envelope(&mut self) -> Result<Step, WireError> {
        let Some(header) = Header::peek(&self.buffer)? else { return Ok(Step::NeedMore) };
        if let Some(awaited) = self.awaited {
            let length = usize::try_from(header.length).ok().filter(|length| *length <= TYPE_META_MAX);
            let length = length.filter(|_| header.field == 1).ok_or(WireError::NoMetadata)?;
            let Some(type_meta) = self.take(header.size, length) else { return Ok(Step::NeedMore) };
            is_of(&type_meta, awaited).then_some(()).ok_or(WireError::NoMetadata)?;
            self.awaited = None;
            return Ok(Step::Again);
        }
        self.buffer.advance(header.size);
        if header.field == 2 {
            if self.raw_seen {
                return Err(WireError::Malformed);
            }
            self.raw_seen = true;
            self.raw_left = header.length;
            self.state = State::List;
        } else {
            self.skip = header.length;
        }
        Ok(Step::Again)
    }

    fn list(&mut self) -> Result<Step, WireError> {
        let Some(header) = Header::peek(&self.buffer)? else { return Ok(Step::NeedMore) };
        let whole = header.length.checked_add(header.size as u64).ok_or(WireError::Malformed)?;
        if whole > self.raw_left {
            return Err(WireError::Malformed);
        }
        let limit = match header.field {
            1 => LIST_META_MAX,
            2 => self.item_max,
            _ => 0,
        };
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        if length <= limit && header.field <= 2 {
            let Some(field) = self.take(header.size, length) else { return Ok(Step::NeedMore) };
            self.raw_left -= whole;
            return Ok(Step::Piece(if header.field == 1 {
                Piece::ListMeta(ListMeta::decode(field).map_err(|_| WireError::Malformed)?)
            } else {
                Piece::Item(field)
            }));
        }
        if header.field == 1 {
            return Err(WireError::Malformed);
        }
        let head = if header.field == 2 { HEAD_MAX.min(length) } else { 0 };
        let Some(head) = self.take(header.size, head) else { return Ok(Step::NeedMore) };
        self.raw_left -= whole;
        self.skip = header.length - head.len() as u64;
        Ok(if header.field == 2 { Step::Piece(Piece::TooLarge { head, length: header.length }) } else { Step::Again })
    }

    /// Takes `length` bytes behind a header, once they are all there.
    fn take(&mut self, header: usize, length: usize) -> Option<Bytes> {
        if self.buffer.len() < header + length {
            self.buffer.reserve(header + length - self.buffer.len());
            return None;
        }
        self.buffer.advance(header);
        Some(self.buffer.split_to(length).freeze())
    }
}

enum Step {
    Again,
    NeedMore,
    Piece(Piece),
}

/// Tag and length of a length-delimited field: Kubernetes' envelope and lists have no other.
struct Header {
    field: u64,
    length: u64,
    size: usize,
}

impl Header {
    fn peek(buffer: &[u8]) -> Result<Option<Self>, WireError> {
        let Some((tag, tag_size)) = peek_varint(buffer)? else { return Ok(None) };
        let Some((length, length_size)) = peek_varint(&buffer[tag_size..])? else { return Ok(None) };
        if tag & 7 != 2 || tag >> 3 == 0 {
            return Err(WireError::Malformed);
        }
        Ok(Some(Self { field: tag >> 3, length, size: tag_size + length_size }))
    }
}

fn peek_varint(buffer: &[u8]) -> Result<Option<(u64, usize)>, WireError> {
    let whole = buffer.iter().take(VARINT_MAX).position(|byte| byte & 0x80 == 0);
    let Some(last) = whole else {
        return if buffer.len() < VARINT_MAX { Ok(None) } else { Err(WireError::Malformed) };
    };
    let value = decode_varint(&mut &buffer[..=last]).map_err(|_| WireError::Malformed)?;
    Ok(Some((value, last + 1)))
}

/// Whether a TypeMeta names this kind.
fn is_of(type_meta: &[u8], kind: &str) -> bool {
    fields(type_meta).any(|(number, value)| number == 2 && value == kind.as_bytes())
}

/// The `raw` of a body that is one object.
///
/// # Errors
/// Where the body is not Kubernetes' envelope, or is cut.
pub fn unwrap_unknown(body: &Bytes) -> Result<Bytes, WireError> {
    unwrap(body).map(|(_, raw)| raw)
}

/// The same of a body that is the metadata of one object.
///
/// # Errors
/// `NoMetadata` where it is anything else.
pub fn unwrap_metadata(body: &Bytes) -> Result<Bytes, WireError> {
    let (type_meta, raw) = unwrap(body)?;
    if is_of(&type_meta, METADATA) { Ok(raw) } else { Err(WireError::NoMetadata) }
}

/// The TypeMeta and the `raw` of a body.
fn unwrap(body: &Bytes) -> Result<(Bytes, Bytes), WireError> {
    let mut rest = body.clone();
    if rest.len() < MAGIC.len() || rest.split_to(MAGIC.len()) != MAGIC[..] {
        return Err(WireError::Magic);
    }
    let (mut type_meta, mut raw) = (Bytes::new(), None);
    while !rest.is_empty() {
        let header = Header::peek(&rest)?.ok_or(WireError::Truncated)?;
        rest.advance(header.size);
        let length = usize::try_from(header.length).map_err(|_| WireError::Malformed)?;
        if length > rest.len() {
            return Err(WireError::Truncated);
        }
        let field = rest.split_to(length);
        match header.field {
            1 => type_meta = field,
            2 => raw = Some(field),
            _ => {}
        }
    }
    raw.map(|raw| (type_meta, raw)).ok_or(WireError::Truncated)
}

/// The namespace and name of an encoded object, as far as its first bytes tell; empty where they do not.
#[must_use]
pub fn name_of_head(head: &[u8]) -> (String, String) {
    // Field 1 of every object is its ObjectMeta; in that, 1 is the name and 3 the namespace, which not every kind has.
    let mut name = String::new();
    let mut namespace = String::new();
    let Ok(Some(header)) = Header::peek(head) else { return (namespace, name) };
    if header.field != 1 {
        return (namespace, name);
    }
    let length = usize::try_from(header.length).unwrap_or(usize::MAX);
    let metadata = &head[header.size..];
    for (number, value) in fields(&metadata[..length.min(metadata.len())]) {
        match number {
            1 => name = String::from_utf8_lossy(value).into_owned(),
            3 => namespace = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
    }
    (namespace, name)
}

/// The fields of an encoded message that have a length, one after the other, as far as they are whole.
pub fn fields(mut bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    iter::from_fn(move || {
        loop {
            let (number, wire_type) = decode_key(&mut bytes).ok()?;
            let length = match wire_type {
                WireType::Varint => {
                    decode_varint(&mut bytes).ok()?;
                    continue;
                }
                WireType::LengthDelimited => usize::try_from(decode_varint(&mut bytes).ok()?).ok()?,
                WireType::SixtyFourBit => 8,
                WireType::ThirtyTwoBit => 4,
                WireType::StartGroup | WireType::EndGroup => return None,
            };
            let value;
            (value, bytes) = bytes.split_at_checked(length)?;
            if wire_type == WireType::LengthDelimited {
                return Some((number, value));
            }
        }
    })
}
