//! JSON that says everything once.
//!
//! `serde_json` keeps the last of two members of one name, and canonical proto3 JSON knows each field by two names
//! (`labelSelector`, `label_selector`). Either way a filter could be given and overruled unseen, so both are refused.
//!
//! In memory an empty object takes hundreds of times its two bytes, so the number of values is bounded, too.

use std::{cell::Cell, collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Values of all depths in one text: some hundred for each of a command's queries, of which there are a hundred. They take 16 MB at most.
const VALUES_MAX: usize = 25_000;

/// Reads a text in which no object names a member twice. The messages read this way hold no maps with keys of the sender's choice.
pub(super) fn parse(text: &str) -> serde_json::Result<Value> {
    let left = Cell::new(VALUES_MAX);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict { left: &left }.deserialize(&mut deserializer)?;
    deserializer.end().map(|()| value)
}

/// One value.
#[derive(Clone, Copy)]
struct Strict<'c> {
    /// How many more there may be.
    left: &'c Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        let left = left.ok_or_else(|| D::Error::custom(format_args!("there are more than {VALUES_MAX} values")))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if !names.insert(name.replace('_', "").to_ascii_lowercase()) {
                return Err(Error::custom(format_args!("{name:?} is given twice")));
            }
            object.insert(name, members.next_value_seed(self)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_given_twice_is_refused_at_any_depth_and_under_either_name() {
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"[{"b": {"labelSelector": "app=web", "label_selector": ""}}]"#,
            r#"{"data": [[{"limit": 1, "limit": null}]]}"#,
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains("given twice"), "{error}");
        }
    }

    #[test]
    fn every_other_value_is_read_as_serde_json_reads_it() {
        let text = r#"{"a": [null, true, -1, 18446744073709551615, 1.5, "x\u0000"], "b": {"c": {}, "a": []}}"#;
        assert_eq!(parse(text).expect("valid"), serde_json::from_str::<Value>(text).expect("valid"));
        assert!(parse("{} {}").is_err());
    }

    #[test]
    fn more_values_than_any_command_has_are_refused_before_they_take_memory() {
        let array = |values: usize| format!("[{}0]", "{},".repeat(values - 2));
        assert!(parse(&array(VALUES_MAX)).is_ok());
        let error = parse(&array(VALUES_MAX + 1)).expect_err("one too many").to_string();
        assert!(error.contains("more than 25000 values"), "{error}");
    }
}
