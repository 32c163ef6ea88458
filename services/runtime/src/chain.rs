//! An error with all that caused it, for the log: `Display` of an error never prints its source, nor does the log's JSON.

use std::{error::Error, fmt};

/// Prints an error and its sources: `results cannot be sent: SendMessageBatch failed (Unreachable): …`.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
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
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn all_causes_are_printed() {
        let Err(inner) = "x".parse::<u8>() else { panic!("no number") };
        assert_eq!(Chain(&Outer(inner)).to_string(), "outer: invalid digit found in string");
    }
}
