//! Requests, and what comes back.

use std::time::Duration;

use futures::StreamExt as _;
use gumshoe_collector::{
    kinds::{event::Events, pod::Pods},
    kubernetes::names::Namespace,
    lists::{Reader, scope::Scope, stream::PageStream},
};
use gumshoe_proto::collector::v1::{
    Completeness, Gap, GapReason, ListEventsRequest, ListEventsResponse, ListPodsRequest, ListPodsResponse,
    event_service_server::EventService as _, pod_service_server::PodService as _,
};
use gumshoe_runtime::deadline::Deadline;
use tonic::{Request, Status};

use crate::fake_api::{FakeApi, mk_pod};

pub(crate) fn mk_request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Deadline::after(Duration::from_secs(120)));
    request
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

/// Pages of a kind.
pub(crate) trait Page {
    fn names(&self) -> Vec<String>;
    fn completeness(&self) -> Option<Completeness>;
}

impl Page for ListPodsResponse {
    fn names(&self) -> Vec<String> {
        self.items.iter().map(|item| item.metadata.clone().unwrap().name).collect()
    }

    fn completeness(&self) -> Option<Completeness> {
        self.completeness.clone()
    }
}

impl Page for ListEventsResponse {
    fn names(&self) -> Vec<String> {
        self.items.iter().map(|item| item.metadata.clone().unwrap().name).collect()
    }

    fn completeness(&self) -> Option<Completeness> {
        self.completeness.clone()
    }
}

pub(crate) async fn collect<R: Page + Send + 'static>(mut stream: PageStream<R>) -> Result<Pages<R>, Status> {
    let mut pages = Vec::new();
    while let Some(page) = stream.next().await {
        pages.push(page?);
    }
    let names = pages.iter().flat_map(Page::names).collect();
    let end = pages.last().and_then(Page::completeness).expect("the last message says how it ended");
    Ok(Pages { names, pages, end })
}

pub(crate) async fn list(api: &FakeApi, request: ListPodsRequest) -> Result<Pages<ListPodsResponse>, Status> {
    list_within(api, &[], request).await
}

pub(crate) async fn list_within(
    api: &FakeApi,
    scope: &[&str],
    request: ListPodsRequest,
) -> Result<Pages<ListPodsResponse>, Status> {
    let pods = Pods(mk_reader(api, scope).await);
    collect(pods.list_pods(mk_request(request)).await?.into_inner()).await
}

pub(crate) async fn list_events(
    api: &FakeApi,
    request: ListEventsRequest,
) -> Result<Pages<ListEventsResponse>, Status> {
    let events = Events::new(mk_reader(api, &[]).await);
    collect(events.list_events(mk_request(request)).await?.into_inner()).await
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
