//! Takes a log apart into lines, on bytes. A line that lies within one piece of the body is not copied; of one that goes
//! over several no more than its first 64 KiB are held, the rest is counted.

use bytes::Bytes;

use super::moment::{Moment, PREFIX_MAX};

/// Most bytes of a line's text that are given. The kubelet cuts records at 16 KiB and puts them together again without a
/// bound.
pub const LINE_MAX: usize = 64 << 10;
/// Most bytes of an unfinished line that are held.
const HELD_MAX: usize = LINE_MAX + PREFIX_MAX;

/// What is known of a line beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// When the container runtime took it.
    pub moment: Option<Moment>,
    /// The bytes of the whole text, although only the first of them are given; without timestamp and line feed.
    pub length: u64,
    /// Whether a line feed ends it. Only the last line of a log may have none.
    pub line_feed: bool,
}

impl Line {
    /// The length of the whole line where `text` is not all of it.
    #[must_use]
    pub fn cut_from(&self, text: &[u8]) -> Option<u64> {
        (self.length > text.len() as u64).then_some(self.length)
    }

    /// What the line counts in a bound in bytes: what is given of its text, and its line feed.
    #[must_use]
    pub fn cost(&self, text: &[u8]) -> usize {
        text.len() + usize::from(self.line_feed)
    }
}

/// Takes a body apart: `push` a piece, take `next_line` until there is none, and `finish` at the end of the body.
#[derive(Debug, Default)]
pub struct LineSplitter {
    piece: Bytes,
    /// Where in `piece` the next line begins.
    next: usize,
    /// The beginning of a line whose end was not in the piece where it began.
    held: Vec<u8>,
    /// The length of that line so far, what is not held included.
    length: u64,
    text: Text,
}

/// Where the text of the last line is.
#[derive(Debug, Clone, Copy, Default)]
enum Text {
    #[default]
    None,
    Piece(usize, usize),
    Held(usize, usize),
}

impl LineSplitter {
    /// Takes the next piece of the body, once `next_line` has no more lines.
    pub fn push(&mut self, piece: Bytes) {
        debug_assert!(self.next == self.piece.len(), "the piece before was read to its end");
        self.forget();
        self.piece = piece;
        self.next = 0;
    }

    /// The next line that has ended; None where another piece is needed.
    pub fn next_line(&mut self) -> Option<Line> {
        let begin = self.next;
        if begin == self.piece.len() {
            return None;
        }
        self.forget();
        let Some(length) = memchr::memchr(b'\n', &self.piece[begin..]) else {
            self.next = self.piece.len();
            self.hold(begin, self.next);
            return None;
        };
        let end = begin + length;
        self.next = end + 1;
        if self.length > 0 {
            self.hold(begin, end);
            return Some(self.held_line(true));
        }
        let (line, from, to) = line(&self.piece[begin..end], length as u64, true);
        self.text = Text::Piece(begin + from, begin + to);
        Some(line)
    }

    /// What stands behind the last line feed, at the end of the body.
    pub fn finish(&mut self) -> Option<Line> {
        self.forget();
        (self.length > 0).then(|| self.held_line(false))
    }

    /// The text of the line that was taken last, 64 KiB of it at most.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        match self.text {
            Text::None => &[],
            Text::Piece(from, to) => &self.piece[from..to],
            Text::Held(from, to) => &self.held[from..to],
        }
    }

    /// Leaves of the text of the last line only so many bytes.
    pub fn truncate(&mut self, length: usize) {
        if let Text::Piece(from, to) | Text::Held(from, to) = &mut self.text {
            *to = (*to).min(*from + length);
        }
    }

    /// Drops the held line once it was taken.
    fn forget(&mut self) {
        if let Text::Held(..) = std::mem::take(&mut self.text) {
            self.held.clear();
            self.length = 0;
        }
    }

    fn hold(&mut self, from: usize, to: usize) {
        let bytes = &self.piece[from..to];
        let room = HELD_MAX - self.held.len();
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.length += bytes.len() as u64;
    }

    fn held_line(&mut self, line_feed: bool) -> Line {
        let (line, from, to) = line(&self.held, self.length, line_feed);
        self.text = Text::Held(from, to);
        line
    }
}

/// The line whose first bytes these are, and from where to where its text goes.
fn line(bytes: &[u8], whole: u64, line_feed: bool) -> (Line, usize, usize) {
    let (moment, from) = Moment::prefix(bytes).map_or((None, 0), |(moment, length)| (Some(moment), length));
    let length = whole - from as u64;
    let mut to = bytes.len();
    if length > LINE_MAX as u64 {
        to = from + whole_characters(&bytes[from..from + LINE_MAX]);
    }
    (Line { moment, length, line_feed }, from, to)
}

/// How many bytes there are without a character of UTF-8 that is cut off at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    // A character has four bytes at most, so the first byte of one that is cut off is among the last three.
    let tail = bytes.len().saturating_sub(3);
    let Some(first) = bytes[tail..].iter().rposition(|byte| byte & 0xc0 == 0xc0) else { return bytes.len() };
    let begin = tail + first;
    match std::str::from_utf8(&bytes[begin..]) {
        Err(error) if error.error_len().is_none() => begin,
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a splitter makes of a body in these pieces.
    fn split(pieces: impl IntoIterator<Item = Vec<u8>>) -> Vec<(Line, Vec<u8>)> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece.into());
            while let Some(line) = splitter.next_line() {
                lines.push((line, splitter.text().to_vec()));
            }
            assert!(splitter.held.capacity() <= 2 * HELD_MAX);
        }
        if let Some(line) = splitter.finish() {
            lines.push((line, splitter.text().to_vec()));
        }
        lines
    }

    /// The same by the plainest means there are.
    fn split_naively(body: &[u8]) -> Vec<(Line, Vec<u8>)> {
        let mut lines = Vec::new();
        for bytes in body.split_inclusive(|byte| *byte == b'\n') {
            let (bytes, line_feed) = bytes.strip_suffix(b"\n").map_or((bytes, false), |bytes| (bytes, true));
            let (moment, text) =
                Moment::prefix(bytes).map_or((None, bytes), |(moment, length)| (Some(moment), &bytes[length..]));
            let line = Line { moment, length: text.len() as u64, line_feed };
            let mut text = text[..text.len().min(LINE_MAX)].to_vec();
            if line.length > LINE_MAX as u64 {
                let whole = (0..4).find(|cut| std::str::from_utf8(&text[..text.len() - cut]).is_ok());
                text.truncate(text.len() - whole.unwrap_or_default());
            }
            lines.push((line, text));
        }
        lines
    }

    /// Cuts a body into pieces at these places.
    fn cut(body: &[u8], places: &[prop::sample::Index]) -> Vec<Vec<u8>> {
        let mut places: Vec<_> = places.iter().map(|place| place.index(body.len() + 1)).collect();
        places.sort_unstable();
        places.push(body.len());
        let mut begin = 0;
        places.into_iter().map(|end| body[std::mem::replace(&mut begin, end)..end].to_vec()).collect()
    }

    fn mk_line() -> impl Strategy<Value = Vec<u8>> {
        let text = prop_oneof![
            4 => prop::collection::vec(any::<u8>(), 0..40),
            4 => "[a-zé€😀 ]{0,40}".prop_map(String::into_bytes),
            1 => ("[a-zé€😀]{1,3}", LINE_MAX - 60..LINE_MAX + 100)
                .prop_map(|(text, length)| text.repeat(length / text.len() + 1).into_bytes()),
        ];
        let prefix = prop_oneof![
            Just(""),
            Just("2024-05-01T10:00:00.123456789Z "),
            Just("2024-05-01T10:00:00.123456789+05:30 "),
        ];
        (prefix, text).prop_map(|(prefix, text)| [prefix.as_bytes(), &text].concat())
    }

    proptest! {
        #[test]
        fn any_body_in_any_pieces_has_the_lines_that_it_has(
            lines in prop::collection::vec(mk_line(), 0..6),
            ends_with_line_feed in any::<bool>(),
            places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut body = lines.join(&b'\n');
            if ends_with_line_feed {
                body.push(b'\n');
            }
            prop_assert_eq!(split(cut(&body, &places)), split_naively(&body));
        }
    }

    #[test]
    fn a_line_is_cut_between_characters_and_its_length_is_told() {
        let body = format!("x{}", "€".repeat(LINE_MAX)).into_bytes();
        let lines = split(body.chunks(1000).map(<[u8]>::to_vec));
        let (line, text) = &lines[0];
        assert_eq!(line.cut_from(text), Some(1 + 3 * LINE_MAX as u64));
        assert!(String::from_utf8(text.clone()).is_ok() && text.len() > LINE_MAX - 3);
    }

    #[test]
    fn a_carriage_return_is_part_of_the_text() {
        assert_eq!(split([b"a\r\n".to_vec()])[0].1, b"a\r");
    }
}
