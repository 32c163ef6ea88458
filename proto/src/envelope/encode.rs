//! From a message to a body that SQS takes.

use jiff::Timestamp;
use prost::{Message, Name};
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde::{Serialize, Serializer, ser::Error as _};

use super::{COMMAND_TYPE, RESULT_TYPE};
use crate::{
    bridge::v1::{Command, Result, result::Kind},
    json,
};

/// The `source` of commands that this crate writes.
const COMMAND_SOURCE: &str = "/gumshoe/client";

/// The `source` of results.
const RESULT_SOURCE: &str = "/gumshoe/bridge";

/// Writes the body of a command. It does not check the command; [`check_command`](super::check_command) does.
///
/// # Panics
/// Where a time or duration is none that canonical JSON can hold (years 1 to 9999, 10,000 years).
#[must_use]
pub fn encode_command(command: &Command, now: Timestamp) -> String {
    let traceparent = Some(command.traceparent.as_str()).filter(|text| !text.is_empty());
    encode(&Event {
        id: &command.id,
        source: COMMAND_SOURCE,
        r#type: COMMAND_TYPE,
        subject: &command.investigation_id,
        traceparent,
        ..Event::new(command, now)
    })
}

/// Writes the body of a result; its event's id is `<command id>.<run>.<seq>`, of its progress `<command id>.<run>.p<seq>`.
///
/// # Panics
/// As [`encode_command`]: a page of objects that may hold any time goes through [`encode_page`].
#[must_use]
pub fn encode_result(result: &Result, now: Timestamp) -> String {
    encode(&Event {
        id: &result_id(result),
        source: RESULT_SOURCE,
        r#type: RESULT_TYPE,
        subject: &result.investigation_id,
        ..Event::new(result, now)
    })
}

/// What tells a result from all others.
#[must_use]
pub fn result_id(result: &Result) -> String {
    let Result { command_id, run, seq, kind, .. } = result;
    let apart = if matches!(kind, Some(Kind::Progress(_))) { "p" } else { "" };
    format!("{command_id}.{run}.{apart}{seq}")
}

/// Writes the body of a page whose response is canonical JSON already, as the bridge has it: `result` is the page without its
/// response, `arm` the JSON name of the response in the `oneof`.
#[must_use]
pub fn encode_page(result: &Result, arm: &str, response: &str, now: Timestamp) -> String {
    let mut body = encode_result(result, now);
    // `data`, `page` and the event are the last three objects to close: `data` is the event's last member, and the members of a
    // message stand in the order of their numbers, in which `page` and the response are last.
    insert_last(&mut body, 3, arm, response);
    body
}

/// Adds a member to the object that is closed by the `depth`th brace from the end.
fn insert_last(text: &mut String, depth: usize, name: &str, value: &str) {
    let at = text.len() - depth;
    debug_assert!(text[at..].bytes().all(|byte| byte == b'}'), "the objects close together");
    let comma = if text[..at].ends_with('{') { "" } else { "," };
    text.insert_str(at, &format!("{comma}\"{name}\":{value}"));
}

#[derive(Serialize)]
struct Event<'a, D> {
    specversion: &'static str,
    id: &'a str,
    source: &'static str,
    r#type: &'static str,
    time: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: D,
}

impl<'a, M: Message + Name> Event<'_, Canonical<'a, M>> {
    fn new(data: &'a M, now: Timestamp) -> Self {
        Self {
            specversion: "1.0",
            id: "",
            source: "",
            r#type: "",
            // Three digits always, so that a body's length does not depend on the moment.
            time: format!("{now:.3}"),
            subject: "",
            datacontenttype: "application/json",
            traceparent: None,
            data: Canonical(data),
        }
    }
}

struct Canonical<'a, M>(&'a M);

impl<M: Message + Name> Serialize for Canonical<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut dynamic = DynamicMessage::new(json::descriptor::<M>());
        dynamic.transcode_from(self.0).map_err(S::Error::custom)?;
        dynamic.serialize_with_options(serializer, &SerializeOptions::new())
    }
}

fn encode<M: Message + Name>(event: &Event<'_, Canonical<'_, M>>) -> String {
    legal(serde_json::to_string(event).expect("a message has a canonical JSON, and a String takes all of it"))
}

/// Escapes the two characters that JSON may hold and SQS refuses. serde_json escapes every other one that SQS refuses, and a
/// character beyond ASCII stands inside of a JSON string if anywhere. What is legal already stays as it is.
#[must_use]
pub fn legal(json: String) -> String {
    const REFUSED: [char; 2] = ['\u{fffe}', '\u{ffff}'];
    // Both begin with this byte in UTF-8, and looking for one byte is many times as fast as looking at characters.
    if !json.as_bytes().contains(&0xef) || !json.contains(REFUSED) {
        return json;
    }
    json.replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff")
}
