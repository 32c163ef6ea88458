//! The logs of several pods: which they are, merged, and what became of each.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gumshoe_proto::collector::v1::{
    ContainerLogStatus, CronJob, Deployment, DeploymentSpec, GapReason, Job, JobSpec, LabelSelector, LogLine,
    ObjectMeta, OwnerReference, ReadLogsRequest, Service, ServiceSpec,
};
use proptest::prelude::*;
use tonic::Code;

use crate::{
    cluster::{FakeCluster, mk_named_pod},
    kubelet::{Fault, Record},
    support::*,
};

const WEB: &[(&str, &str)] = &[("app", "web")];

fn mk_labels(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn mk_selector(labels: &[(&str, &str)]) -> Option<LabelSelector> {
    Some(LabelSelector { match_labels: mk_labels(labels).into_iter().collect(), ..LabelSelector::default() })
}

fn mk_deployment(labels: &[(&str, &str)]) -> Deployment {
    let spec = DeploymentSpec { selector: mk_selector(labels), ..DeploymentSpec::default() };
    Deployment { spec: Some(spec), ..Deployment::default() }
}

/// Two pods of `web` whose lines alternate, and one of `db`.
fn mk_cluster() -> FakeCluster {
    let lines = |from: i64| (0..5).map(move |number| record(from + 2 * number, format!("line {}", from + 2 * number)));
    FakeCluster::default()
        .with(mk_named_pod("web-a", &["web"], WEB), |kubelet| kubelet.with_log("web", lines(0)))
        .with(mk_named_pod("web-b", &["web"], WEB), |kubelet| kubelet.with_log("web", lines(1)))
        .with(mk_named_pod("db-0", &["db"], &[("app", "db")]), |kubelet| kubelet.with_log("db", numbered(0..3)))
        .with_object("/apis/apps/v1/namespaces/shop/deployments/web", &mk_deployment(WEB))
}

fn of(request: ReadLogsRequest) -> ReadLogsRequest {
    ReadLogsRequest { namespace: "shop".into(), whole_log: true, ..request }
}

fn of_deployment() -> ReadLogsRequest {
    of(ReadLogsRequest { workload: "deploy/web".into(), ..ReadLogsRequest::default() })
}

fn of_labels(labels: &str) -> ReadLogsRequest {
    of(ReadLogsRequest { label_selector: labels.into(), ..ReadLogsRequest::default() })
}

fn of_service() -> ReadLogsRequest {
    of(ReadLogsRequest { service: "web".into(), ..ReadLogsRequest::default() })
}

/// A token with as many containers in each pod; what it says of one stands for all.
fn forged(token: &str, containers: usize) -> String {
    let mut document: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
    for pod in document[2]["p"].as_array_mut().unwrap() {
        let one = pod["c"][0].clone();
        let named = (0..containers).map(|number| {
            let mut container = one.clone();
            container["n"] = format!("c{number}").into();
            container
        });
        pod["c"] = named.collect();
    }
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&document).unwrap())
}

#[tokio::test]
async fn a_token_that_somebody_has_written_opens_no_more_logs_than_a_call_may() {
    let request = ReadLogsRequest { all_containers: true, page_size: 1, ..of_deployment() };
    let answer = read_all(&mk_cluster(), request.clone()).await.unwrap();
    let token = &answer.pages[0].next_page_token;
    for (containers, why) in [(101, "more logs than one call reads"), (100, "does not fit")] {
        let request = ReadLogsRequest { page_token: forged(token, containers), ..request.clone() };
        let status = read_all(&mk_cluster(), request).await.err().unwrap();
        assert!(status.code() == Code::InvalidArgument && status.message().contains(why), "{status:?}");
    }
}

fn texts(lines: impl IntoIterator<Item = i64>) -> Vec<String> {
    lines.into_iter().map(|line| format!("line {line}")).collect()
}

#[tokio::test]
async fn the_pods_of_a_workload_a_selector_and_a_service_are_merged_in_the_order_of_time() {
    let spec = ServiceSpec { selector: mk_labels(WEB).into_iter().collect(), ..ServiceSpec::default() };
    let service = Service { spec: Some(spec), ..Service::default() };
    let cluster = mk_cluster().with_object("/api/v1/namespaces/shop/services/web", &service);
    let newest = ReadLogsRequest { whole_log: false, ..of_deployment() };
    for request in [of_deployment(), of_labels("app=web"), of_service(), newest] {
        let answer = read_all(&cluster, request.clone()).await.unwrap();
        assert_eq!(answer.texts(), texts(0..10), "{request:?}");
        let pods: Vec<_> = answer.lines().into_iter().map(|line| line.pod).collect();
        assert_eq!(&pods[..3], ["web-a", "web-b", "web-a"]);
        let logs: Vec<_> =
            answer.logs.iter().map(|log| (log.pod.as_str(), log.container.as_str(), log.lines)).collect();
        assert_eq!(logs, [("web-a", "web", 5), ("web-b", "web", 5)]);
        assert!(answer.completeness.complete);
    }
}

#[tokio::test]
async fn the_pods_of_a_cron_job_are_those_of_the_jobs_that_it_owns() {
    let metadata = |name: &str, uid: &str| ObjectMeta {
        namespace: "shop".into(),
        name: name.into(),
        uid: uid.into(),
        ..ObjectMeta::default()
    };
    let cron_job = CronJob { metadata: Some(metadata("backup", "c")), ..CronJob::default() };
    let job = |name: &str, owner: &str| {
        let reference = OwnerReference { uid: owner.into(), controller: Some(true), ..OwnerReference::default() };
        let metadata = ObjectMeta { owner_references: vec![reference], ..metadata(name, name) };
        let spec = JobSpec { selector: mk_selector(&[("controller-uid", name)]), ..JobSpec::default() };
        Job { metadata: Some(metadata), spec: Some(spec), ..Job::default() }
    };
    let jobs = "/apis/batch/v1/namespaces/shop/jobs";
    let mut cluster = FakeCluster::default()
        .with_object("/apis/batch/v1/namespaces/shop/cronjobs/backup", &cron_job)
        .with_object(&format!("{jobs}/backup-1"), &job("backup-1", "c"))
        .with_object(&format!("{jobs}/backup-2"), &job("backup-2", "c"))
        .with_object(&format!("{jobs}/other"), &job("other", "d"));
    for (number, name) in (0..).zip(["backup-1", "backup-2", "other"]) {
        let pod = mk_named_pod(&format!("{name}-x"), &["run"], &[("controller-uid", name)]);
        cluster = cluster.with(pod, |kubelet| kubelet.with_log("run", numbered(number..number + 1)));
    }
    let request = of(ReadLogsRequest { workload: "cj/backup".into(), ..ReadLogsRequest::default() });
    let answer = read_all(&cluster, request).await.unwrap();
    assert_eq!(answer.texts(), texts(0..2));
    assert_eq!(cluster.lists(), 1, "the pods of all jobs are found by one list");
}

#[tokio::test]
async fn no_pod_at_all_is_no_empty_answer() {
    let cluster = mk_cluster().with_object("/api/v1/namespaces/shop/services/web", &Service::default());
    let gone = ReadLogsRequest { workload: "deploy/gone".into(), ..of_deployment() };
    for (request, message) in [
        (of_labels("app=gone"), "the label selector in the namespace shop matches no pod"),
        (of_service(), "Service shop/web matches no pod"),
        (gone, "Deployment shop/gone not found"),
    ] {
        let status = read_all(&cluster, request).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, message));
    }
    assert_eq!(cluster.lists(), 1, "a service without a selector selects nothing, not everything");
}

#[tokio::test]
async fn what_is_not_permitted_is_named() {
    let cluster = mk_cluster().deny("/apis/apps/v1/namespaces/shop/deployments/web");
    let status = read_all(&cluster, of_deployment()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().contains("get deployments"), "{}", status.message());
    let status = read_all(&cluster.deny("/api/v1/namespaces/shop/pods"), of_labels("app=web")).await.unwrap_err();
    assert!(status.code() == Code::PermissionDenied && status.message().contains("list pods"), "{}", status.message());
}

#[tokio::test]
async fn a_pod_that_cannot_be_read_is_its_own_outcome_and_the_others_are_read() {
    let mut waiting = mk_named_pod("web-c", &["web"], WEB);
    waiting.spec.as_mut().unwrap().node_name.clear();
    let cluster = mk_cluster()
        .with(waiting, |kubelet| kubelet)
        .with(mk_named_pod("web-d", &["other"], WEB), |kubelet| kubelet.with_log("other", numbered(0..1)));
    cluster.pod("web-b").fault(Fault::Status(500, "dial tcp 10.0.0.7:10250: connect: connection refused"));
    let request = ReadLogsRequest { containers: vec!["web".into()], ..of_deployment() };
    let answer = read_all(&cluster, request).await.unwrap();
    let statuses: Vec<_> = answer.logs.iter().map(|log| (log.pod.as_str(), log.status(), log.lines)).collect();
    use ContainerLogStatus as Log;
    assert_eq!(
        statuses,
        [
            ("web-a", Log::Read, 5),
            ("web-b", Log::NodeUnreachable, 0),
            ("web-c", Log::NotScheduled, 0),
            ("web-d", Log::NoSuchContainer, 0)
        ]
    );
    let gaps: Vec<_> = answer.completeness.gaps.iter().map(|gap| (gap.name.as_str(), gap.reason())).collect();
    assert_eq!(gaps, [("web-b", GapReason::LogUnreadable), ("web-d", GapReason::LogUnreadable)]);
}

#[tokio::test]
async fn of_too_many_pods_the_newest_are_read_and_the_others_are_named() {
    let cluster = FakeCluster::default();
    for number in 0..103 {
        let mut pod = mk_named_pod(&format!("web-{number:03}"), &["web"], WEB);
        let created = prost_types::Timestamp { seconds: 1000 - number, nanos: 0 };
        pod.metadata.as_mut().unwrap().creation_timestamp = Some(created);
        cluster.add(pod, |kubelet| kubelet.with_log("web", numbered(number..number + 1)));
    }
    let request = ReadLogsRequest { page_size: 50, ..of_labels("app=web") };
    let answer = read_all(&cluster, request.clone()).await.unwrap();
    assert_eq!(answer.texts(), texts(0..100));
    let gaps: Vec<_> = answer.completeness.gaps.iter().map(|gap| (gap.name.as_str(), gap.reason())).collect();
    let limit = GapReason::Limit;
    assert_eq!(gaps, [("web-100", limit), ("web-101", limit), ("web-102", limit)]);

    // Whoever goes on does so with the same pods, even if newer ones have come.
    let page_token = answer.pages[0].next_page_token.clone();
    cluster.add(mk_named_pod("web-new", &["web"], WEB), |kubelet| kubelet.with_log("web", numbered(0..1)));
    cluster.delete("web-099");
    let rest = read_all(&cluster, ReadLogsRequest { page_token, ..request }).await.unwrap();
    assert_eq!(rest.texts(), texts(50..99));
    assert_eq!(rest.reasons(), [limit, GapReason::LogCutNewer], "and of the pod that is gone");
    assert!(rest.completeness.gaps[0].message.starts_with("3 more pods"), "{:?}", rest.completeness.gaps[0]);
}

#[tokio::test]
async fn a_pod_that_was_begun_is_read_to_its_end_even_where_it_is_not_selected_any_more() {
    let delete = |cluster: &FakeCluster| cluster.delete_object("/apis/apps/v1/namespaces/shop/deployments/web");
    let strip = |cluster: &FakeCluster| {
        cluster.pod("web-b").set_pod(Some(mk_named_pod("web-b", &["web"], &[])));
    };
    for change in [&delete as &dyn Fn(&FakeCluster), &strip] {
        let cluster = mk_cluster();
        let request = ReadLogsRequest { page_size: 2, ..of_deployment() };
        let answer = read_all(&cluster, request.clone()).await.unwrap();
        let page_token = answer.pages[0].next_page_token.clone();
        change(&cluster);
        let rest = read_all(&cluster, ReadLogsRequest { page_token: page_token.clone(), ..request.clone() });
        let rest = rest.await.unwrap();
        assert_eq!(rest.texts(), texts(2..10));
        assert!(rest.completeness.complete, "{:?}", rest.completeness);

        // Another pod has the name of the one that was begun.
        let mut other = mk_named_pod("web-b", &["web"], WEB);
        other.metadata.as_mut().unwrap().uid = "another".into();
        cluster.pod("web-b").set_pod(Some(other));
        let rest = read_all(&cluster, ReadLogsRequest { page_token, ..request }).await.unwrap();
        assert_eq!(rest.logs[1].status(), ContainerLogStatus::PodGone);
    }
}

#[tokio::test]
async fn behind_a_token_each_log_has_the_window_that_it_had_before() {
    let cluster = FakeCluster::default();
    for number in 0..70 {
        let mut pod = mk_named_pod(&format!("web-{number:02}"), &["web"], WEB);
        if number > 0 {
            statuses(&mut pod).clear();
        }
        cluster.add(pod, |kubelet| kubelet.with_log("web", numbered(0..10)));
    }
    let request = ReadLogsRequest { whole_log: false, page_size: 5, ..of_labels("app=web") };
    let answer = read_all(&cluster, request.clone()).await.unwrap();
    let page_token = answer.pages[0].next_page_token.clone();
    let rest = read_all(&cluster, ReadLogsRequest { page_token, ..request }).await.unwrap();
    assert_eq!((rest.texts(), rest.logs.len()), (texts(5..10), 70));
}

#[tokio::test(start_paused = true)]
async fn a_dead_node_does_not_hold_up_the_logs_of_others() {
    let cluster = mk_cluster();
    for number in 0..12 {
        let mut pod = mk_named_pod(&format!("web-dead-{number:02}"), &["web"], WEB);
        pod.spec.as_mut().unwrap().node_name = "dead".into();
        cluster.add(pod, |kubelet| kubelet.with_log("web", numbered(0..3))).fault_look(Fault::Silence);
    }
    let begin = tokio::time::Instant::now();
    let answer = read_all(&cluster, of_deployment()).await.unwrap();
    assert!(begin.elapsed() < std::time::Duration::from_secs(15), "{:?}", begin.elapsed());
    assert_eq!(answer.texts(), texts(0..10));
    let dead = answer.logs.iter().filter(|log| log.status() == ContainerLogStatus::NodeUnreachable);
    assert_eq!((dead.count(), answer.completeness.gaps.len()), (12, 12));
    let looks: usize = (0..12).map(|number| cluster.pod(&format!("web-dead-{number:02}")).looks()).sum();
    assert_eq!(looks, 4, "the others of the node are not asked");
}

#[tokio::test]
async fn many_pods_of_one_node_are_read_together_without_an_end_to_the_wait() {
    let cluster = FakeCluster::default();
    for number in 0..20_i64 {
        let mut pod = mk_named_pod(&format!("web-{number:02}"), &["web", "proxy"], WEB);
        pod.spec.as_mut().unwrap().node_name = format!("node-{}", number % 2);
        let lines = |from: i64| (0..50).map(move |line| record(from + 40 * line, format!("line {}", from + 40 * line)));
        let logs = |kubelet: crate::kubelet::FakeKubelet| {
            kubelet.with_log("web", lines(number)).with_log("proxy", lines(20 + number))
        };
        cluster.add(pod, logs);
    }
    let logs = serve_all(&cluster);
    let request = ReadLogsRequest { all_containers: true, ..of_labels("app=web") };
    let both = [call(&logs, request.clone(), AMPLE).unwrap(), call(&logs, request, AMPLE).unwrap()];
    for answer in futures::future::join_all(both.map(rest)).await.into_iter().map(Answer::of) {
        assert_eq!(answer.texts(), texts(0..2000));
    }
}

/// A log whose lines are some milliseconds apart.
fn mk_log() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec((0..50_i64, "[ab]{1,3}"), 0..25).prop_map(|lines| {
        let mut millis = 0;
        let at = |(step, text): (i64, String)| {
            millis += step;
            record(millis, text)
        };
        lines.into_iter().map(at).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_merged_logs_are_the_sorted_union_and_go_on_behind_every_page(
        logs in prop::collection::vec((mk_log(), mk_log()), 1..5),
        page_size in 1..9_i32,
        page in any::<prop::sample::Index>(),
        newest in prop::option::of(0..60_i64),
    ) {
        let cluster = FakeCluster::default();
        let mut expected = Vec::new();
        for (number, (web, proxy)) in logs.iter().enumerate() {
            let name = format!("web-{number}");
            for (container, log) in [("web", web), ("proxy", proxy)] {
                let mut room = newest.unwrap_or(i64::MAX);
                let fitting = log.iter().rev().take_while(|line| {
                    room -= i64::try_from(line.text.len()).unwrap() + 1;
                    room >= 0
                });
                let fitting = fitting.count();
                let line = |line: &Record| (proto(line.moment).seconds, proto(line.moment).nanos, name.clone(), container.to_owned());
                expected.extend(log[log.len() - fitting..].iter().map(line));
            }
            cluster.add(mk_named_pod(&name, &["web", "proxy"], WEB), |kubelet| {
                kubelet.with_log("web", web.clone()).with_log("proxy", proxy.clone())
            });
        }
        let request = ReadLogsRequest {
            page_size,
            all_containers: true,
            whole_log: newest.is_none(),
            newest_bytes: newest,
            ..of_labels("app=web")
        };
        let answer = block_on(read_all(&cluster, request.clone())).unwrap();
        let time = |line: &LogLine| line.timestamp.map(|time| (time.seconds, time.nanos)).unwrap();
        prop_assert!(answer.lines().iter().map(time).is_sorted());
        let keys = |lines: Vec<LogLine>| {
            let mut keys: Vec<_> = lines.into_iter().map(|line| {
                let (seconds, nanos) = time(&line);
                (seconds, nanos, line.pod, line.container)
            }).collect();
            keys.sort();
            keys
        };
        expected.sort();
        prop_assert_eq!(keys(answer.lines()), expected);

        let page = page.index(answer.pages.len());
        let page_token = answer.pages[page].next_page_token.clone();
        let moments_differ = logs.iter().all(|(web, proxy)| [web, proxy].iter().all(|log| {
            log.windows(2).all(|lines| lines[0].moment != lines[1].moment)
        }));
        // Where a window begins among lines of one moment, some may come twice.
        if !page_token.is_empty() && (newest.is_none() || moments_differ) {
            let rest = block_on(read_all(&cluster, ReadLogsRequest { page_token, ..request })).unwrap();
            prop_assert!(rest.lines().iter().map(time).is_sorted());
            let expected: Vec<_> = answer.pages[page + 1..].iter().flat_map(|page| page.lines.clone()).collect();
            // Which of two logs comes first at the same moment is left open.
            let by_log = |mut lines: Vec<LogLine>| {
                lines.sort_by_key(|line| (line.pod.clone(), line.container.clone()));
                lines
            };
            prop_assert_eq!(by_log(rest.lines()), by_log(expected));
        }
    }
}
