//! Where a JSON value ends, byte by byte, without holding it.

use super::super::wire::WireError;

/// serde_json reads no deeper either, and a bit for each level fits into a number.
const DEPTH_MAX: u32 = 127;

/// A value that is being read.
#[derive(Debug, Default)]
pub(super) struct Scan {
    depth: u32,
    /// For each level, the innermost last: whether it is an object.
    objects: u128,
    in_text: bool,
    escaped: bool,
    /// A number, true, false or null that is no part of anything: it ends where something else begins.
    plain: bool,
}

/// What a byte is to a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Part of it, and there is more.
    More,
    /// Its last.
    Last,
    /// The first that is no part of it.
    Behind,
}

impl Scan {
    /// Takes the next byte of the value.
    ///
    /// # Errors
    /// Where no value is like this. Not all that is wrong is seen here: what is kept is parsed later.
    pub(super) fn step(&mut self, byte: u8) -> Result<Step, WireError> {
        if self.in_text {
            return Ok(self.text(byte));
        }
        if self.plain {
            let behind = matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
            return Ok(if behind { Step::Behind } else { Step::More });
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.open(byte == b'{')?,
            b'}' | b']' => return self.close(byte == b'}'),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' if self.depth == 0 => self.plain = true,
            _ if self.depth == 0 => return Err(WireError::Json),
            _ => {}
        }
        Ok(Step::More)
    }

    fn text(&mut self, byte: u8) -> Step {
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_text = false;
            return if self.depth == 0 { Step::Last } else { Step::More };
        }
        Step::More
    }

    fn open(&mut self, object: bool) -> Result<(), WireError> {
        if self.depth == DEPTH_MAX {
            return Err(WireError::Json);
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        Ok(())
    }

    fn close(&mut self, object: bool) -> Result<Step, WireError> {
        if self.depth == 0 || (self.objects & 1 == 1) != object {
            return Err(WireError::Json);
        }
        self.depth -= 1;
        self.objects >>= 1;
        Ok(if self.depth == 0 { Step::Last } else { Step::More })
    }
}
