//! From a body to a checked message.

use std::{collections::BTreeSet, time::Duration};

use prost::{Message, Name};
use prost_reflect::{DeserializeOptions, DynamicMessage};
use serde_json::{Map, Value};

use super::{
    COMMAND_TYPE, EnvelopeError, Fault, Field, MAX_ID_LENGTH, MAX_QUERIES, PROGRESS_INTERVALS, RESULT_TYPE, Readable,
};
use crate::{
    bridge::v1::{Cancel, Command, Query, Result as RunResult, cancel::Target},
    json,
    trace_parent::{TRACEPARENT, TraceParent},
};

/// Reads and checks the body of a command.
///
/// A valid `traceparent` of the envelope serves where the command itself has none; one that is not valid is dropped, as W3C Trace
/// Context asks.
///
/// # Errors
/// Says what is wrong, and carries the ids that were readable all the same.
pub fn decode_command(body: &str) -> Result<Command, EnvelopeError> {
    let event = json::parse_strictly(body)
        .map_err(|error| EnvelopeError { fault: Fault::NotJson(error.to_string()), readable: Box::default() })?;
    let readable = Box::new(Readable::of(&event));
    read_command(event).map_err(|fault| EnvelopeError { fault, readable })
}

/// Reads the body of a result. Unknown fields are let pass: the bridge may be newer than its reader.
///
/// # Errors
/// Says what is wrong.
pub fn decode_result(body: &str) -> Result<RunResult, EnvelopeError> {
    read_result(body).map_err(|fault| EnvelopeError { fault, readable: Box::default() })
}

/// Checks what the types of a command do not say: ids, deadline, number of queries, what goes with what. Of the budget, only the bridge
/// knows whether its expression is one.
///
/// # Errors
/// Names the first thing that is wrong.
pub fn check_command(command: &Command) -> Result<(), Fault> {
    check_id(&command.id, Field::Command)?;
    check_id(&command.investigation_id, Field::Investigation)?;
    if command.deadline.is_none() {
        return Err(Fault::MissingDeadline);
    }
    if let Some(interval) = command.progress_interval {
        let interval = Duration::try_from(interval).unwrap_or_default();
        if !PROGRESS_INTERVALS.contains(&interval) {
            return Err(Fault::ProgressInterval);
        }
    }
    let is_bare = command.queries.is_empty() && command.budget.is_none() && command.progress_interval.is_none();
    match (&command.cancel, &command.ping, command.queries.len()) {
        (Some(cancel), None, _) if is_bare => check_cancel(cancel),
        (Some(_), ..) => Err(Fault::CancelAndMore),
        (None, Some(_), _) if is_bare => Ok(()),
        (None, Some(_), _) => Err(Fault::PingAndMore),
        (None, None, 0) => Err(Fault::NoQueries),
        (None, None, 1..=MAX_QUERIES) => check_queries(&command.queries),
        (None, None, many) => Err(Fault::TooManyQueries(many)),
    }
}

fn check_cancel(cancel: &Cancel) -> Result<(), Fault> {
    match &cancel.target {
        Some(Target::CommandId(id)) => check_id(id, Field::CancelledCommand),
        Some(Target::InvestigationId(id)) => check_id(id, Field::CancelledInvestigation),
        None => Err(Fault::CancelWithoutTarget),
    }
}

/// Says whether a text can be the id of a command, an investigation, a query or a run.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=MAX_ID_LENGTH).contains(&text.len()) && text.bytes().all(legal)
}

fn check_queries(queries: &[Query]) -> Result<(), Fault> {
    let mut ids = BTreeSet::new();
    for (index, query) in queries.iter().enumerate() {
        check_id(&query.id, Field::Query(index))?;
        if !ids.insert(&query.id) {
            return Err(Fault::DuplicateQuery { index, id: query.id.clone() });
        }
        if query.request.is_none() {
            return Err(Fault::QueryWithoutRequest { index });
        }
    }
    Ok(())
}

fn check_id(id: &str, field: Field) -> Result<(), Fault> {
    if is_id(id) { Ok(()) } else { Err(Fault::InvalidId(field)) }
}

fn read_command(event: Value) -> Result<Command, Fault> {
    let (attributes, data) = open(event, COMMAND_TYPE)?;
    let mut command: Command = json::from_value(data).map_err(|error| Fault::Data(error.to_string()))?;
    if command.traceparent.is_empty() {
        command.traceparent = text(&attributes, TRACEPARENT).unwrap_or_default().to_owned();
    }
    if TraceParent::parse(&command.traceparent).is_none() {
        command.traceparent.clear();
    }
    check_command(&command)?;
    Ok(command)
}

fn read_result(body: &str) -> Result<RunResult, Fault> {
    let event = json::parse_bounded(body).map_err(|error| Fault::NotJson(error.to_string()))?;
    let (_, data) = open(event, RESULT_TYPE)?;
    let result: RunResult = from_value_leniently(data)?;
    check_id(&result.command_id, Field::Command)?;
    check_id(&result.run, Field::Run)?;
    if result.kind.is_none() {
        return Err(Fault::ResultWithoutKind);
    }
    Ok(result)
}

/// Checks the envelope, and takes the data out of it.
fn open(event: Value, expected: &'static str) -> Result<(Map<String, Value>, Value), Fault> {
    let Value::Object(mut attributes) = event else {
        return Err(Fault::NotCloudEvent("it is no object".into()));
    };
    for required in ["specversion", "id", "source", "type"] {
        if text(&attributes, required).is_none_or(str::is_empty) {
            return Err(Fault::NotCloudEvent(format!("{required} must be a text that is not empty")));
        }
    }
    match text(&attributes, "specversion") {
        Some("1.0") => {}
        other => return Err(Fault::SpecVersion(other.unwrap_or_default().to_owned())),
    }
    match text(&attributes, "type") {
        Some(actual) if actual == expected => {}
        other => return Err(Fault::EventType { expected, actual: other.unwrap_or_default().to_owned() }),
    }
    if attributes.contains_key("data_base64") {
        return Err(Fault::DataEncoding("base64".into()));
    }
    match attributes.get("datacontenttype") {
        None | Some(Value::Null) => {}
        Some(Value::String(media_type)) if is_json(media_type) => {}
        Some(other) => return Err(Fault::DataEncoding(other.to_string())),
    }
    match attributes.remove("data") {
        Some(data @ Value::Object(_)) => Ok((attributes, data)),
        _ => Err(Fault::NotCloudEvent("data must be an object".into())),
    }
}

fn text<'a>(attributes: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    attributes.get(name).and_then(Value::as_str)
}

/// Media types are compared without their parameters and without case (RFC 9110, 8.3.1).
fn is_json(media_type: &str) -> bool {
    media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn from_value_leniently<M: Message + Name + Default>(value: Value) -> Result<M, Fault> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let dynamic = DynamicMessage::deserialize_with_options(json::descriptor::<M>(), value, &options)
        .map_err(|error| Fault::Data(error.to_string()))?;
    dynamic.transcode_to().map_err(|error| Fault::Data(error.to_string()))
}

impl Readable {
    /// Picks what an answer needs out of an event that may be wrong in any way.
    fn of(event: &Value) -> Self {
        let Some(Value::Object(data)) = event.get("data") else { return Self::default() };
        let pick = |json_name, name| text(data, json_name).or_else(|| text(data, name));
        let id = |text: &&str| is_id(text);
        Self {
            command_id: pick("id", "id").filter(id).map(Into::into),
            investigation_id: pick("investigationId", "investigation_id").filter(id).map(Into::into),
            reply_to: pick("replyTo", "reply_to").map(Into::into),
        }
    }
}
