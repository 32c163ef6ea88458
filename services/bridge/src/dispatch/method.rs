//! Which method of the collector a query means, found in the descriptors of the contract.
//!
//! The rules that the contract follows, and a test holds it to: each arm of `Query.request` that is a message has an arm of the same number and name
//! in `Page.response`; exactly one method takes the one and gives the other; field 1 of the response holds the items;
//! `completeness` ends the answer; where a stream has a token in each page, the request takes it. A stream without one cannot be taken
//! up again: it is asked anew as long as nothing of it came, and no longer.

use std::{collections::BTreeMap, sync::LazyLock};

use gumshoe_proto::{
    bridge::v1::{Page, Query},
    json,
    methods::most_items,
};
use http::uri::PathAndQuery;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, MethodDescriptor, ReflectMessage as _, Value};

static METHODS: LazyLock<BTreeMap<u32, Method>> = LazyLock::new(|| {
    let query = json::descriptor::<Query>();
    let page = json::descriptor::<Page>();
    let arms = query.oneofs().flat_map(|oneof| oneof.fields().collect::<Vec<_>>());
    arms.filter_map(|arm| Some((arm.number(), Method::find(&arm, &page)?))).collect()
});

/// A method of the collector as the bridge uses it.
#[derive(Debug)]
pub(crate) struct Method {
    /// "PodService/ListPods", for logs and metrics.
    pub name: String,
    /// Where it is called: "/gumshoe.collector.v1.PodService/ListPods".
    pub path: PathAndQuery,
    /// The JSON name of its responses in a page: "listPods".
    pub arm: String,
    /// Where a response holds its items.
    pub items: FieldDescriptor,
    /// Its responses.
    pub response: MessageDescriptor,
}

/// A query's request.
#[derive(Clone, Debug)]
pub(crate) struct MethodRequest(DynamicMessage);

impl Method {
    /// The method that a query means and its request; None where the query has none.
    #[must_use]
    pub(crate) fn of(query: &Query) -> Option<(&'static Self, MethodRequest)> {
        let mut dynamic = DynamicMessage::new(json::descriptor::<Query>());
        dynamic.transcode_from(query).ok()?;
        let (number, method) = METHODS.iter().find(|(number, _)| dynamic.has_field_by_number(**number))?;
        match dynamic.take_field_by_number(*number)? {
            Value::Message(request) => Some((method, MethodRequest(request))),
            _ => None,
        }
    }

    /// Reads the descriptors now rather than with the first command.
    pub(crate) fn load() {
        LazyLock::force(&METHODS);
    }

    fn find(arm: &FieldDescriptor, page: &MessageDescriptor) -> Option<Self> {
        let response_arm = page.get_field(arm.number())?;
        let (request, response) = (arm.kind(), response_arm.kind());
        let (request, response) = (request.as_message()?.clone(), response.as_message()?.clone());
        let method = methods().find(|method| method.input() == request && method.output() == response)?;
        let service = method.parent_service();
        Some(Self {
            name: format!("{}/{}", service.name(), method.name()),
            path: format!("/{}/{}", service.full_name(), method.name()).parse().ok()?,
            arm: response_arm.json_name().to_owned(),
            items: response.get_field(1)?,
            response,
        })
    }
}

fn methods() -> impl Iterator<Item = MethodDescriptor> {
    json::descriptors().services().flat_map(|service| service.methods().collect::<Vec<_>>())
}

impl MethodRequest {
    /// The request itself.
    #[must_use]
    pub(crate) fn into_message(self) -> DynamicMessage {
        self.0
    }

    /// The token that the query itself goes on from; empty where it begins at the beginning.
    #[must_use]
    pub(crate) fn page_token(&self) -> String {
        self.0.get_field_by_name("page_token").and_then(|token| token.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The most items that the query wants in all; None where there is no limit.
    #[must_use]
    pub(crate) fn limit(&self) -> Option<u64> {
        let limit = self.0.get_field_by_name("limit")?.as_i64()?;
        most_items(self.0.descriptor().full_name(), limit)
    }

    /// The same request, going on behind `token`, after `received` items of its limit. None where the limit is used up, or there is no
    /// going on.
    #[must_use]
    pub(crate) fn resumed(&self, token: &str, received: u64) -> Option<Self> {
        let mut request = self.clone();
        // A method without tokens has no place to go on from.
        request.0.try_set_field_by_name("page_token", Value::String(token.to_owned())).ok()?;
        if let Some(limit) = self.limit() {
            let left = limit.checked_sub(received).filter(|left| *left > 0)?;
            request.0.set_field_by_name("limit", Value::I64(i64::try_from(left).unwrap_or(i64::MAX)));
        }
        Some(request)
    }

    /// The same request, for pages of so many items at most; None where its answer has no pages of items.
    #[must_use]
    pub(crate) fn with_page_size(mut self, items: usize) -> Option<Self> {
        let items = i32::try_from(items).unwrap_or(i32::MAX);
        self.0.try_set_field_by_name("page_size", Value::I32(items)).ok()?;
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::{
        bridge::v1::query::Request,
        collector::v1::{Completeness, GetPodRequest, ListEventsRequest, ListPodsRequest, ReadLogsRequest},
    };

    use super::*;

    fn mk_request(request: Request) -> MethodRequest {
        let query = Query { request: Some(request), ..Query::default() };
        Method::of(&query).unwrap().1
    }

    #[test]
    fn every_query_of_the_contract_keeps_the_rules_that_the_bridge_relies_on() {
        let arms: Vec<_> =
            json::descriptor::<Query>().oneofs().flat_map(|oneof| oneof.fields().collect::<Vec<_>>()).collect();
        let arms: Vec<_> = arms.into_iter().filter(|arm| arm.kind().as_message().is_some()).collect();
        assert!(arms.len() >= 4);
        for arm in arms {
            let method = METHODS.get(&arm.number()).unwrap_or_else(|| panic!("no method for {}", arm.name()));
            let descriptor = methods().find(|descriptor| method.path.path().ends_with(descriptor.name())).unwrap();
            let (request, response) = (descriptor.input(), &method.response);
            assert_eq!(method.arm, arm.json_name());
            assert!(method.items.kind().as_message().is_some(), "{}: items are messages", method.name);
            let completeness = response.get_field_by_name("completeness").map(|field| field.kind());
            assert_eq!(
                completeness.and_then(|kind| kind.as_message().cloned()),
                Some(json::descriptor::<Completeness>())
            );
            if descriptor.is_server_streaming() {
                assert!(method.items.is_list(), "{}", method.name);
                let takes_token = request.get_field_by_name("page_token").is_some();
                let gives_token = response.get_field_by_name("next_page_token").is_some();
                assert_eq!(takes_token, gives_token, "{}", method.name);
                // A walk is bounded, and its place is no position that a token could hold.
                assert_eq!(takes_token, descriptor.name() != "DiscoverTopology", "{}", method.name);
            }
        }
    }

    #[test]
    fn a_query_says_its_method_by_what_it_asks() {
        for (request, name, arm, items) in [
            (Request::GetPod(GetPodRequest::default()), "PodService/GetPod", "getPod", "item"),
            (Request::ListPods(ListPodsRequest::default()), "PodService/ListPods", "listPods", "items"),
            (Request::ListEvents(ListEventsRequest::default()), "EventService/ListEvents", "listEvents", "items"),
            (Request::ReadLogs(ReadLogsRequest::default()), "LogService/ReadLogs", "readLogs", "lines"),
        ] {
            let query = Query { request: Some(request), ..Query::default() };
            let (method, _) = Method::of(&query).unwrap();
            assert_eq!((method.name.as_str(), method.arm.as_str(), method.items.name()), (name, arm, items));
            assert_eq!(method.path.path(), format!("/gumshoe.collector.v1.{name}"));
        }
        assert!(Method::of(&Query::default()).is_none());
    }

    #[test]
    fn what_was_received_counts_against_the_limit_of_the_rest() {
        let limit_of = |request: Option<MethodRequest>| request.map(|request| request.limit());
        let pods = |limit| mk_request(Request::ListPods(ListPodsRequest { limit, ..ListPodsRequest::default() }));
        assert_eq!(limit_of(pods(0).resumed("t", 7)), Some(None));
        assert_eq!(limit_of(pods(10).resumed("t", 7)), Some(Some(3)));
        assert_eq!(limit_of(pods(10).resumed("t", 10)), None);

        let events =
            |limit| mk_request(Request::ListEvents(ListEventsRequest { limit, ..ListEventsRequest::default() }));
        assert_eq!(limit_of(events(0).resumed("t", 7)), Some(Some(993)));
        assert_eq!(limit_of(events(1_000_000).resumed("t", 1)), Some(Some(49_999)));

        let logs = mk_request(Request::ReadLogs(ReadLogsRequest { tail_lines: Some(5), ..ReadLogsRequest::default() }));
        let resumed = logs.resumed("t", 3).unwrap();
        assert_eq!((resumed.page_token(), resumed.limit()), ("t".to_owned(), None));
    }
}
