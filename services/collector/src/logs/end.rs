//! Where a log ends, asked for before it is read: that the answer to the read has ended proves nothing.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{lines::Line, moment::Moment, position::Position};

/// A line by which the end is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    moment: Moment,
    length: u64,
    /// Of the text.
    hash: u64,
    /// Without a line feed the line may grow.
    line_feed: bool,
}

/// What a read has to come to for the log to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Not known.
    Unknown,
    /// Nothing, or it has come.
    Reached,
    /// This line.
    Line(Mark),
}

impl Mark {
    /// None for a line without a time: only the kubelet writes such ones at the end.
    #[must_use]
    pub fn of(line: Line, text: &[u8]) -> Option<Self> {
        let Line { moment, length, line_feed } = line;
        Some(Self { moment: moment?, length, hash: hash(text), line_feed })
    }

    /// How long the line is.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether it is this line, which may have grown since.
    fn is(&self, line: Line, text: &[u8]) -> bool {
        if line.moment != Some(self.moment) || line.length < self.length {
            return false;
        }
        !self.line_feed || (line.line_feed && line.length == self.length && hash(text) == self.hash)
    }

    /// Whether it may end with what came of a line.
    fn ends_with(&self, line: Line) -> bool {
        line.line_feed && line.moment == Some(self.moment) && line.length < self.length
    }
}

impl End {
    /// The same for a read that brings lines of this moment and later only.
    #[must_use]
    pub fn of_lines_since(self, since: Option<Moment>) -> Self {
        match self {
            Self::Line(mark) if since.is_some_and(|since| mark.moment < since) => Self::Reached,
            end => end,
        }
    }

    /// Notes a line that came; `may_lack` says that it may lack its beginning. A newer one shows as well that the end has come by:
    /// the log has grown, or was rotated.
    pub fn pass(&mut self, line: Line, text: &[u8], may_lack: bool) {
        if let Self::Line(mark) = self
            && line.moment >= Some(mark.moment)
            && (line.moment > Some(mark.moment) || mark.is(line, text) || (may_lack && mark.ends_with(line)))
        {
            *self = Self::Reached;
        }
    }

    /// Whether the line was there when the end was asked for, as far as is known.
    #[must_use]
    pub fn has(&self, line: Line, text: &[u8]) -> bool {
        match self {
            Self::Unknown => true,
            Self::Reached => false,
            Self::Line(mark) => mark.is(line, text),
        }
    }

    /// Behind it, or before it where it may grow; behind nothing where there is nothing.
    #[must_use]
    pub fn position(&self) -> Position {
        match self {
            Self::Line(mark) if mark.line_feed => Position::after(mark.moment),
            Self::Line(mark) => Position::before(Some(mark.moment)),
            Self::Unknown | Self::Reached => Position::default(),
        }
    }

    /// Whether nothing is known to be missing.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        !matches!(self, Self::Line(_))
    }
}

fn hash(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
