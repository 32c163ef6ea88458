//! `logs`, to the request and back.

use std::time::Duration;

use clap::{Args, builder::NonEmptyStringValueParser};
use gumshoe_proto::collector::v1::ReadLogsRequest;
use jiff::{SignedDuration, Timestamp};

use crate::{Request, scope::DEFAULT_NAMESPACE, units, words::Words};

/// The log of a pod's containers. Without a bound it is the newest 1 MiB of each container.
#[derive(Args, Clone, Debug)]
pub struct Logs {
    /// The pod's name
    #[arg(value_parser = pod_name)]
    pod: String,

    /// The pod's namespace
    #[arg(short, long, value_name = "NS", default_value = DEFAULT_NAMESPACE)]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    namespace: String,

    /// Container, of any sort (init, sidecar, regular, ephemeral); repeat it or separate by commas for several
    /// [default: the pod's default container]
    #[arg(short, long = "container", value_name = "NAME", value_delimiter = ',')]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    containers: Vec<String>,

    /// All containers of the pod
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
        let Self { pod, namespace, containers, all_containers, previous, follow, .. } = self.clone();
        let Self { tail, since, since_time, newest_bytes, whole, .. } = *self;
        Request::ReadLogs(ReadLogsRequest {
            namespace,
            pod,
            containers,
            all_containers,
            previous,
            follow,
            tail_lines: tail,
            since_time: since_time.map(units::to_proto),
            since: since.and_then(|since| prost_types::Duration::try_from(since).ok()),
            newest_bytes: newest_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
            whole_log: whole,
            ..ReadLogsRequest::default()
        })
    }
}

/// The line that gives this request.
pub(crate) fn describe(read: &ReadLogsRequest) -> Words {
    let since = read.since.and_then(|since| {
        SignedDuration::from_secs(since.seconds).checked_add(SignedDuration::from_nanos(since.nanos.into()))
    });
    Words::new(&["logs"])
        .name(&read.pod)
        .option("-n", Some(&read.namespace))
        .each("-c", &read.containers)
        .switch("--all-containers", read.all_containers)
        .switch("--previous", read.previous)
        .switch("--follow", read.follow)
        .option("--tail", read.tail_lines)
        .option("--since", since.map(|since| format!("{since:#}")))
        .option("--since-time", read.since_time.as_ref().and_then(units::from_proto))
        .option("--newest-bytes", read.newest_bytes)
        .switch("--whole", read.whole_log)
}

/// A name, or `pod/<name>` as kubectl takes it too.
fn pod_name(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        None if text.is_empty() => Err("a pod has a name".to_owned()),
        Some((_, "")) => Err("a pod has a name".to_owned()),
        Some((_, name)) if name.contains('/') => Err(format!("{name:?} is no name")),
        None => Ok(text.to_owned()),
        Some(("pod" | "pods" | "po", name)) => Ok(name.to_owned()),
        Some((kind, _)) => {
            Err(format!("logs are read from pods; find those of the {kind} with `gumshoe get pods -l …`"))
        }
    }
}
