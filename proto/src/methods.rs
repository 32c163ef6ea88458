//! What the methods of the collector, their requests and their pages have in common.
//!
//! All that implements these traits is generated from the descriptors (`build/methods.rs`), so a new kind has them by its `.proto`.

use prost::{Message, Name};

// The generated impls name every message of the package.
use crate::bridge::v1::page;
#[allow(clippy::wildcard_imports)]
use crate::collector::v1::*;

/// A request of the collector, which says by itself what method it is for: no two methods share a request. The bridge carries each
/// method, so a request and its answer have arms in `Query` and `Page`: without them the contract does not compile.
pub trait Method: Message + Name + Clone + Default + Into<Request> + 'static {
    /// Of the method: `/gumshoe.collector.v1.PodService/GetPod`.
    const PATH: &'static str;
    /// What is answered, once or as a stream.
    type Response: Page;

    /// Namespace and name, where this is a [`GetRequest`]: for whoever has any request, and not one of a known type.
    fn as_get(&self) -> Option<(Option<&str>, &str)> {
        None
    }

    /// The selection, where this is a [`ListRequest`].
    fn as_list(&self) -> Option<Selection<'_>> {
        None
    }

    /// The same, to be changed.
    fn as_list_mut(&mut self) -> Option<SelectionMut<'_>> {
        None
    }

    /// How much of an object is given: a [`View`], or what no version of it knows.
    fn view(&self) -> i32 {
        0
    }

    /// The same, to be changed; None where there is no choice.
    fn view_mut(&mut self) -> Option<&mut i32> {
        None
    }
}

/// What a method answers: items and, in the last message of an answer, how complete it is.
pub trait Page: Message + Name + Clone + Default + Into<page::Response> + 'static {
    /// The number of the field that holds the items.
    const ITEMS: u32;
    /// The name of that field in JSON.
    const ITEMS_NAME: &'static str;
    /// It holds one item, not a list.
    const SINGLE: bool;
    /// What it holds.
    type Item: Message + Name + Default;

    /// The items.
    fn items(&self) -> &[Self::Item];

    /// Drops the items that are not to be kept.
    fn retain(&mut self, keep: impl FnMut(&Self::Item) -> bool);

    /// Goes on behind this page; None where the page is all of the answer.
    fn next_page_token_mut(&mut self) -> Option<&mut String>;

    /// Only in the last page.
    fn completeness_mut(&mut self) -> &mut Option<Completeness>;
}

/// A request for one object.
pub trait GetRequest: Method {
    /// As the request has it; None where objects of this kind are in no namespace.
    fn namespace(&self) -> Option<&str>;

    /// As the request has it.
    fn name(&self) -> &str;

    /// The same request for the object of this name; the namespace is passed over where objects of this kind are in none.
    #[must_use]
    fn naming(self, namespace: &str, name: &str) -> Self;
}

/// A request for a list.
pub trait ListRequest: Method {
    /// What all requests for lists have.
    fn selection(&self) -> Selection<'_>;

    /// The same, to be changed.
    fn selection_mut(&mut self) -> SelectionMut<'_>;

    /// Its [`Limit`], where it is never without one.
    #[must_use]
    fn limits() -> Option<Limit> {
        Limit::of(&Self::full_name())
    }
}

/// What all requests for lists have: pod.proto says what it means.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// None where objects of this kind are in no namespace.
    pub namespaces: Option<&'a Vec<String>>,
    pub label_selector: &'a String,
    pub field_selector: &'a String,
    pub page_size: &'a i32,
    pub page_token: &'a String,
    pub limit: &'a i64,
}

/// The same, to be changed.
#[allow(missing_docs)]
#[derive(Debug)]
pub struct SelectionMut<'a> {
    pub namespaces: Option<&'a mut Vec<String>>,
    pub label_selector: &'a mut String,
    pub field_selector: &'a mut String,
    pub page_size: &'a mut i32,
    pub page_token: &'a mut String,
    pub limit: &'a mut i64,
}

/// What `limit` means in a request that is never without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What 0 means.
    pub default: u64,
    /// The most that there is: what is more means this.
    pub max: u64,
}

impl Limit {
    /// Of `ListEvents`: only when all events have passed by is it known which are the newest, so as many are held until then.
    pub const EVENTS: Self = Self { default: 1_000, max: 50_000 };

    /// By the full name of the request, for whoever has no type of it; None where 0 is no limit, and any other is taken.
    #[must_use]
    pub fn of(request: &str) -> Option<Self> {
        (request == ListEventsRequest::full_name()).then_some(Self::EVENTS)
    }
}

/// The most items that the request of this full name asks for with this `limit`; None where it is for as many as there are.
#[must_use]
pub fn most_items(request: &str, limit: i64) -> Option<u64> {
    let limit = u64::try_from(limit).ok().filter(|limit| *limit > 0);
    match Limit::of(request) {
        Some(Limit { default, max }) => Some(limit.unwrap_or(default).min(max)),
        None => limit,
    }
}

/// An object of Kubernetes.
pub trait Object: Message + Name + Default + 'static {
    /// Absent where Kubernetes sent none.
    fn metadata(&self) -> Option<&ObjectMeta>;

    /// Clears all but what [`View::Summary`] gives.
    fn summarize(&mut self);
}

/// An object with what Kubernetes prints of it and does not send.
pub trait Columned: Object {
    /// What that is, as the collector derives it.
    type Columns: Message + Default + 'static;

    /// Absent where the object does not come from a collector.
    fn columns(&self) -> Option<&Self::Columns>;
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_no_text_of_the_spec_or_the_status() {
        let of_summary = Pod {
            metadata: Some(ObjectMeta { name: "web-0".into(), ..ObjectMeta::default() }),
            columns: Some(PodColumns { status: "CrashLoopBackOff".into(), ..PodColumns::default() }),
            ..Pod::default()
        };
        let mut pod = Pod {
            spec: Some(PodSpec::default()),
            status: Some(PodStatus::default()),
            references: vec![PodReference::default()],
            trouble: Some(PodTrouble::default()),
            ..of_summary.clone()
        };
        pod.summarize();
        assert_eq!(pod, of_summary);
        let mut deployment = Deployment { rollout: Some(Rollout::default()), revision: 3, ..Deployment::default() };
        let whole = deployment.clone();
        deployment.summarize();
        assert_eq!(deployment, whole, "what is short and said by no other field stays");
    }
}
