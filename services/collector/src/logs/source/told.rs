//! What is said of a log: where the caller is in it, what became of it, what is missing.

use gumshoe_proto::collector::v1::{ContainerLog, ContainerLogStatus, Gap, GapReason};
use serde::{Deserialize, Serialize};

use super::Source;
use crate::logs::{
    outcome::{Missing, Trouble},
    position::Position,
    ring::Dropped,
};

/// Where in a container's log the caller is, as a page token has it. A token holds one for each log, so their names there are short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The container.
    #[serde(rename = "n")]
    pub name: String,
    /// How far.
    #[serde(rename = "s")]
    pub step: Step,
    /// Whether older lines than the first one given exist, as far as is known.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub older: Option<bool>,
    /// Whether a bound in bytes has left out lines: an answer that goes on must say so too.
    #[serde(rename = "c", default, skip_serializing_if = "is_default")]
    pub cut_older: bool,
    /// What it has left out, where that is known.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
}

/// What changes from line to line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The number of the container's run.
    #[serde(rename = "r", default, skip_serializing_if = "is_default")]
    pub run: u32,
    /// Where.
    #[serde(rename = "p")]
    pub place: Place,
    /// Why lines before the place were not given.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// Lines before the place that the filter left out.
    #[serde(rename = "f", default, skip_serializing_if = "is_default")]
    pub filtered: u64,
    /// Lines before the place for which another one stands.
    #[serde(rename = "t", default, skip_serializing_if = "is_default")]
    pub folded: u64,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Where in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Nothing is known of the window yet.
    Beginning,
    /// Behind a line.
    Behind(Position),
    /// Nothing is to come.
    End,
    /// Nothing is to come, although the end of the log was not given: the node did not have it.
    NoEnd,
    /// Nothing is to come: the pod is over, and the container has never started.
    Never,
}

impl Place {
    /// Whether lines may come behind it.
    #[must_use]
    pub fn has_more(self) -> bool {
        matches!(self, Self::Beginning | Self::Behind(_))
    }

    /// Why there is no more: who goes on from there is told so again.
    pub(super) fn trouble(self) -> Option<Trouble> {
        match self {
            Self::Beginning | Self::Behind(_) | Self::End => None,
            Self::NoEnd => Some(Trouble::no_end()),
            Self::Never => Some(Trouble::never_started()),
        }
    }
}

/// Why lines are missing, or may be, that lie between those that were given. Whoever goes on from there hears of it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lost {
    /// The container was restarted, and the end of its earlier run was not read.
    Restart,
    /// The log that was read does not go back to the place.
    Place,
}

impl Lost {
    fn message(self) -> &'static str {
        match self {
            Self::Restart => {
                "the container was restarted since: the rest of its earlier run may be read with `previous`"
            }
            Self::Place => {
                "the node's log does not go back to where it was left: it was rotated, or the container was restarted (then \
                 `previous` may have the rest)"
            }
        }
    }
}

impl Source {
    /// Whether a later call brings what this one has not.
    #[must_use]
    pub fn can_resume(&self) -> bool {
        self.place.has_more() && self.missing().map_or(self.goes_on(), |missing| missing.resumable)
    }

    /// How far the lines that were taken go.
    #[must_use]
    pub fn step(&self) -> Step {
        let Self { run, place, lost, filtered, folded, .. } = self;
        Step { run: run.number, place: *place, lost: *lost, filtered: *filtered, folded: *folded }
    }

    /// Goes back behind the lines that were given, at the end of a call that could not give all it had taken.
    pub fn go_back(&mut self, step: Step) {
        let Step { run, place, lost, filtered, folded } = step;
        self.run.number = run;
        (self.place, self.lost, self.filtered, self.folded) = (place, lost, filtered, folded);
        self.trouble = None;
    }

    /// Where the caller is in this log, if he has got the lines up to this step.
    #[must_use]
    pub fn progress(&self, step: Step) -> Progress {
        Progress {
            name: self.name.to_string(),
            step,
            older: self.older,
            cut_older: self.cut.is_some(),
            dropped: self.cut.flatten(),
        }
    }

    /// What became of the log, of which so many lines and bytes were given.
    #[must_use]
    pub fn outcome(&self, pod: &str, pod_uid: &str, lines: u64, bytes: u64) -> ContainerLog {
        let status = self.trouble.as_ref().map_or(ContainerLogStatus::Read, |trouble| trouble.status);
        ContainerLog {
            container: self.name.to_string(),
            status: status.into(),
            message: self.trouble.as_ref().map(|trouble| trouble.message.clone()).unwrap_or_default(),
            lines,
            bytes,
            older_lines_exist: self.older,
            window_starts_at_file_start: self.rotated,
            cut_newer: self.missing().is_some_and(|missing| missing.newer || lines > 0),
            pod: pod.to_owned(),
            pod_uid: pod_uid.to_owned(),
            filtered_lines: self.filtered,
            folded_lines: self.folded,
        }
    }

    fn missing(&self) -> Option<Missing> {
        self.trouble.as_ref().and_then(|trouble| trouble.missing)
    }

    /// What is missing of the selection, as far as this log is concerned.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let gap = |reason: GapReason, message: &str| Gap {
            reason: reason.into(),
            container: self.name.to_string(),
            message: message.to_owned(),
            ..Gap::default()
        };
        let mut gaps = Vec::new();
        if let Some(dropped) = self.cut {
            let message = "older lines were left out: only the newest were to be given, up to a number of bytes";
            gaps.push(Gap {
                items: dropped.map(|dropped| dropped.lines),
                bytes: dropped.map(|dropped| dropped.bytes),
                ..gap(GapReason::LogCutOlder, message)
            });
        }
        if let Some(lost) = self.lost {
            gaps.push(gap(GapReason::LogCutNewer, lost.message()));
        }
        if let (Some(trouble), Some(missing)) = (&self.trouble, self.missing()) {
            gaps.push(Gap { resumable: missing.resumable, ..gap(missing.reason, &trouble.message) });
        }
        gaps
    }
}
