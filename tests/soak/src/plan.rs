//! The cluster, and what the commands ask of it: so what each answer has to hold is known.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use fastrand::Rng;
use gumshoe_devstack::replay::{ContainerId, Shop, synthetic};
use gumshoe_proto::bridge::v1::{Page, Query, page::Response, query::Request};
use gumshoe_proto::collector::v1::{GetPodRequest, ListEventsRequest, ListPodsRequest, ObjectMeta, ReadLogsRequest};

const NAMESPACE: &str = "shop";
/// Pods, each with a log of another size.
const PODS: usize = 48;
const EVENTS: usize = 60;
/// The log of the first pod; that of the last has `largest` bytes, and the sizes between are log-uniform.
const SMALLEST: f64 = 1024.0;

/// The cluster.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) shop: Shop,
    logs: Vec<Log>,
}

/// What the log of a pod has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Log {
    lines: usize,
    hash: u64,
}

/// What a query asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Log(usize),
    Pod(usize),
    Pods,
    Events,
}

impl Plan {
    /// A cluster whose largest log has so many bytes.
    ///
    /// # Errors
    /// The cluster cannot be encoded.
    pub(crate) fn of(largest: u64, rng: &mut Rng) -> anyhow::Result<Self> {
        let (mut shop, mut logs) = (Shop::default(), Vec::new());
        for pod in 0..PODS {
            shop = shop.pod(&synthetic::pod(NAMESPACE, &name(pod)))?;
            let ratio = (largest as f64 / SMALLEST).powf(pod as f64 / (PODS - 1) as f64);
            let texts = texts((SMALLEST * ratio) as usize, rng);
            logs.push(Log { lines: texts.len(), hash: hash(texts.iter().map(String::as_str)) });
            shop = shop.log(ContainerId::new(NAMESPACE, &name(pod), "app"), synthetic::log_lines(texts));
        }
        for event in 0..EVENTS {
            let about = name(event % PODS);
            shop =
                shop.event(&synthetic::event(NAMESPACE, &format!("event-{event}"), &about, "BackOff", event as i64))?;
        }
        Ok(Self { shop, logs })
    }

    /// What a command asks for: one to four queries, one of them mostly a log.
    pub(crate) fn asks(&self, rng: &mut Rng) -> Vec<Ask> {
        let mut asks = vec![Ask::Log(rng.usize(..PODS))];
        for _ in 0..rng.usize(..4) {
            asks.push(match rng.u8(..3) {
                0 => Ask::Pod(rng.usize(..PODS)),
                1 => Ask::Pods,
                _ => Ask::Events,
            });
        }
        rng.shuffle(&mut asks);
        asks
    }

    /// Whether the pages of a query hold what was asked for.
    pub(crate) fn is_answered(&self, ask: Ask, pages: &[Page]) -> bool {
        let responses = || pages.iter().filter_map(|page| page.response.as_ref());
        match ask {
            Ask::Log(pod) => {
                let lines = responses().flat_map(|response| match response {
                    Response::ReadLogs(page) => &page.lines[..],
                    _ => &[],
                });
                let texts: Vec<_> = lines.map(|line| line.text.as_str()).collect();
                Log { lines: texts.len(), hash: hash(texts.iter().copied()) } == self.logs[pod]
            }
            Ask::Pod(pod) => {
                let items = responses().filter_map(|response| match response {
                    Response::GetPod(page) => page.item.as_ref(),
                    _ => None,
                });
                names(items.map(|pod| pod.metadata.as_ref())).eq([name(pod)])
            }
            Ask::Pods => {
                let items = responses().flat_map(|response| match response {
                    Response::ListPods(page) => &page.items[..],
                    _ => &[],
                });
                names(items.map(|pod| pod.metadata.as_ref())).eq((0..PODS).map(name))
            }
            Ask::Events => {
                let items = responses().flat_map(|response| match response {
                    Response::ListEvents(page) => &page.items[..],
                    _ => &[],
                });
                let newest_first = (0..EVENTS).rev().map(|event| format!("event-{event}"));
                names(items.map(|event| event.metadata.as_ref())).eq(newest_first)
            }
        }
    }
}

impl Ask {
    pub(crate) fn query(self, id: String) -> Query {
        let namespace = NAMESPACE.to_owned();
        let request = match self {
            Self::Log(pod) => Request::ReadLogs(ReadLogsRequest {
                namespace,
                pod: name(pod),
                whole_log: true,
                ..ReadLogsRequest::default()
            }),
            Self::Pod(pod) => Request::GetPod(GetPodRequest { namespace, name: name(pod), ..GetPodRequest::default() }),
            Self::Pods => {
                Request::ListPods(ListPodsRequest { namespaces: vec![namespace], ..ListPodsRequest::default() })
            }
            Self::Events => {
                Request::ListEvents(ListEventsRequest { namespaces: vec![namespace], ..ListEventsRequest::default() })
            }
        };
        Query { id, request: Some(request), ..Query::default() }
    }
}

fn name(pod: usize) -> String {
    format!("web-{pod:02}")
}

fn names<'a>(items: impl Iterator<Item = Option<&'a ObjectMeta>>) -> impl Iterator<Item = String> {
    items.map(|metadata| metadata.map(|metadata| metadata.name.clone()).unwrap_or_default())
}

/// Lines of so many bytes in all, with characters that JSON escapes and that SQS refuses.
fn texts(bytes: usize, rng: &mut Rng) -> Vec<String> {
    let (mut texts, mut written) = (Vec::new(), 0);
    while written < bytes {
        let length = rng.usize(1..=400).min(bytes - written);
        let odd = ["", "\u{1b}[31m", "\u{fffe}", "\"\\", "ä€🦀", "\t\0"][rng.usize(..6)];
        let filling: String = (0..length).map(|_| rng.alphanumeric()).collect();
        texts.push(format!("{odd}{filling}"));
        written += odd.len() + length;
    }
    texts
}

fn hash<'a>(texts: impl Iterator<Item = &'a str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    texts.for_each(|text| text.hash(&mut hasher));
    hasher.finish()
}
