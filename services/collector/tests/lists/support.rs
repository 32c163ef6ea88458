//! Requests, and what comes back.

use std::time::Duration;

use futures::StreamExt as _;
use gumshoe_collector::{
    kinds::event::Events,
    kubernetes::{api::Call, names::Namespace},
    lists::{Reader, scope::Scope},
    pages::{page::Encoded, stream::PageStream},
};
use gumshoe_proto::{
    collector::v1::{
        Completeness, Gap, GapReason, GetPodRequest, ListEventsRequest, ListEventsResponse, ListPodsRequest,
        ListPodsResponse,
    },
    methods::{Object, Page},
};
use gumshoe_runtime::deadline::Deadline;
use tonic::{Request, Status};

use crate::fake_api::{FakeApi, mk_pod};

/// A call with more time than any test takes.
pub(crate) fn mk_call() -> Call {
    let mut request = Request::new(());
    request.extensions_mut().insert(Deadline::after(Duration::from_secs(120)));
    Call::of(&request)
}

pub(crate) async fn mk_reader(api: &FakeApi, namespaces: &[&str]) -> Reader {
    let scope = Scope::of(namespaces.iter().map(|name| Namespace::parse("namespaces", name).unwrap()));
    Reader::new(api.connect().await, scope)
}

/// The names in all pages, the pages themselves, and the end.
pub(crate) struct Pages<R> {
    pub(crate) names: Vec<String>,
    pub(crate) pages: Vec<R>,
    pub(crate) end: Completeness,
}

/// The next page of a stream.
pub(crate) async fn next<R: Page>(stream: &mut PageStream) -> Option<Result<R, Status>> {
    Some(stream.next().await?.map(|Encoded(page)| R::decode(page).unwrap()))
}

pub(crate) async fn collect<R: Page<Item: Object>>(mut stream: PageStream) -> Result<Pages<R>, Status> {
    let mut pages = Vec::new();
    while let Some(page) = next::<R>(&mut stream).await {
        pages.push(page?);
    }
    let name = |item: &R::Item| item.metadata().unwrap().name.clone();
    let names = pages.iter().flat_map(|page| page.items().iter().map(name)).collect();
    let end = pages.last().and_then(|page| page.clone().completeness_mut().take());
    Ok(Pages { names, pages, end: end.expect("the last message says how it ended") })
}

/// Starts a list of pods.
pub(crate) fn open(reader: &Reader, request: &ListPodsRequest) -> Result<PageStream, Status> {
    Ok(reader.list(&mk_call(), request)?)
}

pub(crate) async fn list(api: &FakeApi, request: ListPodsRequest) -> Result<Pages<ListPodsResponse>, Status> {
    list_within(api, &[], request).await
}

pub(crate) async fn list_within(
    api: &FakeApi,
    scope: &[&str],
    request: ListPodsRequest,
) -> Result<Pages<ListPodsResponse>, Status> {
    collect(open(&mk_reader(api, scope).await, &request)?).await
}

/// Why there is no such pod.
pub(crate) async fn get_error(reader: &Reader, namespace: &str, name: &str) -> Status {
    let request = GetPodRequest { namespace: namespace.into(), name: name.into(), ..Default::default() };
    reader.get(&mk_call(), &request).await.err().unwrap().into()
}

pub(crate) async fn list_events(
    api: &FakeApi,
    request: ListEventsRequest,
) -> Result<Pages<ListEventsResponse>, Status> {
    let events = Events::new(mk_reader(api, &[]).await);
    collect(events.list(&mk_call(), request)?).await
}

pub(crate) fn reasons(end: &Completeness) -> Vec<GapReason> {
    end.gaps.iter().map(Gap::reason).collect()
}

pub(crate) fn mk_namespaces(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn mk_shop(number: usize) -> FakeApi {
    FakeApi::new((0..number).map(|index| mk_pod("shop", &format!("web-{index:04}"))).collect())
}
