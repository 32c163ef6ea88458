//! `get pods`.

use clap::Args;
use gumshoe_proto::collector::v1::{GetPodRequest, ListPodsRequest};

use super::{Query, scope::ScopeArgs};
use crate::page::Request;

/// Pods, with STATUS, READY and RESTARTS as kubectl prints them.
#[derive(Args, Clone, Debug)]
pub(crate) struct PodsQuery {
    /// One pod by its name; all of the selection without it
    #[arg(conflicts_with_all = ["selector", "field_selector", "limit", "all_namespaces"])]
    name: Option<String>,

    #[command(flatten)]
    scope: ScopeArgs,

    /// Labels that the pods must have, as in kubectl: app=web,tier!=db
    #[arg(short = 'l', long, value_name = "SELECTOR", default_value_t, hide_default_value = true)]
    selector: String,

    /// Fields that the pods must have, as in kubectl: status.phase=Running,spec.nodeName=node-1
    #[arg(long, value_name = "SELECTOR", default_value_t, hide_default_value = true)]
    field_selector: String,

    /// Most pods to read [default: no limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    limit: Option<i64>,
}

impl Query for PodsQuery {
    fn request(&self) -> Result<Request, String> {
        let Self { name, scope, selector, field_selector, limit } = self.clone();
        let namespaces = scope.namespaces();
        let Some(name) = name else {
            return Ok(Request::ListPods(ListPodsRequest {
                namespaces,
                label_selector: selector,
                field_selector,
                limit: limit.unwrap_or_default(),
                ..ListPodsRequest::default()
            }));
        };
        let [namespace] =
            <[String; 1]>::try_from(namespaces).map_err(|_| "a pod is in one namespace: name just one")?;
        Ok(Request::GetPod(GetPodRequest { namespace, name }))
    }
}
