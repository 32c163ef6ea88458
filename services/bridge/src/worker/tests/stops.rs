//! What ends the work on a command before its queries' ends, and what is told of it meanwhile.

use gumshoe_proto::{
    bridge::v1::{Budget, Cancel, StopCause, cancel::Target},
    collector::v1::{Completeness, Gap, GapReason, ListPodsResponse, LogLine, ReadLogsResponse},
};

use super::*;

fn budget(budget: Budget) -> impl FnOnce(&mut Command) {
    |command| command.budget = Some(budget)
}

/// The items of a query's answer, the reason of its only gap and the token behind it.
fn stopped(end: &End, query: usize) -> (u64, GapReason, String) {
    let Completeness { gaps, resume_token, .. } = end.queries[query].completeness.clone().unwrap();
    let [gap]: [Gap; 1] = gaps.try_into().unwrap();
    assert_eq!(gap.resumable, !resume_token.is_empty());
    (end.queries[query].items, gap.reason(), resume_token)
}

#[tokio::test(start_paused = true)]
async fn never_more_is_given_than_the_budget_and_the_token_behind_it_is_exact() {
    let bench = mk_bench(RecordingQueue::default());
    let rest = mk_page(&["c", "d", "e"], "t5");
    bench.collector.list(vec![Step::Response(mk_page(&["a", "b"], "t2")), Step::Response(rest)]);
    bench.collector.list(vec![Step::Response(mk_page(&["c"], "t3")), Step::Hangs]);
    let of_three = budget(Budget { max_items: 3, ..Budget::default() });
    bench.worker.work(mk_message_with(60, vec![list()], of_three)).await;
    let end = bench.end();
    assert_eq!((end.status(), end.stop_cause()), (EndStatus::Incomplete, StopCause::Items));
    assert_eq!(stopped(&end, 0), (3, GapReason::Stopped, "t3".into()));
    let asked: Vec<_> = bench.collector.list_requests().into_iter().map(|(asked, _)| asked).collect();
    assert_eq!((asked[1].page_token.as_str(), asked[1].page_size, asked.len()), ("t2", 1, 2));
}

#[tokio::test(start_paused = true)]
async fn what_fits_the_budget_just_so_is_complete() {
    let bench = mk_bench(RecordingQueue::default());
    let last = ListPodsResponse { completeness: Some(mk_complete(2)), ..mk_page(&["a", "b"], "") };
    bench.collector.list(vec![Step::Response(last)]);
    let of_two = budget(Budget { max_items: 2, ..Budget::default() });
    bench.worker.work(mk_message_with(60, vec![list()], of_two)).await;
    assert_eq!((bench.end().status(), bench.end().stop_cause()), (EndStatus::Succeeded, StopCause::Unspecified));
}

#[tokio::test(start_paused = true)]
async fn the_work_on_all_queries_stops_when_lines_were_found() {
    let bench = mk_bench(RecordingQueue::default());
    let page = |texts: &[&str], token: &str| ReadLogsResponse {
        lines: texts.iter().map(|text| LogLine { text: (*text).into(), ..LogLine::default() }).collect(),
        next_page_token: token.into(),
        ..ReadLogsResponse::default()
    };
    bench.collector.list(vec![Step::Hangs]);
    let pages = [page(&["panic: one", "well"], "t1"), page(&["well", "panic: two", "well"], "t2")];
    bench.collector.log(pages.into_iter().map(Step::Response).chain([Step::Hangs]).collect());
    let logs = Request::ReadLogs(ReadLogsRequest::default());
    let second = budget(Budget { stop_when: "^panic:".into(), stop_after_matches: 2, ..Budget::default() });
    bench.worker.work(mk_message_with(60, vec![logs, list(), get()], second)).await;
    let end = bench.end();
    assert_eq!((end.stop_cause(), end.matches), (StopCause::Match, 2));
    assert_eq!(stopped(&end, 0), (5, GapReason::Stopped, "t2".into()));
    assert_eq!(stopped(&end, 1), (0, GapReason::Stopped, String::new()), "it was under way");
    assert_eq!(stopped(&end, 2), (0, GapReason::Stopped, String::new()), "it was not begun");
    assert_eq!(bench.collector.get_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_the_last_response_of_a_query_stops_the_others() {
    let bench = mk_bench(RecordingQueue::default());
    let line = LogLine { text: "panic".into(), ..LogLine::default() };
    let last =
        ReadLogsResponse { lines: vec![line], completeness: Some(mk_complete(1)), ..ReadLogsResponse::default() };
    bench.collector.log(vec![Step::Response(last)]).list(vec![Step::Hangs]);
    let begun = Instant::now();
    let found = budget(Budget { stop_when: "panic".into(), ..Budget::default() });
    let logs = Request::ReadLogs(ReadLogsRequest::default());
    bench.worker.work(mk_message_with(60, vec![list(), logs], found)).await;
    let end = bench.end();
    assert_eq!((begun.elapsed().as_secs(), end.stop_cause()), (0, StopCause::Match));
    assert_eq!((stopped(&end, 0).0, end.queries[1].completeness.as_ref().unwrap().complete), (0, true));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_place_to_go_on_from_is_not_asked_for_again() {
    let bench = mk_bench(RecordingQueue::default());
    bench.collector.list(vec![Step::Response(mk_page(&["a", "b"], "")), Step::Response(mk_page(&["c", "d"], "t"))]);
    let of_three = budget(Budget { max_items: 3, ..Budget::default() });
    bench.worker.work(mk_message_with(60, vec![list()], of_three)).await;
    assert_eq!(stopped(&bench.end(), 0), (2, GapReason::Stopped, String::new()));
    assert_eq!(bench.collector.list_requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_has_become_larger_than_its_room_is_not_given() {
    for again in [&["a-name-that-is-longer"][..], &["a", "b"]] {
        let bench = mk_bench(RecordingQueue::default());
        bench.collector.list(vec![Step::Response(mk_page(&["a", "b", "c"], "t"))]);
        bench.collector.list(vec![Step::Response(mk_page(again, "t1"))]);
        let of_one = budget(Budget { max_items: 1, ..Budget::default() });
        bench.worker.work(mk_message_with(60, vec![list()], of_one)).await;
        assert_eq!(stopped(&bench.end(), 0).0, 0, "{again:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fills_a_budget_is_not_waited_for_long() {
    let bench = mk_bench(RecordingQueue::default());
    bench.collector.list(vec![Step::Response(mk_page(&["a", "b"], "t"))]).list(vec![Step::Hangs]);
    let begun = Instant::now();
    let of_one = budget(Budget { max_items: 1, ..Budget::default() });
    bench.worker.work(mk_message_with(60, vec![list()], of_one)).await;
    assert_eq!((begun.elapsed().as_secs(), stopped(&bench.end(), 0).0), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_budget_ends_the_work_before_the_deadline() {
    let bench = mk_bench(RecordingQueue::default());
    bench.collector.list(vec![Step::Response(mk_page(&["a"], "t")), Step::Hangs]);
    let begun = Instant::now();
    let max_time = Some(prost_types::Duration { seconds: 10, nanos: 0 });
    let short = budget(Budget { max_time, ..Budget::default() });
    bench.worker.work(mk_message_with(60, vec![list()], short)).await;
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!((bench.end().stop_cause(), bench.end().error), (StopCause::Time, None));
    assert_eq!(stopped(&bench.end(), 0), (1, GapReason::Stopped, "t".into()));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_stops_what_it_finds_and_what_comes_later_and_both_are_answered() {
    let bench = mk_bench(RecordingQueue::default());
    bench.collector.list(vec![Step::Response(mk_page(&["a"], "t")), Step::Hangs]);
    let cancel = || {
        mk_message_with(60, vec![], |command| {
            command.id = "stop".into();
            command.cancel = Some(Cancel { target: Some(Target::CommandId("c".into())) });
        })
    };
    let cancelled = async {
        // `Accepted` and the first page.
        bench.results.acknowledged(2).await;
        bench.worker.work(cancel()).await;
    };
    tokio::join!(bench.worker.work(mk_message(vec![list()])), cancelled);
    bench.worker.work(mk_message(vec![list()])).await;
    let reader = bench.results.reader();
    let (_, stop) = reader.complete("stop").unwrap();
    assert_eq!(stop.end().unwrap().cancelled_commands, Some(1));
    let runs: Vec<_> = reader.runs_of("c").collect();
    let items: Vec<_> = runs.iter().map(|(_, run)| stopped(run.end().unwrap(), 0).0).collect();
    assert!(runs.iter().all(|(_, run)| run.is_complete() && run.end().unwrap().stop_cause() == StopCause::Cancel));
    assert_eq!((items.iter().sum::<u64>(), items.len()), (1, 2));
    assert_eq!(bench.commands.seen().len(), 3, "all are deleted");
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_apart_from_the_pages_and_the_run_is_whole_without_it() {
    let bench = mk_bench(RecordingQueue::default());
    bench.serve_a_pod();
    bench.collector.list(vec![Step::Waits(Duration::from_secs(10)), Step::Response(mk_page(&["a"], "t")), Step::Hangs]);
    let told = mk_message_with(60, vec![get(), list()], |command| {
        // None of them falls together with the deadline.
        command.progress_interval = Some(prost_types::Duration { seconds: 7, nanos: 0 });
    });
    bench.worker.work(told).await;
    assert_eq!((bench.end().pages, bench.end().status()), (2, EndStatus::Expired));
    let reader = bench.results.reader();
    let (key, run) = reader.runs().next().unwrap();
    let progress = run.progress().unwrap();
    assert_eq!((progress.pages, progress.items, progress.queries_done), (2, 2, 1));
    let ids: Vec<_> = bench.results.bodies().iter().map(|body| id_of(body)).collect();
    let expected = |tail: String| format!("c.{}.{tail}", key.run);
    assert!(ids.contains(&expected("p1".into())) && ids.contains(&expected("p8".into())), "{ids:?}");
    assert!(ids.iter().collect::<std::collections::BTreeSet<_>>().len() == ids.len(), "{ids:?}");
}

fn id_of(body: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(body).unwrap();
    event["id"].as_str().unwrap().to_owned()
}
