//! The words of a line as kubectl takes them: flags anywhere, long or short, `--tail 5`, `--tail=5`, `-nshop`, `-fp`.
//!
//! Which flags there are comes from the definitions of the arguments and, for those that only kubectl has, from `refusal`.

use std::{collections::BTreeMap, sync::LazyLock, vec::IntoIter};

use clap::{Arg, ArgAction, Command};

use crate::{
    refusal::{self, FLAGS, Meaning, Refusal},
    split::split,
};

/// The flags of requests, by the verbs that have them.
static KNOWN: LazyLock<BTreeMap<String, Vec<Known>>> = LazyLock::new(|| {
    let command = crate::line::command();
    let of = |verb: &Command| {
        // The kinds are subcommands of `get`.
        let kinds = verb.get_subcommands().flat_map(Command::get_arguments);
        let flags = command.get_arguments().chain(verb.get_arguments()).chain(kinds).filter_map(known);
        (verb.get_name().to_owned(), flags.collect())
    };
    command.get_subcommands().map(of).collect()
});

/// A flag of requests.
#[derive(Debug)]
struct Known {
    long: String,
    short: Option<char>,
    takes_value: bool,
    repeats: bool,
}

/// The words of a line, told apart.
#[derive(Debug, Default)]
pub(crate) struct Words {
    /// `get`, `logs`, `events`.
    pub verb: Option<String>,
    /// What is no flag: kinds and names.
    pub names: Vec<String>,
    /// The flags of requests, by their long names.
    pub flags: Vec<(String, Option<String>)>,
    /// The last `-o`.
    pub output: Option<String>,
    /// A flag that says only how an answer is printed.
    pub presentation: Option<String>,
}

/// What a flag is.
enum Flag {
    Known { long: String, takes_value: bool },
    Foreign(&'static refusal::Foreign),
}

impl Words {
    /// Tells the words apart.
    pub(crate) fn of(line: &str) -> Result<Self, Refusal> {
        let mut reading = Reading { rest: split(line)?.into_iter(), words: Self::default() };
        reading.all()?;
        reading.words.once()?;
        Ok(reading.words)
    }

    /// Of a flag that is given once, the last counts, as in kubectl. Where kubectl takes the last and a request could take
    /// all, nobody can tell which is meant.
    fn once(&mut self) -> Result<(), Refusal> {
        let repeats = |long: &str| {
            let verb = self.verb.as_deref().map(|verb| if verb == "events" { "get" } else { verb });
            verb.and_then(|verb| KNOWN.get(verb))
                .is_some_and(|flags| flags.iter().any(|it| it.repeats && it.long == long))
        };
        let mut kept: Vec<(String, Option<String>)> = Vec::new();
        for (long, value) in std::mem::take(&mut self.flags) {
            let joined = ["namespace", "container"].contains(&long.as_str());
            let before = kept.iter_mut().find(|(name, _)| *name == long).filter(|_| joined || !repeats(&long));
            match before {
                None => kept.push((long, value)),
                Some((_, first)) if joined && repeats(&long) && *first != value => {
                    return Err(refusal::flag(
                        &format!("--{long} twice"),
                        "kubectl takes the last: join them with a comma",
                    ));
                }
                Some((_, first)) => *first = value,
            }
        }
        self.flags = kept;
        Ok(())
    }

    /// Takes a flag out.
    pub(crate) fn take(&mut self, long: &str) {
        self.flags.retain(|(name, _)| name != long);
    }

    /// Drops what kubectl takes for absent where its value is empty, as that of a variable that is not set.
    pub(crate) fn drop_empty(&mut self) {
        const ABSENT: [&str; 6] = ["namespace", "selector", "field-selector", "container", "for", "types"];
        if self.verb.as_deref() != Some("topology") {
            self.flags.retain(|(long, value)| value.as_deref() != Some("") || !ABSENT.contains(&long.as_str()));
        }
    }

    /// The value of a flag.
    pub(crate) fn value(&self, long: &str) -> Option<&str> {
        self.flags.iter().rev().find(|(name, _)| name == long).and_then(|(_, value)| value.as_deref())
    }

    /// Whether a flag is there.
    pub(crate) fn has(&self, long: &str) -> bool {
        self.flags.iter().any(|(name, _)| name == long)
    }
}

struct Reading {
    rest: IntoIter<String>,
    words: Words,
}

impl Reading {
    fn all(&mut self) -> Result<(), Refusal> {
        while let Some(word) = self.rest.next() {
            if word == "--" {
                let names: Vec<_> = self.rest.by_ref().collect();
                names.into_iter().try_for_each(|name| self.name(name))?;
            } else if let Some(flag) = word.strip_prefix("--") {
                let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
                let found = self.find(|long, _| long == name);
                self.flag(&format!("--{name}"), found, value)?;
            } else if let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) {
                self.short(flags)?;
            } else {
                self.name(word)?;
            }
        }
        Ok(())
    }

    /// Reads what stands behind one dash: switches, and at the end of them a flag with its value.
    fn short(&mut self, mut flags: &str) -> Result<(), Refusal> {
        while let Some(first) = flags.chars().next() {
            let behind = &flags[first.len_utf8()..];
            let found = self.find(|_, short| short == Some(first));
            let takes_value = match &found {
                Some(Flag::Known { takes_value, .. }) => *takes_value,
                Some(Flag::Foreign(flag)) => flag.takes_value,
                None => false,
            };
            let value = behind.strip_prefix('=').or(Some(behind).filter(|text| takes_value && !text.is_empty()));
            self.flag(&format!("-{first}"), found, value)?;
            flags = if value.is_some() { "" } else { behind };
        }
        Ok(())
    }

    fn name(&mut self, word: String) -> Result<(), Refusal> {
        if self.words.verb.is_some() {
            self.words.names.push(word);
        } else if word == "events" || KNOWN.contains_key(&word) {
            self.words.verb = Some(word);
        } else if word == "log" {
            self.words.verb = Some("logs".to_owned());
        } else if word != "kubectl" || !self.words.flags.is_empty() {
            return Err(refusal::verb(&word));
        }
        Ok(())
    }

    fn flag(&mut self, written: &str, found: Option<Flag>, value: Option<&str>) -> Result<(), Refusal> {
        let unknown = || refusal::flag(written, "no request has anything like it");
        let found = found.ok_or_else(unknown)?;
        let takes_value = match &found {
            Flag::Known { takes_value, .. } => *takes_value,
            Flag::Foreign(flag) => flag.takes_value,
        };
        let value = match (takes_value, value) {
            (true, Some(value)) => Some(value.to_owned()),
            (true, None) => {
                // What is refused is refused also where its value is missing.
                let refused = matches!(&found, Flag::Foreign(flag) if matches!(flag.means, Meaning::Refused(_)));
                let next = self.rest.next();
                if next.is_none() && !refused {
                    return Err(Refusal::Syntax(format!("{written} needs a value")));
                }
                next
            }
            (false, Some(text)) if !is_on(written, text)? => {
                if let Flag::Known { long, .. } = &found {
                    self.words.take(long);
                }
                return Ok(());
            }
            (false, _) => None,
        };
        match found {
            Flag::Known { long, .. } => self.words.flags.push((long, value)),
            Flag::Foreign(flag) => match flag.means {
                Meaning::Refused(instead) => return Err(refusal::flag(written, instead)),
                Meaning::Presentation => self.words.presentation = Some(written.to_owned()),
                Meaning::Output => self.words.output = value,
                // As in kubectl, where a format that is named counts more.
                Meaning::Template => _ = self.words.output.get_or_insert_with(|| "go-template".to_owned()),
            },
        }
        Ok(())
    }

    /// The flag of the verb, or of any verb before there is one.
    fn find(&self, is: impl Fn(&str, Option<char>) -> bool) -> Option<Flag> {
        let verb = self.words.verb.as_deref();
        // kubectl's `events` are a list like any other.
        let listed = verb.map(|verb| if verb == "events" { "get" } else { verb });
        let mut known =
            KNOWN.iter().filter(|(of, _)| listed.is_none_or(|verb| *of == verb)).flat_map(|(_, flags)| flags);
        let mut foreign =
            FLAGS.iter().filter(|flag| flag.of.is_empty() || verb.is_none_or(|verb| flag.of.contains(&verb)));
        let known = known.find(|flag| is(&flag.long, flag.short));
        known
            .map(|flag| Flag::Known { long: flag.long.clone(), takes_value: flag.takes_value })
            .or_else(|| foreign.find(|flag| is(flag.long, flag.short)).map(Flag::Foreign))
    }
}

/// A switch with a value, as Go reads it.
fn is_on(written: &str, text: &str) -> Result<bool, Refusal> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(Refusal::Syntax(format!("{written} is true or false, and not {text:?}"))),
    }
}

/// A flag among the arguments; None for what is no flag.
fn known(arg: &Arg) -> Option<Known> {
    Some(Known {
        long: arg.get_long()?.to_owned(),
        short: arg.get_short(),
        takes_value: arg.get_action().takes_values(),
        repeats: matches!(arg.get_action(), ArgAction::Append),
    })
}
