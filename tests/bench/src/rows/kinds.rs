//! The list of each kind beside curl of the same, of as many objects of each.

use anyhow::Context as _;
use gumshoe_devstack::cluster::Resource;
use gumshoe_devstack::replay::Shop;
use gumshoe_proto::bridge::v1::Query;
use gumshoe_proto::methods::{Limit, Method, PATHS, Page, Request};
use gumshoe_proto::{json, with_request};
use prost::Name;
use serde_json::json;

use crate::pairs::Pairs;
use crate::report::{Bar, Report, Row};
use crate::setup::Setup;

/// Where the copies are.
const NAMESPACE: &str = "bench-kinds";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// Of Secrets, the collector asks for no more than this.
const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
const SECRETS: &str = "SecretMetadata";
/// What a list may take beside what the server itself needs.
const BAR: f64 = 1.5;
/// Kinds that controllers busy themselves with for as long as there are many of them: measured after the others.
const LAST: [&str; 2] = ["DaemonSet", "Node"];

pub(super) async fn measure(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    setup.cluster.put_up_shop().await?;
    let mut lists =
        PATHS.iter().filter_map(|path| Some(path.rsplit_once("/List")?.1)).map(list).collect::<Result<Vec<_>, _>>()?;
    lists.sort_by_key(|list| LAST.iter().position(|last| *last == kind_of(list)));
    for list in lists {
        measure_one(setup, list, report).await?;
    }
    Ok(())
}

async fn measure_one(setup: &Setup, mut list: Request, report: &mut Report) -> anyhow::Result<()> {
    let kind = kind_of(&list);
    let resource = resource(kind)?;
    setup.cluster.copy(&resource, NAMESPACE, setup.sizes.objects).await?;
    let path = resource.path(with_request!(&mut list, list => narrow(list)));
    let (path, accept, form) = match kind {
        SECRETS => (format!("{path}?includeObject=Metadata"), TABLE, "the Table"),
        _ => (path, PROTOBUF, "protobuf"),
    };
    let collector = setup.collector_of(&resource.plural).await?;
    let client = async || {
        let client = collector.client(setup)?;
        with_request!(list.clone(), list => client.list(list).await)
    };
    let read = client().await?;
    anyhow::ensure!(read.items >= setup.sizes.objects as u64, "{} of {}", read.items, resource.plural);
    let ours = async || client().await.map(drop);
    let floor = async || setup.curl.get(&path, accept).await.map(drop);
    let pairs = Pairs::of(setup.sizes.pairs, ours, floor).await?;
    let name = format!("list of {} {}, beside curl of {form}", read.items, resource.plural);
    let row = Row::with_ratio(name, pairs.ours(), Some(pairs.peer()), Some(pairs.ratio()), "s", Bar::Ratio(BAR));
    report.add(row, "");
    collector.process.stop().await?;
    Ok(())
}

/// Makes it a list of all in the namespace of the copies, where the kind has namespaces.
fn narrow<Q: Method>(list: &mut Q) -> Option<&'static str> {
    let selection = list.as_list_mut()?;
    if let Some(Limit { max, .. }) = Limit::of(&Q::full_name()) {
        *selection.limit = i64::try_from(max).unwrap_or(i64::MAX);
    }
    let namespaces = selection.namespaces?;
    namespaces.push(NAMESPACE.to_owned());
    Some(NAMESPACE)
}

/// The request of `List…`.
fn list(objects: &str) -> anyhow::Result<Request> {
    let query: Query = json::from_value(json!({format!("list{objects}"): {}}))?;
    let typed = query.request.and_then(|request| Request::try_from(request).ok());
    typed.with_context(|| format!("no query lists {objects}"))
}

fn kind_of(list: &Request) -> &'static str {
    fn of<Q: Method>(_: &Q) -> &'static str {
        <<Q::Response as Page>::Item as Name>::NAME
    }
    with_request!(list, list => of(list))
}

/// Where the API server has a kind: it said so when the shop was recorded.
fn resource(kind: &str) -> anyhow::Result<Resource> {
    let resources: Vec<Resource> = serde_json::from_slice(&Shop::recording("resources.json")?)?;
    let kind = if kind == SECRETS { "Secret" } else { kind };
    resources.into_iter().find(|resource| resource.kind == kind).with_context(|| format!("{kind} was not recorded"))
}
