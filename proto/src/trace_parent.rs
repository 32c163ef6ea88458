//! The W3C trace context of a command and of a call, passed on as it came: Gumshoe records no spans of its own, but whoever does
//! finds our log lines by the trace id.

/// What it is called: as a key of gRPC's metadata, in the envelope, and among the attributes of a message.
pub const TRACEPARENT: &str = "traceparent";

/// Version 00 (W3C Trace Context, level 1, 3.2.2): `00-<32 hex: trace id>-<16 hex: parent id>-<2 hex: flags>`.
const LENGTH: usize = 55;

/// A valid `traceparent`. The standard has one that is not valid ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Reads version 00, the only one there is.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split('-').collect();
        let ["00", trace, parent, flags] = fields[..] else { return None };
        let valid = text.len() == LENGTH && id(trace, 32) && id(parent, 16) && hex(flags, 2);
        valid.then(|| Self(text.to_owned()))
    }

    /// The whole value, to be passed on.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id that all parts of the trace share.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.0[3..35]
    }
}

/// An id of nothing but zeros means that there is none.
fn id(text: &str, length: usize) -> bool {
    hex(text, length) && text.bytes().any(|byte| byte != b'0')
}

fn hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_id_is_the_second_field() {
        let parent = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parent.as_str().len(), LENGTH);
    }

    #[test]
    fn what_the_standard_does_not_allow_is_ignored() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }
}
