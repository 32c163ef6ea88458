//! What the tables of several kinds have in common (kubernetes: `pkg/printers/internalversion/printers.go`).

use std::collections::{BTreeMap, BTreeSet};

use gumshoe_proto::collector::v1::{LabelSelector, PodTemplateSpec};

/// What the API server prints where there is nothing.
pub(super) const NONE: &str = "<none>";

/// The text, or NONE.
pub(super) fn or_none(text: &str) -> String {
    if text.is_empty() { NONE.to_owned() } else { text.to_owned() }
}

/// CONTAINERS and IMAGES: the names and the images of the containers, without those that run before them.
pub(super) fn containers(template: Option<&PodTemplateSpec>) -> [String; 2] {
    let containers = template.and_then(|template| template.spec.as_ref()).map_or(&[][..], |spec| &spec.containers);
    let joined = |texts: Vec<&str>| texts.join(",");
    [
        joined(containers.iter().map(|container| container.name.as_str()).collect()),
        joined(containers.iter().map(|container| container.image.as_str()).collect()),
    ]
}

/// Labels as a selector: `app=web,tier=front`, or NONE.
pub(super) fn labels(labels: &BTreeMap<String, String>) -> String {
    let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    or_none(&labels.join(","))
}

/// A selector as it is written (apimachinery: `pkg/labels/selector.go`): in the order of its keys.
pub(crate) fn selector(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return String::new() };
    let labels = selector.match_labels.iter().map(|(key, value)| (key.clone(), format!("{key}={value}")));
    let expressions = selector.match_expressions.iter().map(|expression| {
        let key = &expression.key;
        let values: BTreeSet<_> = expression.values.iter().map(String::as_str).collect();
        let values = values.into_iter().collect::<Vec<_>>().join(",");
        let text = match expression.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        };
        (key.clone(), text)
    });
    let mut requirements: Vec<_> = labels.chain(expressions).collect();
    requirements.sort_by(|(one, _), (other, _)| one.cmp(other));
    requirements.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::LabelSelectorRequirement;

    use super::*;

    #[test]
    fn a_selector_is_written_in_the_order_of_its_keys() {
        let requirement = |key: &str, operator: &str, values: &[&str]| LabelSelectorRequirement {
            key: key.into(),
            operator: operator.into(),
            values: values.iter().map(|&value| value.into()).collect(),
        };
        let all = LabelSelector {
            match_labels: BTreeMap::from([("app".into(), "web".into()), ("tier".into(), "front".into())]),
            match_expressions: vec![
                requirement("zone", "NotIn", &["c", "b"]),
                requirement("env", "In", &["prod"]),
                requirement("beta", "Exists", &[]),
                requirement("old", "DoesNotExist", &[]),
            ],
        };
        assert_eq!(selector(Some(&all)), "app=web,beta,env in (prod),!old,tier=front,zone notin (b,c)");
        assert_eq!((selector(None), selector(Some(&LabelSelector::default()))), (String::new(), String::new()));
    }
}
