//! From a message of the command queue to work, or to the answer that there will be none. Reads nothing and sends nothing.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use gumshoe_proto::{
    bridge::v1::{Command, Encoding, End, EndStatus, Query, cancel::Target},
    envelope::{self, EnvelopeError, is_id},
    run::TRIED_TOO_OFTEN,
};
use prost_types::Timestamp;
use tonic::Code;
use ulid::Ulid;

use crate::{
    dispatch::error,
    queue::Received,
    results::{Outlet, RunId, not_run},
    stop::Stop,
};

/// The result queues of the configuration.
#[derive(Clone)]
pub(crate) struct Outlets {
    default: Outlet,
    by_name: BTreeMap<String, Outlet>,
}

/// What commands are read by.
#[derive(Clone)]
pub(crate) struct CommandReader {
    /// Where answers go.
    pub outlets: Outlets,
    /// No command is worked on for longer.
    pub max_deadline: Duration,
    /// When the queue gives a message up, if ever.
    pub max_receive_count: Option<u32>,
}

/// Where the queue has no dead letters, so often a command is received at most.
pub(crate) const RECEIVES_MAX: u32 = 5;

/// What is to be done with a message.
pub(crate) enum Reading {
    /// Work on it.
    Work(Box<Job>),
    /// Do at once what is no read.
    Control(Box<Control>),
    /// Say why it is not worked on.
    Answer(Box<Answer>),
}

/// A command to work on.
pub(crate) struct Job {
    /// This processing of it.
    pub run: RunId,
    /// Where its results go.
    pub outlet: Outlet,
    /// How long there is.
    pub time_left: Duration,
    /// Until when it is worked on: its own deadline, or an earlier one.
    pub deadline: Timestamp,
    /// W3C trace context; may be empty.
    pub traceparent: String,
    /// What is asked.
    pub queries: Vec<Query>,
    /// What stops it before the ends of these.
    pub stop: Stop,
    /// How often its progress is told, if at all.
    pub progress_interval: Option<Duration>,
    /// How the responses in its pages are encoded.
    pub encoding: Encoding,
}

/// A command that is no read.
pub(crate) struct Control {
    /// This processing of it.
    pub run: RunId,
    /// Where its result goes.
    pub outlet: Outlet,
    /// How long there is.
    pub time_left: Duration,
    /// What is to be done.
    pub action: Action,
}

/// What a command asks for that is no read.
#[derive(Debug)]
pub(crate) enum Action {
    /// Stop others.
    Cancel(Target),
    /// Say what this bridge is.
    Ping,
}

/// The answer to a command that is not worked on.
pub(crate) struct Answer {
    /// This processing of it.
    pub run: RunId,
    /// Where the answer goes.
    pub outlet: Outlet,
    /// The answer.
    pub end: End,
    /// How long somebody may wait for it.
    pub time_left: Duration,
}

impl Reading {
    /// How long there is until an answer is no longer of use.
    #[must_use]
    pub(crate) fn time_left(&self) -> Duration {
        match self {
            Self::Work(job) => job.time_left,
            Self::Control(control) => control.time_left,
            Self::Answer(answer) => answer.time_left,
        }
    }
}

impl Outlets {
    /// Result queues, the default one first; there must be one.
    #[must_use]
    pub(crate) fn new(outlets: Vec<Outlet>) -> Self {
        let default = outlets.first().cloned().expect("the command line requires a result queue");
        let by_name = outlets.into_iter().map(|outlet| (outlet.name().to_owned(), outlet)).collect();
        Self { default, by_name }
    }

    /// The queue of that name; the default one where the name is empty.
    fn get(&self, name: &str) -> Option<Outlet> {
        if name.is_empty() { Some(self.default.clone()) } else { self.by_name.get(name).cloned() }
    }
}

impl CommandReader {
    /// Reads a message.
    #[must_use]
    pub(crate) fn read(&self, message: &Received, now: SystemTime) -> Reading {
        match envelope::decode_command(&message.body) {
            Ok(command) => self.judge(command, message.receive_count, now),
            Err(error) => self.malformed(&error, message),
        }
    }

    fn judge(&self, command: Command, receive_count: u32, now: SystemTime) -> Reading {
        let Command {
            id,
            investigation_id,
            deadline,
            reply_to,
            traceparent,
            queries,
            budget,
            progress_interval,
            encoding,
            cancel,
            ping,
        } = command;
        let run = mk_run(id, investigation_id);
        let time_left = time_left(deadline, now).min(self.max_deadline);
        let Some(outlet) = self.outlets.get(&reply_to) else {
            let message = format!("replyTo: this bridge has no result queue of the name {reply_to:?}");
            let end = not_run(EndStatus::Failed, error(Code::InvalidArgument, "UNKNOWN_REPLY_TO", &message));
            return answer(run, self.outlets.default.clone(), end, time_left);
        };
        if time_left.is_zero() {
            let message = "the deadline had passed before the command was received";
            let end = not_run(EndStatus::Expired, error(Code::DeadlineExceeded, "DEADLINE", message));
            return answer(run, outlet, end, time_left);
        }
        if self.is_last_receive(receive_count) {
            let message = format!("the command was received {receive_count} times and never came to its end");
            let end = not_run(EndStatus::Failed, error(Code::Aborted, TRIED_TOO_OFTEN, &message));
            return answer(run, outlet, end, time_left);
        }
        let target = cancel.and_then(|cancel| cancel.target);
        if let Some(action) = target.map(Action::Cancel).or(ping.map(|_| Action::Ping)) {
            return Reading::Control(Box::new(Control { run, outlet, time_left, action }));
        }
        let stop = match Stop::of(&budget.unwrap_or_default()) {
            Ok(stop) => stop,
            Err(refused) => {
                let refused = error(Code::InvalidArgument, "INVALID_BUDGET", &refused.to_string());
                return answer(run, outlet, not_run(EndStatus::Failed, refused), time_left);
            }
        };
        let deadline = Timestamp::from(now + time_left);
        let progress_interval = progress_interval.and_then(|interval| interval.try_into().ok());
        let encoding = Encoding::try_from(encoding).unwrap_or_default();
        let job = Job { run, outlet, time_left, deadline, traceparent, queries, stop, progress_interval, encoding };
        Reading::Work(Box::new(job))
    }

    /// How often a command is tried again that was received so often.
    #[must_use]
    pub(crate) fn receives_left(&self, receive_count: u32) -> u32 {
        self.receives_max().saturating_sub(receive_count)
    }

    fn receives_max(&self) -> u32 {
        self.max_receive_count.unwrap_or(RECEIVES_MAX)
    }

    /// A bridge that dies with a command can neither answer it nor give it back. So the last time that the queue hands a command
    /// out before the dead letters, it is answered instead of tried, or nobody would ever hear of it. Where there are no dead letters, it
    /// would come again and again: what failed so often is answered in the same way.
    fn is_last_receive(&self, receive_count: u32) -> bool {
        let most = self.receives_max();
        most > 1 && receive_count >= most
    }

    fn malformed(&self, refused: &EnvelopeError, message: &Received) -> Reading {
        let readable = (*refused.readable).clone();
        // SQS's own ids are UUIDs; another server's may hold anything.
        let of_message = || Some(message.message_id.clone()).filter(|id| is_id(id));
        let id = readable.command_id.or_else(of_message).unwrap_or_else(|| Ulid::generate().to_string());
        let run = mk_run(id, readable.investigation_id.unwrap_or_default());
        let outlet = readable.reply_to.and_then(|name| self.outlets.get(&name));
        let refusal = error(Code::InvalidArgument, refused.fault.reason(), &refused.to_string());
        let outlet = outlet.unwrap_or_else(|| self.outlets.default.clone());
        // Its deadline is not known, so it may be the latest.
        answer(run, outlet, not_run(EndStatus::Failed, refusal), self.max_deadline)
    }
}

fn mk_run(command_id: String, investigation_id: String) -> RunId {
    RunId { command_id, run: Ulid::generate().to_string(), investigation_id }
}

fn answer(run: RunId, outlet: Outlet, end: End, time_left: Duration) -> Reading {
    Reading::Answer(Box::new(Answer { run, outlet, end, time_left }))
}

fn time_left(deadline: Option<Timestamp>, now: SystemTime) -> Duration {
    let deadline = deadline.and_then(|deadline| SystemTime::try_from(deadline).ok());
    deadline.and_then(|deadline| deadline.duration_since(now).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gumshoe_proto::{
        bridge::v1::{Budget, query::Request},
        collector::v1::GetPodRequest,
    };
    use jiff::Timestamp as Now;

    use super::*;
    use crate::fakes::RecordingQueue;

    const NOW: Now = Now::constant(1_800_000_000, 0);

    fn mk_reader() -> CommandReader {
        let outlet = |name| Outlet::new(name, Arc::new(RecordingQueue::default()), 1 << 20, false);
        CommandReader {
            outlets: Outlets::new(vec![outlet("main"), outlet("other")]),
            max_deadline: Duration::from_secs(600),
            max_receive_count: Some(5),
        }
    }

    fn mk_command(seconds: i64) -> Command {
        let request = Some(Request::GetPod(GetPodRequest::default()));
        Command {
            id: "c".into(),
            investigation_id: "i".into(),
            deadline: Some(Timestamp { seconds: NOW.as_second() + seconds, nanos: 0 }),
            queries: vec![Query { id: "q".into(), request, ..Query::default() }],
            ..Command::default()
        }
    }

    fn mk_message(body: &str) -> Received {
        Received { message_id: "m-1".into(), receipt_handle: "r".into(), body: body.into(), receive_count: 1 }
    }

    fn read(message: &Received) -> Reading {
        mk_reader().read(message, NOW.into())
    }

    fn read_command(command: &Command) -> Reading {
        read(&mk_message(&envelope::encode_command(command, NOW)))
    }

    fn work(reading: Reading) -> Job {
        match reading {
            Reading::Work(job) => *job,
            Reading::Control(control) => panic!("{:?}", control.action),
            Reading::Answer(answer) => panic!("answered with {:?}", answer.end),
        }
    }

    /// The answer's status and reason, the queue it goes to, and the ids that it carries.
    fn answered(reading: Reading) -> (EndStatus, String, String, RunId) {
        match reading {
            Reading::Answer(answer) => {
                let Answer { run, outlet, end, .. } = *answer;
                let reason = end.error.as_ref().map(|error| error.reason.clone()).unwrap_or_default();
                (end.status(), reason, outlet.name().to_owned(), run)
            }
            Reading::Control(control) => panic!("{:?}", control.action),
            Reading::Work(job) => panic!("worked on for {:?}", job.time_left),
        }
    }

    #[test]
    fn a_command_is_worked_on_until_its_deadline() {
        let job = work(read_command(&Command { reply_to: "other".into(), ..mk_command(60) }));
        assert_eq!((job.time_left, job.deadline.seconds), (Duration::from_secs(60), NOW.as_second() + 60));
        assert_eq!((job.outlet.name(), job.run.command_id.as_str(), job.queries.len()), ("other", "c", 1));
        assert!(is_id(&job.run.run));
    }

    #[test]
    fn no_deadline_is_later_than_the_bridges_own() {
        let job = work(read_command(&mk_command(86_400)));
        assert_eq!((job.time_left, job.deadline.seconds), (Duration::from_secs(600), NOW.as_second() + 600));
    }

    #[test]
    fn a_command_that_came_too_late_is_answered_and_not_run() {
        for seconds in [0, -1, -NOW.as_second() - 1] {
            let (status, reason, queue, _) = answered(read_command(&mk_command(seconds)));
            assert_eq!((status, reason.as_str(), queue.as_str()), (EndStatus::Expired, "DEADLINE", "main"));
        }
    }

    #[test]
    fn an_unknown_result_queue_is_answered_on_the_default_one() {
        let command = Command { reply_to: "https://evil.example/queue".into(), ..mk_command(60) };
        let (status, reason, queue, run) = answered(read_command(&command));
        assert_eq!((status, reason.as_str(), queue.as_str()), (EndStatus::Failed, "UNKNOWN_REPLY_TO", "main"));
        assert_eq!((run.command_id.as_str(), run.investigation_id.as_str()), ("c", "i"));
    }

    #[test]
    fn what_is_no_command_is_answered_under_the_id_of_its_message() {
        let (status, reason, queue, run) = answered(read(&mk_message("hello")));
        assert_eq!((status, reason.as_str(), queue.as_str()), (EndStatus::Failed, "NOT_JSON", "main"));
        assert_eq!(run.command_id, "m-1");

        let odd = Received { message_id: "not / an id".into(), ..mk_message("hello") };
        assert!(is_id(&answered(read(&odd)).3.command_id));
    }

    #[test]
    fn a_refused_command_is_answered_under_its_own_ids_where_it_wanted_the_answer() {
        let command = Command { reply_to: "other".into(), deadline: None, ..mk_command(60) };
        let (status, reason, queue, run) = answered(read_command(&command));
        assert_eq!((status, reason.as_str(), queue.as_str()), (EndStatus::Failed, "MISSING_DEADLINE", "other"));
        assert_eq!((run.command_id.as_str(), run.investigation_id.as_str()), ("c", "i"));
    }

    #[test]
    fn the_last_receive_before_the_dead_letters_is_answered_and_not_tried() {
        let received = |count| {
            let message = mk_message(&envelope::encode_command(&mk_command(60), NOW));
            Received { receive_count: count, ..message }
        };
        work(read(&received(4)));
        let (status, reason, ..) = answered(read(&received(5)));
        assert_eq!((status, reason.as_str()), (EndStatus::Failed, "TRIED_TOO_OFTEN"));

        let without = CommandReader { max_receive_count: None, ..mk_reader() };
        work(without.read(&received(4), NOW.into()));
        assert_eq!(answered(without.read(&received(5), NOW.into())).1, "TRIED_TOO_OFTEN");
        let only_once = CommandReader { max_receive_count: Some(1), ..mk_reader() };
        work(only_once.read(&received(1), NOW.into()));
    }

    #[test]
    fn a_budget_that_is_none_is_answered_and_not_run() {
        let budget = Some(Budget { stop_when: "(".into(), ..Budget::default() });
        let (status, reason, ..) = answered(read_command(&Command { budget, ..mk_command(60) }));
        assert_eq!((status, reason.as_str()), (EndStatus::Failed, "INVALID_BUDGET"));
    }

    #[test]
    fn each_reading_of_a_command_is_a_run_of_its_own() {
        let command = mk_command(60);
        assert_ne!(work(read_command(&command)).run.run, work(read_command(&command)).run.run);
    }
}
