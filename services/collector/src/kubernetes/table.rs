//! Tables of the API server (meta.k8s.io/v1 Table), as JSON, read row by row as they come off the connection.
//!
//! A kind is asked for as a Table where its objects hold what must not leave the API server: a row has the cells that kubectl
//! prints, and of the object only its metadata. So whatever is no such Table is an error, and what comes with it is not kept.
//!
//! A body is {"kind": "Table", "metadata": ListMeta, "columnDefinitions": [{"name"}, …], "rows": [row, …]}; the rows are its last
//! member, as Go writes a struct in its order. `TableReader` holds one row at a time, as the protobuf reader holds one item.

mod scan;

use bytes::{Buf as _, Bytes, BytesMut};
use serde::Deserialize;

use self::scan::{Scan, Step};
use super::wire::{ITEM_MAX, ListMeta, Piece, WireError};

/// How much of a row that is too large is kept, to name it: its cells and the beginning of its object's metadata.
const HEAD_MAX: usize = 4096;
/// A ListMeta has some hundred bytes, the definitions of columns some thousand.
const MEMBER_MAX: usize = 64 << 10;

/// Takes the body of a Table apart. `push` what arrives, take `next_piece` until it has nothing more, `finish` at the end.
#[derive(Debug)]
pub struct TableReader {
    buffer: BytesMut,
    expected: Expected,
    /// The value that is being read, and where it belongs.
    value: Option<(Member, Scan)>,
    /// What is kept of it, and how long all of it is so far.
    kept: Vec<u8>,
    length: u64,
    /// The names that its first columns must have.
    columns: &'static [&'static str],
    seen: Seen,
    row_max: usize,
}

/// What comes next, beside white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Object,
    FirstKey,
    Key,
    Colon(Member),
    Value(Member),
    NextMember,
    FirstRow,
    Row,
    NextRow,
    End,
}

/// A member of the Table, or one of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    /// The text in front of a colon.
    Name,
    Kind,
    Metadata,
    Columns,
    Rows,
    Row,
    /// Of no interest.
    Other,
}

/// Which members have come: each comes once, and what a row needs before it.
#[derive(Debug, Default)]
struct Seen {
    kind: bool,
    metadata: bool,
    columns: bool,
    rows: bool,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    r#continue: String,
}

impl TableReader {
    /// A reader of a Table whose first columns are these.
    #[must_use]
    pub fn new(columns: &'static [&'static str]) -> Self {
        Self::with_row_max(columns, ITEM_MAX)
    }

    /// A reader that passes over rows larger than `row_max` bytes.
    #[must_use]
    pub fn with_row_max(columns: &'static [&'static str], row_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            expected: Expected::Object,
            value: None,
            kept: Vec::new(),
            length: 0,
            columns,
            seen: Seen::default(),
            row_max,
        }
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next piece; None where more bytes are needed.
    ///
    /// # Errors
    /// Where the body is no such Table; the reader is of no use then.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, WireError> {
        loop {
            if let Some((member, mut scan)) = self.value.take() {
                if !self.read_value(member, &mut scan)? {
                    self.value = Some((member, scan));
                    return Ok(None);
                }
                if let Some(piece) = self.end_value(member)? {
                    return Ok(Some(piece));
                }
                continue;
            }
            let blank = self.buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.buffer.advance(blank);
            let Some(&byte) = self.buffer.first() else { return Ok(None) };
            if self.punctuation(byte)? {
                self.buffer.advance(1);
            }
        }
    }

    /// Says that the body has ended.
    ///
    /// # Errors
    /// `Truncated` where more was announced: a cut body is never the end of a list.
    pub fn finish(&self) -> Result<(), WireError> {
        let whole = self.expected == Expected::End && self.buffer.iter().all(u8::is_ascii_whitespace);
        if whole { Ok(()) } else { Err(WireError::Truncated) }
    }

    /// What a byte between two values means; false where it is the first of a value.
    fn punctuation(&mut self, byte: u8) -> Result<bool, WireError> {
        let begins = |member| Some((member, Scan::default()));
        self.expected = match (self.expected, byte) {
            (Expected::Object, b'{') => Expected::FirstKey,
            (Expected::FirstKey | Expected::NextMember, b'}') => return self.end().map(|()| true),
            (Expected::NextMember, b',') => Expected::Key,
            (Expected::Colon(member), b':') => Expected::Value(member),
            (Expected::Value(Member::Rows), b'[') => {
                self.begin_rows()?;
                Expected::FirstRow
            }
            (Expected::FirstRow | Expected::NextRow, b']') => Expected::NextMember,
            (Expected::NextRow, b',') => Expected::Row,
            (Expected::FirstKey | Expected::Key, b'"') => {
                self.value = begins(Member::Name);
                return Ok(false);
            }
            (Expected::Value(Member::Rows), b'n') => {
                // Go's null is a list without elements.
                self.begin_rows()?;
                self.value = begins(Member::Rows);
                return Ok(false);
            }
            (Expected::Value(member), _) if member != Member::Rows => {
                self.value = begins(member);
                return Ok(false);
            }
            (Expected::FirstRow | Expected::Row, _) => {
                self.value = begins(Member::Row);
                return Ok(false);
            }
            _ => return Err(WireError::Json),
        };
        Ok(true)
    }

    /// Reads on in a value; whether it has come to its end.
    fn read_value(&mut self, member: Member, scan: &mut Scan) -> Result<bool, WireError> {
        let (mut used, mut ended) = (0, false);
        while let Some(&byte) = self.buffer.get(used)
            && !ended
        {
            match scan.step(byte)? {
                Step::More => used += 1,
                Step::Last => (used, ended) = (used + 1, true),
                Step::Behind => ended = true,
            }
        }
        self.keep(member, used)?;
        Ok(ended)
    }

    /// Takes bytes of a value off the buffer, and keeps them where they are of interest and not too many.
    fn keep(&mut self, member: Member, used: usize) -> Result<(), WireError> {
        self.length += used as u64;
        let most = match member {
            Member::Other => 0,
            Member::Row => self.row_max,
            _ => MEMBER_MAX,
        };
        let fits = self.length <= most as u64;
        if !fits && !matches!(member, Member::Row | Member::Other) {
            return Err(WireError::Json);
        }
        let most = if fits { used } else { HEAD_MAX.min(most).saturating_sub(self.kept.len()).min(used) };
        self.kept.extend_from_slice(&self.buffer[..most]);
        if !fits {
            self.kept.truncate(HEAD_MAX);
        }
        self.buffer.advance(used);
        Ok(())
    }

    /// What a whole value means.
    fn end_value(&mut self, member: Member) -> Result<Option<Piece>, WireError> {
        let kept = std::mem::take(&mut self.kept);
        let length = std::mem::take(&mut self.length);
        self.expected = match member {
            Member::Name => Expected::Colon(self.member(&kept)?),
            Member::Row => Expected::NextRow,
            _ => Expected::NextMember,
        };
        match member {
            Member::Kind if parsed::<String>(&kept)? != "Table" => Err(WireError::NoTable),
            Member::Metadata => {
                let Metadata { resource_version, r#continue } = parsed(&kept)?;
                Ok(Some(Piece::ListMeta(ListMeta { resource_version, continue_token: r#continue })))
            }
            Member::Columns => {
                let columns: Vec<Column> = parsed(&kept)?;
                let names = columns.iter().map(|column| column.name.as_str()).take(self.columns.len());
                if names.eq(self.columns.iter().copied()) { Ok(None) } else { Err(WireError::Columns) }
            }
            Member::Row if length > self.row_max as u64 => Ok(Some(Piece::TooLarge { head: kept.into(), length })),
            Member::Row => Ok(Some(Piece::Item(kept.into()))),
            Member::Rows if kept != b"null" => Err(WireError::Json),
            Member::Name | Member::Kind | Member::Rows | Member::Other => Ok(None),
        }
    }

    /// The member of a name. One that comes twice, as a Table never has it, could say two things.
    fn member(&mut self, name: &[u8]) -> Result<Member, WireError> {
        let name: String = parsed(name)?;
        let (member, seen) = match name.as_str() {
            "kind" => (Member::Kind, &mut self.seen.kind),
            "metadata" => (Member::Metadata, &mut self.seen.metadata),
            "columnDefinitions" => (Member::Columns, &mut self.seen.columns),
            "rows" => (Member::Rows, &mut self.seen.rows),
            _ => return Ok(Member::Other),
        };
        if std::mem::replace(seen, true) { Err(WireError::Json) } else { Ok(member) }
    }

    /// Rows mean something only behind what they are rows of.
    fn begin_rows(&self) -> Result<(), WireError> {
        let Seen { kind, metadata, columns, rows: _ } = self.seen;
        if kind && metadata && columns { Ok(()) } else { Err(WireError::NoTable) }
    }

    fn end(&mut self) -> Result<(), WireError> {
        if !self.seen.rows {
            return Err(WireError::NoTable);
        }
        self.expected = Expected::End;
        Ok(())
    }
}

fn parsed<'a, T: Deserialize<'a>>(value: &'a [u8]) -> Result<T, WireError> {
    serde_json::from_slice(value).map_err(|_| WireError::Json)
}

/// The one row of a Table of one object.
///
/// # Errors
/// Where the body is something else.
pub fn only_row(columns: &'static [&'static str], body: &[u8]) -> Result<Bytes, WireError> {
    let mut reader = TableReader::new(columns);
    reader.push(body);
    let mut only = None;
    while let Some(piece) = reader.next_piece()? {
        match piece {
            Piece::ListMeta(_) => {}
            Piece::Item(row) if only.is_none() => only = Some(row),
            Piece::Item(_) | Piece::TooLarge { .. } => return Err(WireError::NoTable),
        }
    }
    reader.finish()?;
    only.ok_or(WireError::NoTable)
}

/// The namespace and name of a row's object, as far as its first bytes tell; empty where they do not.
#[must_use]
pub fn name_of_head(head: &[u8]) -> (String, String) {
    const METADATA: &str = "\"metadata\":{";
    let head = String::from_utf8_lossy(head);
    let metadata = head.find(METADATA).map_or("", |at| &head[at + METADATA.len()..]);
    // Names need no escape, and Go writes both first.
    let text = |key: &str| {
        let rest = metadata.split_once(&format!("\"{key}\":\"")).map_or("", |(_, rest)| rest);
        rest.split_once('"').map_or("", |(text, _)| text).to_owned()
    };
    (text("namespace"), text("name"))
}
