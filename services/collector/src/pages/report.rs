//! What an answer will say of itself: collected while it is made, told at its end.

use gumshoe_proto::collector::v1::{Completeness, Gap};
use prost::Message as _;

/// Gaps that are named one by one take at most so many bytes: all namespaces that a request may name have room, and the last
/// message of an answer still fits into a message. Those beyond are told as one a reason.
const NAMED_GAPS_BYTES: usize = 256 << 10;
/// More warnings are of no more use.
const WARNINGS_MAX: usize = 20;

/// The `Completeness` of an answer in the making.
#[derive(Debug)]
pub struct Report {
    /// Why the answer ended before its end.
    end: Option<Gap>,
    gaps: Vec<Gap>,
    gaps_bytes: usize,
    /// Gaps beyond `NAMED_GAPS_BYTES`, one a reason.
    folded: Vec<Gap>,
    /// What the collector itself has to say.
    note: Option<String>,
    warnings: Vec<String>,
    items: u64,
    bytes: u64,
    consistent: bool,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            end: None,
            gaps: Vec::new(),
            gaps_bytes: 0,
            folded: Vec::new(),
            note: None,
            warnings: Vec::new(),
            items: 0,
            bytes: 0,
            consistent: true,
        }
    }
}

impl Report {
    /// Notes something that is missing.
    pub fn gap(&mut self, gap: Gap) {
        let bytes = gap.encoded_len();
        if self.gaps_bytes + bytes <= NAMED_GAPS_BYTES {
            self.gaps_bytes += bytes;
            self.gaps.push(gap);
        } else {
            fold(&mut self.folded, &gap);
        }
    }

    /// Notes something that is missing and may have been noted already, be it with another number of items.
    pub fn gap_once(&mut self, gap: Gap) {
        let same = |other: &Gap| Gap { items: gap.items, ..other.clone() } == gap;
        if !self.gaps.iter().any(same) {
            self.gap(gap);
        }
    }

    /// What is missing so far.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.gaps.iter().chain(&self.folded)
    }

    /// Notes why the answer ends before its end. There is always room for it, and it is told first: callers decide by it
    /// whether to go on.
    pub fn ends_with(&mut self, gap: Gap) {
        self.end = Some(gap);
    }

    /// Notes warnings of the API server, each once.
    pub fn warnings(&mut self, warnings: impl IntoIterator<Item = String>) {
        for warning in warnings {
            if self.warnings.len() < WARNINGS_MAX && !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }

    /// Sets the one warning of the collector itself, which takes no room from those of the API server.
    pub fn note(&mut self, note: Option<String>) {
        self.note = note;
    }

    /// Counts what a page holds: items, and their size as they are encoded.
    pub fn count(&mut self, items: usize, bytes: usize) {
        self.items += items as u64;
        self.bytes += bytes as u64;
    }

    /// Notes that the answer is of several moments.
    pub fn inconsistent(&mut self) {
        self.consistent = false;
    }

    /// Takes over what is to be said of a read that this answer needed beside its own.
    pub fn adopt(&mut self, other: Self) {
        let Self { end, gaps, folded, note, warnings, consistent, gaps_bytes: _, items: _, bytes: _ } = other;
        end.into_iter().chain(gaps).chain(folded).for_each(|gap| self.gap(gap));
        self.warnings(warnings.into_iter().chain(note));
        self.consistent &= consistent;
    }

    /// The end of the answer; `resume_token` is empty where there is nothing to go on with.
    #[must_use]
    pub fn finish(self, resume_token: String) -> Completeness {
        let gaps: Vec<_> = self.end.into_iter().chain(self.gaps).chain(self.folded).collect();
        Completeness {
            complete: gaps.is_empty(),
            gaps,
            resume_token,
            items: self.items,
            bytes: self.bytes,
            consistent: self.consistent,
            warnings: self.warnings.into_iter().chain(self.note).collect(),
        }
    }
}

/// Adds a gap to the one of its reason: its place is lost, its number is not.
fn fold(folded: &mut Vec<Gap>, gap: &Gap) {
    match folded.iter_mut().find(|other| other.reason == gap.reason && other.resumable == gap.resumable) {
        Some(other) => {
            other.items = sum(other.items, gap.items);
            other.bytes = sum(other.bytes, gap.bytes);
        }
        None => folded.push(Gap {
            reason: gap.reason,
            resumable: gap.resumable,
            message: "in places that are too many to name".to_owned(),
            items: gap.items,
            bytes: gap.bytes,
            ..Gap::default()
        }),
    }
}

/// Not known where one of them is not known.
fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    Some(one?.saturating_add(other?))
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::collector::v1::GapReason;

    use super::*;

    fn mk_gap(reason: GapReason, name: &str) -> Gap {
        Gap { reason: reason.into(), name: name.to_owned(), items: Some(1), ..Gap::default() }
    }

    #[test]
    fn gaps_beyond_all_room_keep_their_reason_and_their_number() {
        let mut report = Report::default();
        for index in 0..20_000 {
            report.gap(mk_gap(GapReason::ItemTooLarge, &format!("object-{index}")));
        }
        report.gap(Gap { items: None, ..mk_gap(GapReason::NamespaceDenied, "") });
        report.gap(mk_gap(GapReason::NamespaceDenied, &"x".repeat(63)));
        let end = report.finish(String::new());
        let items = |reason| {
            let of_reason = end.gaps.iter().filter(move |gap| gap.reason() == reason);
            of_reason.map(|gap| gap.items).try_fold(0, |all, items| Some(all + items?))
        };
        assert_eq!((items(GapReason::ItemTooLarge), items(GapReason::NamespaceDenied)), (Some(20_000), None));
        assert!(!end.complete && end.encoded_len() < 512 << 10);
    }

    #[test]
    fn the_reason_for_an_early_end_always_has_room_and_comes_first() {
        let mut report = Report::default();
        for index in 0..20_000 {
            report.gap(mk_gap(GapReason::ItemTooLarge, &format!("object-{index}")));
        }
        report.ends_with(Gap { resumable: true, ..mk_gap(GapReason::SlowCaller, "") });
        let end = report.finish("token".to_owned());
        assert_eq!((end.gaps[0].reason(), end.gaps[0].resumable), (GapReason::SlowCaller, true));
    }

    #[test]
    fn what_the_collector_says_takes_no_room_from_the_warnings_of_the_api_server() {
        let mut report = Report::default();
        report.note(Some("ours".to_owned()));
        report.warnings((0..50).map(|index| index.to_string()));
        let end = report.finish(String::new());
        assert_eq!((end.warnings.len(), end.warnings[20].as_str()), (21, "ours"));
    }
}
