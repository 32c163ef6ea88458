//! `logs`, to the request and back.

use std::time::Duration;

use clap::{Args, builder::NonEmptyStringValueParser};
use gumshoe_proto::collector::v1::ReadLogsRequest;
use jiff::{SignedDuration, Timestamp};

use crate::{
    Request, names,
    refusal::Refusal,
    scope::{self, DEFAULT_NAMESPACE},
    units,
    words::Words,
};

/// The logs of a pod, or of all pods of something. Without a bound it is the newest 1 MiB of each container.
#[derive(Args, Clone, Debug)]
pub struct Logs {
    /// The pod's name; or KIND/NAME for all pods of a workload or a service: deploy/web, sts/db, job/seed, svc/web
    #[arg(value_name = "POD", value_parser = whose, required_unless_present = "selector", conflicts_with = "selector")]
    whose: Option<Whose>,

    /// All pods with these labels: app=web,tier!=db
    #[arg(short = 'l', long, value_name = "LABELS", value_parser = NonEmptyStringValueParser::new())]
    selector: Option<String>,

    /// All pods, which it is anyway
    #[arg(long, hide = true)]
    all_pods: bool,

    /// The namespace of the pods
    #[arg(short, long, value_name = "NS", default_value = DEFAULT_NAMESPACE, value_parser = scope::one)]
    namespace: String,

    /// Container, of any sort (init, sidecar, regular, ephemeral); repeat it or separate by commas for several
    /// [default: each pod's default container]
    #[arg(short, long = "container", value_name = "NAME", value_delimiter = ',')]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    containers: Vec<String>,

    /// All containers of each pod
    #[arg(long, conflicts_with = "containers")]
    all_containers: bool,

    /// The log of the run before the current one
    #[arg(short, long)]
    previous: bool,

    /// Go on with new lines until Ctrl-C or the time-out
    #[arg(short, long, conflicts_with = "previous")]
    follow: bool,

    /// The newest N lines of each container
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    tail: Option<i64>,

    /// Lines of the last so long: 90s, 5m, 1h30m; a number alone is seconds
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    since: Option<Duration>,

    /// Lines of this moment and later: 2026-11-23T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = units::moment, conflicts_with = "since")]
    since_time: Option<Timestamp>,

    /// The newest whole lines of each container that fit into so many bytes: 64KiB, 10MB
    #[arg(long, value_name = "SIZE", value_parser = units::bytes)]
    newest_bytes: Option<u64>,

    /// The whole log that the node still has
    #[arg(long, conflicts_with_all = ["tail", "since", "since_time", "newest_bytes"])]
    whole: bool,

    /// Only lines that match this regular expression; repeat it for lines that match one of several
    #[arg(long, value_name = "REGEX", value_parser = NonEmptyStringValueParser::new(), allow_hyphen_values = true)]
    include: Vec<String>,

    /// No lines that match this regular expression; may be repeated
    #[arg(long, value_name = "REGEX", value_parser = NonEmptyStringValueParser::new(), allow_hyphen_values = true)]
    exclude: Vec<String>,

    /// Lines that repeat the one before come as one, with their number
    #[arg(long)]
    fold: bool,
}

/// Whose logs, where that is a name.
#[derive(Clone, Debug)]
enum Whose {
    Pod(String),
    /// With its kind, as requests have it.
    Workload(String),
    Service(String),
}

impl Logs {
    /// Whether it goes on until somebody ends it.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.follow
    }

    /// The collector's request.
    #[must_use]
    pub fn request(&self) -> Request {
        let Self { whose, selector, namespace, containers, all_containers, previous, follow, .. } = self.clone();
        let Self { tail, since, since_time, newest_bytes, whole, include, exclude, fold, .. } = self.clone();
        let read = ReadLogsRequest { label_selector: selector.unwrap_or_default(), ..ReadLogsRequest::default() };
        let read = match whose {
            None => read,
            Some(Whose::Pod(pod)) => ReadLogsRequest { pod, ..read },
            Some(Whose::Workload(workload)) => ReadLogsRequest { workload, ..read },
            Some(Whose::Service(service)) => ReadLogsRequest { service, ..read },
        };
        Request::ReadLogs(ReadLogsRequest {
            namespace,
            containers,
            all_containers,
            previous,
            follow,
            tail_lines: tail,
            since_time: since_time.map(units::to_proto),
            since: since.and_then(|since| prost_types::Duration::try_from(since).ok()),
            newest_bytes: newest_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
            whole_log: whole,
            include,
            exclude,
            fold_repeats: fold,
            ..read
        })
    }
}

/// The line that gives this request.
pub(crate) fn describe(read: &ReadLogsRequest) -> Words {
    let since = read.since.and_then(|since| {
        SignedDuration::from_secs(since.seconds).checked_add(SignedDuration::from_nanos(since.nanos.into()))
    });
    let words = Words::new(&["logs"]);
    let words = match (&read.pod, &read.workload, &read.service) {
        (pod, workload, service) if pod.is_empty() && !(workload.is_empty() && service.is_empty()) => {
            let of_service = (!service.is_empty()).then(|| format!("service/{service}"));
            words.name(&of_service.unwrap_or_else(|| workload.clone()))
        }
        (pod, ..) if pod.is_empty() => words,
        (pod, ..) => words.name(pod),
    };
    words
        .option("-l", Some(&read.label_selector))
        .option("-n", Some(&read.namespace))
        .option("-c", Some(read.containers.join(",")))
        .switch("--all-containers", read.all_containers)
        .switch("--previous", read.previous)
        .switch("--follow", read.follow)
        .option("--tail", read.tail_lines)
        .option("--since", since.map(|since| format!("{since:#}")))
        .option("--since-time", read.since_time.as_ref().and_then(units::from_proto))
        .option("--newest-bytes", read.newest_bytes)
        .switch("--whole", read.whole_log)
        .each("--include", &read.include)
        .each("--exclude", &read.exclude)
        .switch("--fold", read.fold_repeats)
}

/// The kinds of workloads that have pods.
const WORKLOADS: [&str; 6] = ["deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob"];

/// A pod's name, or a kind and a name as kubectl takes them.
fn whose(text: &str) -> Result<Whose, Refusal> {
    let (kind, name) = text.split_once('/').unwrap_or(("pod", text));
    if name.is_empty() {
        return Err(Refusal::Syntax(format!("a {kind} has a name")));
    }
    if name.contains('/') {
        return Err(Refusal::Syntax(format!("{name:?} is no name")));
    }
    match names::kind(kind)?.map(|known| known.names().singular) {
        Some("pod") => Ok(Whose::Pod(name.to_owned())),
        Some("service") => Ok(Whose::Service(name.to_owned())),
        Some(workload) if WORKLOADS.contains(&workload) => Ok(Whose::Workload(format!("{workload}/{name}"))),
        _ => Err(Refusal::NotSupported(format!(
            "logs are those of pods: of one, of a {}, or of a service",
            WORKLOADS.join(", a ")
        ))),
    }
}
