//! `follow`: what a container writes while its log is being read.

use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use futures::stream;
use k8s_pb::api::core::v1::Pod;
use prost::Message;

use super::answer::is_running;
use super::options::LogOptions;
use super::window;
use crate::replay::response::BodyError;
use crate::replay::route::Resource;
use crate::replay::shop::{ContainerId, LogAnswer, Shop};
use crate::replay::store::Store;

/// Sends what comes behind the first `sent` bytes of the log, until the container has ended or is gone.
pub(super) fn follow(
    store: Arc<Store>,
    id: ContainerId,
    sent: usize,
    options: LogOptions,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
    let options = LogOptions { tail_lines: None, limit_bytes: None, ..options };
    let changes = store.changes();
    stream::unfold(Some((store, changes, sent)), move |state| {
        let id = id.clone();
        async move {
            let (store, mut changes, sent) = state?;
            loop {
                changes.mark_unchanged();
                let (_, shop) = store.current();
                let log = lines(&shop, &id);
                if log.len() > sent {
                    let news = window::select(&log.slice(sent..), &options).concat();
                    return Some((Ok(news.into()), Some((store, changes, log.len()))));
                }
                if !writes(&shop, &id) || changes.changed().await.is_err() {
                    return None;
                }
            }
        }
    })
}

fn lines(shop: &Shop, id: &ContainerId) -> Bytes {
    match shop.logs().get(id) {
        Some(LogAnswer::Lines(lines)) => lines.clone(),
        Some(LogAnswer::Error { .. }) | None => Bytes::new(),
    }
}

fn writes(shop: &Shop, id: &ContainerId) -> bool {
    shop.get(Resource::PODS, &id.namespace, &id.pod)
        .and_then(|object| Pod::decode(object.bytes.clone()).ok())
        .is_some_and(|pod| is_running(&pod, id))
}
