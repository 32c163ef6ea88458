//! Following several logs: their order, and pods that come and go.

use std::time::Duration;

use futures::StreamExt as _;
use gumshoe_collector::kinds::log::Logs;
use gumshoe_proto::collector::v1::{
    ContainerLogStatus, GapReason, Job, JobCondition, JobSpec, JobStatus, LabelSelector, Pod, ReadLogsRequest,
    ReadLogsResponse,
};
use tokio::time::{Instant, sleep};

use crate::{
    cluster::{FakeCluster, mk_named_pod},
    support::*,
};

const WEB: &[(&str, &str)] = &[("app", "web")];

fn mk_cluster(pods: &[&str]) -> FakeCluster {
    let cluster = FakeCluster::default();
    for name in pods {
        cluster.add(mk_named_pod(name, &["web"], WEB), |kubelet| kubelet.with_log("web", []));
    }
    cluster
}

fn follow_all() -> ReadLogsRequest {
    ReadLogsRequest { pod: String::new(), label_selector: "app=web".into(), ..follow() }
}

async fn page(
    pages: &mut (impl futures::Stream<Item = Result<ReadLogsResponse, tonic::Status>> + Unpin),
) -> Vec<(String, String)> {
    let page = pages.next().await.unwrap().unwrap();
    page.lines.into_iter().map(|line| (line.pod, line.text)).collect()
}

fn line(pod: &str, text: &str) -> (String, String) {
    (pod.to_owned(), text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_line_that_arrives_within_the_window_is_put_in_its_place() {
    let cluster = mk_cluster(&["web-a", "web-b"]);
    let mut pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    let (a, b) = (cluster.pod("web-a"), cluster.pod("web-b"));
    let writes = async {
        a.requested(2).await;
        b.requested(2).await;
        a.append("web", [record(2000, "second")]);
        sleep(Duration::from_millis(900)).await;
        b.append("web", [record(1000, "first")]);
    };
    let ((), lines) = tokio::join!(writes, page(&mut pages));
    assert_eq!(lines, [line("web-b", "first"), line("web-a", "second")]);

    // What was newer has been given when this one arrives, so there is nothing to wait for.
    let arrived = Instant::now();
    b.append("web", [record(1500, "late")]);
    assert_eq!(page(&mut pages).await, [line("web-b", "late")]);
    assert!(arrived.elapsed() < Duration::from_millis(100), "{:?}", arrived.elapsed());

    let arrived = Instant::now();
    a.append("web", [record(9000, "alone")]);
    assert_eq!(page(&mut pages).await, [line("web-a", "alone")]);
    let waited = arrived.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_millis(1100)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_at_the_deadline_is_given_with_the_end() {
    let cluster = mk_cluster(&["web-a", "web-b"]);
    let deadline = Duration::from_secs(20);
    let pages = call(&serve_all(&cluster), follow_all(), deadline).unwrap();
    let begin = Instant::now();
    let writes = async {
        sleep(deadline - Duration::from_millis(1200)).await;
        cluster.pod("web-a").append("web", [record(2, "two")]);
        cluster.pod("web-b").append("web", [record(1, "one")]);
    };
    let ((), pages) = tokio::join!(writes, rest(pages));
    assert!(begin.elapsed() < deadline);
    let answer = Answer::of(pages);
    assert_eq!(answer.texts(), ["one", "two"]);
    assert!(answer.completeness.complete);
    // They are behind the token.
    let page_token = answer.completeness.resume_token;
    let pages = call(&serve_all(&cluster), ReadLogsRequest { page_token, ..follow_all() }, deadline).unwrap();
    assert_eq!(Answer::of(rest(pages).await).texts(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_never_ahead_of_the_lines_that_were_given() {
    let cluster = mk_cluster(&["web-a", "web-b"]);
    let mut pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    let writes = async {
        cluster.pod("web-a").requested(2).await;
        cluster.pod("web-b").requested(2).await;
        cluster.pod("web-a").append("web", [record(1000, "given")]);
        sleep(Duration::from_millis(700)).await;
        cluster.pod("web-a").append("web", [record(3000, "held")]);
        cluster.pod("web-b").append("web", [record(2000, "held too")]);
    };
    let ((), first) = tokio::join!(writes, async { pages.next().await.unwrap().unwrap() });
    assert_eq!(first.lines.len(), 1);
    let request = ReadLogsRequest { page_token: first.next_page_token, ..follow_all() };
    let mut pages = call(&serve_all(&cluster), request, AMPLE).unwrap();
    assert_eq!(lines(&mut pages, 2).await, ["held too", "held"]);
}

#[tokio::test(start_paused = true)]
async fn pods_that_appear_are_joined_and_those_that_end_are_reported() {
    let cluster = mk_cluster(&["web-a"]);
    let mut pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    cluster.pod("web-a").append("web", [record(0, "first")]);
    assert_eq!(page(&mut pages).await, [line("web-a", "first")]);

    cluster.add(mk_named_pod("web-b", &["web"], WEB), |kubelet| kubelet.with_log("web", numbered(1..3)));
    cluster.add(mk_named_pod("db-0", &["web"], &[("app", "db")]), |kubelet| kubelet.with_log("web", numbered(1..3)));
    let appeared = Instant::now();
    assert_eq!(page(&mut pages).await, [line("web-b", "line 1"), line("web-b", "line 2")]);
    assert!(appeared.elapsed() <= Duration::from_secs(12), "{:?}", appeared.elapsed());

    // One that has no node yet is joined when it has.
    let mut pod = mk_named_pod("web-c", &["web"], WEB);
    let node = std::mem::take(&mut pod.spec.as_mut().unwrap().node_name);
    let kubelet = cluster.add(pod.clone(), |kubelet| kubelet.with_log("web", numbered(4..5)));
    let before = cluster.lists();
    while cluster.lists() < before + 2 {
        sleep(Duration::from_secs(1)).await;
    }
    pod.spec.as_mut().unwrap().node_name = node;
    kubelet.set_pod(Some(pod));
    assert_eq!(page(&mut pages).await, [line("web-c", "line 4")]);

    let gone = cluster.pod("web-a");
    cluster.delete("web-a");
    gone.break_connections();
    let answer = rest(pages).await.pop().unwrap();
    let logs: Vec<_> = answer.logs.iter().map(|log| (log.pod.as_str(), log.status(), log.lines)).collect();
    use ContainerLogStatus as Log;
    assert_eq!(logs, [("web-a", Log::PodGone, 1), ("web-b", Log::Read, 2), ("web-c", Log::Read, 1)]);
    let completeness = answer.completeness.unwrap();
    assert_eq!((completeness.gaps.len(), completeness.gaps[0].name.as_str()), (1, "web-a"));

    // Whoever goes on finds those that came in between.
    cluster.add(mk_named_pod("web-d", &["web"], WEB), |kubelet| kubelet.with_log("web", numbered(7..8)));
    let request = ReadLogsRequest { page_token: completeness.resume_token, ..follow_all() };
    let mut pages = call(&serve_all(&cluster), request, AMPLE).unwrap();
    assert_eq!(page(&mut pages).await, [line("web-d", "line 7")]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_made_anew_under_its_name_is_told_from_the_one_before() {
    let cluster = mk_cluster(&["db-0"]);
    let mut pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    cluster.pod("db-0").append("web", [record(0, "first")]);
    let page = pages.next().await.unwrap().unwrap();
    assert_eq!((page.lines[0].text.as_str(), page.lines[0].pod_uid.as_str()), ("first", ""));
    let gone = cluster.pod("db-0");
    cluster.delete("db-0");
    gone.break_connections();
    let mut anew = mk_named_pod("db-0", &["web"], WEB);
    anew.metadata.as_mut().unwrap().uid = "anew".into();
    cluster.add(anew, |kubelet| kubelet.with_log("web", numbered(1..3)));
    let page = pages.next().await.unwrap().unwrap();
    let lines: Vec<_> = page.lines.iter().map(|line| (line.text.as_str(), line.pod_uid.as_str())).collect();
    assert_eq!(lines, [("line 1", "anew"), ("line 2", "anew")]);
    // Behind the token, too.
    drop(pages);
    let request = ReadLogsRequest { page_token: page.next_page_token, ..follow_all() };
    let mut pages = call(&serve_all(&cluster), request, AMPLE).unwrap();
    cluster.pod("db-0").append("web", [record(5, "third")]);
    assert_eq!(pages.next().await.unwrap().unwrap().lines[0].pod_uid, "anew");
    let end = rest(pages).await.pop().unwrap();
    let logs: Vec<_> = end.logs.iter().map(|log| (log.pod_uid.as_str(), log.status(), log.lines)).collect();
    let (gone, read) = (ContainerLogStatus::PodGone, ContainerLogStatus::Read);
    assert_eq!(logs, [("uid-of-db-0", gone, 0), ("anew", read, 1)]);
}

#[tokio::test(start_paused = true)]
async fn pods_are_waited_for_where_there_is_none() {
    let cluster = mk_cluster(&[]);
    let answer = Answer::of(rest(call(&serve_all(&cluster), follow_all(), AMPLE).unwrap()).await);
    assert_eq!((answer.gap().reason(), answer.gap().resumable), (GapReason::LogUnreadable, true));
    assert!(answer.gap().message.contains("matches no pod"), "{}", answer.gap().message);
    let lists = cluster.lists();
    assert!((6..=10).contains(&lists), "{lists} lists in a minute in which nothing changed");

    let mut pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    let come = async {
        sleep(Duration::from_secs(5)).await;
        cluster.add(mk_named_pod("web-a", &["web"], WEB), |kubelet| kubelet.with_log("web", numbered(0..1)));
    };
    let ((), lines) = tokio::join!(come, page(&mut pages));
    assert_eq!(lines, [line("web-a", "line 0")]);
}

#[tokio::test(start_paused = true)]
async fn that_new_pods_could_not_be_looked_for_is_told() {
    let cluster = mk_cluster(&["web-a"]);
    let pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    let (pages, ()) = tokio::join!(rest(pages), async {
        cluster.pod("web-a").requested(2).await;
        let _ = cluster.clone().deny("/api/v1/namespaces/shop/pods");
    });
    let answer = Answer::of(pages);
    assert_eq!((answer.gap().reason(), answer.gap().resumable), (GapReason::ReadInterrupted, true));
    assert!(answer.gap().message.contains("list pods"), "{}", answer.gap().message);
}

/// A pod that has no node yet; and on the node, once it has.
fn mk_pending(name: &str) -> (Pod, Pod) {
    let pod = mk_named_pod(name, &["web"], WEB);
    let mut pending = pod.clone();
    pending.spec.as_mut().unwrap().node_name.clear();
    (pending, pod)
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_got_its_node_between_two_calls_is_read_from_its_first_line() {
    let cluster = mk_cluster(&["web-a"]);
    let (pending, pod) = mk_pending("web-b");
    let b = cluster.add(pending, |kubelet| kubelet.with_log("web", numbered(5..8)));
    let request = ReadLogsRequest { whole_log: false, tail_lines: Some(0), ..follow_all() };
    let mut pages = call(&serve_all(&cluster), request.clone(), AMPLE).unwrap();
    let first = async {
        cluster.pod("web-a").requested(1).await;
        cluster.pod("web-a").append("web", [record(0, "first")]);
    };
    let (page, ()) = tokio::join!(pages.next(), first);
    let page_token = page.unwrap().unwrap().next_page_token;
    drop(pages);
    b.set_pod(Some(pod));
    let mut pages = call(&serve_all(&cluster), ReadLogsRequest { page_token, ..request }, AMPLE).unwrap();
    assert_eq!(lines(&mut pages, 3).await, ["line 5", "line 6", "line 7"]);
}

/// Follows as many logs as may be of the node of the pod `name`.
fn fill_node_of(
    cluster: &FakeCluster,
    logs: &Logs,
    name: &str,
) -> impl futures::Stream<Item = Result<ReadLogsResponse, tonic::Status>> + Unpin + use<> {
    for number in 0..16 {
        let mut pod = mk_named_pod(&format!("db-{number}"), &["web"], &[("app", "db")]);
        pod.spec.as_mut().unwrap().node_name = format!("node-of-{name}");
        cluster.add(pod, |kubelet| kubelet.with_log("web", numbered(number..number + 1)));
    }
    let request = ReadLogsRequest { label_selector: "app=db".into(), ..follow_all() };
    call(logs, request, 10 * AMPLE).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_gets_a_node_without_room_is_missing() {
    for begins_with_it in [true, false] {
        let cluster = mk_cluster(&[]);
        let logs = serve_all(&cluster);
        let mut others = fill_node_of(&cluster, &logs, "web-a");
        lines(&mut others, 16).await;
        let (pending, pod) = mk_pending("web-a");
        if begins_with_it {
            cluster.add(pending.clone(), |kubelet| kubelet.with_log("web", numbered(0..3)));
        }
        let pages = call(&logs, follow_all(), AMPLE).unwrap();
        let schedule = async {
            sleep(Duration::from_secs(5)).await;
            cluster.add(pod, |kubelet| kubelet.with_log("web", numbered(0..3)));
        };
        let (pages, ()) = tokio::join!(rest(pages), schedule);
        let answer = Answer::of(pages);
        let gap = answer.gap();
        assert_eq!((gap.reason(), gap.name.as_str(), gap.resumable), (GapReason::Overloaded, "web-a", true));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_appears_and_cannot_be_read_is_named() {
    let cluster = mk_cluster(&["web-a"]);
    let mut large = mk_named_pod("web-b", &["web"], WEB);
    large.metadata.as_mut().unwrap().annotations.insert("large".into(), "x".repeat(9 << 20));
    let pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    let (pages, ()) = tokio::join!(rest(pages), async {
        cluster.pod("web-a").requested(2).await;
        cluster.add(large, |kubelet| kubelet);
    });
    let answer = Answer::of(pages);
    assert_eq!((answer.gap().reason(), answer.gap().name.as_str()), (GapReason::ItemTooLarge, "web-b"));
}

#[tokio::test(start_paused = true)]
async fn pods_are_counted_and_not_their_containers_where_a_call_goes_on() {
    let cluster = FakeCluster::default();
    let add = |name: &str, line: i64| {
        let pod = mk_named_pod(name, &["one", "two", "three"], WEB);
        cluster.add(pod, |kubelet| kubelet.with_log("one", numbered(line..line + 1)));
    };
    (0..35).for_each(|number| add(&format!("web-{number:02}"), number));
    let request = ReadLogsRequest { all_containers: true, ..follow_all() };
    let mut pages = call(&serve_all(&cluster), request.clone(), AMPLE).unwrap();
    let page_token = pages.next().await.unwrap().unwrap().next_page_token;
    drop(pages);
    add("web-new", 100);
    let mut pages = call(&serve_all(&cluster), ReadLogsRequest { page_token, ..request }, AMPLE).unwrap();
    assert_eq!(lines(&mut pages, 1).await, ["line 100"]);
}

fn add_created(cluster: &FakeCluster, name: &str, line: i64, seconds: i64) {
    let mut pod = mk_named_pod(name, &["web"], WEB);
    pod.metadata.as_mut().unwrap().creation_timestamp = Some(prost_types::Timestamp { seconds, nanos: 0 });
    cluster.add(pod, |kubelet| kubelet.with_log("web", numbered(line..line + 1)));
}

/// A cluster with one pod more than a call reads, the oldest of which is left out; and the token of a call that follows the others.
async fn one_left_out() -> (FakeCluster, String) {
    let cluster = FakeCluster::default();
    (0..101).for_each(|number| add_created(&cluster, &format!("web-{number:03}"), number, 1000 - number));
    let mut pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    let page_token = pages.next().await.unwrap().unwrap().next_page_token;
    (cluster, page_token)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_on_says_how_many_pods_an_earlier_one_left_out() {
    let (cluster, page_token) = one_left_out().await;
    ["web-100", "web-050"].into_iter().for_each(|name| cluster.delete(name));
    // One that there was not at that time does not stand for it.
    add_created(&cluster, "web-new", 200, 2000);
    let pages = call(&serve_all(&cluster), ReadLogsRequest { page_token, ..follow_all() }, AMPLE).unwrap();
    let pages = rest(pages).await;
    assert!(pages.iter().flat_map(|page| &page.lines).any(|line| line.pod == "web-new"));
    let gaps = &pages.last().unwrap().completeness.as_ref().unwrap().gaps;
    let left_out: Vec<_> = gaps.iter().filter(|gap| gap.reason() == GapReason::Limit).collect();
    assert!(left_out.len() == 1 && left_out[0].message.starts_with("1 more pods"), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_on_and_takes_in_what_was_left_out_does_not_say_so() {
    let (cluster, page_token) = one_left_out().await;
    cluster.delete("web-050");
    let pages = call(&serve_all(&cluster), ReadLogsRequest { page_token, ..follow_all() }, AMPLE).unwrap();
    let pages = rest(pages).await;
    assert!(pages.iter().flat_map(|page| &page.lines).any(|line| line.pod == "web-100"));
    let gaps = &pages.last().unwrap().completeness.as_ref().unwrap().gaps;
    assert!(gaps.iter().all(|gap| gap.reason() != GapReason::Limit), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_was_left_out_is_joined_when_another_has_ended() {
    let cluster = FakeCluster::default();
    let add = |number: i64| {
        let pod = mk_named_pod(&format!("web-{number:03}"), &["web"], WEB);
        cluster.add(pod, |kubelet| kubelet.with_log("web", numbered(number..number + 1)));
    };
    (0..100).for_each(add);
    let mut pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    lines(&mut pages, 100).await;
    (100..103).for_each(add);
    let before = cluster.lists();
    while cluster.lists() < before + 2 {
        sleep(Duration::from_secs(1)).await;
    }
    let gone = cluster.pod("web-005");
    cluster.delete("web-005");
    gone.break_connections();
    // One that has ended for good is there all the same.
    let ended = cluster.pod("web-006");
    let mut pod = ended.pod().unwrap();
    let Pod { spec, status, .. } = mk_ended_pod();
    pod.spec.as_mut().unwrap().restart_policy = spec.unwrap().restart_policy;
    pod.status = status;
    ended.set_pod(Some(pod));
    ended.end("web");
    let mut joined = lines(&mut pages, 2).await;
    joined.sort();
    assert_eq!(joined, ["line 100", "line 101"]);
    let end = rest(pages).await.pop().unwrap().completeness.unwrap();
    let mut gaps: Vec<_> = end.gaps.iter().map(|gap| (gap.name.as_str(), gap.reason())).collect();
    gaps.sort();
    let (cut, limit) = (GapReason::LogCutNewer, GapReason::Limit);
    assert_eq!(gaps, [("web-005", cut), ("web-102", limit)]);
}

#[tokio::test(start_paused = true)]
async fn few_logs_of_a_node_are_opened_at_the_same_moment_when_all_connections_break() {
    let cluster = FakeCluster::default();
    for number in 0..12 {
        let mut pod = mk_named_pod(&format!("web-{number:02}"), &["web"], WEB);
        pod.spec.as_mut().unwrap().node_name = "node".into();
        cluster.add(pod, |kubelet| kubelet.with_log("web", numbered(number..number + 1)));
    }
    let mut pages = call(&serve_all(&cluster), follow_all(), AMPLE).unwrap();
    lines(&mut pages, 12).await;
    for number in 0..12 {
        cluster.pod(&format!("web-{number:02}")).requested(2).await;
    }
    cluster.slow_down(Duration::from_millis(100));
    (0..12).for_each(|number| cluster.pod(&format!("web-{number:02}")).break_connections());
    (0..12).for_each(|number| cluster.pod(&format!("web-{number:02}")).append("web", numbered(100..101)));
    lines(&mut pages, 12).await;
    assert_eq!(cluster.most_in_flight(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_full_node_holds_up_neither_the_logs_of_others_nor_other_calls() {
    let cluster = mk_cluster(&["web-a", "web-b"]);
    let logs = serve_all(&cluster);
    let mut others = fill_node_of(&cluster, &logs, "web-b");
    lines(&mut others, 16).await;
    let begin = Instant::now();
    let mut pages = call(&logs, follow_all(), AMPLE).unwrap();
    cluster.pod("web-a").append("web", [record(0, "one")]);
    assert_eq!(page(&mut pages).await, [line("web-a", "one")]);
    // Once its window is given, it is followed.
    cluster.pod("web-a").requested(2).await;
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    drop(others);
    cluster.pod("web-b").append("web", [record(1000, "two")]);
    assert_eq!(page(&mut pages).await, [line("web-b", "two")]);

    // Where no room comes, that is said.
    drop(pages);
    let cluster = mk_cluster(&["web-a", "web-b"]);
    let logs = serve_all(&cluster);
    let mut others = fill_node_of(&cluster, &logs, "web-b");
    lines(&mut others, 16).await;
    let answer = Answer::of(rest(call(&logs, follow_all(), AMPLE).unwrap()).await);
    let gap = answer.gap();
    assert_eq!((gap.reason(), gap.name.as_str(), gap.resumable), (GapReason::Overloaded, "web-b", true));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_come_to_its_end_is_followed_to_the_end_of_its_logs() {
    let mk_job = |ended: bool| {
        let condition = JobCondition { r#type: "Complete".into(), status: "True".into(), ..JobCondition::default() };
        let match_labels = [("app".to_owned(), "web".to_owned())].into_iter().collect();
        let selector = Some(LabelSelector { match_labels, ..LabelSelector::default() });
        let conditions = if ended { vec![condition] } else { Vec::new() };
        Job {
            spec: Some(JobSpec { selector, ..JobSpec::default() }),
            status: Some(JobStatus { conditions, ..JobStatus::default() }),
            ..Job::default()
        }
    };
    for ended in [true, false] {
        let mut pod = mk_ended_pod();
        pod.metadata.as_mut().unwrap().labels = [("app".to_owned(), "web".to_owned())].into_iter().collect();
        let cluster = FakeCluster::default()
            .with(pod, |kubelet| kubelet.with_log("web", numbered(0..3)))
            .with_object("/apis/batch/v1/namespaces/shop/jobs/migrate", &mk_job(ended));
        cluster.pod("web-0").end("web");
        let request = ReadLogsRequest { label_selector: String::new(), workload: "job/migrate".into(), ..follow_all() };
        let begin = Instant::now();
        let answer = Answer::of(rest(call(&serve_all(&cluster), request, AMPLE).unwrap()).await);
        assert_eq!(answer.texts(), ["line 0", "line 1", "line 2"]);
        assert!(answer.completeness.complete);
        assert_eq!(begin.elapsed() < AMPLE / 2, ended, "{:?}", begin.elapsed());
    }
}
