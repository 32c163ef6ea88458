use jiff::Timestamp;
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

use super::*;
use crate::{
    bridge::v1::{Accepted, Command, Page, Query, Result, cancel::Target, page, query, result},
    collector::v1::{GetPodRequest, ListPodsRequest, LogLine, ReadLogsRequest, ReadLogsResponse},
};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 123_456_789);
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn mk_command() -> Command {
    Command {
        id: "c-1".into(),
        investigation_id: "i_1".into(),
        deadline: Some(prost_types::Timestamp { seconds: 1_800_000_060, nanos: 0 }),
        queries: vec![mk_query("q", query::Request::GetPod(GetPodRequest::default()))],
        ..Command::default()
    }
}

fn mk_query(id: &str, request: query::Request) -> Query {
    Query { id: id.into(), request: Some(request), ..Query::default() }
}

fn mk_event(change: impl FnOnce(&mut Value)) -> String {
    let mut event = serde_json::from_str(&encode_command(&mk_command(), NOW)).unwrap();
    change(&mut event);
    event.to_string()
}

fn mk_log_page(text: &str) -> Result {
    let line = LogLine { text: text.into(), container: text.into(), ..LogLine::default() };
    let response = ReadLogsResponse { lines: vec![line], ..ReadLogsResponse::default() };
    let response = Some(page::Response::ReadLogs(response));
    mk_result(3, result::Kind::Page(Page { query_id: "q".into(), number: 2, response, ..Page::default() }))
}

fn mk_result(seq: u32, kind: result::Kind) -> Result {
    Result { command_id: "c".into(), run: "r".into(), seq, investigation_id: "i".into(), kind: Some(kind) }
}

/// The characters that SendMessage takes (SQS API reference): #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD |
/// #x10000 to #x10FFFF.
fn sqs_takes(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn fault(body: &str) -> Fault {
    decode_command(body).expect_err(body).fault
}

#[test]
fn a_command_is_a_cloud_event() {
    let command = Command { traceparent: TRACEPARENT.into(), reply_to: "main".into(), ..mk_command() };
    let event: Value = serde_json::from_str(&encode_command(&command, NOW)).unwrap();
    assert_eq!(
        event,
        json!({
            "specversion": "1.0",
            "id": "c-1",
            "source": "/gumshoe/client",
            "type": "gumshoe.bridge.v1.Command",
            "time": "2027-01-15T08:00:00.123Z",
            "subject": "i_1",
            "datacontenttype": "application/json",
            "traceparent": TRACEPARENT,
            "data": {
                "id": "c-1",
                "investigationId": "i_1",
                "deadline": "2027-01-15T08:01:00Z",
                "replyTo": "main",
                "traceparent": TRACEPARENT,
                "queries": [{"id": "q", "getPod": {}}],
            },
        })
    );
}

#[test]
fn a_result_is_a_cloud_event_whose_id_is_unique() {
    let result = mk_result(0, result::Kind::Accepted(Accepted { bridge_version: "1".into(), ..Accepted::default() }));
    let event: Value = serde_json::from_str(&encode_result(&result, NOW)).unwrap();
    assert_eq!((&event["id"], &event["type"]), (&json!("c.r.0"), &json!("gumshoe.bridge.v1.Result")));
    assert_eq!(event["data"]["accepted"], json!({"bridgeVersion": "1"}));
}

#[test]
fn every_character_is_sent_legally_and_arrives() {
    let all: Vec<char> = (char::MIN..=char::MAX).collect();
    for part in all.chunks(0x1000) {
        let text: String = part.iter().collect();
        let sent = mk_log_page(&text);
        let body = encode_result(&sent, NOW);
        assert_eq!(body.chars().find(|character| !sqs_takes(*character)), None);
        assert_eq!(decode_result(&body).unwrap(), sent);
    }
}

#[test]
fn a_page_of_ready_json_is_the_same_body() {
    let whole = mk_log_page("line");
    let Some(result::Kind::Page(page)) = whole.kind.clone() else { unreachable!() };
    let bare = mk_result(3, result::Kind::Page(Page { response: None, ..page }));
    let response = r#"{"lines":[{"container":"line","text":"line"}]}"#;
    assert_eq!(encode_page(&bare, "readLogs", response, NOW), encode_result(&whole, NOW));

    let empty = mk_result(3, result::Kind::Page(Page::default()));
    let body = encode_page(&empty, "readLogs", "{}", NOW);
    let response = Some(page::Response::ReadLogs(ReadLogsResponse::default()));
    assert_eq!(decode_result(&body).unwrap(), mk_result(3, result::Kind::Page(Page { response, ..Page::default() })));
}

#[test]
fn a_field_that_a_message_does_not_have_is_refused_by_name() {
    let body = mk_event(|event| event["data"]["queries"][0]["getPod"]["nmae"] = json!("web"));
    assert!(fault(&body).to_string().contains("nmae"));
}

#[test]
fn attributes_beyond_those_of_the_specification_are_allowed_in_the_envelope() {
    assert_eq!(decode_command(&mk_event(|event| event["tenant"] = json!("a"))).unwrap(), mk_command());
}

#[test]
fn a_filter_is_never_dropped_from_a_request() {
    for request in [
        r#"{"labelSelector": "app=web", "label_selector": ""}"#,
        r#"{"namespaces": ["shop"], "namespaces": []}"#,
        r#"{"namespaces": [null]}"#,
        r#"{"namespaces": "shop"}"#,
        r#"{"namespaces": {"0": "shop"}}"#,
        r#"{"limit": "many"}"#,
        r#"{"limit": 1.5}"#,
        r#"{"limit": 9223372036854775808}"#,
    ] {
        let body = mk_event(|event| event["data"]["queries"][0] = json!({"id": "q", "listPods": "REQUEST"}));
        let fault = fault(&body.replace("\"REQUEST\"", request));
        assert!(["NOT_JSON", "INVALID_DATA"].contains(&fault.reason()), "{request}: {fault}");
    }
}

fn cancel(event: &mut Value, cancel: &Value) {
    event["data"]["queries"] = json!([]);
    event["data"]["cancel"] = cancel.clone();
}

#[test]
fn a_ping_is_a_command_without_queries() {
    let ping = mk_event(|event| {
        event["data"]["queries"] = json!([]);
        event["data"]["ping"] = json!({});
    });
    assert!(decode_command(&ping).unwrap().ping.is_some());
}

#[test]
fn a_cancel_is_a_command_without_queries() {
    let command = decode_command(&mk_event(|event| cancel(event, &json!({"commandId": "c-2"})))).unwrap();
    assert_eq!(command.cancel.and_then(|cancel| cancel.target), Some(Target::CommandId("c-2".into())));
}

#[test]
fn each_fault_has_its_own_reason() {
    type Change<'a> = &'a dyn Fn(&mut Value);
    let cases: [(&str, Change<'_>); 25] = [
        ("NOT_A_CLOUD_EVENT", &|event| *event = json!([])),
        ("NOT_A_CLOUD_EVENT", &|event| event["source"] = json!("")),
        ("NOT_A_CLOUD_EVENT", &|event| event["specversion"] = json!(1.0)),
        ("NOT_A_CLOUD_EVENT", &|event| event["data"] = json!("{}")),
        ("UNSUPPORTED_SPECVERSION", &|event| event["specversion"] = json!("0.3")),
        ("UNSUPPORTED_TYPE", &|event| event["type"] = json!(RESULT_TYPE)),
        ("UNSUPPORTED_DATA_ENCODING", &|event| event["datacontenttype"] = json!("application/protobuf")),
        ("UNSUPPORTED_DATA_ENCODING", &|event| event["data_base64"] = json!("AA==")),
        ("INVALID_ID", &|event| event["data"]["id"] = json!("a.b")),
        ("INVALID_ID", &|event| event["data"]["id"] = json!("a".repeat(65))),
        ("INVALID_ID", &|event| event["data"]["investigationId"] = Value::Null),
        ("INVALID_ID", &|event| event["data"]["queries"][0]["id"] = json!("ä")),
        ("MISSING_DEADLINE", &|event| event["data"]["deadline"] = Value::Null),
        ("INVALID_DATA", &|event| event["data"]["deadline"] = json!("tomorrow")),
        ("NO_QUERIES", &|event| event["data"]["queries"] = json!([])),
        ("TOO_MANY_QUERIES", &|event| event["data"]["queries"] = json!(vec![json!({"id": "q"}); 101])),
        ("DUPLICATE_QUERY_ID", &|event| event["data"]["queries"] = json!(vec![json!({"id": "q", "getPod": {}}); 2])),
        ("QUERY_WITHOUT_REQUEST", &|event| event["data"]["queries"][0] = json!({"id": "q"})),
        ("INVALID_PROGRESS_INTERVAL", &|event| event["data"]["progressInterval"] = json!("0.5s")),
        ("INVALID_PROGRESS_INTERVAL", &|event| event["data"]["progressInterval"] = json!("601s")),
        ("CANCEL_WITH_QUERIES", &|event| event["data"]["cancel"] = json!({"commandId": "c"})),
        ("CANCEL_WITH_QUERIES", &|event| {
            cancel(event, &json!({"commandId": "c"}));
            event["data"]["ping"] = json!({});
        }),
        ("PING_WITH_QUERIES", &|event| event["data"]["ping"] = json!({})),
        ("CANCEL_WITHOUT_TARGET", &|event| cancel(event, &json!({}))),
        ("INVALID_ID", &|event| cancel(event, &json!({"investigationId": "a b"}))),
    ];
    for (reason, change) in cases {
        let body = mk_event(change);
        assert_eq!(fault(&body).reason(), reason, "{body}");
    }
    assert_eq!(fault("{").reason(), "NOT_JSON");
    assert_eq!(fault(&"[".repeat(100_000)).reason(), "NOT_JSON");
}

#[test]
fn what_was_readable_of_a_refused_command_is_kept() {
    let body = mk_event(|event| event["data"] = json!({"id": "c", "investigation_id": "i", "replyTo": "r", "x": 1}));
    let readable = decode_command(&body).expect_err("x is unknown").readable;
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(*readable, Readable { command_id: text("c"), investigation_id: text("i"), reply_to: text("r") });

    let body = mk_event(|event| event["data"] = json!({"id": "../c", "investigationId": 7}));
    assert_eq!(*decode_command(&body).expect_err("no id").readable, Readable::default());
}

#[test]
fn the_media_type_may_have_parameters_or_be_absent() {
    for media_type in [json!("Application/JSON; charset=utf-8"), Value::Null] {
        let body = mk_event(|event| event["datacontenttype"] = media_type);
        assert_eq!(decode_command(&body).unwrap(), mk_command());
    }
}

#[test]
fn the_trace_context_of_the_envelope_serves_where_the_command_has_none() {
    let other = "00-11111111111111111111111111111111-2222222222222222-00";
    for (in_envelope, in_data, expected) in [
        (json!(TRACEPARENT), Value::Null, TRACEPARENT),
        (json!(TRACEPARENT), json!(other), other),
        (json!("00-0-0-0"), Value::Null, ""),
        (Value::Null, json!("00-00000000000000000000000000000000-2222222222222222-00"), ""),
        (Value::Null, Value::Null, ""),
    ] {
        let body = mk_event(|event| {
            event["traceparent"] = in_envelope;
            event["data"]["traceparent"] = in_data;
        });
        assert_eq!(decode_command(&body).unwrap().traceparent, expected);
    }
}

#[test]
fn a_field_that_a_newer_bridge_adds_to_a_result_is_let_pass() {
    let body =
        encode_result(&mk_log_page("x"), NOW).replace("\"readLogs\":{", "\"readLogs\":{\"addedLater\":{\"a\":1},");
    assert_eq!(decode_result(&body).unwrap(), mk_log_page("x"));
}

#[test]
fn a_command_is_no_result() {
    assert_eq!(decode_result(&mk_event(|_| {})).expect_err("a command").fault.reason(), "UNSUPPORTED_TYPE");
}

fn any_request() -> impl Strategy<Value = query::Request> {
    let list = (vec(any::<String>(), 0..3), any::<String>(), any::<i64>(), any::<i32>()).prop_map(
        |(namespaces, label_selector, limit, page_size)| {
            query::Request::ListPods(ListPodsRequest {
                namespaces,
                label_selector,
                limit,
                page_size,
                ..ListPodsRequest::default()
            })
        },
    );
    let logs = (any::<String>(), option::of(any::<i64>()), any::<bool>()).prop_map(|(pod, tail_lines, previous)| {
        query::Request::ReadLogs(ReadLogsRequest { pod, tail_lines, previous, ..ReadLogsRequest::default() })
    });
    prop_oneof![list, logs]
}

proptest! {
    #[test]
    fn any_command_arrives_as_it_was_sent(requests in vec(any_request(), 1..5), reply_to in any::<String>(), id in "[A-Za-z0-9_-]{1,64}") {
        let queries = requests.into_iter().enumerate().map(|(n, request)| mk_query(&n.to_string(), request)).collect();
        let command = Command { queries, reply_to, id, ..mk_command() };
        let body = encode_command(&command, NOW);
        prop_assert!(body.chars().all(sqs_takes));
        prop_assert_eq!(decode_command(&body).unwrap(), command);
    }

    #[test]
    fn no_text_makes_the_decoder_fail_otherwise_than_by_an_error(text in any::<String>(), at in any::<prop::sample::Index>()) {
        let mut body: Vec<char> = encode_command(&mk_command(), NOW).chars().collect();
        let at = at.index(body.len());
        body.splice(at..(at + 1), text.chars());
        let _ = decode_command(&body.into_iter().collect::<String>());
        let _ = decode_result(&text);
    }

    #[test]
    fn only_the_characters_of_ids_make_an_id(text in "\\PC{0,70}") {
        let legal = text.chars().all(|character| character.is_ascii_alphanumeric() || "_-".contains(character));
        prop_assert_eq!(is_id(&text), legal && (1..=64).contains(&text.len()));
    }
}
