//! What SQS refuses in a message and rustack does not.

use serde_json::Value;

/// The most that all entries of a batch may have together: 1 MiB.
const MOST_BATCH_BYTES: usize = 1024 * 1024;

/// Whether a text holds a character that SQS refuses (API reference, SendMessage).
pub(super) fn is_illegal(text: &str) -> bool {
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    !text.chars().all(legal)
}

/// The body of a message.
pub(super) fn message_body(entry: &Value) -> &str {
    entry["MessageBody"].as_str().unwrap_or_default()
}

/// Whether the entries of a batch are too long together.
pub(super) fn is_too_long(entries: &[Value]) -> bool {
    entries.iter().map(message_bytes).sum::<usize>() > MOST_BATCH_BYTES
}

/// The body, and names, types and values of the attributes.
fn message_bytes(entry: &Value) -> usize {
    let attributes = entry["MessageAttributes"].as_object().into_iter().flatten().map(|(name, value)| {
        let length = |field: &str| value[field].as_str().map_or(0, str::len);
        name.len() + length("DataType") + length("StringValue")
    });
    message_body(entry).len() + attributes.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqs_refuses_is_refused() {
        for legal in ["", "plain\ttext\r\n", "\u{85}", "\u{fffd}", "\u{1f600}", "\u{7f}"] {
            assert!(!is_illegal(legal), "{legal:?}");
        }
        for illegal in ["\u{0}", "\u{1b}[31m", "\u{fffe}", "\u{ffff}"] {
            assert!(is_illegal(illegal), "{illegal:?}");
        }
    }
}
