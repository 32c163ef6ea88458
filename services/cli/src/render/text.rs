//! Text that others wrote, made safe to show.
//!
//! A log line or an event's message can hold terminal sequences: they could rewrite what was printed before, set the window's
//! title, or make the terminal type. Bidirectional controls can make a text read as another. So whatever comes from a cluster
//! goes through here before it reaches a terminal, and before it becomes a cell of a table or a note.

use std::{borrow::Cow, fmt::Write as _};

/// Ends every colour and style.
const RESET: &str = "\u{1b}[0m";

/// The longest colour sequence that is believed to be one: true colour for text and background takes 38 characters.
const MAX_SGR: usize = 64;

/// What becomes of the colours in a log line on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    /// They are kept, and end with the line.
    Keep,
    /// They are left out: the user asked for none (`NO_COLOR`).
    Drop,
}

/// The text on one line, with every control character made visible.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    text.chars().for_each(|character| push_visible(&mut safe, character));
    Cow::Owned(safe)
}

/// A log line for a terminal: tabulators stay, colours in which text can be read are kept or left out, all else that could steer the terminal becomes
/// visible. The carriage return of a line that ends as on Windows is dropped.
pub(crate) fn log_line(text: &str, colours: Colours) -> Cow<'_, str> {
    let text = text.strip_suffix('\r').unwrap_or(text);
    if !text.contains(|character| is_unsafe(character) && character != '\t') {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    let mut coloured = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(sequence) = colour_sequence(rest) {
            if colours == Colours::Keep
                && let Some(legible) = legible(sequence)
            {
                safe.push_str(&legible);
                coloured = true;
            }
            rest = &rest[sequence.len()..];
            continue;
        }
        if character == '\t' {
            safe.push('\t')
        } else {
            push_visible(&mut safe, character)
        }
        rest = &rest[character.len_utf8()..];
    }
    if coloured {
        safe.push_str(RESET);
    }
    Cow::Owned(safe)
}

/// JSON that is the same document, with what could steer a terminal written as `\u` escapes. serde_json escapes only what the
/// grammar of JSON demands; the rest can stand in strings alone, where an escape means the same.
pub(crate) fn json_line(json: String) -> String {
    let steers = |character: char| is_unsafe(character) && !character.is_ascii_whitespace();
    if !json.contains(steers) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if steers(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                push(&mut safe, format_args!("\\u{unit:04x}"));
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Says whether a character can do anything else than appear in its place.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Bidirectional controls ("Trojan Source"), line and paragraph separator, invisible tags.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Adds a character, or a notation of it if it is unsafe: `\n`, `^[`, `<U+009B>`.
fn push_visible(safe: &mut String, character: char) {
    match character {
        '\n' => safe.push_str("\\n"),
        '\t' => safe.push_str("\\t"),
        '\u{7f}' => safe.push_str("^?"),
        '\0'..='\u{1f}' => {
            safe.push('^');
            safe.push(char::from(character as u8 + b'@'));
        }
        _ if is_unsafe(character) => push(safe, format_args!("<U+{:04X}>", u32::from(character))),
        _ => safe.push(character),
    }
}

fn push(safe: &mut String, text: std::fmt::Arguments<'_>) {
    safe.write_fmt(text).expect("a String takes all that is written to it");
}

/// The colour sequence (SGR: `ESC [ numbers m`) that the text begins with.
fn colour_sequence(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.bytes().take(MAX_SGR).position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    (parameters.as_bytes()[end] == b'm').then(|| &text[..end + 3])
}

/// Of a colour sequence what leaves the text legible on any background; None where nothing is left. Concealed text goes, and so do
/// backgrounds and whatever may be the background's own colour: black, white, grey, and all that a number chooses.
fn legible(sequence: &str) -> Option<String> {
    let parameters = sequence.strip_prefix("\u{1b}[")?.strip_suffix('m')?;
    let mut all = parameters.split(';');
    let mut kept = Vec::new();
    while let Some(parameter) = all.next() {
        match parameter.trim_start_matches('0') {
            "" => kept.push("0"),
            // Bold, dim, italic, underlined, and their ends; red to cyan, their bright forms, and the end of a colour.
            "1" | "2" | "3" | "4" | "22" | "23" | "24" | "31" | "32" | "33" | "34" | "35" | "36" | "39" | "91"
            | "92" | "93" | "94" | "95" | "96" => kept.push(parameter),
            "38" | "48" | "58" => match all.next() {
                Some("5") => drop(all.next()),
                Some("2") => drop(all.nth(2)),
                _ => {}
            },
            _ => {}
        }
    }
    (!kept.is_empty()).then(|| format!("\u{1b}[{}m", kept.join(";")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_a_terminal_becomes_visible() {
        for (text, expected) in [
            ("plain: ä → 🦀", "plain: ä → 🦀"),
            ("two\nlines\tand\ra\0nul", "two\\nlines\\tand^Ma^@nul"),
            ("\u{1b}]0;title\u{7}", "^[]0;title^G"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("a\u{7f}\u{202e}b", "a^?<U+202E>b"),
            ("\u{1b}[31mred\u{1b}[0m", "^[[31mred^[[0m"),
        ] {
            assert_eq!(one_line(text), expected);
        }
    }

    #[test]
    fn a_log_line_keeps_its_colours_but_not_beyond_its_end() {
        let line = "\u{1b}[1;31merror\u{1b}[0m\tx \u{1b}[4mdeep";
        assert_eq!(log_line(line, Colours::Keep), format!("{line}\u{1b}[0m"));
        assert_eq!(log_line(line, Colours::Drop), "error\tx deep");
    }

    #[test]
    fn a_log_line_cannot_hide_its_text() {
        for (sequence, kept) in [
            ("8", ""),
            ("1;8", "\u{1b}[1m"),
            ("30;40", ""),
            ("37", ""),
            ("48;5;31;32", "\u{1b}[32m"),
            ("38;2;31;31;31;4", "\u{1b}[4m"),
            ("38:2::1:2:3", ""),
            ("7;90;97;107", ""),
            ("", "\u{1b}[0m"),
            ("01;031", "\u{1b}[01;031m"),
        ] {
            let text = log_line(&format!("\u{1b}[{sequence}mtext"), Colours::Keep).into_owned();
            let reset = if kept.is_empty() { "" } else { RESET };
            assert_eq!(text, format!("{kept}text{reset}"), "{sequence}");
        }
    }

    #[test]
    fn a_log_line_moves_no_cursor() {
        for (text, expected) in [
            ("\u{1b}[2J\u{1b}[1;1H", "^[[2J^[[1;1H"),
            ("\u{1b}[31", "^[[31"),
            ("\u{1b}[31;Km", "^[[31;Km"),
            ("progress 1%\rprogress 2%\r", "progress 1%^Mprogress 2%"),
            ("\u{1b}[>4;2m", "^[[>4;2m"),
        ] {
            assert_eq!(log_line(text, Colours::Keep), expected);
        }
        let endless = format!("\u{1b}[{}m", "1;".repeat(MAX_SGR));
        assert!(log_line(&endless, Colours::Keep).starts_with("^["));
    }

    proptest! {
        #[test]
        fn a_cell_never_steers_a_terminal(text in "\\PC*|[\\x00-\\x{ff}]*|.*") {
            prop_assert!(!one_line(&text).contains(is_unsafe));
        }

        #[test]
        fn a_log_line_holds_nothing_but_text_tabs_and_colours(text in "(\u{1b}\\[[0-9;]{0,4}[mKHJ]|[\\x00-\\x{ff}]|.){0,20}") {
            let dropped = log_line(&text, Colours::Drop);
            prop_assert!(!dropped.contains(|c| is_unsafe(c) && c != '\t'));
            let kept = log_line(&text, Colours::Keep);
            let escapes = kept.matches('\u{1b}').count();
            let colours = kept.match_indices('\u{1b}').filter(|(at, _)| colour_sequence(&kept[*at..]).is_some()).count();
            prop_assert_eq!(escapes, colours);
        }

        #[test]
        fn escaped_json_is_the_same_json(text in "\\PC*|[\\x00-\\x{ff}]*|[\u{2020}-\u{2070}\u{e0000}-\u{e0080}]*") {
            let value = serde_json::json!({ "text": text });
            let line = json_line(value.to_string());
            prop_assert!(!line.contains(is_unsafe), "{:?}", line);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&line).ok(), Some(value));
        }
    }
}
