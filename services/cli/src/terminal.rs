//! Where our output goes: a terminal is for people, everything else for programs.

use std::{
    borrow::Cow,
    env,
    io::{self, IsTerminal as _, Write as _},
};

use crate::render::text::one_line;

/// What standard output or standard error is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Surface {
    /// A terminal, which text could steer.
    pub(crate) terminal: bool,
    /// Colours are wanted: a terminal, and the user did not forbid them.
    pub(crate) colour: bool,
}

impl Surface {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        Self::new(io::stdout().is_terminal())
    }

    /// Standard error.
    pub(crate) fn stderr() -> Self {
        Self::new(io::stderr().is_terminal())
    }

    /// A file, a pipe.
    pub(crate) const PIPE: Self = Self { terminal: false, colour: false };

    /// A terminal with colours.
    #[cfg(test)]
    pub(crate) const TERMINAL: Self = Self { terminal: true, colour: true };

    /// NO_COLOR as no-color.org has it: any value but an empty one forbids colours.
    fn new(terminal: bool) -> Self {
        let forbidden = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self { terminal, colour: terminal && !forbidden }
    }

    /// Less important than what is around it.
    pub(crate) fn dim<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("2", text)
    }

    /// As it should be.
    pub(crate) fn good<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("32", text)
    }

    /// Not as it should be.
    pub(crate) fn bad<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("1;31", text)
    }

    /// A heading.
    pub(crate) fn strong<'a>(self, text: &'a str) -> Cow<'a, str> {
        self.paint("1", text)
    }

    /// One of several things that are told apart by their colours: the same text always has the same one.
    pub(crate) fn one_of<'a>(self, text: &'a str, by: &str) -> Cow<'a, str> {
        /// Neither the colour of what is bad, nor those that are hard to read.
        const COLOURS: [&str; 8] = ["36", "33", "32", "35", "96", "93", "92", "95"];
        let sum = by.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        self.paint(COLOURS[sum % COLOURS.len()], text)
    }

    fn paint<'a>(self, style: &str, text: &'a str) -> Cow<'a, str> {
        if self.colour { format!("\u{1b}[{style}m{text}\u{1b}[0m").into() } else { text.into() }
    }
}

/// Whether text in UTF-8 is understood where it is read, as the locale says.
pub(crate) fn takes_utf8() -> bool {
    let mut locales = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(|name| env::var(name).ok());
    // The first that is set has the say.
    let locale = locales.find(|value| !value.is_empty()).unwrap_or_default().to_ascii_lowercase();
    ["utf-8", "utf8"].iter().any(|name| locale.contains(name))
}

/// A line of what is said about an answer, beside the answer itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// All is well: `complete: 12 pods`.
    Good(String),
    /// Something is missing or failed.
    Bad(String),
    /// Explains the note before, or says something by the way.
    Plain(String),
}

impl Note {
    /// The line for a surface. What it quotes comes from elsewhere, so it is made safe.
    pub(crate) fn text(&self, surface: Surface) -> String {
        match self {
            Self::Good(text) => accent(text, |word| surface.good(word).into_owned()),
            Self::Bad(text) => accent(text, |word| surface.bad(word).into_owned()),
            Self::Plain(text) => one_line(text).into_owned(),
        }
    }
}

/// Paints the word before the first colon.
fn accent(text: &str, paint: impl Fn(&str) -> String) -> String {
    let safe = one_line(text);
    match safe.split_once(':') {
        Some((word, rest)) => format!("{}:{rest}", paint(word)),
        None => safe.into_owned(),
    }
}

/// Writes notes to standard error. Where that is closed there is nobody to tell.
pub(crate) fn note<'a>(notes: impl IntoIterator<Item = &'a Note>) {
    let surface = Surface::stderr();
    let mut stderr = io::stderr().lock();
    for note in notes {
        let _ = writeln!(stderr, "{}", note.text(surface));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_quotes_safely_and_paints_only_its_first_word() {
        let note = Note::Bad("INCOMPLETE: \u{1b}[2J".into());
        assert_eq!(note.text(Surface::TERMINAL), "\u{1b}[1;31mINCOMPLETE\u{1b}[0m: ^[[2J");
        assert_eq!(note.text(Surface::PIPE), "INCOMPLETE: ^[[2J");
    }
}
