//! An error with all that caused it, for the log and the terminal: `Display` of an error never prints its source, nor does the log's JSON.

use std::error::Error;
use std::fmt;

/// Prints an error and its sources: `results cannot be sent: SendMessageBatch failed (Unreachable): …`.
///
/// `Display` of an error never prints its source, and a log event that is given the error itself prints only `Display`: so every
/// event has `error = %Chain(&error)`. Errors of others do not keep to that: a source that only repeats the end of what stands before
/// it is left out.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        f.write_str(&told)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !told.ends_with(&text) {
                write!(f, ": {text}")?;
                told = text;
            }
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Wrapper);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Wrapper(#[source] std::num::ParseIntError);

    #[derive(Debug, thiserror::Error)]
    #[error("reading failed: {0}")]
    struct Quoting(#[source] Wrapper);

    #[test]
    fn all_causes_are_printed_each_once() {
        let wrapper = || Wrapper("x".parse::<u8>().unwrap_err());
        assert_eq!(Chain(&Outer(wrapper())).to_string(), "outer: invalid digit found in string");
        assert_eq!(Chain(&Quoting(wrapper())).to_string(), "reading failed: invalid digit found in string");
    }
}
