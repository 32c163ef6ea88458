//! Queries in kubectl's words, through the shipped bridge: they read what the same request reads, and `Accepted` says which that is.

use gumshoe_devstack::replay::Shop;
use gumshoe_devstack::stack::Stack;
use gumshoe_proto::bridge::v1::{EndStatus, Query};
use gumshoe_proto::collector::v1::{ListEventsRequest, ReadLogsRequest};

use crate::support::{answer, command, get_pod, kubectl, list_events, list_pods, names, read_logs, send, texts};

/// Queries of one command: some in words, beside each the request that they mean.
fn mk_pairs() -> Vec<(Query, Query)> {
    let crashed = Shop::recorded_crash().unwrap();
    let (namespace, pod, container) = (&crashed.namespace, &crashed.pod, &crashed.container);
    let log = ReadLogsRequest {
        namespace: namespace.clone(),
        pod: pod.clone(),
        containers: vec![container.clone()],
        previous: true,
        tail_lines: Some(2),
        ..ReadLogsRequest::default()
    };
    let warnings = ListEventsRequest { types: vec!["Warning".into()], ..ListEventsRequest::default() };
    vec![
        (kubectl("pods", &format!("kubectl get po -n {namespace} -o wide")), list_pods("pods", &[namespace])),
        (kubectl("pod", &format!("get pod/{pod} -n{namespace}")), get_pod("pod", namespace, pod)),
        (kubectl("events", "events -A --types=Warning"), list_events("events", warnings)),
        (kubectl("log", &format!("logs {pod} -n {namespace} -c {container} -p --tail 2")), read_logs("log", log)),
    ]
}

#[tokio::test]
async fn words_read_what_the_request_reads_that_they_mean() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    let (words, typed): (Vec<_>, Vec<_>) = mk_pairs().into_iter().unzip();
    let bad = [kubectl("bad", "exec web-0 -- sh")];
    send(&stack, &command("words", bad.into_iter().chain(words).collect())).await;
    let said = answer(&stack, "words").await;
    send(&stack, &command("typed", typed.clone())).await;
    let asked = answer(&stack, "typed").await;

    let accepted = said.run.accepted().unwrap();
    assert_eq!(accepted.query_ids, ["bad", "pods", "pod", "events", "log"]);
    assert_eq!(accepted.queries, typed);
    assert!(asked.run.accepted().unwrap().queries.is_empty(), "what is typed is not told again");

    let error = said.outcome("bad").error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.reason.as_str()), ("INVALID_ARGUMENT", "KUBECTL_NOT_SUPPORTED"));
    assert!(error.message.contains("logs NAME"), "{error:?}");
    assert_eq!((said.status(), asked.status()), (EndStatus::Incomplete, EndStatus::Succeeded));
    for query in ["pods", "pod"] {
        assert!(!said.pods(query).is_empty());
        assert_eq!(names(&said.pods(query)), names(&asked.pods(query)), "{query}");
    }
    assert_eq!(said.events("events"), asked.events("events"));
    assert_eq!(texts(&said.lines("log")).len(), 2);
    assert_eq!(texts(&said.lines("log")), texts(&asked.lines("log")));
}

#[tokio::test]
async fn nonsense_fails_its_own_query_and_reads_nothing() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    let nonsense = [
        ("empty", "", "KUBECTL_SYNTAX"),
        ("quote", "get pods -l 'app", "KUBECTL_SYNTAX"),
        ("control", "\u{0}\u{1b}[2J get pods", "KUBECTL_NOT_SUPPORTED"),
        ("prose", "please show me the pods of the shop", "KUBECTL_NOT_SUPPORTED"),
        ("values", "get secret web -o yaml", "KUBECTL_NOT_SUPPORTED"),
        ("path", "get --raw /api/v1/pods", "KUBECTL_NOT_SUPPORTED"),
    ];
    send(&stack, &command("cmd", nonsense.iter().map(|(id, words, _)| kubectl(id, words)).collect())).await;
    let answer = answer(&stack, "cmd").await;
    for (id, words, reason) in nonsense {
        let error = answer.outcome(id).error.clone().unwrap();
        assert_eq!((error.code.as_str(), error.reason.as_str()), ("INVALID_ARGUMENT", reason), "{words}: {error:?}");
    }
    assert!(answer.run.accepted().unwrap().queries.is_empty());
    assert!(stack.replay.requests().iter().all(|request| !request.path.contains("/pods")));
}

/// A file is sent as it is, and its sections say what its words mean.
#[tokio::test]
async fn the_command_line_prints_what_was_asked_for_in_words() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let command = r#"{"queries": [{"id": "a", "kubectl": "kubectl get po -A"}, {"id": "b", "kubectl": "top pods"}]}"#;
    std::fs::write(file.path(), command).unwrap();
    let output = stack.cli().run(&["run", "-f", file.path().to_str().unwrap()]).await.unwrap();
    assert!(output.stdout.contains("== a: get pods -A\n"), "{}", output.stdout);
    assert!(
        output.stdout.contains("== b: top pods\nerror: INVALID_ARGUMENT (KUBECTL_NOT_SUPPORTED)"),
        "{}",
        output.stdout
    );
    let crashed = Shop::recorded_crash().unwrap();
    let names_it = |line: &str| line.contains(&crashed.namespace) && line.contains(&crashed.pod);
    assert!(output.stdout.lines().any(names_it), "{}", output.stdout);
}
