//! How a kind is asked for, and how its answers are taken apart: as protobuf, or as a Table.

use bytes::Bytes;

use super::{
    resource::Target,
    table::{self, TableReader},
    wire::{self, ListReader, Piece, WireError, unwrap_metadata, unwrap_unknown},
};

/// Protobuf, without the part of metadata that nobody here reads: servers that do not know the parameter ignore it
/// (KEP-5958).
const ACCEPT_PROTOBUF: &str =
    "application/vnd.kubernetes.protobuf;drop=metadata.managedFields, application/vnd.kubernetes.protobuf";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// A Table, and nothing in its place: a server that makes none answers 406, never with the objects themselves.
const ACCEPT_TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
const JSON: &str = "application/json";
/// The metadata of one object, and nothing in its place.
const ACCEPT_METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/// The same of a list.
const ACCEPT_METADATA_LIST: &str =
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// In what form the API server is asked for the objects of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Whole objects.
    Protobuf,
    /// Rows of a Table whose first columns are these, each with the metadata of its object and nothing else of it.
    Table(&'static [&'static str]),
    /// The metadata of one object, and nothing else of it.
    Metadata,
    /// The same of each object of a list.
    MetadataList,
}

impl Encoding {
    /// What the request accepts.
    pub(super) fn accept(self) -> &'static str {
        match self {
            Self::Protobuf => ACCEPT_PROTOBUF,
            Self::Table(_) => ACCEPT_TABLE,
            Self::Metadata => ACCEPT_METADATA,
            Self::MetadataList => ACCEPT_METADATA_LIST,
        }
    }

    /// What the content type of the answer begins with.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf | Self::Metadata | Self::MetadataList => PROTOBUF,
            Self::Table(_) => JSON,
        }
    }

    /// What such an answer is called, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Protobuf | Self::Metadata | Self::MetadataList => "Kubernetes protobuf",
            Self::Table(_) => "a Table",
        }
    }

    /// The request, with what it has to say beside its Accept header.
    pub(super) fn ask(self, target: Target) -> Target {
        match self {
            Self::Protobuf | Self::Metadata | Self::MetadataList => target,
            // The server's default, but nothing that is left to it.
            Self::Table(_) => target.with("includeObject", "Metadata"),
        }
    }

    /// The object in the body of an answer that holds one.
    pub(super) fn only_object(self, body: &Bytes) -> Result<Bytes, WireError> {
        match self {
            Self::Protobuf => unwrap_unknown(body),
            Self::Metadata | Self::MetadataList => unwrap_metadata(body),
            Self::Table(columns) => table::only_row(columns, body),
        }
    }

    /// The namespace and name of an object, as far as its first bytes tell; empty where they do not.
    #[must_use]
    pub fn name_of_head(self, head: &[u8]) -> (String, String) {
        match self {
            Self::Protobuf | Self::Metadata | Self::MetadataList => wire::name_of_head(head),
            Self::Table(_) => table::name_of_head(head),
        }
    }

    /// Reads a list in this form.
    #[must_use]
    pub fn reader(self) -> PieceReader {
        match self {
            Self::Protobuf => PieceReader::Protobuf(ListReader::default()),
            Self::Metadata | Self::MetadataList => PieceReader::Protobuf(ListReader::of_metadata()),
            Self::Table(columns) => PieceReader::Table(TableReader::new(columns)),
        }
    }
}

/// Takes the body of a list apart, whatever its form.
#[derive(Debug)]
pub enum PieceReader {
    /// Of protobuf.
    Protobuf(ListReader),
    /// Of a Table.
    Table(TableReader),
}

impl PieceReader {
    /// Takes the next bytes of the body.
    pub fn push(&mut self, chunk: &[u8]) {
        match self {
            Self::Protobuf(reader) => reader.push(chunk),
            Self::Table(reader) => reader.push(chunk),
        }
    }

    /// The next piece; None where more bytes are needed.
    ///
    /// # Errors
    /// Where the body is not such a list; the reader is of no use then.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, WireError> {
        match self {
            Self::Protobuf(reader) => reader.next_piece(),
            Self::Table(reader) => reader.next_piece(),
        }
    }

    /// Says that the body has ended.
    ///
    /// # Errors
    /// `Truncated` where more was announced.
    pub fn finish(&self) -> Result<(), WireError> {
        match self {
            Self::Protobuf(reader) => reader.finish(),
            Self::Table(reader) => reader.finish(),
        }
    }
}
