//! JSON as it is committed: the names in order, a line a property, so that a change of the contract is a few lines here too.

use std::collections::BTreeMap;

use serde_json::Value;

/// Objects and lists so deep in a schema, and all in them, stand in one line: a property of a definition is the first of them.
const IN_LINE: usize = 4;

/// The text of a schema.
pub(crate) fn text(schema: &Value) -> String {
    layout(schema, 0) + "\n"
}

fn layout(value: &Value, depth: usize) -> String {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().collect();
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), layout(value, depth + 1))
            };
            around('{', &members.into_iter().map(member).collect::<Vec<_>>(), '}', depth)
        }
        Value::Array(items) => {
            let depth = if items.iter().any(Value::is_object) { depth } else { IN_LINE };
            around('[', &items.iter().map(|item| layout(item, IN_LINE)).collect::<Vec<_>>(), ']', depth)
        }
        scalar => scalar.to_string(),
    }
}

fn around(open: char, parts: &[String], close: char, depth: usize) -> String {
    if depth >= IN_LINE || parts.is_empty() {
        return format!("{open}{}{close}", parts.join(", "));
    }
    let (indent, inner) = ("  ".repeat(depth), "  ".repeat(depth + 1));
    format!("{open}\n{inner}{}\n{indent}{close}", parts.join(&format!(",\n{inner}")))
}
