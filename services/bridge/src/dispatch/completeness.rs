//! What is said of an answer that came in several pieces: each piece ends with a `Completeness` of its own, and only what none of
//! them brought is missing.

use gumshoe_proto::collector::v1::{Completeness, Gap, GapReason};

use super::outcome::cut;

/// More gaps of one query than this are told as one a reason: its last page and the `End` must fit into a message.
const GAPS_MAX: usize = 200;

/// More warnings are of no more use.
const WARNINGS_MAX: usize = 20;

/// Enough of a gap's message to recognise it by.
const SHORT_MESSAGE: usize = 100;

/// What is known so far of the answer to a query.
#[derive(Debug, Default)]
pub(super) struct Story {
    gaps: Vec<Gap>,
    warnings: Vec<String>,
    inconsistent: bool,
}

/// Says whether the answer ended early for a reason that does not hold any more, so that asking again brings the rest. A request for
/// logs has no limit of its own: there it tells of pods that were left out beside those whose logs go on.
pub(super) fn is_interrupted(completeness: &Completeness, of_logs: bool) -> bool {
    let is_final = |gap: &Gap| gap.reason() == GapReason::Deadline || (gap.reason() == GapReason::Limit && !of_logs);
    !completeness.resume_token.is_empty()
        && completeness.gaps.iter().any(is_filled_by_resuming)
        && !completeness.gaps.iter().any(is_final)
}

fn is_filled_by_resuming(gap: &Gap) -> bool {
    gap.resumable && matches!(gap.reason(), GapReason::SlowCaller | GapReason::ReadInterrupted | GapReason::Overloaded)
}

impl Story {
    /// Notes a gap that the bridge itself found.
    pub(super) fn gap(&mut self, gap: Gap) {
        if self.gaps.contains(&gap) {
            return;
        }
        if self.gaps.len() >= GAPS_MAX {
            fold(&mut self.gaps);
        }
        self.gaps.push(gap);
    }

    /// Notes what is said of a piece behind which the answer goes on.
    pub(super) fn interrupted(&mut self, completeness: Completeness) {
        let lasting = completeness.gaps.into_iter().filter(|gap| !is_filled_by_resuming(gap)).collect();
        self.add(lasting, completeness.warnings, completeness.consistent);
    }

    /// What is said of the answer as a whole, `last` being the word on its last piece.
    pub(super) fn conclude(&mut self, last: Completeness) -> Completeness {
        self.add(last.gaps, last.warnings, last.consistent);
        let gaps = std::mem::take(&mut self.gaps);
        Completeness {
            complete: last.complete && gaps.is_empty(),
            gaps,
            warnings: std::mem::take(&mut self.warnings),
            consistent: !self.inconsistent,
            ..last
        }
    }

    fn add(&mut self, gaps: Vec<Gap>, warnings: Vec<String>, consistent: bool) {
        gaps.into_iter().for_each(|gap| self.gap(gap));
        for warning in warnings {
            if self.warnings.len() < WARNINGS_MAX && !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        self.inconsistent |= !consistent;
    }
}

/// Makes a completeness as short as it can be without keeping silent on anything: one gap a reason, no warnings.
pub(crate) fn shorten(completeness: &mut Completeness) {
    fold(&mut completeness.gaps);
    for gap in &mut completeness.gaps {
        gap.message = cut(&gap.message, SHORT_MESSAGE).to_owned();
    }
    completeness.warnings.clear();
}

/// Tells all gaps of one reason as one: their places are lost, their number is not. Reasons that are not known here count as one, or a
/// collector could name so many that the gaps were no fewer.
fn fold(gaps: &mut Vec<Gap>) {
    let mut folded: Vec<Gap> = Vec::new();
    for gap in gaps.drain(..) {
        let like = |other: &&mut Gap| other.reason() == gap.reason() && other.resumable == gap.resumable;
        match folded.iter_mut().find(like) {
            None => folded.push(gap),
            Some(other) => {
                *other = Gap {
                    reason: gap.reason().into(),
                    resumable: gap.resumable,
                    message: "in places that are too many to name".into(),
                    items: sum(other.items, gap.items),
                    bytes: sum(other.bytes, gap.bytes),
                    ..Gap::default()
                }
            }
        }
    }
    *gaps = folded;
}

/// Not known where one of them is not known.
fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    Some(one?.saturating_add(other?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mk_gap(reason: GapReason, namespace: &str, resumable: bool) -> Gap {
        Gap { reason: reason.into(), namespace: namespace.into(), resumable, items: Some(1), ..Gap::default() }
    }

    fn mk_completeness(token: &str, gaps: Vec<Gap>) -> Completeness {
        Completeness {
            complete: gaps.is_empty(),
            gaps,
            resume_token: token.into(),
            consistent: true,
            ..Completeness::default()
        }
    }

    #[test]
    fn only_a_gap_that_passes_by_itself_is_resumed() {
        let slow = || mk_gap(GapReason::SlowCaller, "", true);
        let broken = || mk_gap(GapReason::ReadInterrupted, "", true);
        let busy = || mk_gap(GapReason::Overloaded, "", true);
        let denied = || mk_gap(GapReason::NamespaceDenied, "a", false);
        for (expected, token, gaps) in [
            (true, "t", vec![slow()]),
            (true, "t", vec![busy()]),
            (true, "t", vec![denied(), broken()]),
            (false, "", vec![slow()]),
            (false, "t", vec![]),
            (false, "t", vec![denied()]),
            (false, "t", vec![mk_gap(GapReason::ReadInterrupted, "", false)]),
            (false, "t", vec![mk_gap(GapReason::Limit, "", true)]),
            (false, "t", vec![mk_gap(GapReason::Deadline, "", true)]),
            (false, "t", vec![slow(), mk_gap(GapReason::Limit, "", true)]),
        ] {
            let completeness = mk_completeness(token, gaps);
            assert_eq!(is_interrupted(&completeness, false), expected, "{completeness:?}");
        }
        let left_out = || mk_gap(GapReason::Limit, "", false);
        for (expected, gaps) in [
            (true, vec![left_out(), broken()]),
            (false, vec![left_out()]),
            (false, vec![left_out(), broken(), mk_gap(GapReason::Deadline, "", true)]),
        ] {
            let completeness = mk_completeness("t", gaps);
            assert_eq!(is_interrupted(&completeness, true), expected, "{completeness:?}");
        }
    }

    #[test]
    fn what_resuming_brought_is_no_gap_and_what_it_did_not_is_told_once() {
        let denied = || mk_gap(GapReason::NamespaceDenied, "a", false);
        let mut story = Story::default();
        let warned = |text: &str, completeness| Completeness { warnings: vec![text.into()], ..completeness };
        let slow = mk_gap(GapReason::SlowCaller, "", true);
        story.interrupted(warned("old", mk_completeness("t1", vec![denied(), slow])));
        let inconsistent = Completeness { consistent: false, ..mk_completeness("t2", vec![denied()]) };
        let whole = story.conclude(warned("new", inconsistent));
        assert_eq!((whole.complete, whole.consistent, whole.resume_token.as_str()), (false, false, "t2"));
        assert_eq!(whole.gaps, [denied()]);
        assert_eq!(whole.warnings, ["old", "new"]);
    }

    #[test]
    fn an_answer_of_pieces_without_gaps_is_complete() {
        let mut story = Story::default();
        story.interrupted(mk_completeness("t", vec![mk_gap(GapReason::ReadInterrupted, "", true)]));
        assert!(story.conclude(mk_completeness("", vec![])).complete);
    }

    #[test]
    fn gaps_beyond_any_number_are_counted_and_not_named() {
        let mut story = Story::default();
        for n in 0..1_000 {
            story.gap(mk_gap(GapReason::ItemTooLarge, &n.to_string(), false));
        }
        let whole = story.conclude(mk_completeness("", vec![mk_gap(GapReason::NamespaceDenied, "b", false)]));
        assert!(!whole.complete && whole.gaps.len() <= GAPS_MAX);
        let missing = |reason| {
            let of_reason = whole.gaps.iter().filter(|gap| gap.reason() == reason);
            of_reason.filter_map(|gap| gap.items).sum::<u64>()
        };
        assert_eq!((missing(GapReason::ItemTooLarge), missing(GapReason::NamespaceDenied)), (1_000, 1));
    }

    #[test]
    fn gaps_of_reasons_that_are_not_known_here_are_counted_together() {
        let mut story = Story::default();
        for reason in 1_000..2_000 {
            story.gap(Gap { reason, items: Some(1), ..Gap::default() });
        }
        let gaps = story.conclude(mk_completeness("", vec![])).gaps;
        assert_eq!((gaps.len() <= GAPS_MAX, gaps.iter().filter_map(|gap| gap.items).sum::<u64>()), (true, 1_000));
    }

    #[test]
    fn a_short_completeness_keeps_every_reason() {
        let unknown = Gap { items: None, ..mk_gap(GapReason::NamespaceDenied, "c", false) };
        let mut completeness = mk_completeness(
            "t",
            vec![mk_gap(GapReason::NamespaceDenied, "a", false), mk_gap(GapReason::Limit, "", true), unknown],
        );
        shorten(&mut completeness);
        let told: Vec<_> = completeness.gaps.iter().map(|gap| (gap.reason(), gap.items, gap.resumable)).collect();
        assert_eq!(told, [(GapReason::NamespaceDenied, None, false), (GapReason::Limit, Some(1), true)]);
        assert_eq!(completeness.resume_token, "t");
    }
}
