//! A whole line: `get pods -n shop`, `kubectl logs web-0 --previous`.

use std::{collections::BTreeSet, error::Error as _};

use clap::{CommandFactory as _, Parser, Subcommand, error::ErrorKind};

use crate::{
    Request,
    flags::Words,
    get::Get,
    kinds::{KINDS, Kind},
    logs::Logs,
    names,
    refusal::{self, Output, Refusal},
    topology::Topology,
    units,
};

/// A line may hold so many bytes: selectors can be long, and what is longer was not written by anybody.
const MAX_LINE: usize = 16 << 10;

/// A line that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The name of the collector that is asked; empty where the line says nothing of it.
    pub collector: String,
    /// The collector's request.
    pub request: Request,
    /// A flag of the line that says only how an answer is printed, for whoever prints.
    pub presentation: Option<String>,
}

/// The words of a line in the order that clap takes them.
#[derive(Clone, Debug, Parser)]
#[command(no_binary_name = true, bin_name = "--query", disable_help_flag = true, disable_help_subcommand = true)]
struct Arguments {
    /// The collector that is asked, by its name in the bridge's configuration [default: the first one]
    #[arg(long, global = true, value_name = "NAME")]
    collector: Option<String>,
    #[command(subcommand)]
    read: Read,
}

#[derive(Clone, Debug, Subcommand)]
enum Read {
    #[command(subcommand)]
    Get(Get<()>),
    Logs(Logs),
    Topology(Topology),
}

/// Reads a line as a shell would split it, and kubectl would take it.
///
/// # Errors
/// Says what is wrong with it, or what to ask for instead.
pub fn parse(line: &str) -> Result<Line, Refusal> {
    if line.len() > MAX_LINE {
        return Err(Refusal::NotSupported(format!("the line is longer than {MAX_LINE} bytes")));
    }
    let mut words = Words::of(line)?;
    words.drop_empty();
    let mut begins = match words.verb.take().as_deref() {
        None => return Err(Refusal::Syntax("a verb is needed: get, logs, events or topology".to_owned())),
        Some("events") => events(&mut words)?,
        Some("get") => get(&mut words)?,
        Some(verb) => {
            labels(&words)?;
            if verb == "logs" {
                logs(&mut words)?;
            }
            vec![verb.to_owned()]
        }
    };
    let flag = |(long, value): (String, Option<String>)| match value {
        Some(value) => format!("--{long}={value}"),
        None => format!("--{long}"),
    };
    begins.extend(words.flags.into_iter().map(flag));
    begins.push("--".to_owned());
    begins.extend(words.names);
    let Arguments { collector, read } = Arguments::try_parse_from(begins).map_err(|error| refused(&error))?;
    let request = match read {
        Read::Get(get) => get.request.map_err(Refusal::Syntax)?,
        Read::Logs(logs) => logs.request(),
        Read::Topology(topology) => topology.request(),
    };
    Ok(Line { collector: collector.unwrap_or_default(), request, presentation: words.presentation })
}

/// The definitions of all arguments.
pub(crate) fn command() -> clap::Command {
    Arguments::command()
}

/// `get KIND [NAME]`, `get KIND/NAME`.
fn get(words: &mut Words) -> Result<Vec<String>, Refusal> {
    let mut names = std::mem::take(&mut words.names).into_iter();
    let first = names.next().ok_or_else(|| Refusal::Syntax("a kind is needed: get pods".to_owned()))?;
    if first.contains(',') {
        return Err(refusal::flag(&format!("get {first}"), "a query reads one kind; use one for each"));
    }
    let (kind, name) = match first.split_once('/') {
        Some((kind, name)) => (kind, Some(name.to_owned())),
        None => (first.as_str(), names.next()),
    };
    if names.next().is_some() {
        return Err(refusal::flag(
            &format!("get {kind} with several names"),
            "a query reads one object or a list; use one for each, or a selector (-l)",
        ));
    }
    if let Some(name) = name.as_ref().filter(|name| name.contains('/')) {
        return Err(Refusal::Syntax(format!("{name:?} is no name: it is KIND NAME or KIND/NAME")));
    }
    words.names.extend(name);
    list(kind, words)
}

/// `events`, which kubectl has beside `get events`.
fn events(words: &mut Words) -> Result<Vec<String>, Refusal> {
    match words.names.first() {
        Some(_) => Err(refusal::flag("events NAME", "--for KIND/NAME says what they are about")),
        None => list("events", words),
    }
}

/// The kind, and what its format means.
fn list(word: &str, words: &mut Words) -> Result<Vec<String>, Refusal> {
    let kind = names::kind(word)?;
    let kind = kind.ok_or_else(|| refusal::kind(word, KINDS.iter().map(|kind| kind.names().plural)))?;
    if let Some(format) = words.output.take() {
        match refusal::output(&format, kind.names().singular)? {
            Output::Names if kind.has_view() && !words.has("summary") => words.flags.push(("summary".to_owned(), None)),
            Output::Names => {}
            Output::Presentation => words.presentation = Some(format!("-o {format}")),
        }
    }
    if !kind.listed && words.names.is_empty() {
        let plural = kind.names().plural;
        return Err(refusal::flag(&format!("get {plural}"), "they are read by the name of one alone: get KIND NAME"));
    }
    of_kind(kind, words)?;
    Ok(vec!["get".to_owned(), kind.names().plural.to_owned()])
}

/// The flags that kinds have are told apart only where the kind is known.
fn of_kind(kind: &Kind, words: &Words) -> Result<(), Refusal> {
    let has = |command: &clap::Command, long: &str| command.get_arguments().any(|arg| arg.get_long() == Some(long));
    let own = kind.command();
    for (long, _) in words.flags.iter().filter(|(long, _)| !has(&own, long)) {
        let others: Vec<_> = KINDS.iter().filter(|it| has(&it.command(), long)).map(|it| it.names().plural).collect();
        if !others.is_empty() {
            return Err(refusal::flag(&format!("--{long}"), &format!("it is a flag of {}", others.join(", "))));
        }
    }
    Ok(())
}

/// A label of `topology` has one value.
fn labels(words: &Words) -> Result<(), Refusal> {
    let labels = words.flags.iter().filter(|(long, _)| long == "label").filter_map(|(_, label)| label.as_deref());
    let mut names = BTreeSet::new();
    match labels.filter_map(|label| label.split_once('=')).find(|(name, _)| !names.insert(*name)) {
        Some((name, _)) => Err(Refusal::Syntax(format!("--label {name} is given twice"))),
        None => Ok(()),
    }
}

/// `logs POD [CONTAINER]`, where -1 lines are all of them, and a time of 0 is no bound.
fn logs(words: &mut Words) -> Result<(), Refusal> {
    const BOUNDS: [&str; 4] = ["since", "since-time", "newest-bytes", "whole"];
    if words.names.len() > 2 {
        return Err(Refusal::Syntax("logs takes one name and one container".to_owned()));
    }
    if let Some(container) = words.names.get(1).cloned() {
        if words.has("container") {
            return Err(Refusal::Syntax(
                "a container is named behind the pod or with -c, and not with both".to_owned(),
            ));
        }
        words.names.truncate(1);
        words.flags.push(("container".to_owned(), Some(container)));
    }
    if words.value("since").is_some_and(units::is_nothing) {
        words.take("since");
    }
    if words.value("tail") == Some("-1") {
        words.take("tail");
        if !BOUNDS.iter().any(|bound| words.has(bound)) {
            words.flags.push(("whole".to_owned(), None));
        }
    }
    Ok(())
}

/// What clap says in its first sentence: what follows (tips, usage, a hint at `--help`) fits the command line and not a line within it.
fn refused(error: &clap::Error) -> Refusal {
    let message = error.render().to_string();
    let first = message.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
    let text = first.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let value = error.source().and_then(|source| source.downcast_ref());
    match (error.kind(), value) {
        // Of two that cannot be used together, kubectl may take one alone.
        (ErrorKind::ArgumentConflict, _) | (_, Some(Refusal::NotSupported(_))) => Refusal::NotSupported(text),
        _ => Refusal::Syntax(text),
    }
}
