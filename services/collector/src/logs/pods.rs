//! Which pods a request for logs means: asked for anew each time, for nothing is watched.

use std::collections::{BTreeMap, HashSet};

use gumshoe_proto::collector::v1::{
    Container, ContainerStatus, CronJob, DaemonSet, Deployment, EphemeralContainer, EphemeralContainerCommon, Gap,
    GapReason, Job, LabelSelector, ObjectMeta, Pod, PodSpec, PodStatus, ReplicaSet, Service, StatefulSet,
};

use super::{
    left_out::LeftOut,
    request::{Selection, Workload},
};
use crate::{
    error::ReadError,
    kinds::cells,
    kubernetes::{
        api::Call,
        names::{Namespace, ObjectName},
        selector::Selectors,
    },
    lists::{
        Reader,
        collection::{Collection, CollectionQuery, Read},
        kind::Kind,
        scope::Places,
    },
};

/// The pods of one call. Each costs a request or two, some memory, and room in every page token.
pub(super) const PODS_MAX: usize = 100;
/// The newest jobs of a cron job: Kubernetes itself keeps four of them, mostly. Their uids have to fit into a selector.
const JOBS_MAX: usize = 50;
/// Key and value of a label (kubernetes: `apimachinery/pkg/api/validation/content`): a prefix of 253 bytes, and twice 63.
const LABEL_MAX: usize = 253 + 1 + 2 * NAME_MAX;
/// The name of a container.
const NAME_MAX: usize = 63;

/// The pods that were found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The newest ones, newest first, and those that were to be kept; of each, what logs are about.
    pub(super) pods: Vec<Pod>,
    /// The others.
    pub(super) left_out: LeftOut,
    /// Whether there will be no others: a job has come to its end.
    pub(super) over: bool,
    /// What could not be read.
    pub(super) gaps: Vec<Gap>,
    pub(super) warnings: Vec<String>,
}

/// Asks which pods a call reads.
#[derive(Clone)]
pub(super) struct Finder {
    pub(super) reader: Reader,
    pub(super) call: Call,
    pub(super) namespace: Namespace,
    pub(super) selection: Selection,
}

impl Finder {
    /// Finds the pods; those with the uids of `keep` are not left out, and those of `done` are passed over.
    ///
    /// # Errors
    /// `NotFound` for a workload or service that does not exist, `Denied` with what is not permitted, and whatever else keeps the API
    /// server from answering.
    pub(super) async fn find(&self, keep: &HashSet<String>, done: &HashSet<String>) -> Result<Found, ReadError> {
        let mut found = Found::default();
        let selectors = match &self.selection {
            Selection::Pod(name) => vec![Selectors::default().with_field("metadata.name", name.as_str())],
            Selection::Labels(selectors) => vec![selectors.clone()],
            Selection::Service(name) => {
                let service = self.object::<Service>(name).await?;
                let labels = service.spec.unwrap_or_default().selector;
                let match_labels = labels.into_iter().collect();
                checked(Some(&LabelSelector { match_labels, ..LabelSelector::default() }))?
            }
            Selection::Workload(Workload::CronJob, name) => self.of_cron_job(name, &mut found).await?,
            Selection::Workload(Workload::Job, name) => {
                let job = self.object::<Job>(name).await?;
                let conditions = job.status.iter().flat_map(|status| &status.conditions);
                found.over = conditions.into_iter().any(|condition| {
                    matches!(condition.r#type.as_str(), "Complete" | "Failed") && condition.status == "True"
                });
                checked(job.spec.and_then(|spec| spec.selector).as_ref())?
            }
            Selection::Workload(kind, name) => checked(self.selector(*kind, name).await?.as_ref())?,
        };
        for selectors in selectors {
            self.list(selectors, &mut found, |pod: Pod, found| {
                if !done.contains(uid(&pod)) {
                    found.pods.push(lighter(pod));
                }
                // Now and then, so that a selector of thousands does not hold them all.
                if found.pods.len() >= PODS_MAX * 2 {
                    found.bound(keep);
                }
            })
            .await?;
            found.bound(keep);
        }
        Ok(found)
    }

    /// What is meant, for messages.
    pub(super) fn what(&self) -> String {
        let namespace = &self.namespace;
        match &self.selection {
            Selection::Pod(name) => format!("pod {namespace}/{name}"),
            Selection::Workload(kind, name) => format!("{kind:?} {namespace}/{name}"),
            Selection::Labels(_) => format!("the label selector in the namespace {namespace}"),
            Selection::Service(name) => format!("Service {namespace}/{name}"),
        }
    }

    async fn object<K: Kind>(&self, name: &ObjectName) -> Result<K, ReadError> {
        Ok(self.reader.object::<K>(&self.call, Some(&self.namespace), name).await?.0)
    }

    async fn selector(&self, kind: Workload, name: &ObjectName) -> Result<Option<LabelSelector>, ReadError> {
        Ok(match kind {
            Workload::Deployment => self.object::<Deployment>(name).await?.spec.and_then(|spec| spec.selector),
            Workload::ReplicaSet => self.object::<ReplicaSet>(name).await?.spec.and_then(|spec| spec.selector),
            Workload::StatefulSet => self.object::<StatefulSet>(name).await?.spec.and_then(|spec| spec.selector),
            Workload::DaemonSet => self.object::<DaemonSet>(name).await?.spec.and_then(|spec| spec.selector),
            // The one is asked for more; the other has none, its jobs have.
            Workload::Job | Workload::CronJob => None,
        })
    }

    /// The selectors of a cron job's jobs. A job's own selector names one label, so those of several are put together.
    async fn of_cron_job(&self, name: &ObjectName, found: &mut Found) -> Result<Vec<Selectors>, ReadError> {
        let cron_job = self.object::<CronJob>(name).await?.metadata.unwrap_or_default();
        let mut jobs = Jobs::default();
        self.list(Selectors::default(), found, |job: Job, _| {
            let owners = job.metadata.iter().flat_map(|metadata| &metadata.owner_references);
            if owners.into_iter().any(|owner| owner.controller == Some(true) && owner.uid == cron_job.uid) {
                jobs.push(job);
            }
        })
        .await?;
        jobs.bound();
        if jobs.left_out > 0 {
            found.gaps.push(Gap {
                reason: GapReason::Limit.into(),
                namespace: self.namespace.to_string(),
                name: name.to_string(),
                message: format!("only the pods of the {JOBS_MAX} newest jobs are read; the items are jobs"),
                items: Some(jobs.left_out),
                ..Gap::default()
            });
        }
        let mut one_label: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut selectors = Vec::new();
        for (_, job) in jobs.newest {
            match job {
                JobPods::Label(key, value) => one_label.entry(key).or_default().push(value),
                JobPods::Selector(selector) => selectors.extend(selector),
                JobPods::Unreadable(name) => found.gaps.push(Gap {
                    reason: GapReason::ItemUnreadable.into(),
                    namespace: self.namespace.to_string(),
                    message: format!("the pods of the job {name} cannot be asked for: its selector is too long"),
                    name,
                    ..Gap::default()
                }),
            }
        }
        for (key, values) in one_label {
            selectors.push(parse(&format!("{key} in ({})", values.join(",")))?);
        }
        Ok(selectors)
    }

    async fn list<K: Kind>(
        &self,
        selectors: Selectors,
        found: &mut Found,
        mut take: impl FnMut(K, &mut Found),
    ) -> Result<(), ReadError> {
        self.reader.permits_kind(K::RESOURCE)?;
        let _permit = self.reader.may_list(&self.call).await?;
        let places = Places { places: vec![Some(self.namespace.clone())], gaps: Vec::new() };
        let query = CollectionQuery {
            places,
            selectors,
            resource_version: None,
            after: None,
            restartable: false,
            beside: false,
        };
        let mut collection = Collection::<K>::new(&self.reader.api, &self.call, query);
        while let Some(read) = collection.next().await? {
            if let Read::Item(item, _) = read {
                take(*item, found);
            }
        }
        let completeness = collection.into_report().finish(String::new());
        found.gaps.extend(completeness.gaps);
        found.warnings.extend(completeness.warnings);
        Ok(())
    }
}

/// The newest jobs of a cron job, which may keep thousands: when each was created, and which pods are its own.
#[derive(Debug, Default)]
struct Jobs {
    newest: Vec<(Option<(i64, i32)>, JobPods)>,
    /// How many there are beside.
    left_out: u64,
}

/// Which pods are those of a job. Its selector may be as long as an object may be, so it is kept as the text that is asked with.
#[derive(Debug)]
enum JobPods {
    /// Those with one label, as every job has it that does not choose its own selector.
    Label(String, String),
    Selector(Vec<Selectors>),
    /// The name of a job whose selector nobody can ask with.
    Unreadable(String),
}

impl JobPods {
    fn of(name: &str, selector: &LabelSelector) -> Self {
        match selector.match_labels.iter().next() {
            Some((key, value))
                if selector.match_labels.len() == 1
                    && selector.match_expressions.is_empty()
                    && key.len() + value.len() <= LABEL_MAX =>
            {
                Self::Label(key.clone(), value.clone())
            }
            _ => checked(Some(selector)).map_or_else(|_| Self::Unreadable(name.to_owned()), Self::Selector),
        }
    }
}

impl Jobs {
    fn push(&mut self, job: Job) {
        let selector = job.spec.and_then(|spec| spec.selector).unwrap_or_default();
        let name = job.metadata.as_ref().map_or("", |metadata| &metadata.name);
        self.newest.push((created(job.metadata.as_ref()), JobPods::of(name, &selector)));
        if self.newest.len() >= JOBS_MAX * 4 {
            self.bound();
        }
    }

    fn bound(&mut self) {
        self.newest.sort_by_key(|(created, _)| std::cmp::Reverse(*created));
        self.left_out += self.newest.drain(JOBS_MAX.min(self.newest.len())..).len() as u64;
    }
}

impl Found {
    /// Sorts the pods, newest first, and leaves out what is too much.
    fn bound(&mut self, keep: &HashSet<String>) {
        let is_kept = |pod: &Pod| keep.contains(uid(pod));
        self.pods.sort_by_cached_key(|pod| {
            let created = created(pod.metadata.as_ref());
            (!is_kept(pod), std::cmp::Reverse(created), pod.metadata.clone().unwrap_or_default().name)
        });
        // Two jobs may select the same pod.
        self.pods.dedup_by(|one, other| uid(one) == uid(other));
        let others = self.pods.drain(PODS_MAX.min(self.pods.len())..);
        others.filter_map(|pod| pod.metadata).for_each(|pod| self.left_out.add(&pod));
    }
}

/// By which a pod is known again.
pub(super) fn uid(pod: &Pod) -> &str {
    pod.metadata.as_ref().map_or("", |metadata| &metadata.uid)
}

fn created(metadata: Option<&ObjectMeta>) -> Option<(i64, i32)> {
    let time = metadata?.creation_timestamp.as_ref()?;
    Some((time.seconds, time.nanos))
}

/// The selector as a list takes it. None at all selects nothing, not everything.
fn checked(selector: Option<&LabelSelector>) -> Result<Vec<Selectors>, ReadError> {
    let text = cells::selector(selector);
    if text.is_empty() { Ok(Vec::new()) } else { Ok(vec![parse(&text)?]) }
}

fn parse(text: &str) -> Result<Selectors, ReadError> {
    Selectors::parse(text, "").map_err(|error| ReadError::Malformed(error.to_string()))
}

/// Of a pod, what logs are about: many are held.
pub(super) fn lighter(pod: Pod) -> Pod {
    let Pod { metadata, spec, status, .. } = pod;
    let metadata = metadata.map(|metadata| {
        let ObjectMeta { name, namespace, uid, annotations, creation_timestamp, deletion_timestamp, .. } = metadata;
        // What is no name means no container.
        let is_of_logs =
            |key: &str, value: &str| key == super::containers::DEFAULT_CONTAINER && value.len() <= NAME_MAX;
        let annotations = annotations.into_iter().filter(|(key, value)| is_of_logs(key, value)).collect();
        ObjectMeta {
            name,
            namespace,
            uid,
            annotations,
            creation_timestamp,
            deletion_timestamp,
            ..ObjectMeta::default()
        }
    });
    let container = |container: Container| {
        let Container { name, restart_policy, restart_policy_rules, .. } = container;
        Container { name, restart_policy, restart_policy_rules, ..Container::default() }
    };
    let containers = |containers: Vec<Container>| containers.into_iter().map(container).collect();
    let ephemeral = |container: EphemeralContainer| EphemeralContainer {
        ephemeral_container_common: container.ephemeral_container_common.map(|common| {
            let EphemeralContainerCommon { name, .. } = *common;
            Box::new(EphemeralContainerCommon { name, ..EphemeralContainerCommon::default() })
        }),
        ..EphemeralContainer::default()
    };
    let spec = spec.map(|spec| {
        let PodSpec { init_containers, containers: regular, ephemeral_containers, restart_policy, node_name, .. } =
            spec;
        PodSpec {
            init_containers: containers(init_containers),
            containers: containers(regular),
            ephemeral_containers: ephemeral_containers.into_iter().map(ephemeral).collect(),
            restart_policy,
            node_name,
            ..PodSpec::default()
        }
    });
    let of_container = |status: ContainerStatus| {
        let ContainerStatus { name, state, last_state, restart_count, container_id, .. } = status;
        ContainerStatus { name, state, last_state, restart_count, container_id, ..ContainerStatus::default() }
    };
    let statuses = |statuses: Vec<ContainerStatus>| statuses.into_iter().map(of_container).collect();
    let status = status.map(|status| PodStatus {
        phase: status.phase,
        container_statuses: statuses(status.container_statuses),
        init_container_statuses: statuses(status.init_container_statuses),
        ephemeral_container_statuses: statuses(status.ephemeral_container_statuses),
        ..PodStatus::default()
    });
    Pod { metadata, spec, status, ..Pod::default() }
}

#[cfg(test)]
pub(super) mod tests {
    use prost::Message as _;
    use prost_types::Timestamp;

    use super::*;

    /// A pod that was created in that second.
    pub(in crate::logs) fn mk_pod(name: &str, seconds: i64) -> Pod {
        let creation_timestamp = Some(Timestamp { seconds, nanos: 0 });
        let metadata = ObjectMeta { name: name.into(), uid: name.into(), creation_timestamp, ..ObjectMeta::default() };
        Pod { metadata: Some(metadata), ..Pod::default() }
    }

    #[test]
    fn the_newest_pods_are_read_and_those_that_were_begun() {
        let pods = (0..150).map(|number| mk_pod(&format!("web-{number}"), number)).collect();
        let mut found = Found { pods, ..Found::default() };
        found.bound(&HashSet::from(["web-3".to_owned()]));
        let name = |index: usize| found.pods[index].metadata.as_ref().unwrap().name.as_str();
        assert_eq!((name(0), name(1), found.pods.len()), ("web-3", "web-149", PODS_MAX));
        let left_out: Vec<_> = found.left_out.names().collect();
        assert_eq!(left_out.len(), 50);
        assert!(!left_out.contains(&&"web-3".to_owned()) && left_out.contains(&&"web-50".to_owned()));
    }

    #[test]
    fn of_thousands_of_jobs_few_are_held() {
        let mut jobs = Jobs::default();
        for seconds in 0..5000 {
            let metadata = mk_pod("backup", seconds).metadata;
            jobs.push(Job { metadata, ..Job::default() });
            assert!(jobs.newest.len() < JOBS_MAX * 4);
        }
        jobs.bound();
        let created: Vec<_> = jobs.newest.iter().map(|(created, _)| created.unwrap().0).collect();
        assert_eq!((created, jobs.left_out), ((4950..5000).rev().collect(), 4950));
    }

    #[test]
    fn a_selector_that_is_too_long_is_not_held_and_its_job_is_named() {
        use gumshoe_proto::collector::v1::{JobSpec, LabelSelectorRequirement};
        let values = (0..2_000).map(|number| number.to_string()).collect();
        let expression = LabelSelectorRequirement { key: "a".into(), operator: "In".into(), values };
        let selector = LabelSelector { match_expressions: vec![expression], ..LabelSelector::default() };
        let one_label = LabelSelector {
            match_labels: [("job-name".to_owned(), "b".to_owned())].into(),
            ..LabelSelector::default()
        };
        let mut jobs = Jobs::default();
        for (name, selector) in [("long", selector), ("usual", one_label)] {
            let spec = Some(JobSpec { selector: Some(selector), ..JobSpec::default() });
            jobs.push(Job { metadata: mk_pod(name, 0).metadata, spec, ..Job::default() });
        }
        assert!(matches!(&jobs.newest[0].1, JobPods::Unreadable(name) if name == "long"), "{jobs:?}");
        assert!(
            matches!(&jobs.newest[1].1, JobPods::Label(key, value) if (key.as_str(), value.as_str()) == ("job-name", "b"))
        );
    }

    #[test]
    fn of_a_pod_that_is_large_little_is_held() {
        use gumshoe_proto::collector::v1::EnvVar;
        let env = vec![EnvVar { value: "x".repeat(100_000), ..EnvVar::default() }];
        let common = EphemeralContainerCommon { name: "debugger".into(), env, ..EphemeralContainerCommon::default() };
        let annotation = |value: String| [(super::super::containers::DEFAULT_CONTAINER.to_owned(), value)];
        let ephemeral =
            EphemeralContainer { ephemeral_container_common: Some(Box::new(common)), ..EphemeralContainer::default() };
        let spec = PodSpec { ephemeral_containers: vec![ephemeral], ..PodSpec::default() };
        let mut pod = Pod { spec: Some(spec), ..mk_pod("web-0", 0) };
        pod.metadata.as_mut().unwrap().annotations = annotation("x".repeat(250_000)).into();
        let held = lighter(pod.clone());
        assert!(held.encoded_len() < 200, "{}", held.encoded_len());
        let named = held.spec.unwrap().ephemeral_containers.remove(0).ephemeral_container_common.unwrap().name;
        assert_eq!(named, "debugger");
        pod.metadata.as_mut().unwrap().annotations = annotation("app".to_owned()).into();
        assert_eq!(lighter(pod).metadata.unwrap().annotations.len(), 1);
    }

    #[test]
    fn no_selector_selects_nothing() {
        assert!(checked(None).unwrap().is_empty());
        assert!(checked(Some(&LabelSelector::default())).unwrap().is_empty());
    }
}
