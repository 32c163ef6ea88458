//! What a cluster holds: built by a test, or read from a recording.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use http::StatusCode;
use k8s_pb::api::core::v1 as core;
use prost::Message;

use super::object::Object;
use super::route::Resource;
use super::{fixture, synthetic};

/// Made by `make record`.
const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/recorded");

/// Objects of one kind, in the order of their keys.
pub(super) type Objects = BTreeMap<String, Object>;

/// Whose log, and of which run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerId {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// The run before the current one.
    pub previous: bool,
}

impl ContainerId {
    /// The current run of a container.
    #[must_use]
    pub fn new(namespace: &str, pod: &str, container: &str) -> Self {
        Self { namespace: namespace.into(), pod: pod.into(), container: container.into(), previous: false }
    }

    /// The run before.
    #[must_use]
    pub fn previous(self) -> Self {
        Self { previous: true, ..self }
    }
}

/// What the API server answers when a log is read.
#[derive(Debug, Clone)]
pub enum LogAnswer {
    /// Whole lines, each with its time stamp, as `timestamps=true` gives them.
    Lines(Bytes),
    /// An error.
    Error {
        /// The HTTP status.
        code: StatusCode,
        /// The `reason` of the Status.
        reason: String,
        /// The `message` of the Status.
        message: String,
    },
}

/// A cluster to serve. Built by chained calls; anything that does not decode is a mistake of the test and is told at once.
#[derive(Debug, Clone)]
pub struct Shop {
    pub(super) version: serde_json::Value,
    pub(super) objects: BTreeMap<Resource, Objects>,
    pub(super) logs: BTreeMap<ContainerId, LogAnswer>,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            version: synthetic::version(1, 36),
            objects: [Resource::PODS, Resource::EVENTS, Resource::NAMESPACES].map(|it| (it, Objects::new())).into(),
            logs: BTreeMap::new(),
        }
    }
}

impl Shop {
    /// The broken shop as it was recorded from a real cluster (`make record`).
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn recorded() -> anyhow::Result<Self> {
        fixture::read(Path::new(RECORDED))
    }

    /// A file of the recording (tests/cluster/README.md lists them).
    ///
    /// # Errors
    /// There is no such file.
    pub fn recording(file: &str) -> anyhow::Result<Vec<u8>> {
        let path = Path::new(RECORDED).join(file);
        std::fs::read(&path).with_context(|| format!("read {}", path.display()))
    }

    /// The container in the recording whose crash is to be investigated; names differ from one recording to the next.
    ///
    /// # Errors
    /// The recording cannot be read.
    pub fn recorded_crash() -> anyhow::Result<ContainerId> {
        fixture::read_crash(Path::new(RECORDED))
    }

    /// Pretends to be a server of this version; before 1.33 lists are paginated by those who know.
    #[must_use]
    pub fn server_version(mut self, major: u32, minor: u32) -> Self {
        self.version = synthetic::version(major, minor);
        self
    }

    /// Adds a pod, and its namespace where that is new.
    ///
    /// # Errors
    /// The pod has no name.
    pub fn pod(self, pod: &core::Pod) -> anyhow::Result<Self> {
        self.with(Resource::PODS, pod.encode_to_vec().into())
    }

    /// Adds an event, and its namespace where that is new.
    ///
    /// # Errors
    /// The event has no name.
    pub fn event(self, event: &core::Event) -> anyhow::Result<Self> {
        self.with(Resource::EVENTS, event.encode_to_vec().into())
    }

    /// Adds a namespace with nothing in it.
    #[must_use]
    pub fn namespace(mut self, name: &str) -> Self {
        self.add_namespace(name);
        self
    }

    /// Adds the text of a container's log: whole lines, each with its time stamp.
    #[must_use]
    pub fn log(mut self, container: ContainerId, lines: impl Into<Bytes>) -> Self {
        self.logs.insert(container, LogAnswer::Lines(lines.into()));
        self
    }

    /// Adds an object that no builder makes: one whose text is not UTF-8 for example. What selectors ask of it is given, since
    /// it may not decode.
    #[must_use]
    pub fn object(mut self, resource: Resource, object: Object) -> Self {
        self.add_namespace(&object.namespace);
        self.objects.entry(resource).or_default().insert(object.key(), object);
        self
    }

    /// All pods, decoded.
    #[must_use]
    pub fn pods(&self) -> Vec<core::Pod> {
        self.objects(Resource::PODS).filter_map(|object| core::Pod::decode(object.bytes.clone()).ok()).collect()
    }

    /// The bytes of all objects of a kind, in the order in which a list gives them.
    pub fn items(&self, resource: Resource) -> impl Iterator<Item = &Bytes> {
        self.objects(resource).map(|object| &object.bytes)
    }

    /// The names of all namespaces, in their order.
    #[must_use]
    pub fn namespaces(&self) -> Vec<String> {
        self.objects(Resource::NAMESPACES).map(|object| object.name.clone()).collect()
    }

    /// The version of the server: "v1.36.3".
    #[must_use]
    pub fn git_version(&self) -> &str {
        self.version["gitVersion"].as_str().unwrap_or_default()
    }

    /// All logs.
    #[must_use]
    pub fn logs(&self) -> &BTreeMap<ContainerId, LogAnswer> {
        &self.logs
    }

    pub(super) fn with(self, resource: Resource, bytes: Bytes) -> anyhow::Result<Self> {
        let object = Object::of(resource, bytes).with_context(|| format!("one of the {}", resource.plural))?;
        Ok(self.object(resource, object))
    }

    /// The kinds that there are.
    pub(super) fn resources(&self) -> Vec<Resource> {
        self.objects.keys().copied().collect()
    }

    /// The objects of a kind in the order of their keys, from this one on.
    pub(super) fn objects_from(&self, resource: Resource, start: &str) -> impl Iterator<Item = &Object> {
        self.objects
            .get(&resource)
            .into_iter()
            .flat_map(move |objects| objects.range(start.to_owned()..))
            .map(|(_, it)| it)
    }

    /// The objects of a kind in the order of their keys.
    pub(super) fn objects(&self, resource: Resource) -> impl Iterator<Item = &Object> {
        self.objects_from(resource, "")
    }

    /// One object; its namespace is empty where the kind has none.
    pub(super) fn get(&self, resource: Resource, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.get(&resource)?.get(&format!("{namespace}/{name}"))
    }

    /// Removes an object.
    pub fn remove(&mut self, resource: Resource, namespace: &str, name: &str) {
        self.objects.entry(resource).or_default().remove(&format!("{namespace}/{name}"));
    }

    fn add_namespace(&mut self, name: &str) {
        if name.is_empty() {
            return;
        }
        let bytes = synthetic::namespace(name).encode_to_vec().into();
        let object = Object::of(Resource::NAMESPACES, bytes).expect("a namespace that was built here has a name");
        self.objects.entry(Resource::NAMESPACES).or_default().entry(object.key()).or_insert(object);
    }
}
