//! What the answers to a log request mean. The kubelet says most of it in English, and some of it in the middle of a log.

use gumshoe_proto::collector::v1::{ContainerLogStatus, GapReason};
use http::StatusCode;

use crate::{error::ReadError, kubernetes::api::Failure};

/// Why there is nothing of a container's log, or not all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What became of the log.
    pub status: ContainerLogStatus,
    /// For people; holds no address and no line.
    pub message: String,
    /// What is missing for it; None where there is no log that could be missing.
    pub missing: Option<Missing>,
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// As the answer's gaps have it.
    pub reason: GapReason,
    /// Whether there is more of the log than was given.
    pub newer: bool,
    /// Whether a later call can bring it.
    pub resumable: bool,
}

impl Missing {
    /// The log could not be read.
    pub const UNREADABLE: Self = Self { reason: GapReason::LogUnreadable, newer: false, resumable: false };
    /// The log could be read up to some line.
    pub const CUT: Self = Self { reason: GapReason::LogCutNewer, newer: true, resumable: false };
    /// The read ended early.
    pub const INTERRUPTED: Self = Self { reason: GapReason::ReadInterrupted, newer: true, resumable: true };
}

impl Trouble {
    /// The pod has no container of the name.
    #[must_use]
    pub fn no_such_container() -> Self {
        Self {
            status: ContainerLogStatus::NoSuchContainer,
            message: "the pod has no container of this name".into(),
            missing: Some(Missing::UNREADABLE),
        }
    }

    /// The pod has no node.
    #[must_use]
    pub fn not_scheduled() -> Self {
        let message = "the pod has no node yet, so there is no log".into();
        Self { status: ContainerLogStatus::NotScheduled, message, missing: None }
    }

    /// The pod has come to its end without the container.
    #[must_use]
    pub fn never_started() -> Self {
        let message = "the pod is over, and the container has never started".into();
        Self { status: ContainerLogStatus::NotStarted, message, missing: None }
    }

    /// The pod is not there any more, or another one has its name.
    #[must_use]
    pub fn pod_gone() -> Self {
        Self {
            status: ContainerLogStatus::PodGone,
            message: "the pod was deleted meanwhile".into(),
            missing: Some(Missing::CUT),
        }
    }

    /// The call as a whole had to stop.
    #[must_use]
    pub fn stopped(reason: GapReason, message: impl Into<String>) -> Self {
        Self {
            status: ContainerLogStatus::Interrupted,
            message: message.into(),
            missing: Some(Missing { reason, ..Missing::INTERRUPTED }),
        }
    }

    /// What came is something else.
    #[must_use]
    pub fn no_log() -> Self {
        Self::stopped(GapReason::ReadInterrupted, "the answer is not a log; is there a proxy in between?")
    }

    /// The answer ended before the log did.
    #[must_use]
    pub fn cut() -> Self {
        Self::stopped(
            GapReason::ReadInterrupted,
            "the answer ended before the log: the connection to the kubelet broke",
        )
    }

    /// The container runtime failed, as the kubelet wrote into the log.
    #[must_use]
    pub fn runtime_error(message: &str) -> Self {
        Self {
            status: ContainerLogStatus::RuntimeError,
            message: format!("the kubelet says: {message}"),
            missing: Some(Missing { newer: true, ..Missing::UNREADABLE }),
        }
    }

    /// A read that had begun and broke off.
    #[must_use]
    pub fn broken(error: &ReadError) -> Self {
        tracing::debug!(error = %gumshoe_runtime::chain::Chain(error), "the read of a log broke off");
        let reason = match error {
            ReadError::Deadline => GapReason::Deadline,
            _ => GapReason::ReadInterrupted,
        };
        Self::stopped(reason, error.to_string())
    }

    /// What a refusal by the API server or the kubelet means for the container; `had_earlier` says whether it has had an earlier run.
    ///
    /// # Errors
    /// `Denied` where the collector may not read logs at all.
    pub fn refused(failure: Failure, had_earlier: bool) -> Result<Self, ReadError> {
        let (code, message) = match failure {
            Failure::Deadline => return Ok(Self::broken(&ReadError::Deadline)),
            Failure::Unreachable(_) => return Ok(Self::broken(&failure.into_read_error("get pods/log"))),
            Failure::Answered { code, body, .. } => (code, body.message),
        };
        tracing::debug!(code = code.as_u16(), message, "the read of a log was refused");
        let says = |text: &str| message.contains(text);
        let interrupted = |message: String, resumable| Self {
            status: ContainerLogStatus::Interrupted,
            message,
            missing: Some(Missing { resumable, ..Missing::INTERRUPTED }),
        };
        Ok(match code {
            // The kubelet: pkg/kubelet/kubelet_pods.go, validateContainerLogStatus.
            StatusCode::BAD_REQUEST if says("is waiting to start") || says("is not available") => {
                Self { status: ContainerLogStatus::NotStarted, message, missing: None }
            }
            StatusCode::BAD_REQUEST if says("previous terminated container") => Self::no_previous(had_earlier),
            StatusCode::BAD_REQUEST if says("is not valid for pod") => Self::no_such_container(),
            StatusCode::BAD_REQUEST if says("is terminated") => Self::forgotten(),
            // As long as the kubelet does not know the pod: it was started just now, or the pod was.
            StatusCode::BAD_REQUEST
                if says("cannot be found - no logs") || says("does not have a corresponding pod") =>
            {
                interrupted("the kubelet does not know the pod yet".into(), true)
            }
            StatusCode::BAD_REQUEST if let Some(error) = in_band_error(&message) => Self::runtime_error(&error),
            // The API server's own answer; the kubelet has others, for what it does not know yet.
            StatusCode::NOT_FOUND if message.starts_with("pods \"") => Self::pod_gone(),
            StatusCode::NOT_FOUND => interrupted("the kubelet does not know the pod or the container yet".into(), true),
            // The API server's own refusal; a kubelet's is about nodes/proxy.
            StatusCode::FORBIDDEN if says("pods/log") || says("\"pods\"") => {
                return Err(ReadError::Denied("get pods/log in this namespace".into()));
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                interrupted("the kubelet refused the API server's request".into(), false)
            }
            code if code.is_server_error() && unreachable(&message) => Self::node_unreachable(),
            code => interrupted(
                format!("the Kubernetes API answered {code}"),
                code.is_server_error() || code == StatusCode::TOO_MANY_REQUESTS,
            ),
        })
    }

    /// The node's kubelet is not there.
    #[must_use]
    pub fn node_unreachable() -> Self {
        Self {
            status: ContainerLogStatus::NodeUnreachable,
            message: "the API server could not reach the node's kubelet".into(),
            missing: Some(Missing::UNREADABLE),
        }
    }

    /// The container has had a run of which there is nothing.
    #[must_use]
    pub fn forgotten() -> Self {
        Self {
            status: ContainerLogStatus::RuntimeError,
            message: "the container has ended, and the node has no log of it".into(),
            missing: Some(Missing::UNREADABLE),
        }
    }

    /// The container has ended, and its log could be read up to some line only.
    #[must_use]
    pub fn no_end() -> Self {
        Self {
            status: ContainerLogStatus::RuntimeError,
            message: "the container has ended, and the node did not give the end of its log".into(),
            missing: Some(Missing { newer: true, ..Missing::UNREADABLE }),
        }
    }

    fn no_previous(had_earlier: bool) -> Self {
        let (message, missing) = if had_earlier {
            ("the node no longer has the log of the earlier run", Some(Missing::UNREADABLE))
        } else {
            ("the container has not been restarted", None)
        };
        Self { status: ContainerLogStatus::NoPrevious, message: message.into(), missing }
    }
}

/// Whether the API server says that it has not come through to the kubelet, be it on its own or by way of a proxy.
fn unreachable(message: &str) -> bool {
    ["dial tcp", ":10250", "no preferred addresses found", "No agent available", "tls: ", "x509: "]
        .iter()
        .any(|sign| message.contains(sign))
}

/// Most characters of an error that are passed on.
const ERROR_MAX: usize = 300;
/// The kubelet's error in place of a log, or behind one (kubernetes/kubernetes#142258).
const UNABLE: &str = "unable to retrieve container logs for ";
/// How else begins what the kubelet writes where it cannot go on (cri-client: `pkg/logs/logs.go`).
const FAILED: &[&str] =
    &["failed to ", "rpc error: code = ", "container status is nil", "context cancelled", "fsnotify"];

/// The message where a whole line is an error of the kubelet's. It writes none into a line that has a timestamp, and a
/// container writes no line without.
#[must_use]
pub fn in_band_error(line: &str) -> Option<String> {
    if is_unable(line) {
        return Some(line.to_owned());
    }
    FAILED.iter().any(|failed| line.starts_with(failed)).then(|| without_paths(line))
}

/// The kubelet's words without the names of files on the node, which are nothing for the caller.
#[must_use]
pub fn without_paths(text: &str) -> String {
    let is_path = |word: &str| word.trim_start_matches(['"', '\'', '(']).starts_with('/');
    let words = text.split_whitespace().map(|word| match word {
        word if is_path(word) => {
            if word.ends_with(':') {
                "…:"
            } else {
                "…"
            }
        }
        word => word,
    });
    words.collect::<Vec<_>>().join(" ").chars().take(ERROR_MAX).collect()
}

/// Where the error begins that was written right behind a last line without a line feed.
#[must_use]
pub fn appended_error(line: &str) -> Option<usize> {
    line.rfind(UNABLE).filter(|begin| is_unable(&line[*begin..]))
}

/// `… for <runtime>://<id>` and nothing else.
fn is_unable(text: &str) -> bool {
    let Some((runtime, id)) = text.trim_end().strip_prefix(UNABLE).and_then(|container| container.split_once("://"))
    else {
        return false;
    };
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    word(runtime) && word(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::status::ErrorBody;

    fn mk_failure(code: u16, message: &str) -> Failure {
        let body = ErrorBody { message: message.into(), ..ErrorBody::default() };
        Failure::Answered { code: StatusCode::from_u16(code).unwrap(), body, retry_after: None }
    }

    #[test]
    fn each_answer_has_its_meaning() {
        use ContainerLogStatus as Log;
        let table = [
            (400, r#"container "web" in pod "web-0" is waiting to start: ContainerCreating"#, Log::NotStarted, None),
            (400, r#"container "web" in pod "web-0" is waiting to start - no logs yet"#, Log::NotStarted, None),
            (400, r#"container "web" in pod "web-0" is not available"#, Log::NotStarted, None),
            (400, r#"previous terminated container "web" in pod "web-0" not found"#, Log::NoPrevious, None),
            (
                400,
                "container web is not valid for pod web-0",
                Log::NoSuchContainer,
                Some((GapReason::LogUnreadable, false)),
            ),
            (
                400,
                "unable to retrieve container logs for containerd://0a1b",
                Log::RuntimeError,
                Some((GapReason::LogUnreadable, false)),
            ),
            (
                400,
                r#"container "web" in pod "web-0" is terminated"#,
                Log::RuntimeError,
                Some((GapReason::LogUnreadable, false)),
            ),
            (
                400,
                r#"pod "web-0" cannot be found - no logs available"#,
                Log::Interrupted,
                Some((GapReason::ReadInterrupted, true)),
            ),
            (
                400,
                r#"mirror pod "web-0" does not have a corresponding pod"#,
                Log::Interrupted,
                Some((GapReason::ReadInterrupted, true)),
            ),
            (
                400,
                r#"failed to open log file "/var/log/pods/shop_web-0_1/web/0.log": permission denied"#,
                Log::RuntimeError,
                Some((GapReason::LogUnreadable, false)),
            ),
            (
                404,
                r#"the server could not find the requested resource ( pods/log web-0)"#,
                Log::Interrupted,
                Some((GapReason::ReadInterrupted, true)),
            ),
            (404, r#"pods "web-0" not found"#, Log::PodGone, Some((GapReason::LogCutNewer, false))),
            (
                500,
                r#"Get "https://10.0.0.7:10250/containerLogs/shop/web-0/web": dial tcp 10.0.0.7:10250: connect: connection refused"#,
                Log::NodeUnreachable,
                Some((GapReason::LogUnreadable, false)),
            ),
            (500, "remote error: tls: internal error", Log::NodeUnreachable, Some((GapReason::LogUnreadable, false))),
            (500, "etcdserver: leader changed", Log::Interrupted, Some((GapReason::ReadInterrupted, true))),
            (429, "Too many requests", Log::Interrupted, Some((GapReason::ReadInterrupted, true))),
            (400, "something new", Log::Interrupted, Some((GapReason::ReadInterrupted, false))),
            (401, "Unauthorized", Log::Interrupted, Some((GapReason::ReadInterrupted, false))),
            (
                403,
                "Forbidden (user=kube-apiserver, verb=get, resource=nodes, subresource=proxy)",
                Log::Interrupted,
                Some((GapReason::ReadInterrupted, false)),
            ),
        ];
        for (code, message, status, gap) in table {
            let trouble = Trouble::refused(mk_failure(code, message), false).unwrap();
            let missing = trouble.missing.map(|missing| (missing.reason, missing.resumable));
            assert_eq!((trouble.status, missing), (status, gap), "{message}");
            for secret in ["10.0.0.7", "/var/log"] {
                assert!(!trouble.message.contains(secret), "{}", trouble.message);
            }
        }
    }

    #[test]
    fn a_missing_permission_is_an_error_of_the_whole_call() {
        let message = r#"pods "web-0" is forbidden: User "x" cannot get resource "pods/log" in API group "" in the namespace "shop""#;
        assert!(matches!(Trouble::refused(mk_failure(403, message), false), Err(ReadError::Denied(_))));
    }

    #[test]
    fn an_earlier_run_that_the_node_has_forgotten_is_missing() {
        let failure = mk_failure(400, r#"previous terminated container "web" in pod "web-0" not found"#);
        assert_eq!(Trouble::refused(failure, true).unwrap().missing, Some(Missing::UNREADABLE));
    }

    #[test]
    fn the_kubelets_own_words_are_known_and_nothing_else() {
        let error = "unable to retrieve container logs for containerd://0a1b";
        assert_eq!(in_band_error(error).as_deref(), Some(error));
        assert_eq!(
            in_band_error("failed to open log file \"/var/log/x\": permission denied").as_deref(),
            Some("failed to open log file …: permission denied")
        );
        assert_eq!(appended_error(error), Some(0));
        assert_eq!(appended_error(&format!("half a line{error}")), Some(11));
        assert_eq!(appended_error(&format!("{error} {error}")), Some(error.len() + 1));
        for line in [
            "unable to retrieve container logs for breakfast",
            "unable to retrieve container logs for containerd://0a1b: why",
            "unable to retrieve container logs for ://0a1b",
            "we were unable to retrieve container logs for containerd://",
        ] {
            assert_eq!((in_band_error(line), appended_error(line)), (None, None), "{line}");
        }
    }
}
