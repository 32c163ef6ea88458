//! Holds what went through the queues to the schemas in `docs/schema`: what our programs take, the schemas take, and what is no
//! command for its shape is none by its schema.

use std::sync::LazyLock;

use gumshoe_proto::envelope::{RESULT_TYPE, decode_command, decode_result};
use jsonschema::Validator;
use serde_json::Value;

use super::calls::Call;

static COMMANDS: LazyLock<Validator> =
    LazyLock::new(|| validator(include_str!("../../../../docs/schema/command.schema.json")));
static RESULTS: LazyLock<Validator> =
    LazyLock::new(|| validator(include_str!("../../../../docs/schema/result.schema.json")));

fn validator(schema: &str) -> Validator {
    let schema = serde_json::from_str(schema).expect("the schema is JSON");
    jsonschema::draft202012::new(&schema).expect("the schema is one")
}

/// What is wrong with the messages that these calls sent.
pub(super) fn violations(calls: &[Call]) -> Vec<String> {
    calls.iter().flat_map(Call::bodies).filter_map(violation).collect()
}

/// What is wrong with a message. What is no event at all is neither command nor result, and others may send what they like.
fn violation(body: &str) -> Option<String> {
    let event: Value = serde_json::from_str(body).ok()?;
    if event["type"] == RESULT_TYPE {
        let error = RESULTS.iter_errors(&event).next()?;
        return decode_result(body)
            .is_ok()
            .then(|| format!("a result is not valid at {}: {error}", error.instance_path()));
    }
    let decoded = decode_command(body).map_err(|error| error.fault);
    match (COMMANDS.iter_errors(&event).next(), decoded) {
        (Some(error), Ok(_)) => Some(format!("a command is not valid at {}: {error}", error.instance_path())),
        // A schema sees neither names that stand twice in an object nor ids that two objects have, nor how long a duration is.
        (None, Err(fault))
            if !["NOT_JSON", "DUPLICATE_QUERY_ID", "INVALID_PROGRESS_INTERVAL"].contains(&fault.reason()) =>
        {
            Some(format!("a command is valid and yet refused: {fault}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mk_event(r#type: &str, data: &Value) -> String {
        json!({"specversion": "1.0", "id": "x", "source": "/test", "type": r#type, "data": data}).to_string()
    }

    #[test]
    fn what_our_programs_take_and_the_schema_does_not_is_a_violation() {
        // Both are legal in JSON of protobuf, and none is how it is written canonically.
        let result = mk_event(RESULT_TYPE, &json!({"commandId": "c", "run": "r", "seq": "1", "end": {}}));
        let queries = json!([{"id": "q", "list_pods": {}}]);
        let command =
            json!({"id": "c", "investigationId": "i", "deadline": "2030-01-01T00:00:00Z", "queries": queries});
        for body in [result, mk_event("gumshoe.bridge.v1.Command", &command)] {
            assert!(violation(&body).is_some_and(|violation| violation.contains("not valid at /data")), "{body}");
        }
    }

    #[test]
    fn what_nobody_takes_is_none() {
        for body in
            ["do it", "{}", &mk_event(RESULT_TYPE, &json!({})), &mk_event("gumshoe.bridge.v1.Command", &json!({}))]
        {
            assert_eq!(violation(body), None, "{body}");
        }
    }
}
