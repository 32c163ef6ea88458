//! Lines, written into pages as they are read: a long log has millions of them, and a message of its own for each would cost more
//! than all the rest of the work.

use gumshoe_proto::collector::v1::ReadLogsResponse;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::{lines::Line, moment::Moment};
use crate::{
    error::ReadError,
    pages::{page::PageBuilder, size::page_size_within},
};

/// Most lines in a page.
const PAGE_LINES: usize = 10_000;

/// The numbers of the fields, as log.proto has them.
mod field {
    pub(super) const TIMESTAMP: u32 = 1;
    pub(super) const CONTAINER: u32 = 2;
    pub(super) const TEXT: u32 = 3;
    pub(super) const RAW: u32 = 4;
    pub(super) const CUT_FROM: u32 = 5;
    pub(super) const POD: u32 = 6;
    pub(super) const COUNT: u32 = 7;
    pub(super) const LAST_TIMESTAMP: u32 = 8;
    pub(super) const POD_UID: u32 = 9;
    pub(super) const SECONDS: u32 = 1;
    pub(super) const NANOS: u32 = 2;
}

/// How many lines a page may hold.
///
/// # Errors
/// As `page_size_within`.
pub fn page_size(requested: i32) -> Result<usize, ReadError> {
    page_size_within(requested, PAGE_LINES, PAGE_LINES)
}

/// A page of lines in the making.
pub type LinePage = PageBuilder<ReadLogsResponse>;

/// Who wrote a line, and how often in a row.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'name> {
    /// The pod.
    pub pod: &'name str,
    /// Its uid, where it has to be said.
    pub pod_uid: &'name str,
    /// The container.
    pub container: &'name str,
    /// How many equal lines it stands for; 0 and 1 for itself alone.
    pub count: u64,
    /// When the last of several was taken.
    pub last: Option<Moment>,
}

impl LinePage {
    /// Adds a line.
    pub fn push_line(&mut self, writer: &Writer<'_>, line: Line, text: &[u8]) {
        match std::str::from_utf8(text) {
            Ok(valid) => self.encode(writer, line, valid.as_bytes(), &[], line.cut_from(text)),
            Err(_) => {
                let lossy = String::from_utf8_lossy(text);
                self.encode(writer, line, lossy.as_bytes(), text, line.cut_from(text));
            }
        }
    }

    /// Writes what prost would write for a `LogLine`.
    fn encode(&mut self, writer: &Writer<'_>, line: Line, text: &[u8], raw: &[u8], cut_from: Option<u64>) {
        let &Writer { pod, pod_uid, container, count, last } = writer;
        let count = (count > 1).then_some(count);
        let last = last.filter(|_| count.is_some());
        let length = time_len(field::TIMESTAMP, line.moment)
            + bytes_len(field::CONTAINER, container.as_bytes())
            + bytes_len(field::TEXT, text)
            + bytes_len(field::RAW, raw)
            + cut_from.map_or(0, |length| varint_len(field::CUT_FROM, length))
            + bytes_len(field::POD, pod.as_bytes())
            + count.map_or(0, |count| varint_len(field::COUNT, count))
            + time_len(field::LAST_TIMESTAMP, last)
            + bytes_len(field::POD_UID, pod_uid.as_bytes());
        let out = self.begin(length);
        put_time(field::TIMESTAMP, line.moment, out);
        put_bytes(field::CONTAINER, container.as_bytes(), out);
        put_bytes(field::TEXT, text, out);
        put_bytes(field::RAW, raw, out);
        put_varint(field::CUT_FROM, cut_from.unwrap_or_default(), out);
        put_bytes(field::POD, pod.as_bytes(), out);
        put_varint(field::COUNT, count.unwrap_or_default(), out);
        put_time(field::LAST_TIMESTAMP, last, out);
        put_bytes(field::POD_UID, pod_uid.as_bytes(), out);
    }
}

/// A `google.protobuf.Timestamp`.
fn time_len(number: u32, moment: Option<Moment>) -> usize {
    moment.map_or(0, |moment| field_len(number, content_len(moment)))
}

/// The same without its key and length.
fn content_len(moment: Moment) -> usize {
    varint_len(field::SECONDS, moment.seconds.cast_unsigned()) + varint_len(field::NANOS, u64::from(moment.nanos))
}

fn put_time(number: u32, moment: Option<Moment>, out: &mut Vec<u8>) {
    let Some(moment) = moment else { return };
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(content_len(moment) as u64, out);
    put_varint(field::SECONDS, moment.seconds.cast_unsigned(), out);
    put_varint(field::NANOS, u64::from(moment.nanos), out);
}

/// A field of so many bytes.
fn field_len(number: u32, length: usize) -> usize {
    key_len(number) + encoded_len_varint(length as u64) + length
}

/// What is empty or zero is not written (proto3).
fn bytes_len(number: u32, bytes: &[u8]) -> usize {
    if bytes.is_empty() { 0 } else { field_len(number, bytes.len()) }
}

fn varint_len(number: u32, value: u64) -> usize {
    if value == 0 { 0 } else { key_len(number) + encoded_len_varint(value) }
}

fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        encode_key(number, WireType::LengthDelimited, out);
        encode_varint(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
}

fn put_varint(number: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        encode_key(number, WireType::Varint, out);
        encode_varint(value, out);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use gumshoe_proto::collector::v1::{Completeness, LogLine};
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::logs::lines::LINE_MAX;

    fn mk_moment() -> impl Strategy<Value = Moment> {
        let moment = (-62_135_596_800_i64..253_402_300_800, 0_u32..1_000_000_000);
        moment.prop_map(|(seconds, nanos)| Moment { seconds, nanos })
    }

    fn mk_line() -> impl Strategy<Value = (Line, Vec<u8>)> {
        let moment = prop::option::of(mk_moment());
        let text =
            prop_oneof![prop::collection::vec(any::<u8>(), 0..300), "[a-zé€]{0,300}".prop_map(String::into_bytes)];
        (moment, text, prop::option::of(1_u64..1 << 40)).prop_map(|(moment, text, more)| {
            (Line { moment, length: text.len() as u64 + more.unwrap_or_default(), line_feed: true }, text)
        })
    }

    proptest! {
        #[test]
        fn the_encoding_is_the_one_that_prost_writes(
            lines in prop::collection::vec((("[a-z]{0,5}", "[a-z]{0,5}"), "[a-z]{0,5}", mk_line(), 0_u64..3, prop::option::of(mk_moment())), 0..10),
            complete in any::<bool>(),
        ) {
            let end = ReadLogsResponse {
                next_page_token: "next".into(),
                completeness: Some(Completeness { complete, ..Completeness::default() }),
                ..ReadLogsResponse::default()
            };
            let mut page = LinePage::new(100);
            let mut expected = Vec::new();
            for ((pod, pod_uid), container, (line, text), count, last) in &lines {
                page.push_line(&Writer { pod, pod_uid, container, count: *count, last: *last }, *line, text);
                expected.push(LogLine {
                    timestamp: line.moment.map(Moment::timestamp),
                    container: container.clone(),
                    text: String::from_utf8_lossy(text).into_owned(),
                    raw: if std::str::from_utf8(text).is_ok() { Bytes::new() } else { text.clone().into() },
                    cut_from: (line.length > text.len() as u64).then_some(line.length),
                    pod: pod.clone(),
                    count: (*count > 1).then_some(*count),
                    last_timestamp: last.filter(|_| *count > 1).map(Moment::timestamp),
                    pod_uid: pod_uid.clone(),
                });
            }
            prop_assert_eq!(page.item_bytes(), expected.iter().map(LogLine::encoded_len).sum::<usize>());
            let expected = ReadLogsResponse { lines: expected, ..end.clone() };
            prop_assert_eq!(page.take(&end).0, expected.encode_to_vec());
        }
    }

    #[test]
    fn a_page_with_the_longest_lines_stays_below_one_mebibyte() {
        let mut page = LinePage::new(PAGE_LINES);
        let text = vec![0xff; LINE_MAX];
        while !page.is_full() {
            let writer = Writer { pod: &"p".repeat(253), pod_uid: "", container: "web", count: 1, last: None };
            page.push_line(&writer, Line { moment: None, length: 1 << 30, line_feed: true }, &text);
        }
        assert!(page.bytes() <= 1 << 20, "{}", page.bytes());
    }

    #[test]
    fn sizes_are_read_as_the_contract_says() {
        assert_eq!(page_size(0).ok(), Some(10_000));
        assert_eq!(page_size(20_000).ok(), Some(10_000));
        assert_eq!(page_size(5).ok(), Some(5));
        assert!(matches!(page_size(-1), Err(ReadError::InvalidArgument { field: "page_size", .. })));
    }
}
