//! What came of a command, for people: a section for each query, and a verdict over all.

use std::io::{self, Write};

use gumshoe_kubectl::{Request, describe};
use gumshoe_proto::{
    bridge::v1::{Command, End, EndStatus, Error as RunError, Query, QueryOutcome, StopCause, query},
    run::{Mismatch, Run, RunKey, Verdict},
};

use crate::{
    exit::Exit,
    page,
    render::{self, Ending, Format, outcome},
    run::command,
    terminal::{Note, Surface},
    units::{count, human_bytes, plural},
};

/// Writes a section for each query: what it asked, its pages, how it ended. Gives how many responses could not be read.
pub(crate) fn sections(
    out: &mut dyn Write,
    surface: Surface,
    format: Format,
    command: &Command,
    run: &Run,
) -> io::Result<u64> {
    let mut unreadable = 0;
    for (index, query) in command.queries.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        unreadable += section(out, surface, format, query, run)?;
    }
    Ok(unreadable)
}

fn section(out: &mut dyn Write, surface: Surface, format: Format, query: &Query, run: &Run) -> io::Result<u64> {
    let request = asked(query, run);
    let said = match (&request, &query.request) {
        (Some(request), _) => describe(request),
        (None, Some(query::Request::Kubectl(words))) => words.clone(),
        (None, _) => return Ok(0),
    };
    let heading = Note::Plain(format!("{}: {said}{}", query.id, of_collector(query))).text(Surface::PIPE);
    writeln!(out, "{}", surface.strong(&format!("== {heading}")))?;
    let Some(request) = request else {
        let error = outcome_of(query, run).and_then(|outcome| outcome.error.as_ref());
        error.map_or(Ok(()), |error| writeln!(out, "{}", failed(error).text(surface)))?;
        return Ok(0);
    };
    let request = &request;
    // Between headings and verdicts, a log's own colours could have its lines taken for one.
    let colour = surface.colour && !matches!(request, Request::ReadLogs(_));
    let mut printer = render::printer(request, format, Surface { colour, ..surface });
    let mut ending = None;
    let mut unreadable = Vec::new();
    for page in run.pages_of(&query.id) {
        let response = match page {
            Ok(page) => page.response,
            Err(error) => {
                unreadable.push(Note::Bad(format!("INCOMPLETE: {error}")));
                continue;
            }
        };
        let Some(mut response) = response else { continue };
        let end = page::take_end(&mut response);
        printer.page(out, &response)?;
        let whole = |completeness| Ending { completeness, logs: end.logs };
        ending = end.completeness.map(whole).or(ending);
    }
    for note in unreadable.iter().chain(&ends(request, outcome_of(query, run), ending)) {
        writeln!(out, "{}", note.text(surface))?;
    }
    Ok(unreadable.len() as u64)
}

/// What a query asked for: where it was written in words, what the bridge says that they mean, else what they mean here.
fn asked(query: &Query, run: &Run) -> Option<Request> {
    let told = run.accepted().and_then(|accepted| accepted.queries.iter().find(|told| told.id == query.id));
    told.and_then(command::request).or_else(|| command::request(query))
}

fn of_collector(query: &Query) -> String {
    if query.collector.is_empty() { String::new() } else { format!(" --collector {}", query.collector) }
}

fn outcome_of<'a>(query: &Query, run: &'a Run) -> Option<&'a QueryOutcome> {
    run.end()?.queries.iter().find(|outcome| outcome.query_id == query.id)
}

/// How a query ended: as `End` says, else as its last page does, else nobody knows.
fn ends(request: &page::Request, outcome: Option<&QueryOutcome>, ending: Option<Ending>) -> Vec<Note> {
    let Ending { completeness, logs } = ending.clone().unwrap_or_default();
    let mut notes = outcome::containers(&logs);
    if let Some(error) = outcome.and_then(|outcome| outcome.error.as_ref()) {
        notes.push(failed(error));
        return notes;
    }
    let told = outcome.and_then(|outcome| outcome.completeness.clone()).or(ending.map(|_| completeness));
    match told {
        Some(completeness) => notes.extend(outcome::verdict(request, &completeness)),
        None => notes.push(Note::Bad("INCOMPLETE: the end of this query did not arrive".to_owned())),
    }
    notes
}

fn failed(error: &RunError) -> Note {
    Note::Bad(format!("error: {}", error_line(error)))
}

/// `NOT_FOUND (OBJECT_NOT_FOUND): pod shop/web-0 not found`.
pub(crate) fn error_line(error: &RunError) -> String {
    let reason = if error.reason.is_empty() { String::new() } else { format!(" ({})", error.reason) };
    format!("{}{reason}: {}", error.code, error.message)
}

/// The last word over a command, and the code that the process ends with.
pub(crate) fn verdict(key: &RunKey, run: &Run) -> (Vec<Note>, Exit) {
    let missing = match run.verdict() {
        Verdict::Complete => match run.end() {
            Some(end) => return last_word(key, run, end),
            None => "the end did not arrive".to_owned(),
        },
        Verdict::EndMissing => format!("the end did not arrive; there may be more than these {}", pages(run)),
        Verdict::PagesMissing(ranges) => {
            let ranges: Vec<_> = ranges.iter().map(|range| format!("{} to {}", range.start(), range.end())).collect();
            format!("these pages did not arrive: {}", ranges.join(", "))
        }
        Verdict::Mismatch(mismatch) => format!("what arrived is not what was sent: {}", differs_in(mismatch)),
    };
    (vec![Note::Bad(format!("INCOMPLETE: run {}: {missing}", key.run))], Exit::Incomplete)
}

fn pages(run: &Run) -> String {
    count(run.page_count() as u64, "page")
}

fn differs_in(mismatch: Mismatch) -> &'static str {
    match mismatch {
        Mismatch::Seq => "the numbers of its messages do not fit together",
        Mismatch::Bytes => "it has another length",
        Mismatch::Sha256 => "it has another hash",
        Mismatch::QueryPages => "the numbers of its pages do not fit together",
    }
}

/// What stopped the work before its end.
fn stopped_by(end: &End) -> Option<String> {
    Some(match end.stop_cause() {
        StopCause::Unspecified => return None,
        StopCause::Bytes => "the budget's bytes".to_owned(),
        StopCause::Items => "the budget's items".to_owned(),
        StopCause::LogLines => "the budget's log lines".to_owned(),
        StopCause::Time => "the budget's time".to_owned(),
        StopCause::Match => format!("{} that matched", count(end.matches, "line")),
        StopCause::Cancel => "a cancel".to_owned(),
    })
}

/// The verdict over a run that arrived whole.
fn last_word(key: &RunKey, run: &Run, end: &End) -> (Vec<Note>, Exit) {
    let queries = plural(end.queries.len() as u64, "query", "queries");
    let arrived = format!("{queries}, {}, {} in run {}", pages(run), human_bytes(run.bytes()), key.run);
    let lacking = |outcome: &&QueryOutcome| {
        outcome.error.is_some() || !outcome.completeness.as_ref().is_some_and(outcome::is_complete)
    };
    if let Some(commands) = end.cancelled_commands {
        let found = match commands {
            0 => "none is in work at the bridge that took this; until its deadline, what comes there is stopped"
                .to_owned(),
            commands => format!("{} in work stopped", count(commands.into(), "command")),
        };
        return (vec![Note::Good(format!("cancelled: {found}"))], Exit::Complete);
    }
    if let Some(pong) = &end.pong {
        let answered = pong.collectors.iter().filter(|collector| collector.status.is_some()).count();
        let of = count(pong.collectors.len() as u64, "collector");
        let version = &pong.bridge_version;
        let note =
            format!("pong: a bridge of version {version}, {answered} of {of} answered; `gumshoe doctor` says more");
        return (vec![Note::Good(note)], Exit::Complete);
    }
    let lacking: Vec<_> = end.queries.iter().filter(lacking).map(|outcome| outcome.query_id.as_str()).collect();
    match end.status() {
        EndStatus::Succeeded if lacking.is_empty() => {
            (vec![Note::Good(format!("complete: {arrived}"))], Exit::Complete)
        }
        EndStatus::Failed => {
            let why = end.error.as_ref().map_or_else(|| "the bridge does not say why".to_owned(), error_line);
            let what = if run.gave_up() { "given up" } else { "not run" };
            (vec![Note::Bad(format!("error: the command was {what}: {why}"))], Exit::Failed)
        }
        EndStatus::Expired => (
            vec![Note::Bad(format!("INCOMPLETE: the deadline came first: {arrived}; --timeout allows longer"))],
            Exit::Incomplete,
        ),
        EndStatus::Succeeded | EndStatus::Incomplete | EndStatus::Unspecified => {
            let where_ = if lacking.is_empty() { String::new() } else { format!("; see {}", lacking.join(", ")) };
            let stopped = stopped_by(end).map_or(String::new(), |by| format!("stopped by {by}: "));
            (vec![Note::Bad(format!("INCOMPLETE: {stopped}{arrived}{where_}"))], Exit::Incomplete)
        }
    }
}

#[cfg(test)]
mod tests;
