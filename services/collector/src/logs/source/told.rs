//! What is said of a log: where the caller is in it, what became of it, what is missing.

use gumshoe_proto::collector::v1::{ContainerLog, ContainerLogStatus, Gap, GapReason};
use serde::{Deserialize, Serialize};

use super::Source;
use crate::logs::{
    outcome::{Missing, Trouble},
    position::Position,
    ring::Dropped,
};

/// Where in a container's log the caller is, as a page token has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The container.
    pub name: String,
    /// The number of its run.
    pub run: u32,
    /// Where.
    pub place: Place,
    /// Why lines before the place were not given.
    pub lost: Option<Lost>,
    /// Whether older lines than the first one given exist, as far as is known.
    pub older: Option<bool>,
    /// Whether a bound in bytes has left out lines: an answer that goes on must say so too.
    pub cut_older: bool,
    /// What it has left out, where that is known.
    pub dropped: Option<Dropped>,
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

    /// Where the caller is in this log.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            name: self.name.to_string(),
            run: self.run.number,
            place: self.place,
            lost: self.lost,
            older: self.older,
            cut_older: self.cut.is_some(),
            dropped: self.cut.flatten(),
        }
    }

    /// What became of the log.
    #[must_use]
    pub fn outcome(&self) -> ContainerLog {
        let status = self.trouble.as_ref().map_or(ContainerLogStatus::Read, |trouble| trouble.status);
        ContainerLog {
            container: self.name.to_string(),
            status: status.into(),
            message: self.trouble.as_ref().map(|trouble| trouble.message.clone()).unwrap_or_default(),
            lines: self.lines,
            bytes: self.bytes,
            older_lines_exist: self.older,
            window_starts_at_file_start: self.rotated,
            cut_newer: self.missing().is_some_and(|missing| missing.newer || self.lines > 0),
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
