//! What an answer will say of itself: collected while it is made, told at its end.

use gumshoe_proto::collector::v1::{Completeness, Gap, GapReason};

/// More gaps than this are told as one: the last message of an answer has to fit into a message.
const GAPS_MAX: usize = 200;
/// More warnings are of no more use.
const WARNINGS_MAX: usize = 20;

/// The `Completeness` of an answer in the making.
#[derive(Debug)]
pub struct Report {
    gaps: Vec<Gap>,
    /// Gaps beyond `GAPS_MAX`.
    more_gaps: u64,
    warnings: Vec<String>,
    items: u64,
    bytes: u64,
    consistent: bool,
}

impl Default for Report {
    fn default() -> Self {
        Self { gaps: Vec::new(), more_gaps: 0, warnings: Vec::new(), items: 0, bytes: 0, consistent: true }
    }
}

impl Report {
    /// Notes something that is missing.
    pub fn gap(&mut self, gap: Gap) {
        if self.gaps.len() < GAPS_MAX {
            self.gaps.push(gap);
        } else {
            self.more_gaps += 1;
        }
    }

    /// Notes warnings of the API server, each once.
    pub fn warnings(&mut self, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            if self.warnings.len() < WARNINGS_MAX && !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    /// Counts what a page holds.
    pub fn count(&mut self, items: usize, bytes: usize) {
        self.items += items as u64;
        self.bytes += bytes as u64;
    }

    /// Items counted so far.
    #[must_use]
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Notes that the answer is of several moments.
    pub fn inconsistent(&mut self) {
        self.consistent = false;
    }

    /// The end of the answer; `resume_token` is empty where there is nothing to go on with.
    #[must_use]
    pub fn finish(mut self, resume_token: String) -> Completeness {
        if self.more_gaps > 0 {
            self.gaps.push(Gap {
                reason: GapReason::ItemUnreadable.into(),
                message: format!("{} more gaps like these", self.more_gaps),
                items: Some(self.more_gaps),
                ..Gap::default()
            });
        }
        Completeness {
            complete: self.gaps.is_empty(),
            gaps: self.gaps,
            resume_token,
            items: self.items,
            bytes: self.bytes,
            consistent: self.consistent,
            warnings: self.warnings,
        }
    }
}
