//! Whole commands and their whole results, over the recorded shop.

use gumshoe_devstack::replay::{ContainerId, LogAnswer, RecordedRequest, Resource, Shop};
use gumshoe_devstack::stack::{COMMANDS, RESULTS, Stack};
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::{ContainerLogStatus, InvolvedObject, ListEventsRequest, ReadLogsRequest};

use crate::support::{answer, command, get_pod, list_events, list_pods, names, read_logs, send, texts};

#[tokio::test]
async fn a_command_of_many_queries_has_one_whole_result() {
    let shop = Shop::recorded().unwrap();
    let crashed = Shop::recorded_crash().unwrap();
    let stack = Stack::of(shop.clone()).start().await.unwrap();
    let ContainerId { namespace, pod, container, .. } = crashed.clone();
    let log = ReadLogsRequest {
        namespace: namespace.clone(),
        pod: pod.clone(),
        containers: vec![container],
        ..ReadLogsRequest::default()
    };
    let about = InvolvedObject { kind: "Pod".into(), name: pod.clone(), ..InvolvedObject::default() };
    let events = ListEventsRequest { involved_object: Some(about), ..ListEventsRequest::default() };
    let queries = vec![
        list_pods("pods", &[]),
        get_pod("pod", &namespace, &pod),
        list_events("all-events", ListEventsRequest::default()),
        list_events("events", events),
        read_logs("log", log.clone()),
        read_logs("previous", ReadLogsRequest { previous: true, ..log }),
    ];
    send(&stack, &command("cmd-1", queries)).await;
    let answer = answer(&stack, "cmd-1").await;

    assert_eq!(answer.status(), EndStatus::Succeeded);
    assert_eq!(answer.run.investigation_id(), "inv-1");
    assert!(answer.end().queries.iter().all(|outcome| outcome.completeness.as_ref().is_some_and(|it| it.complete)));
    assert_eq!(answer.pods("pods").len(), shop.items(Resource::PODS).count());
    assert_eq!(names(&answer.pods("pod")), [format!("{namespace}/{pod}")]);
    let status = answer.pods("pod")[0].columns.clone().unwrap_or_default().status;
    assert_eq!(status, "CrashLoopBackOff");
    assert_eq!(answer.events("all-events").len(), shop.items(Resource::EVENTS).count());
    assert!(answer.events("events").iter().any(|event| event.reason == "BackOff"));
    for query in ["all-events", "events"] {
        let last_seen = |event: &gumshoe_proto::collector::v1::Event| {
            let time = event.columns.as_ref().and_then(|columns| columns.last_seen).unwrap_or_default();
            (time.seconds, time.nanos)
        };
        assert!(answer.events(query).is_sorted_by_key(|event| std::cmp::Reverse(last_seen(event))), "{query}");
    }
    assert_eq!(texts(&answer.lines("log")), recorded_texts(&shop, &crashed));
    assert_eq!(texts(&answer.lines("previous")), recorded_texts(&shop, &crashed.previous()));
    assert!(texts(&answer.lines("log")).iter().any(|text| text.starts_with("panic: ")));

    stack.sqs.drained(COMMANDS).await.unwrap();
    stack.sqs.drained(RESULTS).await.unwrap();
    assert_eq!(answer.runs, 1);
    let requests = stack.replay.requests();
    requests.iter().for_each(check_request);
    assert!(requests.iter().any(|request| request.path.ends_with("/selfsubjectaccessreviews")));
    stack.stop().await.unwrap();
}

/// Every container of every recorded pod: what can be read is read to the byte, what cannot says why.
#[tokio::test]
async fn every_log_is_given_as_recorded_or_says_why_not() {
    let shop = Shop::recorded().unwrap();
    let stack = Stack::of(shop.clone()).start().await.unwrap();
    let logs: Vec<_> = shop.logs().iter().collect();
    for (part, logs) in logs.chunks(50).enumerate() {
        let queries = logs.iter().enumerate().map(|(at, (id, _))| {
            let request = ReadLogsRequest {
                namespace: id.namespace.clone(),
                pod: id.pod.clone(),
                containers: vec![id.container.clone()],
                previous: id.previous,
                ..ReadLogsRequest::default()
            };
            read_logs(&format!("q{at}"), request)
        });
        let command_id = format!("cmd-{part}");
        send(&stack, &command(&command_id, queries.collect())).await;
        let answer = answer(&stack, &command_id).await;
        for (at, (id, recorded)) in logs.iter().enumerate() {
            let query = format!("q{at}");
            let status =
                answer.logs(&query).first().unwrap_or_else(|| panic!("{id:?}: {:?}", answer.outcome(&query))).status();
            match recorded {
                LogAnswer::Lines(_) if status == ContainerLogStatus::NotScheduled => {}
                // Recorded as the kubelet gave it: 200, and an error instead of a log.
                LogAnswer::Lines(text) if text.starts_with(b"unable to retrieve container logs") => {
                    assert_eq!(status, ContainerLogStatus::RuntimeError, "{id:?}");
                }
                LogAnswer::Lines(_) => {
                    assert_eq!(status, ContainerLogStatus::Read, "{id:?}");
                    assert_eq!(texts(&answer.lines(&query)), recorded_texts(&shop, id), "{id:?}");
                }
                LogAnswer::Error { message, .. } => {
                    assert_ne!(status, ContainerLogStatus::Read, "{id:?}: {message}");
                    assert!(answer.lines(&query).is_empty(), "{id:?}");
                }
            }
        }
    }
}

/// The lines of a recorded log, without their time stamps; bytes that are not UTF-8 replaced.
fn recorded_texts(shop: &Shop, id: &ContainerId) -> Vec<String> {
    let Some(LogAnswer::Lines(log)) = shop.logs().get(id) else { panic!("no log of {id:?}") };
    let lines = log.split(|byte| *byte == b'\n');
    let texts = lines.filter(|line| !line.is_empty()).map(|line| {
        let text = line.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default();
        // A longer line is cut by the collector, and says so.
        String::from_utf8_lossy(&text[..text.len().min(64 * 1024)]).into_owned()
    });
    texts.collect()
}

/// What every request to the Kubernetes API has.
fn check_request(request: &RecordedRequest) {
    assert!(!request.path.contains("secrets"), "{}", request.path);
    assert!(request.header("user-agent").starts_with("gumshoe-collector/"), "{} {:?}", request.path, request.headers);
    if request.path.contains("/pods") || request.path.contains("/events") {
        assert!(!request.header("audit-id").is_empty(), "{}", request.path);
    }
    if request.path.ends_with("/pods") || request.path.ends_with("/events") {
        assert!(request.header("accept").starts_with("application/vnd.kubernetes.protobuf"), "{}", request.path);
        assert!(!request.query.get("timeout").is_empty(), "{}", request.path);
    }
}
