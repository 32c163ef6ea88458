//! What a collector's status and a bridge's pong mean, as checks: what works, what should be changed, what does not work.

use std::time::Duration;

use gumshoe_proto::{
    bridge::v1::{CollectorStatus, End, Pong, QueueStatus},
    collector::v1::GetStatusResponse,
    json,
};
use gumshoe_runtime::chain::Chain;
use serde_json::json;
use tonic::Status;

use crate::{
    error::Error,
    report::{advice, hint, status_line},
    run::present::error_line,
    terminal::{Note, Surface},
    units::{count, human_bytes},
};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    /// It works, and should be otherwise.
    Advice,
    Failed,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// "bridge", "result queue \"main\"".
    subject: String,
    state: State,
    message: String,
    /// What to do next.
    hint: Option<String>,
}

impl Check {
    fn new(subject: impl Into<String>, state: State, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), state, message: message.into(), hint: None }
    }

    fn ok(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(subject, State::Ok, message)
    }

    fn failed(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(subject, State::Failed, message)
    }

    fn with_hint(self, hint: Option<impl Into<String>>) -> Self {
        Self { hint: hint.map(Into::into), ..self }
    }

    /// Whether it does not work.
    pub(crate) fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Its lines.
    pub(crate) fn text(&self, surface: Surface) -> String {
        let what = format!("{}: {}", self.subject, self.message);
        let note = match self.state {
            State::Ok => Note::Good(format!("ok: {what}")),
            State::Advice => Note::Bad(format!("advice: {what}")),
            State::Failed => Note::Bad(format!("FAILED: {what}")),
        };
        let hint = self.hint.as_ref().map(|hint| Note::Plain(format!("  hint: {hint}")));
        [note].into_iter().chain(hint).map(|note| note.text(surface) + "\n").collect()
    }

    fn json(&self) -> serde_json::Value {
        let Self { subject, state, message, hint } = self;
        let state = match state {
            State::Ok => "ok",
            State::Advice => "advice",
            State::Failed => "failed",
        };
        json!({"subject": subject, "state": state, "message": message, "hint": hint})
    }
}

/// All of it as one document.
pub(crate) fn json(checks: &[Check], collector: Option<&GetStatusResponse>, pong: Option<&Pong>) -> serde_json::Value {
    let checks: Vec<_> = checks.iter().map(Check::json).collect();
    json!({"checks": checks, "collector": collector.map(json::to_value), "pong": pong.map(json::to_value)})
}

/// A collector that answers.
pub(crate) fn collector(name: &str, status: &GetStatusResponse) -> Check {
    let GetStatusResponse { version, kubernetes_version, not_ready, kinds, namespaces } = status;
    let subject = format!("collector {name}");
    if !not_ready.is_empty() {
        return Check::failed(subject, format!("version {version} is not ready: {not_ready}"))
            .with_hint(Some("its log and the /readyz of its admin port say more"));
    }
    let kubernetes = if kubernetes_version.is_empty() { "of unknown version" } else { kubernetes_version };
    let namespaces = match namespaces.len() as u64 {
        0 => "in all namespaces that it may read".to_owned(),
        some => format!("in {}: {}", count(some, "namespace"), namespaces.join(", ")),
    };
    Check::ok(subject, format!("version {version}, Kubernetes {kubernetes}; serves {} {namespaces}", kinds.join(", ")))
}

/// One that does not.
pub(crate) fn no_collector(server: &str, status: &Status) -> Check {
    Check::failed(format!("collector {server}"), status_line(status)).with_hint(advice(server, status))
}

/// What cannot be asked at all.
pub(crate) fn not_asked(subject: impl Into<String>, error: &Error) -> Check {
    Check::failed(subject, Chain(error).to_string()).with_hint(hint(error))
}

/// A call to a queue that failed, and was repeated.
pub(crate) fn trouble(error: &Error) -> Check {
    Check::new("queues", State::Advice, error.to_string()).with_hint(hint(error))
}

/// Others use the result queue too.
pub(crate) fn shared_queue() -> Check {
    let message = "holds messages of others, or of commands that were stopped: a result queue of one's own avoids receipts in vain";
    Check::new("result queue", State::Advice, message)
}

/// What came of a ping.
pub(crate) fn bridge(end: Option<&End>, waited: Duration) -> Vec<Check> {
    let subject = "bridge";
    let Some(end) = end else {
        let message = format!("no answer within {} s", waited.as_secs());
        let hint =
            "is a bridge running on the command queue and ready, and does it answer to this result queue (--reply-to)?";
        return vec![Check::failed(subject, message).with_hint(Some(hint))];
    };
    match (&end.pong, &end.error) {
        (Some(pong), _) => of_pong(pong),
        (None, Some(error)) => {
            let older = (error.reason == "INVALID_DATA").then_some("the bridge may be older than this program");
            vec![Check::failed(subject, error_line(error)).with_hint(older)]
        }
        (None, None) => vec![Check::failed(subject, "it answered to something else than a ping")],
    }
}

fn of_pong(pong: &Pong) -> Vec<Check> {
    let Pong { bridge_version, not_ready, collectors, queues, max_deadline, concurrency, .. } = pong;
    let seconds = max_deadline.map_or(0, |longest| longest.seconds);
    let works = format!("version {bridge_version}; {concurrency} commands at one time, for {seconds} s at most");
    let mut checks = vec![Check::ok("bridge", works)];
    let not_ready = not_ready.iter().map(|why| Check::failed("bridge", format!("is not ready: {why}")));
    checks.extend(not_ready);
    checks.extend(queues.iter().flat_map(queue));
    checks.extend(collectors.iter().map(collector_of_bridge));
    checks
}

fn queue(status: &QueueStatus) -> Vec<Check> {
    let QueueStatus {
        name,
        fifo,
        maximum_message_size,
        max_receive_count,
        encrypted,
        message_retention_period,
        // Where it is too short, the advice says so.
        visibility_timeout: _,
        advice,
    } = status;
    let subject = if name.is_empty() { "command queue".to_owned() } else { format!("result queue {name:?}") };
    let kept = message_retention_period.map(|period| match period.seconds {
        seconds @ ..3600 => format!("kept for {seconds} s"),
        seconds => format!("kept for {} h", seconds / 3600),
    });
    let parts = [
        Some((if *fifo { "FIFO" } else { "standard" }).to_owned()),
        Some(format!("{} a message", human_bytes(*maximum_message_size))).filter(|_| *maximum_message_size > 0),
        max_receive_count.map(|receives| format!("dead letters after {}", count(receives.into(), "receive"))),
        encrypted.filter(|encrypted| *encrypted).map(|_| "encrypted".to_owned()),
        kept,
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let ok = Check::ok(subject.clone(), parts.join(", "));
    let advice = advice.iter().map(|advice| {
        let restart = "the bridge looks at its queues when it starts";
        Check::new(subject.clone(), State::Advice, advice).with_hint(Some(restart))
    });
    [ok].into_iter().chain(advice).collect()
}

fn collector_of_bridge(status: &CollectorStatus) -> Check {
    let name = format!("{:?} of the bridge", status.name);
    match (&status.status, &status.error) {
        (Some(status), _) => collector(&name, status),
        (None, Some(error)) => {
            let subject = format!("collector {name}");
            let (state, hint) = match error.code.as_str() {
                _ if error.reason == "TOO_LONG" => {
                    (State::Advice, "it answers, and says more than fits into a message")
                }
                "UNIMPLEMENTED" => (State::Advice, "it answers, and is older than the bridge"),
                "UNAVAILABLE" => {
                    (State::Failed, "check the bridge's --collector and TLS files, and that the collector runs")
                }
                _ => (State::Failed, "the collector's log says more"),
            };
            Check::new(subject, state, error_line(error)).with_hint(Some(hint))
        }
        (None, None) => Check::failed(format!("collector {name}"), "said nothing"),
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::bridge::v1::Error as RunError;

    use super::*;

    fn texts(checks: &[Check]) -> Vec<String> {
        checks.iter().map(|check| check.text(Surface::PIPE)).collect()
    }

    fn mk_status(not_ready: &str) -> GetStatusResponse {
        GetStatusResponse {
            version: "1.2".into(),
            not_ready: not_ready.into(),
            kinds: vec!["pods".into()],
            ..GetStatusResponse::default()
        }
    }

    #[test]
    fn what_a_pong_says_is_told_by_what_works_what_could_be_better_and_what_does_not_work() {
        let queue = |name: &str, advice: &[&str]| QueueStatus {
            name: name.into(),
            maximum_message_size: 1 << 20,
            advice: advice.iter().map(|advice| (*advice).to_owned()).collect(),
            ..QueueStatus::default()
        };
        let error = Some(RunError { code: "UNAVAILABLE".into(), ..RunError::default() });
        let pong = Pong {
            bridge_version: "1.2".into(),
            not_ready: vec!["leases: DeleteMessage: AccessDenied".into()],
            queues: vec![queue("", &["has no dead letter queue"]), queue("main", &[])],
            collectors: vec![
                CollectorStatus { name: "east".into(), status: Some(mk_status("")), error: None },
                CollectorStatus { name: "west".into(), status: None, error },
                CollectorStatus {
                    name: "old".into(),
                    error: Some(RunError { code: "UNIMPLEMENTED".into(), ..RunError::default() }),
                    ..CollectorStatus::default()
                },
                CollectorStatus { name: "new".into(), status: Some(mk_status("no API")), error: None },
            ],
            ..Pong::default()
        };
        let checks = bridge(Some(&End { pong: Some(pong), ..End::default() }), Duration::ZERO);
        let texts = texts(&checks);
        for (text, begins) in texts.iter().zip([
            "ok: bridge: version 1.2",
            "FAILED: bridge: is not ready: leases: DeleteMessage",
            "ok: command queue: standard, 1.0 MiB",
            "advice: command queue: has no dead letter queue",
            "ok: result queue \"main\": standard",
            "ok: collector \"east\" of the bridge: version 1.2, Kubernetes of unknown version; serves pods in all",
            "FAILED: collector \"west\" of the bridge: UNAVAILABLE",
            "advice: collector \"old\" of the bridge: UNIMPLEMENTED",
            "FAILED: collector \"new\" of the bridge: version 1.2 is not ready: no API",
        ]) {
            assert!(text.starts_with(begins), "{text} {begins}");
        }
        assert_eq!(texts.len(), 9);
        assert_eq!(checks.iter().filter(|check| check.has_failed()).count(), 3);
        let document = json(&checks, None, None);
        assert_eq!((&document["checks"][3]["state"], &document["pong"]), (&json!("advice"), &json!(null)));
    }

    #[test]
    fn no_pong_says_what_to_look_at() {
        let silent = texts(&bridge(None, Duration::from_secs(20)));
        assert!(silent[0].starts_with("FAILED: bridge: no answer within 20 s") && silent[0].contains("--reply-to"));
        let refused = |reason: &str| {
            let error = Some(RunError { code: "INVALID_ARGUMENT".into(), reason: reason.into(), message: "m".into() });
            texts(&bridge(Some(&End { error, ..End::default() }), Duration::ZERO)).concat()
        };
        assert!(refused("INVALID_DATA").contains("older"));
        assert_eq!(refused("UNKNOWN_REPLY_TO"), "FAILED: bridge: INVALID_ARGUMENT (UNKNOWN_REPLY_TO): m\n");
    }
}
