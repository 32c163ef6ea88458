//! What a `ReadLogsRequest` means, once it is known to mean anything.

use std::sync::Arc;

use gumshoe_proto::collector::v1::ReadLogsRequest;
use prost_types::Duration;

use super::{filter::Filter, moment::Moment, page::page_size};
use crate::{
    error::ReadError,
    kubernetes::{
        names::{ContainerName, Namespace, ObjectName},
        selector::Selectors,
    },
    pages::token::Arguments,
};

/// What is given of each container where the request names no window: enough to see why something fails, and it fits into
/// few messages.
const NEWEST_DEFAULT: usize = 1 << 20;
/// What is given of all containers together in that case: half of what all calls may hold.
const NEWEST_DEFAULT_ALL: usize = 32 << 20;
/// The newest lines are held until the log has passed by; this bounds what one container makes us hold.
const NEWEST_MAX: usize = 8 << 20;
/// More containers than any pod has.
pub(super) const CONTAINERS_MAX: usize = 500;

/// A checked request.
#[derive(Debug, Clone)]
pub struct LogRequest {
    /// The pods' namespace.
    pub namespace: Namespace,
    /// Which pods.
    pub selection: Selection,
    /// Whose logs.
    pub containers: Containers,
    /// Of the run before the current one.
    pub previous: bool,
    /// Goes on until the deadline.
    pub follow: bool,
    /// Which part.
    pub window: Window,
    /// Which lines of it.
    pub filter: Arc<Filter>,
    /// Lines that repeat the one before come as one.
    pub fold: bool,
    /// Most lines in a page.
    pub page_size: usize,
    /// What a page token is bound to.
    pub arguments: Arguments,
    /// Empty at the beginning.
    pub page_token: String,
}

/// Which pods a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// This one.
    Pod(ObjectName),
    /// Those of a workload.
    Workload(Workload, ObjectName),
    /// Those with these labels.
    Labels(Selectors),
    /// Those of a service.
    Service(ObjectName),
}

/// The kinds of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// A deployment.
    Deployment,
    /// A replica set.
    ReplicaSet,
    /// A stateful set.
    StatefulSet,
    /// A daemon set.
    DaemonSet,
    /// A job.
    Job,
    /// A cron job.
    CronJob,
}

/// Which containers a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Containers {
    /// The pod's default container.
    Default,
    /// These, each once.
    Named(Vec<ContainerName>),
    /// Every one that the pod has.
    All,
}

/// The part of a log that is asked for; several bounds hold together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// The newest so many records.
    pub tail: Option<u64>,
    /// Lines of this moment and later.
    pub since: Option<Moment>,
    /// The newest so many bytes.
    pub newest: Option<usize>,
    /// Whether that is so since the request names no window.
    pub default: bool,
}

impl Window {
    /// The window of each of so many containers.
    #[must_use]
    pub fn of_each(self, containers: usize) -> Self {
        let share = NEWEST_DEFAULT.min(NEWEST_DEFAULT_ALL / containers.max(1));
        Self { newest: if self.default { Some(share) } else { self.newest }, ..self }
    }
}

impl Workload {
    /// By any of kubectl's names.
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "deployment" | "deployments" | "deploy" => Self::Deployment,
            "replicaset" | "replicasets" | "rs" => Self::ReplicaSet,
            "statefulset" | "statefulsets" | "sts" => Self::StatefulSet,
            "daemonset" | "daemonsets" | "ds" => Self::DaemonSet,
            "job" | "jobs" => Self::Job,
            "cronjob" | "cronjobs" | "cj" => Self::CronJob,
            _ => return None,
        })
    }
}

impl LogRequest {
    /// Checks a request that came at the moment `now`.
    ///
    /// # Errors
    /// `InvalidArgument`, with the field that is wrong.
    pub fn parse(request: &ReadLogsRequest, now: Moment) -> Result<Self, ReadError> {
        let namespace = Namespace::parse("namespace", &request.namespace)?;
        let selection = selection(request)?;
        if request.previous && request.follow {
            return Err(ReadError::invalid("follow", "cannot be combined with previous: that run has ended"));
        }
        Ok(Self {
            namespace,
            selection,
            containers: containers(request)?,
            previous: request.previous,
            follow: request.follow,
            window: window(request, now)?,
            filter: Arc::new(Filter::parse(&request.include, &request.exclude)?),
            fold: request.fold_repeats,
            page_size: page_size(request.page_size)?,
            arguments: Arguments::of(&ReadLogsRequest { page_size: 0, page_token: String::new(), ..request.clone() }),
            page_token: request.page_token.clone(),
        })
    }
}

fn selection(request: &ReadLogsRequest) -> Result<Selection, ReadError> {
    let ReadLogsRequest { pod, workload, label_selector, service, .. } = request;
    let named = [("pod", pod), ("workload", workload), ("label_selector", label_selector), ("service", service)];
    let mut named = named.into_iter().filter(|(_, text)| !text.is_empty());
    let (Some((field, text)), other) = (named.next(), named.next()) else {
        return Err(ReadError::invalid("pod", "must name a pod; or set workload, label_selector or service instead"));
    };
    if let Some((other, _)) = other {
        return Err(ReadError::invalid(other, format!("cannot be combined with {field}: one of them says which pods")));
    }
    Ok(match field {
        "workload" => workload_of(text)?,
        "label_selector" => Selection::Labels(Selectors::parse(text, "").and_then(not_all)?),
        "service" => Selection::Service(ObjectName::parse("service", text)?),
        _ => Selection::Pod(ObjectName::parse("pod", text)?),
    })
}

fn workload_of(text: &str) -> Result<Selection, ReadError> {
    const FIELD: &str = "workload";
    let (kind, name) = text.split_once('/').unwrap_or((text, ""));
    let kind = Workload::parse(kind).ok_or_else(|| {
        let why =
            "must be <kind>/<name>, the kind being deployment, replicaset, statefulset, daemonset, job or cronjob";
        ReadError::invalid(FIELD, why)
    })?;
    Ok(Selection::Workload(kind, ObjectName::parse(FIELD, name)?))
}

/// Blanks are a selector, too: one of all pods.
fn not_all(selectors: Selectors) -> Result<Selectors, ReadError> {
    if selectors.label().is_empty() {
        return Err(ReadError::invalid("label_selector", "must not be blank"));
    }
    Ok(selectors)
}

fn containers(request: &ReadLogsRequest) -> Result<Containers, ReadError> {
    const FIELD: &str = "containers";
    if request.all_containers && !request.containers.is_empty() {
        return Err(ReadError::invalid(FIELD, "must be empty where all_containers is set"));
    }
    if request.containers.len() > CONTAINERS_MAX {
        return Err(ReadError::invalid(FIELD, format!("must be no more than {CONTAINERS_MAX}; see all_containers")));
    }
    let mut named = Vec::new();
    for name in &request.containers {
        let name = ContainerName::parse(FIELD, name)?;
        if named.contains(&name) {
            return Err(ReadError::invalid(FIELD, format!("names {name} twice")));
        }
        named.push(name);
    }
    Ok(match (request.all_containers, named.is_empty()) {
        (true, _) => Containers::All,
        (false, true) => Containers::Default,
        (false, false) => Containers::Named(named),
    })
}

fn window(request: &ReadLogsRequest, now: Moment) -> Result<Window, ReadError> {
    let tail = request.tail_lines.map(|lines| not_negative("tail_lines", lines)).transpose()?;
    let newest = request.newest_bytes.map(newest).transpose()?;
    if request.since.is_some() && request.since_time.is_some() {
        return Err(ReadError::invalid("since", "cannot be combined with since_time"));
    }
    let since = match (&request.since_time, &request.since) {
        (Some(time), _) => Some(Moment::of(time).ok_or_else(|| {
            ReadError::invalid("since_time", "must lie in the years 1 to 9999, with 0 to 999,999,999 nanoseconds")
        })?),
        (None, Some(duration)) => Some(before(now, duration)?),
        (None, None) => None,
    };
    let bounded = tail.is_some() || newest.is_some() || since.is_some();
    if request.whole_log && bounded {
        let why = "cannot be combined with tail_lines, since_time, since or newest_bytes";
        return Err(ReadError::invalid("whole_log", why));
    }
    let default = !request.whole_log && !bounded;
    let newest = if default { Some(NEWEST_DEFAULT) } else { newest };
    Ok(Window { tail, since, newest, default })
}

fn not_negative(field: &'static str, value: i64) -> Result<u64, ReadError> {
    u64::try_from(value).map_err(|_| ReadError::invalid(field, "must not be negative"))
}

fn newest(bytes: i64) -> Result<usize, ReadError> {
    let bytes = not_negative("newest_bytes", bytes)?;
    usize::try_from(bytes).ok().filter(|bytes| *bytes <= NEWEST_MAX).ok_or_else(|| {
        ReadError::invalid("newest_bytes", format!("must be no more than {NEWEST_MAX}; see tail_lines and whole_log"))
    })
}

fn before(now: Moment, duration: &Duration) -> Result<Moment, ReadError> {
    let invalid = || ReadError::invalid("since", "must be a duration of no more than 10,000 years, and not negative");
    let nanos = u32::try_from(duration.nanos).ok().filter(|nanos| *nanos < 1_000_000_000).ok_or_else(invalid)?;
    if !(0..=315_576_000_000).contains(&duration.seconds) {
        return Err(invalid());
    }
    let borrow = u32::from(now.nanos < nanos);
    let moment = Moment {
        seconds: now.seconds - duration.seconds - i64::from(borrow),
        nanos: now.nanos + borrow * 1_000_000_000 - nanos,
    };
    // Longer ago than any calendar is as good as its beginning.
    Ok(moment.max(Moment::EARLIEST))
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    const NOW: Moment = Moment { seconds: 1_700_000_000, nanos: 5 };

    fn mk_request() -> ReadLogsRequest {
        ReadLogsRequest { namespace: "shop".into(), pod: "web-0".into(), ..ReadLogsRequest::default() }
    }

    fn field_of(request: &ReadLogsRequest) -> &'static str {
        match LogRequest::parse(request, NOW) {
            Err(ReadError::InvalidArgument { field, .. }) => field,
            outcome => panic!("{outcome:?}"),
        }
    }

    #[test]
    fn every_name_is_checked_and_named() {
        for name in ["", "/", "..", "%", "?"] {
            let name = name.to_owned();
            assert_eq!(field_of(&ReadLogsRequest { namespace: name.clone(), ..mk_request() }), "namespace");
            assert_eq!(field_of(&ReadLogsRequest { pod: name.clone(), ..mk_request() }), "pod");
            assert_eq!(field_of(&ReadLogsRequest { containers: vec![name], ..mk_request() }), "containers");
        }
    }

    #[test]
    fn exactly_one_field_says_which_pods() {
        let mk = |workload: &str, label_selector: &str, service: &str| ReadLogsRequest {
            pod: String::new(),
            workload: workload.into(),
            label_selector: label_selector.into(),
            service: service.into(),
            ..mk_request()
        };
        let selection = |request| LogRequest::parse(&request, NOW).unwrap().selection;
        let name = |name| ObjectName::parse("name", name).unwrap();
        assert_eq!(selection(mk_request()), Selection::Pod(name("web-0")));
        assert_eq!(selection(mk("", "", "web")), Selection::Service(name("web")));
        let labels = Selectors::parse("app=web", "").unwrap();
        assert_eq!(selection(mk("", "app=web", "")), Selection::Labels(labels));
        for (text, kind) in [
            ("deploy/web", Workload::Deployment),
            ("deployments/web", Workload::Deployment),
            ("rs/web", Workload::ReplicaSet),
            ("sts/web", Workload::StatefulSet),
            ("daemonset/web", Workload::DaemonSet),
            ("job/web", Workload::Job),
            ("cj/web", Workload::CronJob),
        ] {
            assert_eq!(selection(mk(text, "", "")), Selection::Workload(kind, name("web")), "{text}");
        }
        for (request, field) in [
            (mk("", "", ""), "pod"),
            (mk("deploy/web", "app=web", ""), "label_selector"),
            (ReadLogsRequest { service: "web".into(), ..mk_request() }, "service"),
            (mk("web", "", ""), "workload"),
            (mk("service/web", "", ""), "workload"),
            (mk("deploy/", "", ""), "workload"),
            (mk("deploy/../x", "", ""), "workload"),
            (mk("", " ", ""), "label_selector"),
            (mk("", "app in", ""), "label_selector"),
            (mk("", "", "a/b"), "service"),
            (ReadLogsRequest { include: vec!["(".into()], ..mk_request() }, "include"),
            (ReadLogsRequest { exclude: vec!["(".into()], ..mk_request() }, "exclude"),
        ] {
            assert_eq!(field_of(&request), field, "{request:?}");
        }
    }

    #[test]
    fn many_containers_share_what_one_would_have_without_a_window() {
        let of_each = |request, containers| LogRequest::parse(&request, NOW).unwrap().window.of_each(containers).newest;
        assert_eq!((of_each(mk_request(), 1), of_each(mk_request(), 32)), (Some(1 << 20), Some(1 << 20)));
        assert_eq!(of_each(mk_request(), 64), Some(512 << 10));
        let named = ReadLogsRequest { newest_bytes: Some(1 << 20), ..mk_request() };
        assert_eq!(of_each(named, 64), Some(1 << 20));
    }

    #[test]
    fn windows_that_contradict_themselves_are_refused() {
        let time = Some(Timestamp { seconds: 1, nanos: 0 });
        let hour = Some(Duration { seconds: 3600, nanos: 0 });
        let whole = ReadLogsRequest { whole_log: true, ..mk_request() };
        for (request, field) in [
            (ReadLogsRequest { since: hour, since_time: time, ..mk_request() }, "since"),
            (ReadLogsRequest { tail_lines: Some(0), ..whole.clone() }, "whole_log"),
            (ReadLogsRequest { newest_bytes: Some(0), ..whole.clone() }, "whole_log"),
            (ReadLogsRequest { since: hour, ..whole.clone() }, "whole_log"),
            (ReadLogsRequest { since_time: time, ..whole }, "whole_log"),
            (ReadLogsRequest { previous: true, follow: true, ..mk_request() }, "follow"),
            (ReadLogsRequest { containers: vec!["web".into()], all_containers: true, ..mk_request() }, "containers"),
            (ReadLogsRequest { containers: vec!["web".into(), "web".into()], ..mk_request() }, "containers"),
            (ReadLogsRequest { tail_lines: Some(-1), ..mk_request() }, "tail_lines"),
            (ReadLogsRequest { newest_bytes: Some(-1), ..mk_request() }, "newest_bytes"),
            (ReadLogsRequest { newest_bytes: Some((8 << 20) + 1), ..mk_request() }, "newest_bytes"),
            (ReadLogsRequest { page_size: -1, ..mk_request() }, "page_size"),
            (ReadLogsRequest { since_time: Some(Timestamp { seconds: 1, nanos: -1 }), ..mk_request() }, "since_time"),
            (ReadLogsRequest { since: Some(Duration { seconds: -1, nanos: 0 }), ..mk_request() }, "since"),
            (ReadLogsRequest { since: Some(Duration { seconds: 1, nanos: -1 }), ..mk_request() }, "since"),
        ] {
            assert_eq!(field_of(&request), field, "{request:?}");
        }
    }

    #[test]
    fn without_a_window_it_is_the_newest_mebibyte() {
        let window = |request: ReadLogsRequest| LogRequest::parse(&request, NOW).unwrap().window;
        assert_eq!(window(mk_request()), Window { newest: Some(1 << 20), default: true, ..Window::default() });
        assert_eq!(window(ReadLogsRequest { whole_log: true, ..mk_request() }), Window::default());
        let tail = ReadLogsRequest { tail_lines: Some(0), ..mk_request() };
        assert_eq!(window(tail), Window { tail: Some(0), ..Window::default() });
    }

    #[test]
    fn since_is_counted_back_to_the_nanosecond() {
        let since = Some(Duration { seconds: 60, nanos: 6 });
        let request = LogRequest::parse(&ReadLogsRequest { since, ..mk_request() }, NOW).unwrap();
        assert_eq!(request.window.since, Some(Moment { seconds: 1_699_999_939, nanos: 999_999_999 }));
        let ages = Some(Duration { seconds: 315_576_000_000, nanos: 0 });
        let request = LogRequest::parse(&ReadLogsRequest { since: ages, ..mk_request() }, NOW).unwrap();
        assert_eq!(request.window.since, Some(Moment::EARLIEST));
    }
}
