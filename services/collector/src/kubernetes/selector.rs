//! Label and field selectors, checked by Kubernetes' own grammar before they are sent (apimachinery:
//! `pkg/labels/selector.go`, `pkg/fields/selector.go`), so that a typing error is named and never widens a read.

use super::names::dns_subdomain;
use crate::error::ReadError;

/// A selector travels in the request line, which API servers and proxies bound at about 8 KiB.
const SELECTOR_MAX: usize = 4096;

/// The selectors of one list, both already checked; empty means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selectors {
    label: String,
    field: String,
}

impl Selectors {
    /// # Errors
    /// `InvalidArgument` for `label_selector` or `field_selector`.
    pub fn parse(label: &str, field: &str) -> Result<Self, ReadError> {
        check_length("label_selector", label)?;
        check_length("field_selector", field)?;
        if !label.trim().is_empty() {
            let requirements = split_requirements(label).map_err(|why| ReadError::invalid("label_selector", why))?;
            for requirement in requirements {
                check_label_requirement(requirement).map_err(|why| ReadError::invalid("label_selector", why))?;
            }
        }
        if !field.is_empty() {
            for term in split_field_terms(field) {
                check_field_term(term).map_err(|why| ReadError::invalid("field_selector", why))?;
            }
        }
        Ok(Self { label: label.trim().to_owned(), field: field.to_owned() })
    }

    /// Adds `name=value` to the field selector; the value is escaped as Kubernetes wants it (`fields.EscapeValue`).
    #[must_use]
    pub fn with_field(mut self, name: &str, value: &str) -> Self {
        if !self.field.is_empty() {
            self.field.push(',');
        }
        self.field.push_str(name);
        self.field.push('=');
        for character in value.chars() {
            if matches!(character, '\\' | ',' | '=') {
                self.field.push('\\');
            }
            self.field.push(character);
        }
        self
    }

    /// The label selector, empty for all.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The field selector, empty for all.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }
}

fn check_length(field: &'static str, text: &str) -> Result<(), ReadError> {
    if text.len() > SELECTOR_MAX {
        return Err(ReadError::invalid(field, format!("must be no more than {SELECTOR_MAX} bytes")));
    }
    Ok(())
}

/// Splits at the commas that are not inside parentheses.
fn split_requirements(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (index, character) in text.char_indices() {
        match character {
            '(' if depth == 0 => depth = 1,
            ')' if depth == 1 => depth = 0,
            '(' | ')' => return Err("its parentheses do not match".into()),
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err("its parentheses do not match".into());
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn check_label_requirement(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("has an empty requirement; write for example app=web,tier!=db".into());
    }
    if let Some(key) = text.strip_prefix('!') {
        return check_label_key(key.trim());
    }
    if let Some(open) = text.find('(') {
        return check_set_requirement(&text[..open], &text[open..]);
    }
    for operator in ["!=", "==", "=", ">", "<"] {
        if let Some((key, value)) = text.split_once(operator) {
            check_label_key(key.trim())?;
            return if matches!(operator, ">" | "<") {
                value.trim().parse::<i64>().map(drop).map_err(|_| format!("{value:?} is no integer"))
            } else {
                check_label_value(value.trim())
            };
        }
    }
    check_label_key(text)
}

fn check_set_requirement(before: &str, values: &str) -> Result<(), String> {
    let mut words = before.split_whitespace();
    let (Some(key), Some("in" | "notin"), None) = (words.next(), words.next(), words.next()) else {
        return Err(format!("{before:?} is not \"<key> in\" or \"<key> notin\""));
    };
    check_label_key(key)?;
    let values = values.strip_prefix('(').and_then(|values| values.strip_suffix(')'));
    let Some(values) = values else { return Err("has text behind the closing parenthesis".into()) };
    values.split(',').try_for_each(|value| check_label_value(value.trim()))
}

/// A qualified name: an optional DNS subdomain and '/', then a name of 63 characters at most.
fn check_label_key(key: &str) -> Result<(), String> {
    let name = match key.split_once('/') {
        Some((prefix, name)) => {
            dns_subdomain(prefix).map_err(|why| format!("the prefix of the key {key:?} {why}"))?;
            name
        }
        None => key,
    };
    if name.is_empty() || !is_qualified(name) {
        return Err(format!("{key:?} is not a label key"));
    }
    Ok(())
}

fn check_label_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_qualified(value) { Ok(()) } else { Err(format!("{value:?} is not a label value")) }
}

fn is_qualified(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Splits at the commas that are not escaped.
fn split_field_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (index, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn check_field_term(term: &str) -> Result<(), String> {
    let path_end = term.find(['=', '!']).unwrap_or(term.len());
    let (path, rest) = term.split_at(path_end);
    let value = rest.strip_prefix("!=").or_else(|| rest.strip_prefix("==")).or_else(|| rest.strip_prefix('='));
    let path_is_legal = !path.is_empty()
        && path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/' | b'[' | b']'));
    match value {
        Some(value) if path_is_legal && escapes_are_legal(value) => Ok(()),
        _ => Err(format!("{term:?} is not \"<field>=<value>\" or \"<field>!=<value>\"")),
    }
}

/// In a value, `\`, `,` and `=` are escaped by a `\`, which stands before nothing else (`fields.UnescapeValue`).
fn escapes_are_legal(value: &str) -> bool {
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if !matches!(characters.next(), Some('\\' | ',' | '=')) => return false,
            '=' => return false,
            character if character.is_control() => return false,
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_that_kubectl_accepts_are_accepted() {
        for label in [
            "",
            "app=web",
            "app==web,tier!=db",
            "app in (web, api),!legacy",
            "example.com/part-of notin (a,b)",
            "app",
            "gen > 3",
            "app=",
            "x in (a,)",
        ] {
            assert!(Selectors::parse(label, "").is_ok(), "{label}");
        }
        for field in
            ["", "status.phase=Running", "spec.nodeName!=node-1,status.phase==Failed", r"involvedObject.name=a\,b"]
        {
            assert!(Selectors::parse("", field).is_ok(), "{field}");
        }
    }

    #[test]
    fn a_wrong_selector_is_refused_with_the_field_named() {
        for label in [
            "=",
            ",",
            "app=web,",
            "app in web",
            "app in (a",
            "app in (a))",
            "a b",
            "-a=b",
            "a=b c",
            "x/y/z=1",
            "g>x",
            "a&b",
        ] {
            let error = Selectors::parse(label, "");
            assert!(matches!(error, Err(ReadError::InvalidArgument { field: "label_selector", .. })), "{label}");
        }
        for field in ["status.phase", "=x", "a=b=c", "a b=c", r"a=b\x", ",", "a=b,"] {
            let error = Selectors::parse("", field);
            assert!(matches!(error, Err(ReadError::InvalidArgument { field: "field_selector", .. })), "{field}");
        }
        assert!(Selectors::parse(&"a".repeat(SELECTOR_MAX + 1), "").is_err());
    }

    #[test]
    fn an_added_field_is_escaped() {
        let selectors = Selectors::default().with_field("reason", "a,b").with_field("type", "c=d\\");
        assert_eq!(selectors.field(), r"reason=a\,b,type=c\=d\\");
        assert!(Selectors::parse("", selectors.field()).is_ok());
    }
}
