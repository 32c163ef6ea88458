//! The command: from lines of `--query`, or from a file of JSON in which some fields may be left to us.

use std::{
    io::{self, Read as _},
    path::Path,
    time::Duration,
};

use gumshoe_kubectl::{Line, Request};
use gumshoe_proto::{
    bridge::v1::{Command, Query, query},
    envelope::check_command,
    json,
};
use jiff::Timestamp;
use ulid::Ulid;

use crate::{error::Error, units};

/// A message of SQS holds no more.
const MAX_FILE: u64 = 1 << 20;

/// What is put into a command where it has nothing of its own.
#[derive(Clone, Debug)]
pub(crate) struct Defaults {
    /// The investigation's id; None makes one.
    pub(crate) investigation: Option<String>,
    /// The result queue's name in the bridge's configuration; empty means the first one.
    pub(crate) reply_to: String,
    /// From now to the deadline.
    pub(crate) timeout: Duration,
}

/// One `--query`.
pub(crate) fn line(text: &str) -> Result<Line, String> {
    let line = gumshoe_kubectl::parse(text).map_err(|refused| refused.to_string())?;
    match line.presentation {
        Some(flag) => {
            Err(format!("{flag} says how an answer is printed: that is for `gumshoe run` as a whole (--output)"))
        }
        None => Ok(line),
    }
}

/// The command of some lines.
pub(crate) fn of_lines(lines: Vec<Line>) -> Command {
    let query =
        |line: Line| Query { collector: line.collector, request: Some(line.request.into()), ..Query::default() };
    Command { queries: lines.into_iter().map(query).collect(), ..Command::default() }
}

/// The command in a file of canonical JSON; `-` is standard input.
pub(crate) fn of_file(path: &Path) -> Result<Command, Error> {
    let mut text = String::new();
    let (name, read) = if path.as_os_str() == "-" {
        ("standard input".to_owned(), io::stdin().take(MAX_FILE + 1).read_to_string(&mut text))
    } else {
        let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text));
        (path.display().to_string(), read)
    };
    let length = read.map_err(|source| Error::File { doing: "reading", path: name.clone().into(), source })?;
    if length as u64 > MAX_FILE {
        return Err(Error::Usage(format!("{name} holds more than 1 MiB, which no message may")));
    }
    of_json(&text).map_err(|why| Error::Usage(format!("{name} is not a command: {why}")))
}

fn of_json(text: &str) -> Result<Command, String> {
    let value = json::parse_strictly(text).map_err(|error| error.to_string())?;
    if value.get("specversion").is_some() {
        return Err("it is a CloudEvent; only what is in its \"data\" is wanted".to_owned());
    }
    json::from_value(value).map_err(|error| error.to_string())
}

/// Fills in what was left to us, and checks the rest by the bridge's own rules.
pub(crate) fn complete(mut command: Command, defaults: &Defaults, now: Timestamp) -> Result<Command, Error> {
    if command.id.is_empty() {
        command.id = Ulid::generate().to_string();
    }
    if command.investigation_id.is_empty() {
        command.investigation_id = defaults.investigation.clone().unwrap_or_else(|| command.id.clone());
    }
    if command.reply_to.is_empty() {
        command.reply_to.clone_from(&defaults.reply_to);
    }
    if command.deadline.is_none() {
        let deadline =
            now.checked_add(defaults.timeout).map_err(|_| Error::Usage("--timeout is too long".to_owned()))?;
        command.deadline = Some(units::to_proto(deadline));
    }
    for (index, query) in command.queries.iter_mut().enumerate().filter(|(_, query)| query.id.is_empty()) {
        query.id = format!("q{}", index + 1);
    }
    check_command(&command).map_err(|fault| Error::Usage(format!("the command is not valid: {fault}")))?;
    Ok(command)
}

/// What a query asks for; None where it is written in words that this program does not understand, as another bridge might.
pub(crate) fn request(query: &Query) -> Option<Request> {
    match Request::try_from(query.request.clone()?) {
        Ok(request) => Some(request),
        Err(query::Request::Kubectl(words)) => Some(gumshoe_kubectl::parse(&words).ok()?.request),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Defaults {
        Defaults { investigation: None, reply_to: "cli".into(), timeout: Duration::from_secs(60) }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_000).expect("a moment")
    }

    #[test]
    fn lines_become_a_whole_command() {
        let lines =
            ["get pods -n shop", "kubectl logs web-0 -n shop -p --collector west"].map(|text| line(text).expect(text));
        let command = complete(of_lines(lines.to_vec()), &defaults(), now()).expect("valid");
        assert_eq!(command.id.len(), 26);
        assert_eq!((command.investigation_id.as_str(), command.reply_to.as_str()), (command.id.as_str(), "cli"));
        assert_eq!(command.deadline.map(|deadline| deadline.seconds), Some(1_060));
        let queries: Vec<_> =
            command.queries.iter().map(|query| (query.id.as_str(), query.collector.as_str())).collect();
        assert_eq!(queries, [("q1", ""), ("q2", "west")]);
    }

    #[test]
    fn what_a_file_says_is_not_overridden() {
        let command = of_json(
            r#"{"id": "c1", "investigationId": "i1", "replyTo": "mine", "deadline": "2026-11-23T08:00:00Z",
                "queries": [{"id": "pods", "listPods": {"namespaces": ["shop"]}}, {"getPod": {"namespace": "shop", "name": "web-0"}}]}"#,
        );
        let command = complete(command.expect("a command"), &defaults(), now()).expect("valid");
        assert_eq!(
            (command.id.as_str(), command.investigation_id.as_str(), command.reply_to.as_str()),
            ("c1", "i1", "mine")
        );
        assert_eq!(command.deadline.map(|deadline| deadline.seconds), Some(1_795_420_800));
        assert_eq!(command.queries.iter().map(|query| query.id.as_str()).collect::<Vec<_>>(), ["pods", "q2"]);
    }

    #[test]
    fn a_line_says_nothing_of_how_all_of_the_result_is_printed() {
        let refused = line("get pods -o wide").expect_err("it has a format");
        assert!(refused.contains("-o wide") && refused.contains("--output"), "{refused}");
        assert!(line("get secrets -o yaml").is_err_and(|why| why.contains("never read")));
    }

    #[test]
    fn a_query_in_words_asks_for_what_they_mean() {
        let query = |words: &str| Query { request: Some(query::Request::Kubectl(words.into())), ..Query::default() };
        let typed = of_lines(vec![line("get pods -n shop").expect("a line")]);
        assert_eq!(request(&query("get po -n shop -o json")), request(&typed.queries[0]));
        assert_eq!(request(&query("get nothing")), None);
    }

    #[test]
    fn what_is_no_command_is_refused_by_name() {
        for (text, why) in [
            ("[]", "expected a map"),
            ("{", "EOF"),
            (r#"{"quieries": []}"#, "quieries"),
            (r#"{"queries": [{"listPods": {"labelSelector": "app=web", "label_selector": ""}}]}"#, "given twice"),
            (r#"{"specversion": "1.0", "data": {}}"#, "\"data\""),
        ] {
            let error = of_json(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
        let nothing = complete(Command::default(), &defaults(), now());
        assert!(nothing.is_err_and(|error| error.to_string().contains("queries")));
    }
}
