//! What `End` says.

use gumshoe_proto::{
    bridge::v1::{CollectorStatus, End, EndStatus, Error, QueryOutcome},
    collector::v1::{Gap, GapReason},
};
use tonic::Code;

use crate::dispatch::{cut, error, shorten};

/// Sums up how the queries of a command ended. Pages, bytes and hash are the sender's to say.
#[must_use]
pub(crate) fn summary(queries: Vec<QueryOutcome>) -> End {
    let status = if queries.iter().all(is_complete) {
        EndStatus::Succeeded
    } else if queries.iter().any(is_expired) {
        EndStatus::Expired
    } else {
        EndStatus::Incomplete
    };
    let expired = || error(Code::DeadlineExceeded, "DEADLINE", "the deadline came before every query was answered");
    let error = (status == EndStatus::Expired).then(expired);
    End { status: status.into(), error, queries, ..End::default() }
}

/// The end of a command that was not run.
#[must_use]
pub(crate) fn not_run(status: EndStatus, error: Error) -> End {
    End { status: status.into(), error: Some(error), ..End::default() }
}

fn is_complete(query: &QueryOutcome) -> bool {
    query.error.is_none() && query.completeness.as_ref().is_some_and(|completeness| completeness.complete)
}

fn is_expired(query: &QueryOutcome) -> bool {
    let by_error = query.error.as_ref().is_some_and(|error| error.code == "DEADLINE_EXCEEDED");
    let gaps = query.completeness.iter().flat_map(|completeness| &completeness.gaps);
    by_error || gaps.into_iter().any(|gap| gap.reason() == GapReason::Deadline)
}

/// How much a text may hold in each try to make an end fit.
const TEXTS: [usize; 2] = [200, 50];

/// Encodes an end so that it fits into a message, saying things more briefly where it would not; no query and no kind of gap is
/// ever left out.
pub(super) fn fit<T>(mut end: End, most: usize, encode: impl Fn(&End) -> T, length: impl Fn(&T) -> usize) -> T {
    for texts in TEXTS {
        let encoded = encode(&end);
        if length(&encoded) <= most {
            return encoded;
        }
        for query in &mut end.queries {
            query.completeness.iter_mut().for_each(shorten);
            query.error.iter_mut().for_each(|error| error.message = cut(&error.message, texts).to_owned());
        }
    }
    if let Some(pong) = &mut end.pong {
        pong.collectors.iter_mut().for_each(drop_status);
    }
    for shorten_more in [|_: &mut QueryOutcome| {}, drop_token, drop_places, keep_one_gap] {
        end.queries.iter_mut().for_each(shorten_more);
        let encoded = encode(&end);
        if length(&encoded) <= most {
            return encoded;
        }
    }
    encode(&end)
}

/// A collector that names hundreds of namespaces says too much.
fn drop_status(collector: &mut CollectorStatus) {
    if collector.status.take().is_some() {
        collector.error = Some(error(Code::ResourceExhausted, "TOO_LONG", "its status does not fit into a message"));
    }
}

/// Without its token, the rest of an answer can still be asked for, from the beginning.
fn drop_token(query: &mut QueryOutcome) {
    if let Some(completeness) = &mut query.completeness {
        completeness.resume_token.clear();
        completeness.gaps.iter_mut().for_each(|gap| gap.resumable = false);
    }
}

/// The pages of the query have said where.
fn drop_places(query: &mut QueryOutcome) {
    let bare = |gap: &Gap| Gap { reason: gap.reason, items: gap.items, ..Gap::default() };
    if let Some(completeness) = &mut query.completeness {
        completeness.gaps = completeness.gaps.iter().map(bare).collect();
    }
    query.error.iter_mut().for_each(|error| error.message.clear());
}

/// Even the reasons of 100 queries can be too many for a queue of small messages.
fn keep_one_gap(query: &mut QueryOutcome) {
    let Some(completeness) = &mut query.completeness else { return };
    let more = completeness.gaps.len().saturating_sub(1);
    completeness.gaps.truncate(1);
    if let (Some(gap), 1..) = (completeness.gaps.first_mut(), more) {
        gap.message = format!("and for {more} other reasons");
    }
}

#[cfg(test)]
mod tests {
    use gumshoe_proto::{
        bridge::v1::Pong,
        collector::v1::{Completeness, GetStatusResponse},
        json,
    };

    use super::*;
    use crate::queue::LEAST_MESSAGE_SIZE;

    fn mk_outcome(reasons: &[GapReason]) -> QueryOutcome {
        let gap = |reason: &GapReason| Gap { reason: (*reason).into(), ..Gap::default() };
        let gaps: Vec<_> = reasons.iter().map(gap).collect();
        let completeness = Completeness { complete: gaps.is_empty(), gaps, ..Completeness::default() };
        QueryOutcome { query_id: "q".into(), completeness: Some(completeness), ..QueryOutcome::default() }
    }

    fn mk_error(code: Code) -> QueryOutcome {
        QueryOutcome { error: Some(error(code, "REASON", "message")), ..QueryOutcome::default() }
    }

    #[test]
    fn the_status_is_that_of_the_worst_query() {
        let complete = || mk_outcome(&[]);
        for (expected, queries) in [
            (EndStatus::Succeeded, vec![complete(), complete()]),
            (EndStatus::Incomplete, vec![complete(), mk_outcome(&[GapReason::NamespaceDenied])]),
            (EndStatus::Incomplete, vec![complete(), mk_error(Code::NotFound)]),
            (EndStatus::Incomplete, vec![QueryOutcome::default()]),
            (EndStatus::Expired, vec![mk_error(Code::NotFound), mk_error(Code::DeadlineExceeded)]),
            (EndStatus::Expired, vec![mk_outcome(&[GapReason::Limit, GapReason::Deadline])]),
        ] {
            let end = summary(queries);
            assert_eq!(end.status(), expected);
            assert_eq!(end.error.is_some(), expected == EndStatus::Expired);
        }
    }

    #[test]
    fn an_end_fits_into_the_smallest_message_and_still_names_every_query() {
        let query = |n: usize| QueryOutcome {
            query_id: format!("{n}{}", "q".repeat(62)),
            completeness: Some(Completeness {
                gaps: (0..200)
                    .map(|n| Gap {
                        reason: 1 + n % 12,
                        namespace: "n".repeat(63),
                        name: "p".repeat(253),
                        items: Some(1 << 40),
                        message: "m".repeat(300),
                        resumable: true,
                        ..Gap::default()
                    })
                    .collect(),
                resume_token: "t".repeat(64 * 1024),
                ..Completeness::default()
            }),
            error: Some(error(Code::Unavailable, "REASON", &"x".repeat(1000))),
            ..QueryOutcome::default()
        };
        let end = summary((0..100).map(query).collect());
        for (most, gaps) in [(256 * 1024, 12), (LEAST_MESSAGE_SIZE, 1)] {
            let text = fit(end.clone(), most, json::to_string, String::len);
            // What stands around the data of a message.
            assert!(text.len() + 2_000 <= most, "{}", text.len());
            let fitted: End = json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
            assert_eq!(fitted.queries.len(), 100);
            for query in &fitted.queries {
                let completeness = query.completeness.as_ref().unwrap();
                assert_eq!(completeness.gaps.len(), gaps);
                assert!(completeness.gaps.iter().all(|gap| !gap.resumable), "there is no token to go on with");
                assert_eq!(query.error.as_ref().map(|error| error.reason.as_str()), Some("REASON"));
            }
        }
        assert_eq!(fit(summary(vec![mk_outcome(&[])]), 1_000, Clone::clone, |_| 0), summary(vec![mk_outcome(&[])]));
    }

    #[test]
    fn a_pong_of_collectors_with_many_namespaces_fits_and_names_them_all() {
        let namespaces = (0..1_000).map(|n| format!("{n:063}")).collect();
        let status = GetStatusResponse { namespaces, ..GetStatusResponse::default() };
        let collector = |n: usize| CollectorStatus {
            name: format!("c{n}"),
            status: Some(status.clone()),
            ..CollectorStatus::default()
        };
        let pong = Pong { collectors: (0..20).map(collector).collect(), ..Pong::default() };
        let end = End { pong: Some(pong), ..End::default() };
        let text = fit(end, LEAST_MESSAGE_SIZE, json::to_string, String::len);
        let fitted: End = json::from_value(serde_json::from_str(&text).unwrap()).unwrap();
        let collectors = fitted.pong.unwrap().collectors;
        let is_told = |collector: &CollectorStatus| collector.error.as_ref().is_some_and(|it| it.reason == "TOO_LONG");
        assert!(text.len() <= LEAST_MESSAGE_SIZE && collectors.len() == 20 && collectors.iter().all(is_told));
    }
}
