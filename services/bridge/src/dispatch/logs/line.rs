//! The JSON of a line by its own type. A log has millions of lines, and by the descriptors each takes four times as long.

use gumshoe_proto::{collector::v1::LogLine, envelope};
use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use serde::Serialize;

/// The first moment of the year 1: JSON can hold none before.
const FIRST: i64 = -62_135_596_800;

/// What stands around the text of a line, about.
const AROUND: usize = 256;

/// What nearly all lines have, in the order of their numbers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plain<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    container: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pod: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pod_uid: &'a str,
}

/// The canonical JSON of a line, as `wire::to_json` gives it; None where it has a field that few have, or a time that is none or is in the
/// last days of the year 9999.
pub(in crate::dispatch) fn line_json(line: &LogLine) -> Option<String> {
    let LogLine { timestamp, container, text, raw, cut_from, pod, count, last_timestamp, pod_uid } = line;
    let has_more = !raw.is_empty() || cut_from.is_some() || count.is_some() || last_timestamp.is_some();
    if has_more {
        return None;
    }
    let timestamp = match timestamp {
        Some(time) => Some(time_json(time)?),
        None => None,
    };
    let mut json = Vec::with_capacity(text.len() + AROUND);
    serde_json::to_writer(&mut json, &Plain { timestamp, container, text, pod, pod_uid }).ok()?;
    String::from_utf8(json).ok().map(envelope::legal)
}

/// With 0, 3, 6 or 9 digits behind the point, as canonical JSON has it.
fn time_json(time: &prost_types::Timestamp) -> Option<String> {
    let prost_types::Timestamp { seconds, nanos } = *time;
    if seconds < FIRST || nanos < 0 {
        return None;
    }
    let digits = match nanos {
        0 => 0,
        nanos if nanos % 1_000_000 == 0 => 3,
        nanos if nanos % 1_000 == 0 => 6,
        _ => 9,
    };
    let time = Timestamp::new(seconds, nanos).ok()?;
    Some(DateTimePrinter::new().precision(Some(digits)).timestamp_to_string(&time))
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};
    use prost_reflect::DynamicMessage;

    use super::*;
    use crate::dispatch::wire::to_json;

    /// By the descriptors; None where it has no JSON.
    fn by_descriptor(line: &LogLine) -> Option<String> {
        let mut dynamic = DynamicMessage::new(gumshoe_proto::json::descriptor::<LogLine>());
        dynamic.transcode_from(line).unwrap();
        to_json(&dynamic).ok()
    }

    fn time() -> impl Strategy<Value = prost_types::Timestamp> {
        let last = Timestamp::MAX.as_second();
        let seconds =
            prop_oneof![Just(0), 0..4_102_444_800_i64, FIRST - 2..FIRST + 2, last - 2..last + 2, any::<i64>()];
        let nanos = 0..1_000_000_000;
        let nanos = prop_oneof![Just(0), nanos, (0..1_000).prop_map(|millis| millis * 1_000_000), any::<i32>()];
        (seconds, nanos).prop_map(|(seconds, nanos)| prost_types::Timestamp { seconds, nanos })
    }

    fn is_common(time: &prost_types::Timestamp) -> bool {
        let (seconds, nanos) = (FIRST..Timestamp::MAX.as_second(), 0..1_000_000_000);
        seconds.contains(&time.seconds) && nanos.contains(&time.nanos)
    }

    proptest! {
        #[test]
        fn a_line_is_the_same_by_its_type_and_by_its_descriptor(
            timestamp in option::of(time()),
            container in "[a-z]{0,3}",
            text in any::<String>(),
            refused in "[\u{fffe}\u{ffff}\u{0}\u{1b}\"]{0,2}",
            (pod, pod_uid) in ("[a-z]{0,3}", "[a-z]{0,3}"),
        ) {
            let line = LogLine { timestamp, container, text: text + &refused, pod, pod_uid, ..LogLine::default() };
            match line_json(&line) {
                Some(json) => prop_assert_eq!(Some(json), by_descriptor(&line)),
                None => prop_assert!(!timestamp.as_ref().is_none_or(is_common)),
            }
        }
    }

    #[test]
    fn what_few_lines_have_is_left_to_the_descriptor() {
        for line in [
            LogLine { raw: b"\xff".as_slice().into(), ..LogLine::default() },
            LogLine { cut_from: Some(70_000), ..LogLine::default() },
            LogLine { count: Some(2), ..LogLine::default() },
            LogLine { last_timestamp: Some(prost_types::Timestamp::default()), ..LogLine::default() },
        ] {
            assert_eq!(line_json(&line), None, "{line:?}");
        }
    }
}
