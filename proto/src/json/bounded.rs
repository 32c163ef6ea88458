//! JSON of a bounded number of values, for what others have written: in memory an empty object takes hundreds of times its two bytes,
//! as a message of the contract a thousand times.
//!
//! What people write must also say everything once. `serde_json` keeps the last of two members of one name, and canonical proto3
//! JSON knows each field by two names (`labelSelector`, `label_selector`). Either way a filter could be given and overruled unseen.

use std::{cell::Cell, collections::BTreeSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What a text may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Values of all depths.
    values: usize,
    /// Elements of an array.
    elements: usize,
    /// Whether objects may name a member twice.
    names_once: bool,
}

impl Bounds {
    /// What people write: commands, with some hundred values for each of a hundred queries, which take 16 MB at most. They hold no maps
    /// with keys of the sender's choice.
    pub(super) const STRICT: Self = Self { values: 25_000, elements: 25_000, names_once: true };
    /// What programs write: a collector's pages of 128 KiB, and objects of 3 MiB, have fewer.
    pub(super) const LENIENT: Self = Self { values: 1 << 18, elements: 1 << 16, names_once: false };
}

/// Reads a text.
pub(super) fn parse(text: &str, bounds: Bounds) -> serde_json::Result<Value> {
    let left = Cell::new(bounds.values);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Bounded { bounds, left: &left }.deserialize(&mut deserializer)?;
    deserializer.end().map(|()| value)
}

/// One value.
#[derive(Clone, Copy)]
struct Bounded<'c> {
    bounds: Bounds,
    /// How many more there may be.
    left: &'c Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get().checked_sub(1);
        let left =
            left.ok_or_else(|| D::Error::custom(format_args!("there are more than {} values", self.bounds.values)))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
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
            if array.len() == self.bounds.elements {
                return Err(A::Error::custom(format_args!("an array has more than {} elements", array.len())));
            }
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if self.bounds.names_once && !names.insert(name.replace('_', "").to_ascii_lowercase()) {
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
            let error = parse(text, Bounds::STRICT).expect_err(text);
            assert!(error.to_string().contains("given twice"), "{error}");
        }
    }

    #[test]
    fn every_other_value_is_read_as_serde_json_reads_it() {
        let text = r#"{"a": [null, true, -1, 18446744073709551615, 1.5, "x\u0000"], "b": {"c": {}, "a": []}}"#;
        for bounds in [Bounds::STRICT, Bounds::LENIENT] {
            assert_eq!(parse(text, bounds).expect("valid"), serde_json::from_str::<Value>(text).expect("valid"));
            assert!(parse("{} {}", bounds).is_err());
        }
        let twice = r#"{"a_b": 1, "ab": 2, "c": 3, "c": 4}"#;
        assert_eq!(parse(twice, Bounds::LENIENT).expect("valid"), serde_json::from_str::<Value>(twice).expect("valid"));
    }

    #[test]
    fn more_values_than_any_message_has_are_refused_before_they_take_memory() {
        let array = |elements: usize| format!("[{}0]", "{},".repeat(elements - 1));
        let arrays =
            |values: usize| format!("[{0},{0},{0},{0},{1}]", array((values - 6) / 4), array((values - 6) % 4 + 1));
        for (bounds, fits, refused, why) in [
            (Bounds::STRICT, array(24_999), array(25_000), "more than 25000 values"),
            (Bounds::LENIENT, array(1 << 16), array((1 << 16) + 1), "more than 65536 elements"),
            (Bounds::LENIENT, arrays((1 << 18) - 1), arrays((1 << 18) + 5), "more than 262144 values"),
        ] {
            assert!(parse(&fits, bounds).is_ok(), "{why}");
            let error = parse(&refused, bounds).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
