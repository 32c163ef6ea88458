//! What a log request asks for (k8s.io/api: PodLogOptions, and its validation).

use jiff::{SignedDuration, Timestamp};

use crate::replay::failure::Failure;
use crate::replay::journal::Query;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LogOptions {
    pub(super) follow: bool,
    pub(super) previous: bool,
    pub(super) timestamps: bool,
    pub(super) tail_lines: Option<u64>,
    pub(super) since: Option<Timestamp>,
    pub(super) limit_bytes: Option<usize>,
}

impl LogOptions {
    pub(super) fn parse(query: &Query) -> Result<Self, Failure> {
        if query.has("sinceSeconds") && query.has("sinceTime") {
            return Err(invalid("at most one of `sinceTime` or `sinceSeconds` may be specified"));
        }
        if query.has("stream") && query.has("tailLines") {
            return Err(invalid("`tailLines` and specific `stream` are mutually exclusive for now"));
        }
        Ok(Self {
            follow: flag(query, "follow"),
            previous: flag(query, "previous"),
            timestamps: flag(query, "timestamps"),
            tail_lines: number(query, "tailLines", 0)?,
            since: since(query)?,
            limit_bytes: number(query, "limitBytes", 1)?.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        })
    }
}

/// The API server hands the time on in whole seconds, rounded down.
fn since(query: &Query) -> Result<Option<Timestamp>, Failure> {
    if let Some(seconds) = number(query, "sinceSeconds", 1)? {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        return Ok(Timestamp::now().checked_sub(SignedDuration::from_secs(seconds)).ok());
    }
    match query.get("sinceTime") {
        "" => Ok(None),
        time => {
            let time: Timestamp = time.parse().map_err(|_| Failure::bad_request(format!("invalid time: {time}")))?;
            Ok(Timestamp::from_second(time.as_nanosecond().div_euclid(1_000_000_000) as i64).ok())
        }
    }
}

fn flag(query: &Query, name: &str) -> bool {
    matches!(query.get(name), "true" | "1")
}

fn number(query: &Query, name: &str, least: i64) -> Result<Option<u64>, Failure> {
    let text = query.get(name);
    if text.is_empty() {
        return Ok(None);
    }
    let number: i64 = text.parse().map_err(|_| Failure::bad_request(format!("invalid {name}: {text}")))?;
    if number < least {
        return Err(invalid(&format!("{name}: Invalid value: {number}: must be greater than or equal to {least}")));
    }
    Ok(u64::try_from(number).ok())
}

fn invalid(message: &str) -> Failure {
    Failure::invalid(format!("PodLogOptions \"\" is invalid: {message}"))
}
