//! `topology`, to the request and back.

use std::collections::BTreeMap;

use clap::Args;
use gumshoe_proto::collector::v1::DiscoverTopologyRequest;

use crate::{
    Request, names,
    refusal::Refusal,
    scope::{self, DEFAULT_NAMESPACE},
    words::Words,
};

/// What belongs together with an object.
#[derive(Args, Clone, Debug)]
pub struct Topology {
    /// Where the walk begins: deploy/web, pod/web-0, node/node-1
    #[arg(value_name = "KIND/NAME", value_parser = object, required_unless_present = "labels")]
    object: Option<(String, String)>,

    /// The object's namespace [default: default]
    #[arg(short, long, value_name = "NS", value_parser = scope::one)]
    namespace: Option<String>,

    /// A label of an alert, in place of KIND/NAME; repeat it: --label namespace=shop --label deployment=web
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label, conflicts_with = "object")]
    labels: Vec<(String, String)>,

    /// Steps from the object, at most 10 [default: 5; for a node 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10))]
    depth: Option<i32>,

    /// Most objects, at most 2000 [default: 300]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=2000))]
    max_nodes: Option<i32>,
}

impl Topology {
    /// The collector's request.
    #[must_use]
    pub fn request(&self) -> Request {
        let Self { object, namespace, labels, depth, max_nodes } = self.clone();
        let (kind, name) = object.unwrap_or_default();
        let named = !kind.is_empty() && kind != NODE;
        let mut labels: BTreeMap<_, _> = labels.into_iter().collect();
        if let Some(namespace) = namespace.clone().filter(|_| !labels.is_empty()) {
            labels.entry("namespace".to_owned()).or_insert(namespace);
        }
        Request::DiscoverTopology(DiscoverTopologyRequest {
            namespace: if named { namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()) } else { String::new() },
            kind,
            name,
            labels,
            max_depth: depth.unwrap_or_default(),
            max_nodes: max_nodes.unwrap_or_default(),
        })
    }
}

/// The one kind that is walked over and is in no namespace.
const NODE: &str = "Node";

/// The line that gives this request.
pub(crate) fn describe(request: &DiscoverTopologyRequest) -> Words {
    let DiscoverTopologyRequest { namespace, kind, name, labels, max_depth, max_nodes } = request;
    let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let object = names::describe(kind, name);
    let words = if labels.is_empty() { Words::new(&["topology", &object]) } else { Words::new(&["topology"]) };
    words
        .option("-n", Some(namespace))
        .each("--label", &labels)
        .option("--depth", Some(max_depth).filter(|depth| **depth > 0))
        .option("--max-nodes", Some(max_nodes).filter(|nodes| **nodes > 0))
}

fn object(text: &str) -> Result<(String, String), Refusal> {
    names::object(text).map(|object| (object.kind, object.name))
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is needed: namespace=shop")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{describe, parse};

    fn request(line: &str) -> DiscoverTopologyRequest {
        match parse(line).map(|line| line.request) {
            Ok(Request::DiscoverTopology(request)) => request,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_walk_begins_at_an_object_or_at_what_an_alert_is_about() {
        let web = request("topology deploy/web -n shop --depth 2");
        assert_eq!((web.kind.as_str(), web.namespace.as_str(), web.name.as_str()), ("Deployment", "shop", "web"));
        assert_eq!((web.max_depth, web.max_nodes), (2, 0));
        assert_eq!(request("topology node/a").namespace, "");
        let alert = request("topology --label namespace=shop --label deployment=web");
        assert_eq!((alert.labels.len(), alert.kind.as_str(), alert.namespace.as_str()), (2, "", ""));
        for wrong in [
            "topology",
            "topology web",
            "topology deploy/web --label a=b",
            "topology --label a",
            "topology deploy/web --depth 11",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_namespace_that_is_given_goes_with_the_labels_whichever_it_is() {
        for namespace in ["shop", "default"] {
            let labels = request(&format!("topology --label pod=web-0 -n {namespace}")).labels;
            assert_eq!(labels.get("namespace").map(String::as_str), Some(namespace));
        }
        assert_eq!(request("topology --label pod=web-0").labels.len(), 1);
        assert_eq!(request("topology deploy/web").namespace, "default");
        for wrong in ["topology deploy/web -n ''", "topology deploy/web -n shop,pay"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_walk_is_described_as_it_was_asked_for(
            kind in prop::sample::select(names::known().chain(["Rollout"]).collect::<Vec<_>>()),
            name in "[a-z]{1,8}",
            namespace in "[a-z]{1,8}",
            depth in 0..10_i32,
            labels in prop::collection::btree_map("[a-z_]{1,8}", ".{0,8}", 0..3),
        ) {
            let named = labels.is_empty();
            let text = |text: &str| if named { text.to_owned() } else { String::new() };
            let asked = DiscoverTopologyRequest {
                namespace: if kind == NODE { String::new() } else { text(&namespace) },
                kind: text(kind),
                name: text(&name),
                labels: labels.into_iter().filter(|(_, value)| !value.contains('\0')).collect(),
                max_depth: depth,
                max_nodes: 0,
            };
            prop_assume!(named == asked.labels.is_empty());
            let line = describe(&Request::DiscoverTopology(asked.clone()));
            prop_assert_eq!(request(&line), asked, "{}", line);
        }
    }
}
