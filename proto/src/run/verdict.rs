//! Compares what came of a run with what its `End` says.

use std::{collections::BTreeMap, ops::RangeInclusive};

use super::{ReceivedPage, digest::RunDigest};
use crate::bridge::v1::End;

/// Whether a run is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every page is here, and as it was sent.
    Complete,
    /// `End` is missing, so how many pages there are is not known either: more is to come, or the run was broken off and the command
    /// will be worked on again.
    EndMissing,
    /// Pages are missing, by their seq.
    PagesMissing(Vec<RangeInclusive<u32>>),
    /// All is here that `End` counts, but it is not what the bridge sent.
    Mismatch(Mismatch),
}

/// In what a run differs from its `End`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// `End` does not have the seq behind the last page, or a page has one behind `End`.
    Seq,
    /// The bodies have another length in all.
    Bytes,
    /// The bodies are others.
    Sha256,
    /// A query has another number of pages, or they are not numbered 1, 2, ….
    QueryPages,
}

/// Compares the pages, which come by seq, with the end and its seq.
pub(super) fn verdict<'a>(end_seq: u32, end: &End, pages: impl Iterator<Item = (u32, &'a ReceivedPage)>) -> Verdict {
    if Some(end_seq) != end.pages.checked_add(1) {
        return Verdict::Mismatch(Mismatch::Seq);
    }
    let mut missing = Vec::new();
    let mut digest = RunDigest::default();
    let mut numbers = BTreeMap::<&str, Vec<u32>>::new();
    let mut expected = 1;
    for (seq, page) in pages {
        if seq < expected || seq > end.pages {
            return Verdict::Mismatch(Mismatch::Seq);
        }
        if seq > expected {
            missing.push(expected..=seq - 1);
        }
        expected = seq + 1;
        digest.add(&page.digest);
        numbers.entry(&page.query_id).or_default().push(page.number);
    }
    if expected <= end.pages {
        missing.push(expected..=end.pages);
    }
    if !missing.is_empty() {
        return Verdict::PagesMissing(missing);
    }
    mismatch(end, &digest, numbers).map_or(Verdict::Complete, Verdict::Mismatch)
}

fn mismatch(end: &End, digest: &RunDigest, numbers: BTreeMap<&str, Vec<u32>>) -> Option<Mismatch> {
    if digest.bytes() != end.bytes {
        Some(Mismatch::Bytes)
    } else if digest.sha256() != *end.sha256 {
        Some(Mismatch::Sha256)
    } else if !numbers_fit(end, numbers) {
        Some(Mismatch::QueryPages)
    } else {
        None
    }
}

fn numbers_fit(end: &End, mut numbers: BTreeMap<&str, Vec<u32>>) -> bool {
    let fits = end.queries.iter().all(|query| {
        let mut numbers = numbers.remove(query.query_id.as_str()).unwrap_or_default();
        numbers.sort_unstable();
        numbers.into_iter().eq(1..=query.pages)
    });
    fits && numbers.is_empty()
}
