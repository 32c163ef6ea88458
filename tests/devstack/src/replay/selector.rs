//! Label and field selectors, as the API server reads them.

use super::failure::Failure;
use super::object::Object;

/// What a list request selects.
#[derive(Debug, Clone, Default)]
pub(super) struct Selection {
    labels: Vec<LabelRequirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum LabelRequirement {
    In { key: String, values: Vec<String> },
    NotIn { key: String, values: Vec<String> },
    Exists(String),
    Absent(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldRequirement {
    field: String,
    value: String,
    equal: bool,
}

impl Selection {
    /// Reads both selectors.
    pub(super) fn parse(labels: &str, fields: &str) -> Result<Self, Failure> {
        let labels = split_outside_parentheses(labels)
            .into_iter()
            .map(|text| {
                LabelRequirement::parse(text)
                    .ok_or_else(|| Failure::bad_request(format!("unable to parse requirement: {text}")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { labels, fields: FieldRequirement::parse_all(fields)? })
    }

    /// Whether there is anything to select by.
    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Refuses a field that objects of this kind cannot be selected by.
    pub(super) fn check_fields(&self, known: &[&str]) -> Result<(), Failure> {
        match self.fields.iter().find(|requirement| !known.contains(&requirement.field.as_str())) {
            Some(unknown) => Err(Failure::bad_request(format!("field label not supported: {}", unknown.field))),
            None => Ok(()),
        }
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.labels.iter().all(|requirement| requirement.matches(object))
            && self.fields.iter().all(|requirement| requirement.matches(object))
    }
}

impl LabelRequirement {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((key, values)) = set_of(text, "notin") {
            return Some(Self::NotIn { key: label_key(key)?, values });
        }
        if let Some((key, values)) = set_of(text, "in") {
            return Some(Self::In { key: label_key(key)?, values });
        }
        if let Some((key, value)) = text.split_once("!=") {
            return Some(Self::NotIn { key: label_key(key)?, values: vec![value.trim().to_owned()] });
        }
        if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            return Some(Self::In { key: label_key(key)?, values: vec![value.trim().to_owned()] });
        }
        match text.strip_prefix('!') {
            Some(key) => Some(Self::Absent(label_key(key)?)),
            None => Some(Self::Exists(label_key(text)?)),
        }
    }

    fn matches(&self, object: &Object) -> bool {
        match self {
            Self::In { key, values } => object.labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn { key, values } => object.labels.get(key).is_none_or(|value| !values.contains(value)),
            Self::Exists(key) => object.labels.contains_key(key),
            Self::Absent(key) => !object.labels.contains_key(key),
        }
    }
}

impl FieldRequirement {
    fn parse_all(text: &str) -> Result<Vec<Self>, Failure> {
        let mut requirements = Vec::new();
        for term in split_unescaped(text) {
            let (field, value, equal) = if let Some((field, value)) = term.split_once("!=") {
                (field, value, false)
            } else if let Some((field, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (field, value, true)
            } else {
                return Err(Failure::bad_request(format!("invalid selector: '{text}'; can't understand '{term}'")));
            };
            requirements.push(Self { field: field.to_owned(), value: unescape(value), equal });
        }
        Ok(requirements)
    }

    fn matches(&self, object: &Object) -> bool {
        let value = object.fields.get(self.field.as_str()).map_or("", String::as_str);
        (value == self.value) == self.equal
    }
}

/// `key in (a, b)`: the key and the values.
fn set_of<'a>(text: &'a str, operator: &str) -> Option<(&'a str, Vec<String>)> {
    let (head, values) = text.strip_suffix(')')?.split_once('(')?;
    let key = head.trim().strip_suffix(operator)?;
    if !key.ends_with(char::is_whitespace) {
        return None;
    }
    Some((key, values.split(',').map(|value| value.trim().to_owned()).collect()))
}

fn label_key(text: &str) -> Option<String> {
    let text = text.trim();
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    (!text.is_empty() && text.chars().all(legal)).then(|| text.to_owned())
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .filter(|part| !part.trim().is_empty())
    .collect()
}

fn split_unescaped(text: &str) -> Vec<&str> {
    let mut escaped = false;
    text.split(move |c| {
        let ends = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
    .filter(|part| !part.is_empty())
    .collect()
}

fn unescape(text: &str) -> String {
    let mut characters = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;

    use super::*;

    fn mk_object() -> Object {
        Object {
            namespace: "shop".into(),
            name: "web-0".into(),
            labels: BTreeMap::from([("app".into(), "web".into()), ("tier".into(), "front".into())]),
            fields: BTreeMap::from([("status.phase", "Running".into()), ("spec.nodeName", "a,b=c".into())]),
            bytes: Bytes::new(),
        }
    }

    fn selects(labels: &str, fields: &str) -> bool {
        Selection::parse(labels, fields).unwrap().matches(&mk_object())
    }

    #[test]
    fn every_form_of_a_label_requirement_is_understood() {
        for held in [
            "app=web",
            "app==web",
            "app!=db",
            "app in (db, web)",
            "app notin (db)",
            "app",
            "!zone",
            "zone!=eu",
            "zone notin (eu)",
            "app in (web,db),tier=front",
        ] {
            assert!(selects(held, ""), "{held}");
        }
        for not_held in ["app=db", "app!=web", "app in (db)", "app notin (web)", "zone", "!app", "app=web,tier=back"] {
            assert!(!selects(not_held, ""), "{not_held}");
        }
    }

    #[test]
    fn a_field_requirement_may_hold_escaped_characters() {
        assert!(selects("", "status.phase=Running,spec.nodeName=a\\,b\\=c"));
        assert!(selects("", "status.phase!=Failed"));
        assert!(!selects("", "spec.nodeName=a"));
    }

    #[test]
    fn nonsense_is_a_bad_request() {
        for labels in ["a b", "app in web", "=web", "app in (web"] {
            assert!(Selection::parse(labels, "").is_err(), "{labels}");
        }
        assert!(Selection::parse("", "status.phase").is_err());
    }
}
