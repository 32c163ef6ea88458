//! The requests that a walk wants, made of the Kubernetes API.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use gumshoe_proto::collector::v1::{
    CronJob, DaemonSet, Deployment, EndpointSlice, Gap, GapReason, HorizontalPodAutoscaler, Ingress, Job, Node,
    PersistentVolumeClaim, Pod, ReplicaSet, Service, StatefulSet,
};
use prost_types::Timestamp;

use super::{
    facts::{self, Facts},
    known::{Answer, Known, Read},
    object::{Key, WalkedKind},
};
use crate::{
    error::ReadError,
    kubernetes::{
        api::Call,
        encoding::Encoding,
        list::{Entry, ListQuery, ListRead, PAGE_LIMIT},
        names::{Namespace, ObjectName},
        repair::decode_lossy,
        selector::Selectors,
        wire::{ITEM_MAX, name_of_head},
    },
    lists::{Reader, kind::Kind},
};

/// What one walk may hold of what it has read: some three thousand pods with what comes with them.
const HELD_BYTES: usize = 8 << 20;
/// Of that, so much is left to what leads to pods: services are judged by it.
const LEFT_TO_OTHERS: usize = HELD_BYTES / 4;
/// What could not be read of a list is named so often; what is beyond is told as one.
const GAPS_NAMED: usize = 100;
/// A list that breaks is made again so often: each time the API server makes all of it.
const ATTEMPTS: u32 = 2;

/// Reads for one walk.
pub(super) struct Source {
    reader: Reader,
    call: Call,
    /// Bytes that may still be held.
    room: AtomicUsize,
    /// Kubernetes refused one of what is in no namespace: it will refuse the others, of which there may be hundreds.
    refuses_nodes: AtomicBool,
    warnings: Mutex<Vec<String>>,
}

impl Source {
    pub(super) fn new(reader: Reader, call: Call) -> Self {
        Self {
            reader,
            call,
            room: AtomicUsize::new(HELD_BYTES),
            refuses_nodes: AtomicBool::new(false),
            warnings: Mutex::default(),
        }
    }

    /// Makes a request.
    ///
    /// # Errors
    /// Where nothing of it could be read.
    pub(super) async fn read(&self, read: &Read) -> Result<Answer, ReadError> {
        match read {
            Read::Get(key) => self.get(key).await,
            Read::List { kind, namespace } => self.list(*kind, Some(namespace), Selectors::default()).await,
            Read::OnNode { node, namespace } => {
                let selectors = Selectors::default().with_field("spec.nodeName", node);
                self.list(WalkedKind::Pod, namespace.as_ref(), selectors).await
            }
        }
    }

    /// The warnings of the API server.
    pub(super) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn warn(&self, warnings: Vec<String>) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings);
    }

    async fn get(&self, key: &Key) -> Result<Answer, ReadError> {
        // What is called so, or is of no kind that is read, cannot be there.
        let (Some(kind), Ok(name)) = (key.walked(), ObjectName::parse("name", &key.name)) else {
            return Ok(Answer::default());
        };
        let resource = kind.resource();
        let namespace = match resource.namespaced {
            true => Some(self.permitted(&key.namespace)?),
            false => None,
        };
        if namespace.is_none() {
            self.reader.scope.permits_in_no_namespace(resource, &name)?;
            if self.refuses_nodes.load(Ordering::Relaxed) {
                return Err(ReadError::Denied(format!("get {}", resource.plural)));
            }
        }
        let encoding = if kind.is_metadata_only() { Encoding::Metadata } else { Encoding::Protobuf };
        let (bytes, warnings) =
            match self.reader.api.get(&self.call, resource, encoding, namespace.as_ref(), &name).await {
                Err(ReadError::NotFound { .. }) => return Ok(Answer::default()),
                Err(error) => {
                    let is_refused = namespace.is_none() && matches!(error, ReadError::Denied(_));
                    self.refuses_nodes.fetch_or(is_refused, Ordering::Relaxed);
                    return Err(error);
                }
                Ok(got) => got,
            };
        self.warn(warnings);
        let known = decode(kind, &bytes).map_err(ReadError::Malformed)?;
        if known.0 != *key {
            return Err(ReadError::Malformed("it is another object than the one that was asked for".to_owned()));
        }
        if !self.hold(kind, known.0.size() + known.1.size()) {
            return Ok(Answer::not_read(Gap { name: key.name.clone(), ..full(kind, key.namespace.clone()) }));
        }
        Ok(Answer { objects: vec![known], gaps: Vec::new() })
    }

    fn permitted(&self, namespace: &str) -> Result<Namespace, ReadError> {
        let namespace = Namespace::parse("namespace", namespace)?;
        self.reader.scope.permits(&namespace)?;
        Ok(namespace)
    }

    async fn list(
        &self,
        kind: WalkedKind,
        namespace: Option<&String>,
        selectors: Selectors,
    ) -> Result<Answer, ReadError> {
        let query = ListQuery {
            resource: kind.resource(),
            encoding: if kind.is_metadata_only() { Encoding::MetadataList } else { Encoding::Protobuf },
            namespace: namespace.map(|namespace| self.permitted(namespace)).transpose()?,
            selectors,
            resource_version: None,
            limit: (!self.reader.api.streams_lists()).then_some(PAGE_LIMIT),
        };
        let mut attempt = 1;
        loop {
            // One of the lists that are read at one time, whoever reads them.
            let _permit = self.reader.may_list(&self.call).await?;
            let mut held = 0;
            let error = match self.list_once(kind, query.clone(), &mut held).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // What came is not kept: the whole list is made again.
            self.room.fetch_add(held, Ordering::Relaxed);
            if attempt == ATTEMPTS || !(error.retryable() || matches!(error, ReadError::Expired { .. })) {
                return Err(error);
            }
            tracing::debug!(error = %error, "a list of the walk is made again");
            attempt += 1;
        }
    }

    async fn list_once(&self, kind: WalkedKind, query: ListQuery, held: &mut usize) -> Result<Answer, ReadError> {
        let place = query.namespace.as_ref().map(Namespace::to_string).unwrap_or_default();
        let mut list = ListRead::open(&self.reader.api, &self.call, query).await?;
        let mut answer = Answer::default();
        let mut beyond = 0;
        let mut tell = |answer: &mut Answer, gap: Gap| match answer.gaps.len() {
            GAPS_NAMED => beyond += 1,
            _ => answer.gaps.push(gap),
        };
        let unread = |name: String, reason: GapReason, bytes: u64, message: String| {
            let (namespace, items, bytes) = (place.clone(), Some(1), Some(bytes));
            Gap { reason: reason.into(), namespace, name, message, items, bytes, ..Gap::default() }
        };
        loop {
            let entry = list.next_entry().await?;
            self.warn(list.take_warnings());
            match entry {
                None => break,
                Some(Entry::TooLarge { head, length }) => {
                    let why = format!("it is larger than {ITEM_MAX} bytes");
                    tell(&mut answer, unread(name_of_head(&head).1, GapReason::ItemTooLarge, length, why));
                }
                Some(Entry::Item(bytes)) => match decode(kind, &bytes).and_then(|known| within(&place, known)) {
                    Err(why) => {
                        let why = format!("it could not be decoded: {why}");
                        let name = name_of_head(&bytes).1;
                        tell(&mut answer, unread(name, GapReason::ItemUnreadable, bytes.len() as u64, why));
                    }
                    Ok((key, facts)) => {
                        let size = key.size() + facts.size();
                        if !self.hold(kind, size) {
                            answer.gaps.push(full(kind, place.clone()));
                            break;
                        }
                        *held += size;
                        answer.objects.push((key, facts));
                    }
                },
            }
        }
        if beyond > 0 {
            let message = format!("{beyond} more could not be read");
            let reason = GapReason::ItemUnreadable.into();
            answer.gaps.push(Gap { reason, namespace: place, message, items: Some(beyond), ..Gap::default() });
        }
        Ok(answer)
    }

    /// Takes room for so many bytes, if there is.
    fn hold(&self, kind: WalkedKind, bytes: usize) -> bool {
        let leads_to_pods = matches!(kind, WalkedKind::Service | WalkedKind::EndpointSlice | WalkedKind::Ingress);
        let left = if leads_to_pods { 0 } else { LEFT_TO_OTHERS };
        let less = |room: usize| room.checked_sub(bytes).filter(|room| *room >= left);
        self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// What is said where there is no room for more.
fn full(kind: WalkedKind, namespace: String) -> Gap {
    let message = format!("there are too many {} for one walk to hold", kind.resource().plural);
    Gap { reason: GapReason::Overloaded.into(), namespace, message, ..Gap::default() }
}

/// An object of a list, if it has a name and is in the namespace that was asked for: one that is not may be any.
fn within(namespace: &str, known: Known) -> Result<Known, String> {
    let Key { namespace: its, name, .. } = &known.0;
    match name.is_empty() || (!namespace.is_empty() && its != namespace) {
        true => Err("it has no name, or is in another namespace".to_owned()),
        false => Ok(known),
    }
}

/// What is kept of an encoded object.
fn decode(kind: WalkedKind, bytes: &Bytes) -> Result<Known, String> {
    let (namespace, name, facts) = match kind {
        WalkedKind::Pod => of::<Pod>(bytes, |pod| facts::pod(pod, SystemTime::now().into())),
        WalkedKind::Deployment => of::<Deployment>(bytes, facts::deployment),
        WalkedKind::ReplicaSet => of::<ReplicaSet>(bytes, facts::replica_set),
        WalkedKind::StatefulSet => of::<StatefulSet>(bytes, facts::stateful_set),
        WalkedKind::DaemonSet => of::<DaemonSet>(bytes, facts::daemon_set),
        WalkedKind::Job => of::<Job>(bytes, facts::job),
        WalkedKind::CronJob => of::<CronJob>(bytes, facts::cron_job),
        WalkedKind::Service => of::<Service>(bytes, facts::service),
        WalkedKind::EndpointSlice => of::<EndpointSlice>(bytes, facts::endpoint_slice),
        WalkedKind::Ingress => of::<Ingress>(bytes, facts::ingress),
        WalkedKind::Node => of::<Node>(bytes, facts::node),
        WalkedKind::PersistentVolumeClaim => of::<PersistentVolumeClaim>(bytes, facts::claim),
        WalkedKind::HorizontalPodAutoscaler => of::<HorizontalPodAutoscaler>(bytes, facts::autoscaler),
        WalkedKind::ConfigMap | WalkedKind::Secret => Ok(facts::metadata_only(bytes)),
    }?;
    Ok((Key::of(kind, &namespace, &name), Arc::new(facts)))
}

type Named = (String, String, Facts);

fn of<K: Kind>(bytes: &Bytes, keep: impl FnOnce(&K) -> Facts) -> Result<Named, String> {
    let mut object: K = decode_lossy(bytes).map_err(|error| error.to_string())?;
    object.normalize();
    object.derive(Timestamp::from(SystemTime::now()));
    let facts = keep(&object);
    let (namespace, name) = object.metadata().map(|it| (it.namespace.clone(), it.name.clone())).unwrap_or_default();
    Ok((namespace, name, facts))
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::json;
    use prost::Message as _;
    use serde_json::json;

    use super::*;
    use crate::{kubernetes::api::KubernetesApi, lists::scope::Scope, topology::run::tests::mk_call};

    fn mk_reader() -> Reader {
        let nobody = tower::service_fn(async |_: http::Request<kube::client::Body>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(kube::client::Body::empty()))
        });
        Reader::new(KubernetesApi::from_client(kube::Client::new(nobody, "default")), Scope::default())
    }

    /// A pod as most are: an owner, a node, and some that it needs.
    fn mk_pod(index: usize) -> Bytes {
        let volume =
            |name: &str| json!({"name": name, "volumeSource": {"configMap": {"localObjectReference": {"name": name}}}});
        let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "storefront-5d9c7b6f4", "uid": "0123456789abcdef0123456789abcdef0123"});
        let labels = json!({"app.kubernetes.io/name": "storefront", "app.kubernetes.io/part-of": "shop", "pod-template-hash": "5d9c7b6f4"});
        let metadata = json!({"namespace": "shop", "name": format!("storefront-5d9c7b6f4-{index:05}"), "labels": labels,
            "uid": "0123456789abcdef0123456789abcdef0123", "ownerReferences": [owner]});
        let spec =
            json!({"nodeName": "node-17", "volumes": [volume("kube-root-ca.crt"), volume("config"), volume("theme")]});
        let pod: Pod =
            json::from_value(json!({"metadata": metadata, "spec": spec, "status": {"phase": "Running"}})).unwrap();
        pod.encode_to_vec().into()
    }

    #[tokio::test]
    async fn three_thousand_pods_fit_into_a_walk_and_leave_room_for_other_kinds() {
        let source = Source::new(mk_reader(), mk_call(60));
        let size =
            |index| decode(WalkedKind::Pod, &mk_pod(index)).map(|(key, facts)| key.size() + facts.size()).unwrap();
        let held = (0..100_000).take_while(|&index| source.hold(WalkedKind::Pod, size(index))).count();
        assert!((3000..20_000).contains(&held), "{held}");
        assert!(!source.hold(WalkedKind::ReplicaSet, LEFT_TO_OTHERS / 2));
        assert!(source.hold(WalkedKind::Service, LEFT_TO_OTHERS / 2));
    }

    #[test]
    fn an_object_without_a_name_or_of_another_namespace_is_not_taken() {
        let known = decode(WalkedKind::ConfigMap, &Bytes::from_static(b"\xff\xff\xff")).unwrap();
        assert!(within("shop", known.clone()).is_err() && within("", known).is_err());
        let pod = decode(WalkedKind::Pod, &mk_pod(0)).unwrap();
        assert!(
            within("shop", pod.clone()).is_ok() && within("", pod.clone()).is_ok() && within("other", pod).is_err()
        );
    }
}
