//! The requests that a walk wants, made of the Kubernetes API.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use gumshoe_proto::collector::v1::{
    CronJob, DaemonSet, Deployment, Gap, GapReason, HorizontalPodAutoscaler, Ingress, Job, Node, PersistentVolumeClaim,
    Pod, ReplicaSet, Service, StatefulSet,
};
use prost::Message as _;
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
        list::{Entry, ListQuery, ListRead},
        names::{Namespace, ObjectName},
        repair::decode_lossy,
        selector::Selectors,
        wire::{ITEM_MAX, name_of_head},
    },
    lists::{Reader, kind::Kind},
};

/// What one walk may hold of what it has read: some ten thousand pods.
const HELD_BYTES: usize = 8 << 20;
/// A list that breaks is made again so often: each time the API server makes all of it.
const ATTEMPTS: u32 = 2;

/// Reads for one walk.
pub(super) struct Source {
    reader: Reader,
    call: Call,
    /// Bytes that may still be held.
    room: AtomicUsize,
    warnings: Mutex<Vec<String>>,
}

impl Source {
    pub(super) fn new(reader: Reader, call: Call) -> Self {
        Self { reader, call, room: AtomicUsize::new(HELD_BYTES), warnings: Mutex::default() }
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
        }
        let encoding = if kind.is_metadata_only() { Encoding::Metadata } else { Encoding::Protobuf };
        let (bytes, warnings) =
            match self.reader.api.get(&self.call, resource, encoding, namespace.as_ref(), &name).await {
                Err(ReadError::NotFound { .. }) => return Ok(Answer::default()),
                got => got?,
            };
        self.warn(warnings);
        let known = decode(kind, &bytes).map_err(ReadError::Malformed)?;
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
            paginate: !self.reader.api.streams_lists(),
        };
        for attempt in 1.. {
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
        }
        Err(ReadError::Deadline)
    }

    async fn list_once(&self, kind: WalkedKind, query: ListQuery, held: &mut usize) -> Result<Answer, ReadError> {
        let place = query.namespace.as_ref().map(Namespace::to_string).unwrap_or_default();
        let mut list = ListRead::open(&self.reader.api, &self.call, query).await?;
        let mut answer = Answer::default();
        let unread = |name: String, reason: GapReason, bytes: u64, message: String| {
            let (namespace, items, bytes) = (place.clone(), Some(1), Some(bytes));
            Gap { reason: reason.into(), namespace, name, message, items, bytes, ..Gap::default() }
        };
        loop {
            let entry = list.next_entry().await?;
            self.warn(list.take_warnings());
            match entry {
                None => return Ok(answer),
                Some(Entry::TooLarge { head, length }) => {
                    let why = format!("it is larger than {ITEM_MAX} bytes");
                    answer.gaps.push(unread(name_of_head(&head).1, GapReason::ItemTooLarge, length, why));
                }
                Some(Entry::Item(bytes)) => match decode(kind, &bytes) {
                    Err(why) => {
                        let why = format!("it could not be decoded: {why}");
                        let name = name_of_head(&bytes).1;
                        answer.gaps.push(unread(name, GapReason::ItemUnreadable, bytes.len() as u64, why));
                    }
                    Ok((key, facts)) => {
                        let size = key.size() + facts.size();
                        if !self.hold(size) {
                            let plural = kind.resource().plural;
                            answer.gaps.push(Gap {
                                reason: GapReason::Overloaded.into(),
                                namespace: place,
                                message: format!("there are too many {plural} for one walk to hold"),
                                ..Gap::default()
                            });
                            return Ok(answer);
                        }
                        *held += size;
                        answer.objects.push((key, facts));
                    }
                },
            }
        }
    }

    /// Takes room for so many bytes, if there is.
    fn hold(&self, bytes: usize) -> bool {
        let less = |room: usize| room.checked_sub(bytes);
        self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// What is kept of an encoded object.
fn decode(kind: WalkedKind, bytes: &Bytes) -> Result<Known, String> {
    let (namespace, name, facts) = match kind {
        WalkedKind::Pod => of::<Pod>(bytes, facts::pod),
        WalkedKind::Deployment => of::<Deployment>(bytes, facts::deployment),
        WalkedKind::ReplicaSet => of::<ReplicaSet>(bytes, facts::replica_set),
        WalkedKind::StatefulSet => of::<StatefulSet>(bytes, facts::stateful_set),
        WalkedKind::DaemonSet => of::<DaemonSet>(bytes, facts::daemon_set),
        WalkedKind::Job => of::<Job>(bytes, facts::job),
        WalkedKind::CronJob => of::<CronJob>(bytes, facts::cron_job),
        WalkedKind::Service => of::<Service>(bytes, facts::service),
        WalkedKind::EndpointSlice => endpoint_slice(bytes),
        WalkedKind::Ingress => of::<Ingress>(bytes, facts::ingress),
        WalkedKind::Node => of::<Node>(bytes, facts::node),
        WalkedKind::PersistentVolumeClaim => of::<PersistentVolumeClaim>(bytes, facts::claim),
        WalkedKind::HorizontalPodAutoscaler => of::<HorizontalPodAutoscaler>(bytes, facts::autoscaler),
        WalkedKind::ConfigMap | WalkedKind::Secret => Ok(facts::metadata_only(bytes)),
    }?;
    Ok((Key::of(kind, &namespace, &name), Arc::new(facts)))
}

type Named = (String, String, Facts);

fn of<K: Kind>(bytes: &Bytes, keep: fn(&K) -> Facts) -> Result<Named, String> {
    let mut object: K = decode_lossy(bytes).map_err(|error| error.to_string())?;
    object.normalize();
    object.derive(Timestamp::from(SystemTime::now()));
    let facts = keep(&object);
    let (namespace, name) = object.metadata().map(|it| (it.namespace.clone(), it.name.clone())).unwrap_or_default();
    Ok((namespace, name, facts))
}

fn endpoint_slice(bytes: &Bytes) -> Result<Named, String> {
    let slice = facts::EndpointSlice::decode(bytes.clone()).map_err(|error| error.to_string())?;
    let facts = facts::endpoint_slice(&slice);
    let (namespace, name) = slice.metadata.map(|it| (it.namespace, it.name)).unwrap_or_default();
    Ok((namespace, name, facts))
}
