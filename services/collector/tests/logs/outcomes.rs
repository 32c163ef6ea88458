//! What becomes of a log that cannot be read, or not to its end.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::StreamExt as _;
use gumshoe_collector::{
    kinds::log::Logs,
    kubernetes::api::KubernetesApi,
    lists::{Reader, scope::Scope},
};
use gumshoe_proto::collector::v1::{
    ContainerLog, ContainerLogStatus, ContainerState, GapReason, ReadLogsRequest, ReadLogsResponse,
};
use tonic::Code;

use crate::{
    kubelet::{FakeKubelet, Fault, Record},
    support::*,
};

fn mk_kubelet() -> FakeKubelet {
    FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..20))
}

const UNREACHABLE: &str =
    "Get \"https://10.0.0.7:10250/containerLogs/shop/web-0/web\": dial tcp 10.0.0.7:10250: i/o timeout";

#[tokio::test]
async fn a_node_that_cannot_be_reached_is_an_outcome() {
    let kubelet = mk_kubelet();
    kubelet.fault(Fault::Status(500, UNREACHABLE));
    let answer = read(&kubelet, newest()).await.unwrap();
    assert_eq!(answer.status(), ContainerLogStatus::NodeUnreachable);
    assert_eq!(answer.gap().reason(), GapReason::LogUnreadable);
    assert!(!answer.log().message.contains("10.0.0.7"));
}

#[tokio::test]
async fn one_container_in_trouble_does_not_keep_the_others_from_being_read() {
    let mut pod = mk_pod(&["web", "proxy"]);
    statuses(&mut pod)[0].state = Some(ContainerState::default());
    let kubelet = FakeKubelet::new(pod).with_log("proxy", numbered(0..3));
    kubelet.fault_look(Fault::Status(400, "container \"web\" in pod \"web-0\" is waiting to start: ImagePullBackOff"));
    let answer = read(&kubelet, ReadLogsRequest { all_containers: true, ..newest() }).await.unwrap();
    let statuses: Vec<_> = answer.logs.iter().map(|log| (log.container.as_str(), log.status(), log.lines)).collect();
    let expected = [("web", ContainerLogStatus::NotStarted, 0), ("proxy", ContainerLogStatus::Read, 3)];
    assert_eq!(statuses, expected);
    assert!(answer.completeness.complete, "there is no log that could be missing");
    assert!(answer.logs[0].message.contains("ImagePullBackOff"));
}

#[tokio::test]
async fn a_pod_without_a_node_has_no_log_and_is_not_asked_for_one() {
    let mut pod = mk_pod(&["web"]);
    pod.spec.as_mut().unwrap().node_name.clear();
    let kubelet = FakeKubelet::new(pod);
    assert_eq!(read(&kubelet, newest()).await.unwrap().status(), ContainerLogStatus::NotScheduled);
    assert!(kubelet.requests().is_empty());

    let kubelet = mk_kubelet();
    kubelet.fault(Fault::NoContent);
    assert_eq!(read(&kubelet, whole()).await.unwrap().status(), ContainerLogStatus::NotScheduled);
}

#[tokio::test]
async fn the_kubelets_error_in_the_log_is_no_line_of_it() {
    const ERROR: &str = "unable to retrieve container logs for containerd://0a1b";
    const GLUED: &str =
        "2024-05-01T15:30:01.000000000+05:30 half a lineunable to retrieve container logs for containerd://0a1b";
    for (appended, lines) in [(ERROR, 20), (GLUED, 21)] {
        for request in [whole(), newest(), ReadLogsRequest { tail_lines: Some(30), ..newest() }] {
            let kubelet = mk_kubelet().with_pieces(vec![7]);
            kubelet.fault(Fault::Append(appended));
            let answer = read(&kubelet, request).await.unwrap();
            assert_eq!(answer.status(), ContainerLogStatus::RuntimeError);
            assert_eq!(answer.gap().reason(), GapReason::LogUnreadable);
            assert_eq!(answer.lines().len(), lines);
            assert!(answer.log().cut_newer);
            assert!(lines == 20 || answer.texts()[20] == "half a line");
        }
    }
    let alone = FakeKubelet::new(mk_pod(&["web"]));
    alone.fault(Fault::Append(ERROR));
    let answer = read(&alone, newest()).await.unwrap();
    assert_eq!((answer.status(), answer.lines().len()), (ContainerLogStatus::RuntimeError, 0));
}

#[tokio::test]
async fn a_container_that_writes_the_kubelets_words_is_believed_to_have_written_them() {
    let kubelet = mk_kubelet();
    kubelet.append("web", [record(30, "unable to retrieve container logs for containerd://0a1b")]);
    let answer = read(&kubelet, whole()).await.unwrap();
    assert_eq!((answer.status(), answer.lines().len()), (ContainerLogStatus::Read, 21));
}

#[tokio::test]
async fn an_earlier_run_is_read_or_said_not_to_be() {
    let previous = ReadLogsRequest { previous: true, ..newest() };
    let kubelet = mk_kubelet();
    let answer = read(&kubelet, previous.clone()).await.unwrap();
    assert_eq!(answer.status(), ContainerLogStatus::NoPrevious);
    assert!(answer.completeness.complete);

    let kubelet = kubelet.with_previous("web", [record(-5, "panic: out of luck")]);
    assert_eq!(read(&kubelet, previous).await.unwrap().texts(), ["panic: out of luck"]);
}

#[tokio::test]
async fn a_read_that_breaks_is_taken_up_by_its_token() {
    let whole = ReadLogsRequest { page_size: 4, ..whole() };
    let kubelet = mk_kubelet();
    kubelet.fault(Fault::CutAfter(500));
    let broken = read(&kubelet, whole.clone()).await.unwrap();
    assert_eq!(broken.status(), ContainerLogStatus::Interrupted);
    assert_eq!((broken.gap().reason(), broken.gap().resumable), (GapReason::ReadInterrupted, true));
    assert!(broken.log().cut_newer && !broken.texts().is_empty());

    let page_token = broken.completeness.resume_token.clone();
    let rest = read(&kubelet, ReadLogsRequest { page_token, ..whole }).await.unwrap();
    assert!(rest.completeness.complete);
    let expected: Vec<_> = (0..20).map(|line| format!("line {line}")).collect();
    assert_eq!([broken.texts(), rest.texts()].concat(), expected);
}

#[tokio::test]
async fn a_log_that_ends_neatly_where_it_does_not_end_is_taken_up_by_its_token() {
    let since = Some(proto(after(0)));
    let requests = [
        whole(),
        newest(),
        ReadLogsRequest { since_time: since, newest_bytes: None, ..newest() },
        ReadLogsRequest { tail_lines: Some(20), ..newest() },
        ReadLogsRequest { previous: true, ..whole() },
    ];
    // Nothing, whole lines, half a line, all but the last line feed.
    let stops = [0, 42, 400, 417, 20 * 43 - 11];
    let expected: Vec<_> = (0..20).map(|line| format!("line {line}")).collect();
    for request in requests {
        for stop in stops {
            let kubelet = mk_kubelet().with_previous("web", numbered(0..20));
            kubelet.fault(Fault::EndAfter(stop));
            let cut = read(&kubelet, request.clone()).await.unwrap();
            assert_eq!(cut.status(), ContainerLogStatus::Interrupted, "{stop}");
            assert_eq!((cut.gap().reason(), cut.gap().resumable), (GapReason::ReadInterrupted, true));
            assert!(cut.log().cut_newer);
            let page_token = cut.completeness.resume_token.clone();
            let rest = read(&kubelet, ReadLogsRequest { page_token, ..request.clone() }).await.unwrap();
            assert!(rest.completeness.complete, "{:?}", rest.completeness);
            assert_eq!([cut.texts(), rest.texts()].concat(), expected, "{stop}");
            assert_eq!(kubelet.looks(), 2);
        }
    }
}

#[tokio::test]
async fn a_log_whose_last_lines_are_of_one_moment_is_read_to_the_last_of_them() {
    let records: Vec<_> = (0..20).map(|line| record(0, format!("line {}", 10 + line))).collect();
    for stop in (0..20).map(|line| line * 44) {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", records.clone());
        kubelet.fault(Fault::EndAfter(stop));
        let cut = read(&kubelet, whole()).await.unwrap();
        assert_eq!((cut.gap().reason(), cut.texts().len()), (GapReason::ReadInterrupted, stop / 44));
    }
}

#[tokio::test]
async fn a_log_that_grows_or_is_rotated_while_it_is_read_is_whole() {
    let kubelet = mk_kubelet();
    kubelet.fault(Fault::Rotated(numbered(20..23)));
    let rotated = read(&kubelet, whole()).await.unwrap();
    assert_eq!((rotated.texts().len(), rotated.completeness.complete), (3, true));
    for tail in [3, 30] {
        let kubelet = mk_kubelet();
        kubelet.fault(Fault::Rotated(numbered(0..25)));
        let grown = read(&kubelet, ReadLogsRequest { tail_lines: Some(tail), ..newest() }).await.unwrap();
        assert!(grown.completeness.complete && grown.texts().ends_with(&["line 24".to_owned()]));
    }
}

#[tokio::test]
async fn a_last_line_that_is_not_finished_is_given_as_it_was_when_the_read_began() {
    let unfinished = |text: &str| [numbered(0..3), vec![Record { partial: true, ..record(3, text) }]].concat();
    for request in [whole(), newest(), ReadLogsRequest { tail_lines: Some(1), ..newest() }] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", unfinished("half"));
        let answer = read(&kubelet, request).await.unwrap();
        assert!(answer.completeness.complete);
        assert_eq!(answer.texts().last().unwrap(), "half");
    }
    // Where it has come since, nobody can tell whether a broken connection has cut it.
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", numbered(0..3));
    kubelet.fault(Fault::Rotated(unfinished("half")));
    let answer = read(&kubelet, whole()).await.unwrap();
    assert_eq!((answer.texts().len(), answer.completeness.complete), (3, true));
}

#[tokio::test]
async fn the_newest_line_is_found_where_it_is_of_many_records() {
    let long = |chunks| {
        let chunk = Record { partial: true, ..record(5, "x".repeat(16 << 10)) };
        [vec![chunk; chunks], vec![record(6, "y")]].concat()
    };
    for (chunks, looks) in [(1, 2), (7, 2), (30, 3)] {
        let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", [numbered(0..3), long(chunks)].concat());
        assert!(read(&kubelet, whole()).await.unwrap().completeness.complete);
        assert_eq!(kubelet.looks(), looks);
        kubelet.fault(Fault::EndAfter(3 * 42));
        assert!(!read(&kubelet, whole()).await.unwrap().completeness.complete);
    }
}

#[tokio::test]
async fn a_tail_that_begins_within_the_newest_line_is_whole() {
    let mut pod = mk_pod(&["web"]);
    statuses(&mut pod)[0].container_id = "cri-o://1".into();
    let line = [Record { partial: true, ..record(0, "a") }, Record { partial: true, ..record(0, "b") }, record(0, "c")];
    let kubelet = FakeKubelet::new(pod).with_log("web", line);
    for (tail, text) in [(2, "bc"), (3, "abc"), (4, "abc")] {
        let answer = read(&kubelet, ReadLogsRequest { tail_lines: Some(tail), ..newest() }).await.unwrap();
        assert!(answer.completeness.complete, "{tail}: {:?}", answer.completeness);
        assert_eq!(answer.texts(), [text]);
    }
}

#[tokio::test]
async fn where_the_end_cannot_be_asked_for_there_is_no_read() {
    let kubelet = mk_kubelet();
    kubelet.fault_look(Fault::Status(500, UNREACHABLE));
    assert_eq!(read(&kubelet, whole()).await.unwrap().status(), ContainerLogStatus::NodeUnreachable);
    kubelet.fault_look(Fault::CutAfter(10));
    let broken = read(&kubelet, whole()).await.unwrap();
    assert_eq!((broken.status(), broken.gap().resumable), (ContainerLogStatus::Interrupted, true));
    assert!(kubelet.requests().is_empty());
}

#[tokio::test]
async fn where_the_place_is_known_a_lost_node_is_a_gap_that_can_be_resumed() {
    let kubelet = mk_kubelet();
    kubelet.fault(Fault::CutAfter(500));
    let broken = read(&kubelet, whole()).await.unwrap();
    let page_token = broken.completeness.resume_token.clone();
    kubelet.fault_look(Fault::Status(500, UNREACHABLE));
    let lost = read(&kubelet, ReadLogsRequest { page_token, ..whole() }).await.unwrap();
    assert_eq!(lost.status(), ContainerLogStatus::NodeUnreachable);
    assert_eq!(
        (lost.gap().reason(), lost.gap().resumable, lost.log().cut_newer),
        (GapReason::LogUnreadable, true, true)
    );
    let page_token = lost.completeness.resume_token.clone();
    let rest = read(&kubelet, ReadLogsRequest { page_token, ..whole() }).await.unwrap();
    assert_eq!(broken.texts().len() + rest.texts().len(), 20);
}

#[tokio::test]
async fn newest_lines_that_could_not_be_found_are_sought_again_by_the_token() {
    let kubelet = mk_kubelet();
    kubelet.fault(Fault::CutAfter(500));
    let broken = read(&kubelet, newest()).await.unwrap();
    assert!(broken.gap().resumable && broken.texts().is_empty(), "what had come by then were the oldest lines");
    let page_token = broken.completeness.resume_token.clone();
    assert_eq!(read(&kubelet, ReadLogsRequest { page_token, ..newest() }).await.unwrap().texts().len(), 20);
}

#[tokio::test]
async fn at_the_deadline_what_has_come_is_given_and_the_rest_can_be_had() {
    let kubelet = mk_kubelet();
    kubelet.fault(Fault::StallAfter(500));
    let cut = read_until(&kubelet, whole(), Duration::from_millis(300)).await.unwrap();
    assert_eq!((cut.gap().reason(), cut.gap().resumable), (GapReason::Deadline, true));
    assert!(!cut.texts().is_empty());
    let page_token = cut.completeness.resume_token.clone();
    let rest = read(&kubelet, ReadLogsRequest { page_token, ..whole() }).await.unwrap();
    assert_eq!(cut.texts().len() + rest.texts().len(), 20);
}

#[tokio::test]
async fn a_caller_who_takes_no_pages_gets_them_afterwards_by_the_token() {
    let records: Vec<_> = (0..12_000).map(|line| record(line, "x".repeat(1000))).collect();
    let kubelet = FakeKubelet::new(mk_pod(&["web"])).with_log("web", records);
    let mut pages = call(&serve(&kubelet), whole(), Duration::from_millis(500)).unwrap();
    let first: ReadLogsResponse = pages.next().await.unwrap().unwrap();
    kubelet.closed(1).await;
    let pages: Vec<_> = pages.map(Result::unwrap).collect().await;
    let cut = Answer::of([vec![first], pages].concat());
    assert_eq!(cut.gap().reason(), GapReason::Deadline);
    let page_token = cut.completeness.resume_token.clone();
    let rest = read(&kubelet, ReadLogsRequest { page_token, ..whole() }).await.unwrap();
    assert_eq!(cut.log().lines + rest.log().lines, 12_000);
}

#[tokio::test]
async fn a_node_whose_logs_are_read_by_others_is_read_later_or_not_at_all() {
    let kubelet = mk_kubelet();
    let logs = serve(&kubelet);
    let mut others = Vec::new();
    for _ in 0..4 {
        kubelet.fault(Fault::StallAfter(0));
        others.push(call(&logs, whole(), AMPLE).unwrap());
    }
    kubelet.requested(4).await;
    let pages: Vec<_> = call(&logs, whole(), Duration::from_millis(300)).unwrap().map(Result::unwrap).collect().await;
    let refused = Answer::of(pages);
    assert_eq!((refused.gap().reason(), refused.gap().resumable), (GapReason::Overloaded, true));
    assert_eq!(kubelet.requests().len(), 4);

    others.pop();
    kubelet.closed(1).await;
    let page_token = refused.completeness.resume_token.clone();
    let request = ReadLogsRequest { page_token, ..whole() };
    let pages: Vec<_> = call(&logs, request, AMPLE).unwrap().map(Result::unwrap).collect().await;
    assert_eq!(Answer::of(pages).lines().len(), 20);
}

#[tokio::test]
async fn names_that_do_not_exist_are_not_found_or_named_among_others() {
    let named = |names: &[&str]| ReadLogsRequest {
        containers: names.iter().map(|name| (*name).to_owned()).collect(),
        ..newest()
    };
    let kubelet = mk_kubelet();
    let status = read(&kubelet, named(&["gone"])).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "Container shop/web-0/gone not found; the pod has web")
    );
    let answer = read(&kubelet, named(&["web", "gone"])).await.unwrap();
    assert_eq!(answer.logs[1].status(), ContainerLogStatus::NoSuchContainer);
    assert_eq!(answer.gap().container, "gone");

    kubelet.set_pod(None);
    assert_eq!(read(&kubelet, newest()).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_pod_that_went_away_between_two_pages_is_an_outcome() {
    let kubelet = mk_kubelet();
    let request = ReadLogsRequest { page_size: 5, ..whole() };
    let page_token = read(&kubelet, request.clone()).await.unwrap().pages[0].next_page_token.clone();
    let resumed = ReadLogsRequest { page_token, ..request };
    let mut other = mk_pod(&["web"]);
    other.metadata.as_mut().unwrap().uid = "2".into();
    for pod in [None, Some(other)] {
        kubelet.set_pod(pod);
        let answer = read(&kubelet, resumed.clone()).await.unwrap();
        assert_eq!(answer.status(), ContainerLogStatus::PodGone);
        assert_eq!((answer.gap().reason(), answer.gap().resumable), (GapReason::LogCutNewer, false));
    }
}

#[tokio::test]
async fn an_earlier_run_stays_the_same_one_from_page_to_page() {
    for (first, second, same) in [
        (mk_restarted_pod(1), mk_looping_pod(1), true),
        (mk_restarted_pod(1), mk_waiting_pod(1), false),
        (mk_waiting_pod(1), mk_restarted_pod(2), true),
        (mk_restarted_pod(1), mk_restarted_pod(2), false),
    ] {
        let kubelet = FakeKubelet::new(first).with_log("web", numbered(0..20)).with_previous("web", numbered(0..20));
        let request = ReadLogsRequest { page_size: 5, previous: true, ..whole() };
        let page_token = read(&kubelet, request.clone()).await.unwrap().pages[0].next_page_token.clone();
        kubelet.set_pod(Some(second));
        let resumed = read(&kubelet, ReadLogsRequest { page_token, ..request }).await.unwrap();
        let expected = if same { ContainerLogStatus::Read } else { ContainerLogStatus::NoPrevious };
        assert_eq!((resumed.status(), resumed.texts().is_empty()), (expected, !same));
        assert_eq!(resumed.completeness.complete, same);
    }
}

#[tokio::test]
async fn an_earlier_run_that_is_lost_between_two_pages_is_not_taken_for_a_later_one_by_the_page_behind() {
    let mk_pod_of = |restarts| {
        let mut pod = mk_pod(&["web", "proxy"]);
        statuses(&mut pod)[0] = statuses(&mut mk_restarted_pod(restarts))[0].clone();
        statuses(&mut pod)[1].restart_count = Some(1);
        pod
    };
    let kubelet = FakeKubelet::new(mk_pod_of(1)).with_previous("web", numbered(0..20));
    let kubelet = kubelet.with_previous("proxy", numbered(0..20));
    let request = ReadLogsRequest { page_size: 5, previous: true, all_containers: true, ..whole() };
    let mut page_token = read(&kubelet, request.clone()).await.unwrap().pages[1].next_page_token.clone();
    kubelet.set_pod(Some(mk_pod_of(2)));
    let kubelet = kubelet.with_previous("web", of_run(1, 0..20));
    for _ in 0..2 {
        let resumed = read(&kubelet, ReadLogsRequest { page_token, ..request.clone() }).await.unwrap();
        let statuses: Vec<_> = resumed.logs.iter().map(ContainerLog::status).collect();
        assert_eq!(statuses, [ContainerLogStatus::NoPrevious, ContainerLogStatus::Read]);
        assert!(resumed.lines().iter().all(|line| line.container == "proxy"), "{:?}", resumed.lines());
        assert_eq!((resumed.gap().reason(), resumed.gap().container.as_str()), (GapReason::LogCutNewer, "web"));
        page_token = resumed.pages[0].next_page_token.clone();
    }
}

#[tokio::test]
async fn a_container_that_was_restarted_between_two_pages_has_a_gap() {
    let kubelet = mk_kubelet();
    let request = ReadLogsRequest { page_size: 5, ..whole() };
    let page_token = read(&kubelet, request.clone()).await.unwrap().pages[0].next_page_token.clone();
    let mut pod = mk_pod(&["web"]);
    statuses(&mut pod)[0].restart_count = Some(1);
    kubelet.set_pod(Some(pod));
    let second = read(&kubelet, ReadLogsRequest { page_token, ..request.clone() }).await.unwrap();
    assert_eq!(second.gap().reason(), GapReason::LogCutNewer);
    let page_token = second.pages[0].next_page_token.clone();
    let third = read(&kubelet, ReadLogsRequest { page_token, ..request }).await.unwrap();
    assert_eq!(third.gap(), second.gap(), "whoever goes on from there hears of it too");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_before_anything_is_read() {
    let kubelet = mk_kubelet();
    let logs = serve(&kubelet);
    let code = |request| call(&logs, request, AMPLE).err().map(|status| status.code());
    for request in [
        ReadLogsRequest { namespace: "..".into(), ..newest() },
        ReadLogsRequest { pod: "a/b".into(), ..newest() },
        ReadLogsRequest { containers: vec!["%".into()], ..newest() },
        ReadLogsRequest { tail_lines: Some(-1), ..newest() },
        ReadLogsRequest { page_token: "x".into(), ..newest() },
    ] {
        assert_eq!(code(request), Some(Code::InvalidArgument));
    }
    let page_token =
        read(&kubelet, ReadLogsRequest { page_size: 5, ..whole() }).await.unwrap().pages[0].next_page_token.clone();
    assert_eq!(code(ReadLogsRequest { page_token, ..newest() }), Some(Code::InvalidArgument), "of other arguments");
}

#[tokio::test]
async fn a_missing_permission_is_an_error_of_the_call() {
    let kubelet = mk_kubelet();
    kubelet.fault(Fault::Status(
        403,
        "pods \"web-0\" is forbidden: User \"x\" cannot get resource \"pods/log\" in API group \"\"",
    ));
    assert_eq!(read(&kubelet, newest()).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_token_that_the_caller_has_changed_opens_no_other_logs() {
    let kubelet = FakeKubelet::new(mk_pod(&["web", "proxy"])).with_log("web", numbered(0..20));
    let request = ReadLogsRequest { page_size: 5, ..whole() };
    let token = read(&kubelet, request.clone()).await.unwrap().pages[0].next_page_token.clone();
    let json = String::from_utf8(URL_SAFE_NO_PAD.decode(&token).unwrap()).unwrap();
    let (head, rest) = json.split_once("\"c\":[").unwrap();
    let (progress, tail) = rest.split_once("]}]}").unwrap();
    let forge = |containers: String| URL_SAFE_NO_PAD.encode(format!("{head}\"c\":[{containers}]}}]}}{tail}"));
    let before = kubelet.requests().len();
    for containers in [
        vec![progress.to_owned(); 480].join(","),
        progress.replace("\"web\"", "\"absent\""),
        format!("{progress},{}", progress.replace("\"web\"", "\"proxy\"")),
        format!("{progress}]}},{{\"n\":\"web-1\",\"u\":\"2\",\"c\":[{progress}"),
    ] {
        let forged = ReadLogsRequest { page_token: forge(containers), ..request.clone() };
        assert_eq!(read(&kubelet, forged).await.unwrap_err().code(), Code::InvalidArgument);
    }
    assert_eq!(kubelet.requests().len(), before);
    let same = ReadLogsRequest { page_token: forge(progress.to_owned()), ..request };
    assert_eq!(read(&kubelet, same).await.unwrap().texts().len(), 15);
}

#[tokio::test]
async fn what_is_not_a_log_is_not_given_as_one() {
    for (content_type, encoding) in [("text/html", ""), ("text/plain", "gzip")] {
        let kubelet = mk_kubelet();
        kubelet.fault(Fault::Other(content_type, encoding));
        let answer = read(&kubelet, whole()).await.unwrap();
        assert_eq!((answer.status(), answer.texts().len()), (ContainerLogStatus::Interrupted, 0));
        assert!(answer.log().message.contains("proxy"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_never_answers_does_not_hold_a_call_until_its_deadline() {
    let service = tower::service_fn(|_: http::Request<kube::client::Body>| {
        std::future::pending::<Result<http::Response<String>, std::convert::Infallible>>()
    });
    let api = KubernetesApi::from_client(kube::Client::new(service, "default"));
    let logs = Logs::new(Reader::new(api, Scope::default()));
    let begin = tokio::time::Instant::now();
    let mut pages = call(&logs, whole(), Duration::from_secs(600)).unwrap();
    assert_eq!(pages.next().await.unwrap().unwrap_err().code(), Code::Unavailable);
    assert!(begin.elapsed() <= Duration::from_secs(61));
}
