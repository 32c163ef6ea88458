//! `gumshoe run`: one command through the bridge, its result collected from a queue.

mod input;

use std::{
    io::{self, BufWriter, Write},
    time::Duration,
};

use clap::{Args, ValueEnum};
use gumshoe_proto::{
    bridge::v1::{Command, Encoding, EndStatus},
    envelope::{ANSWER_GRACE, encode_command},
    run::{Fed, Reader, Run, RunKey},
};
use jiff::Timestamp;
use tokio::time::Instant;

use self::input::{BudgetArgs, InputArgs};
use crate::{
    error::Error,
    exit::{self, Exit},
    interrupt,
    render::{Format, text::json_line},
    run::{
        collect::{Gathered, Listener, Wanted, collect},
        command::{self, Defaults},
        present,
        progress::{self, Progress},
        queue::{QueueArgs, Queues, ResultQueue as _},
    },
    terminal::{Note, Surface, note},
    units::{self, count},
};

const EXAMPLES: &str = "\
Examples:
  gumshoe run --query 'get pods -n shop' --query 'get events -n shop --for pod/web-0' \\
              --query 'logs web-0 -n shop --previous --tail 50'
  gumshoe run --query 'logs deploy/api -n shop -f' --stop-when 'panic|OOM' --timeout 10m
  gumshoe run -f command.json -o json >result.json
  gumshoe run --cancel 01KATSMBW9Y5N8E6CJH7V2QF3D
  echo '{\"queries\": [{\"listPods\": {\"namespaces\": [\"shop\"]}}]}' | gumshoe run -f -

A query is a line of `gumshoe get` or `gumshoe logs` without connection and output, or as kubectl takes it;
--collector NAME in it picks a collector of the bridge. A file is a gumshoe.bridge.v1.Command
in canonical JSON, in which id, investigationId, deadline, replyTo and the queries' ids may be
left out.";

/// How long after the deadline results can still come: as long as the bridge may take to send its last message, and that message's
/// way through the queue to us, by clocks that differ a little.
const LISTENING_ON: Duration = ANSWER_GRACE.saturating_add(Duration::from_secs(5));

/// Send a command to the bridge and collect its result
///
/// The queries are worked on side by side. The result is checked against what the bridge says it sent: every page there, and as it was.
/// The result queue should be this program's alone; messages of other commands are given back, with a warning.
#[derive(Args, Clone, Debug)]
#[command(after_help = format!("{EXAMPLES}\n\n{}", exit::codes(exit::RUN)))]
pub(crate) struct RunCommand {
    #[command(flatten)]
    input: InputArgs,

    /// Id of the investigation that the command belongs to [default: the command's id]
    #[arg(long, value_name = "ID")]
    investigation: Option<String>,

    /// From now to the command's deadline: 90s, 5m; a number alone is seconds
    ///
    /// The bridge may send how it ended up to 30 s after the deadline, and so long it is waited for.
    #[arg(long, env = "GUMSHOE_TIMEOUT", value_name = "DURATION", value_parser = units::duration, default_value = "60s")]
    timeout: Duration,

    /// Most bytes of results to hold until they are whole
    #[arg(long, env = "GUMSHOE_MAX_BYTES", value_name = "SIZE", value_parser = units::bytes, default_value = "256MiB")]
    max_bytes: u64,

    #[command(flatten)]
    budget: BudgetArgs,

    /// Have the bridge tell how far it is, so often: 1s to 10m
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    progress: Option<Duration>,

    /// Have long answers compressed on their way: fewer messages, and fewer bytes to pay for. JSON output shows them as they come
    #[arg(long)]
    gzip: bool,

    /// How the result is printed
    #[arg(short, long, env = "GUMSHOE_OUTPUT", value_enum, default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    queues: QueueArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A section for each query, as get and logs print it
    #[value(alias = "table")]
    Text,
    /// The same with more columns
    Wide,
    /// One array of all results, in canonical proto3 JSON, as they come
    Json,
    /// One result a line
    Jsonl,
}

impl RunCommand {
    /// Does it.
    pub(super) async fn execute(self) -> Result<Exit, Error> {
        let Self { input, queues: addresses, investigation, timeout, max_bytes, budget, progress, gzip, output } = self;
        let mut command = input.command()?;
        budget.apply(&mut command);
        command.progress_interval =
            progress.and_then(|interval| interval.try_into().ok()).or(command.progress_interval);
        if gzip {
            command.set_encoding(Encoding::Gzip);
        }
        let defaults = Defaults { investigation, reply_to: addresses.reply_to.clone(), timeout };
        let complete = |now| command::complete(command.clone(), &defaults, now);
        // Finds out what is wrong with the command, before a queue is asked.
        complete(Timestamp::now())?;
        let queues = Queues::new(&addresses).await?;

        // Finds out whether results can be received at all, before a command is sent whose results nobody could.
        let found = queues.receive(Duration::ZERO).await?;

        // That may have taken a while, which is not the command's.
        let now = Timestamp::now();
        let command = complete(now)?;
        let deadline = Instant::now() + time_left(&command, now);
        let (mut stderr, surface) = progress::stderr();
        let progress = Progress::new(&mut stderr, surface, &command);
        let mut session =
            Session { progress, results: Results::new(output), foreign: 0, command_id: command.id.clone() };
        queues.send(encode_command(&command, now), &command.id, &command.investigation_id).await?;
        session.progress.sent(&command);
        let wanted = Wanted { command: command.clone(), deadline, until: deadline + LISTENING_ON, max_bytes };
        let mut reader = Reader::default();
        let gathered = collect(&queues, &wanted, found, &mut reader, &interrupt::interrupt(), &mut session).await;
        session.end();
        session.results.end()?;
        finish(&command, &reader, output, gathered?)
    }
}

/// How long it is to the command's deadline.
fn time_left(command: &Command, now: Timestamp) -> Duration {
    let deadline = command.deadline.as_ref().and_then(units::from_proto).unwrap_or(now);
    Duration::try_from(deadline.duration_since(now)).unwrap_or_default()
}

/// Prints what came, and says how it ended.
fn finish(command: &Command, reader: &Reader, output: Output, gathered: Gathered) -> Result<Exit, Error> {
    note(&foreign(command, reader));
    let Some((key, run)) = best(command, reader) else {
        if gathered == Gathered::Interrupted {
            note(&[Note::Bad("INCOMPLETE: stopped by Ctrl-C before a result arrived".to_owned())]);
            return Ok(Exit::Interrupted);
        }
        note(&[
            Note::Bad("INCOMPLETE: no result arrived".to_owned()),
            Note::Plain(
                "hint: is a bridge running on the command queue, and does it answer to this result queue (--reply-to)?"
                    .to_owned(),
            ),
        ]);
        return Ok(Exit::Incomplete);
    };
    // A command that was not run has no sections, only a reason.
    let shown = run.end().is_none_or(|end| end.status() != EndStatus::Failed);
    let mut unreadable = 0;
    if shown && matches!(output, Output::Text | Output::Wide) {
        let format = Format::Human { wide: output == Output::Wide, timestamps: false };
        let mut out = BufWriter::new(io::stdout().lock());
        unreadable = present::sections(&mut out, Surface::stdout(), format, command, run)?;
        out.flush()?;
    }
    let (notes, exit) = present::verdict(key, run);
    note(&others(command, reader, key));
    if unreadable > 0 && exit == Exit::Complete {
        let responses = count(unreadable, "response");
        note(&[Note::Bad(format!("INCOMPLETE: {responses} in run {} cannot be read: see above", key.run))]);
        return Ok(Exit::Incomplete);
    }
    note(&notes);
    Ok(if gathered == Gathered::Interrupted { Exit::Interrupted } else { exit })
}

/// What is to be said of the runs that answer another command.
fn foreign(command: &Command, reader: &Reader) -> Vec<Note> {
    let foreign = reader.runs_of(&command.id).filter(|(_, run)| is_of_another(command, run));
    let told = |(key, _): (&RunKey, &Run)| {
        let text =
            format!("warning: run {} answers another command with the id {}: use each id once", key.run, command.id);
        Note::Bad(text)
    };
    foreign.map(told).collect()
}

/// What is to be said of the runs that are not shown.
fn others(command: &Command, reader: &Reader, shown: &RunKey) -> Vec<Note> {
    let is_other = |(key, run): &(&RunKey, &Run)| *key != shown && !is_of_another(command, run);
    let others = || reader.runs_of(&command.id).filter(is_other);
    if others().next().is_none() {
        return Vec::new();
    }
    let times = others().count() + 1;
    let several = format!("note: the command was worked on {times} times; this is run {}", shown.run);
    let ended = |(key, run): (&RunKey, &Run)| {
        let error = run.end()?.error.as_ref()?;
        Some(format!("note: run {} ended with {}", key.run, present::error_line(error)))
    };
    [several].into_iter().chain(others().filter_map(ended)).map(Note::Plain).collect()
}

/// The run to show: one that is the whole answer, else the one of which most arrived, else one that says why there is none.
fn best<'a>(command: &Command, reader: &'a Reader) -> Option<(&'a RunKey, &'a Run)> {
    let answer = reader.answer(command).filter(|(_, run)| run.was_run());
    let ours = || reader.runs_of(&command.id).filter(|(_, run)| !is_of_another(command, run));
    answer.or_else(|| ours().max_by_key(|(_, run)| (run.bytes(), run.is_complete())))
}

/// Whether it answers another command of this id.
fn is_of_another(command: &Command, run: &Run) -> bool {
    run.was_run() && !run.answers(command)
}

/// What happens while results come.
struct Session<'a> {
    progress: Progress<'a>,
    results: Results,
    /// Messages of others.
    foreign: usize,
    command_id: String,
}

impl Session<'_> {
    fn end(&mut self) {
        if self.foreign > 0 {
            let messages = count(self.foreign as u64, "message");
            self.progress.note(&Note::Plain(format!("note: {messages} of others in the result queue")));
        }
        self.progress.end();
    }
}

impl Listener for Session<'_> {
    fn result(&mut self, body: &str, fed: &Fed, reader: &Reader) -> Result<(), Error> {
        self.results.result(body)?;
        self.progress.result(fed, reader);
        Ok(())
    }

    fn foreign(&mut self, messages: usize) {
        if self.foreign == 0 {
            self.progress.note(&Note::Bad(
                "warning: the result queue holds messages of others, or of commands that were stopped; they are given back, \
                 which counts as a receipt of each: a result queue of one's own avoids that"
                    .to_owned(),
            ));
        }
        self.foreign += messages;
    }

    fn overtime(&mut self, left: Duration, reader: &Reader) {
        let so_far = if reader.runs_of(&self.command_id).next().is_some() {
            "how it ended is not known yet"
        } else {
            "no bridge has answered yet"
        };
        let seconds = left.as_secs_f64().ceil();
        let text = format!("note: the deadline has passed and {so_far}; waiting up to {seconds}s more, Ctrl-C ends it");
        self.progress.note(&Note::Plain(text));
    }

    fn trouble(&mut self, error: &Error) {
        self.progress.note(&Note::Bad(format!("warning: {error}")));
    }
}

/// The results as JSON, written as they come.
struct Results {
    output: Output,
    written: u64,
}

impl Results {
    fn new(output: Output) -> Self {
        Self { output, written: 0 }
    }

    fn result(&mut self, body: &str) -> Result<(), Error> {
        let (before, after) = match self.output {
            Output::Text | Output::Wide => return Ok(()),
            Output::Jsonl => ("", "\n"),
            Output::Json if self.written == 0 => ("[\n", ""),
            Output::Json => (",\n", ""),
        };
        self.written += 1;
        let mut out = io::stdout().lock();
        write!(out, "{before}{}{after}", json_line(data(body)))?;
        Ok(out.flush()?)
    }

    fn end(&mut self) -> Result<(), Error> {
        let end = match (self.output, self.written) {
            (Output::Text | Output::Wide | Output::Jsonl, _) => return Ok(()),
            (Output::Json, 0) => "[]\n",
            (Output::Json, _) => "\n]\n",
        };
        Ok(io::stdout().lock().write_all(end.as_bytes())?)
    }
}

/// The result in a body: the event's `data`, canonical JSON already. The reader has read the body before.
fn data(body: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    event.get("data").map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::{
        bridge::v1::{Accepted, End, Error as RunError, Page, Pong, Query, Result as RunResult, result::Kind},
        envelope::encode_result,
        run::{RunDigest, TRIED_TOO_OFTEN},
    };

    use super::*;

    #[test]
    fn what_arrived_of_a_command_that_was_given_up_is_shown() {
        let command = Command { id: "c1".into(), ..Command::default() };
        let body = |run: &str, seq, kind| {
            let (command_id, run, investigation_id) = ("c1".into(), run.into(), "i1".into());
            let result = RunResult { command_id, run, seq, investigation_id, kind: Some(kind) };
            encode_result(&result, Timestamp::UNIX_EPOCH)
        };
        let error = Some(RunError { reason: TRIED_TOO_OFTEN.into(), ..RunError::default() });
        let sha256 = RunDigest::default().sha256().to_vec().into();
        let end = End { status: EndStatus::Failed.into(), error, sha256, ..End::default() };
        let accepted = body("r1", 0, Kind::Accepted(Accepted::default()));
        let page =
            body("r1", 1, Kind::Page(Page { query_id: "q1".into(), number: 1, response: None, ..Page::default() }));
        let given_up = body("r2", 1, Kind::End(end));

        for (arrived, shown, exit) in [
            (vec![&accepted, &given_up], "r2", Exit::Failed),
            (vec![&accepted, &page, &given_up], "r1", Exit::Incomplete),
        ] {
            let mut reader = Reader::default();
            for body in arrived {
                reader.feed(body).expect("a result");
            }
            let (key, run) = best(&command, &reader).expect("something arrived");
            assert_eq!((key.run.as_str(), present::verdict(key, run).1), (shown, exit));
            if shown == "r1" {
                let notes = others(&command, &reader, key);
                assert!(notes.iter().any(|note| note.text(Surface::PIPE).contains(TRIED_TOO_OFTEN)), "{notes:?}");
            }
        }
    }

    #[test]
    fn a_run_of_another_command_with_this_id_is_told_and_not_shown() {
        let queries = vec![Query { id: "q1".into(), ..Query::default() }];
        let command = Command { id: "c1".into(), queries, ..Command::default() };
        let (end, mut reader) = (End { pong: Some(Pong::default()), ..End::default() }, Reader::default());
        let (command_id, run, investigation_id) = ("c1".into(), "r1".into(), "i1".into());
        let pong = RunResult { command_id, run, seq: 1, investigation_id, kind: Some(Kind::End(end)) };
        reader.feed(&encode_result(&pong, Timestamp::UNIX_EPOCH)).expect("a result");
        assert!(best(&command, &reader).is_none());
        let notes = foreign(&command, &reader);
        assert!(notes[0].text(Surface::PIPE).contains("r1 answers another command"), "{notes:?}");
        assert_eq!(finish(&command, &reader, Output::Text, Gathered::TimeUp).expect("no output"), Exit::Incomplete);
    }

    #[test]
    fn nobody_stops_listening_before_the_bridge_stops_talking() {
        assert!(LISTENING_ON > ANSWER_GRACE);
        let now = Timestamp::from_second(1_000).expect("a moment");
        let mut command = Command::default();
        for (deadline, left) in [(1_060, 60), (900, 0)] {
            command.deadline = Some(prost_types::Timestamp { seconds: deadline, nanos: 0 });
            assert_eq!(time_left(&command, now), Duration::from_secs(left));
        }
    }
}
