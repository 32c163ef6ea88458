//! The Table reader against serde_json as its model.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use gumshoe_collector::kubernetes::{
    table::{TableReader, name_of_head, only_row},
    wire::{ListMeta, Piece, WireError},
};
use proptest::prelude::*;
use serde_json::{Value, json};

const COLUMNS: &[&str] = &["Name", "Type"];

fn read(body: &[u8], chunks: &[usize], row_max: usize) -> Result<Vec<Piece>, WireError> {
    let mut reader = TableReader::with_row_max(COLUMNS, row_max);
    let mut pieces = Vec::new();
    let mut rest = body;
    let mut sizes = chunks.iter().copied().chain(std::iter::repeat(usize::MAX));
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len());
        reader.push(&rest[..size]);
        rest = &rest[size..];
        while let Some(piece) = reader.next_piece()? {
            pieces.push(piece);
        }
    }
    reader.finish()?;
    Ok(pieces)
}

/// What a Table means: its ListMeta and its rows; None where it is none.
fn model(body: &[u8]) -> Option<(ListMeta, Vec<Value>)> {
    let table: Value = serde_json::from_slice(body).ok()?;
    let names: Vec<_> = table["columnDefinitions"].as_array()?.iter().map(|column| &column["name"]).take(2).collect();
    let rows = match &table["rows"] {
        Value::Null => Vec::new(),
        rows => rows.as_array()?.clone(),
    };
    let text =
        |field: &str| table["metadata"].get(field).map_or(Some(String::new()), |it| Some(it.as_str()?.to_owned()));
    let meta = ListMeta { resource_version: text("resourceVersion")?, continue_token: text("continue")? };
    let named = table["metadata"].is_object() && table.get("rows").is_some();
    (table["kind"] == "Table" && names == COLUMNS && named).then_some((meta, rows))
}

fn meaning(pieces: Vec<Piece>) -> (ListMeta, Vec<Value>) {
    let mut pieces = pieces.into_iter();
    let Some(Piece::ListMeta(meta)) = pieces.next() else { panic!("no ListMeta first") };
    let rows = pieces.map(|piece| match piece {
        Piece::Item(row) => serde_json::from_slice(&row).unwrap(),
        other => panic!("{other:?}"),
    });
    (meta, rows.collect())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        // Quotes, backslashes and brackets within texts are what a reader trips over.
        "[\"\\\\\\[\\]{},: a-c\u{e9}\n]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"\\\\]{0,3}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// The text of a Table with these rows, and something of no interest beside what it needs, in this many ways of spacing.
fn mk_table(rows: &[Value], other: &Value, pretty: bool) -> Vec<u8> {
    let text = |value: &Value| {
        if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() }
    };
    let metadata = json!({"resourceVersion": "930", "continue": "next", "remainingItemCount": 3});
    let columns = json!([{"name": "Name", "type": "string"}, {"name": "Type"}, {"name": "Data"}]);
    let blank = if pretty { " \n\t" } else { "" };
    format!(
        "{{{blank}\"kind\":{blank}\"Table\"{blank},\"apiVersion\":\"meta.k8s.io/v1\",\"other\":{}{blank},\"metadata\":{},\
         \"columnDefinitions\":{},\"rows\":{}}}{blank}",
        text(other),
        text(&metadata),
        text(&columns),
        text(&Value::from(rows.to_vec())),
    )
    .into_bytes()
}

proptest! {
    #[test]
    fn any_table_in_any_chunks_is_read_row_by_row(
        rows in prop::collection::vec(any_json(), 0..6),
        other in any_json(),
        pretty: bool,
        chunks in prop::collection::vec(1_usize..40, 0..60),
    ) {
        let body = mk_table(&rows, &other, pretty);
        let pieces = read(&body, &chunks, usize::MAX).unwrap();
        prop_assert_eq!(Some(meaning(pieces)), model(&body));
    }

    #[test]
    fn a_table_that_is_cut_anywhere_is_never_whole(
        rows in prop::collection::vec(any_json(), 0..4),
        cut in any::<prop::sample::Index>(),
        chunks in prop::collection::vec(1_usize..40, 0..10),
    ) {
        let body = mk_table(&rows, &Value::Null, false);
        prop_assert_eq!(read(&body[..cut.index(body.len())], &chunks, usize::MAX), Err(WireError::Truncated));
    }

    #[test]
    fn no_bytes_break_the_reader_and_what_is_a_table_is_read_as_serde_json_reads_it(
        rows in prop::collection::vec(any_json(), 0..3),
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[\"\\\\\\[\\]{},:0tn ]"), 1..3),
        chunks in prop::collection::vec(1_usize..40, 0..10),
    ) {
        let mut body = mk_table(&rows, &json!({"a": [1]}), false);
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte.as_bytes()[0];
        }
        let read = read(&body, &chunks, usize::MAX);
        if let Some(expected) = model(&body) {
            // serde_json takes the last of two members of one name; a Table has none.
            let strict = read == Err(WireError::Json) || read == Err(WireError::NoTable);
            prop_assert!(strict || read.map(meaning) == Ok(expected));
        }
    }

    #[test]
    fn a_row_that_is_too_large_is_named_and_the_others_are_read(
        padding in 5000_usize..9000,
        which in 0_usize..4,
        chunks in prop::collection::vec(1_usize..3000, 0..20),
    ) {
        let row = |index: usize| {
            let metadata = format!(r#"{{"name":"web-{index}","namespace":"shop","uid":"u"}}"#);
            let metadata: Value = serde_json::from_str(&metadata).unwrap();
            json!({"cells": [index], "object": {"metadata": metadata}, "pad": "x".repeat(if index == which { padding } else { 0 })})
        };
        let body = mk_table(&(0..4).map(row).collect::<Vec<_>>(), &Value::Null, false);
        let pieces = read(&body, &chunks, 4500).unwrap();
        let is_item = |piece: &&Piece| matches!(piece, Piece::Item(_));
        prop_assert_eq!(pieces.iter().filter(is_item).count(), 3);
        let Some(Piece::TooLarge { head, length }) = pieces.get(which + 1) else { panic!("{pieces:?}") };
        prop_assert_eq!(*length, row(which).to_string().len() as u64);
        prop_assert!(head.len() <= 4096);
        prop_assert_eq!(name_of_head(head), ("shop".to_owned(), format!("web-{which}")));
    }
}

#[test]
fn what_is_no_table_is_refused_as_soon_as_that_can_be_told() {
    let secrets =
        br#"{"kind":"SecretList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{"data":{"a":"#;
    assert_eq!(read(secrets, &[], usize::MAX), Err(WireError::NoTable));
    let secret = br#"{"data":{"password":"aHVudGVyMg=="},"kind":"Secret","apiVersion":"v1"}"#;
    assert_eq!(read(secret, &[], usize::MAX), Err(WireError::NoTable));
    assert_eq!(read(b"{}", &[], usize::MAX), Err(WireError::NoTable));
    assert_eq!(read(b"<html>", &[], usize::MAX), Err(WireError::Json));
    let before = br#"{"rows":[{"cells":[]}],"kind":"Table"}"#;
    assert_eq!(read(before, &[], usize::MAX), Err(WireError::NoTable), "rows of what?");
}

#[test]
fn other_columns_are_refused() {
    let body = br#"{"kind":"Table","metadata":{},"columnDefinitions":[{"name":"Name"},{"name":"Data"}],"rows":[]}"#;
    assert_eq!(read(body, &[], usize::MAX), Err(WireError::Columns));
}

#[test]
fn what_nobody_asked_for_is_bounded() {
    let long = |member: &str| format!("{{\"kind\":\"Table\",\"{member}\":\"{}\"", "x".repeat(100_000)).into_bytes();
    assert_eq!(read(&long("metadata"), &[], usize::MAX), Err(WireError::Json));
    assert_eq!(read(&long("other"), &[1000; 120], usize::MAX), Err(WireError::Truncated));
    let deep = format!("{{\"kind\":\"Table\",\"other\":{}", "[".repeat(1000)).into_bytes();
    assert_eq!(read(&deep, &[], usize::MAX), Err(WireError::Json));
}

#[test]
fn one_object_is_the_only_row() {
    let row = json!({"cells": ["a"]});
    let two = mk_table(&[row.clone(), row.clone()], &Value::Null, false);
    assert_eq!(only_row(COLUMNS, &two), Err(WireError::NoTable));
    assert_eq!(only_row(COLUMNS, &mk_table(&[], &Value::Null, false)), Err(WireError::NoTable));
    let one = only_row(COLUMNS, &mk_table(&[row], &Value::Null, false)).unwrap();
    assert_eq!(&one[..], br#"{"cells":["a"]}"#);
}
