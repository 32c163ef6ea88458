//! A whole command through an SQS server of others: MiniStack, the shipped bridge, the shipped collector, mTLS between them.

use gumshoe_devstack::ministack::MiniStack;
use gumshoe_devstack::processes::{BridgeOptions, Running};
use gumshoe_integration::{
    Answer, Results, answer, command, get_pod, joined, list_events, list_pods, names, read_logs,
};
use gumshoe_proto::bridge::v1::{Command, EndStatus};
use gumshoe_proto::collector::v1::{InvolvedObject, ListEventsRequest, ReadLogsRequest};
use gumshoe_proto::envelope::encode_command;
use gumshoe_proto::run::Verdict;
use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Bench, Collector, kubectl, kubectl_logs, on_the_bench, pod_of, settled};

const COMMANDS: &str = "commands";
const RESULTS: &str = "results";

/// Both processes, and the queues between them and the test. All of it ends when this is dropped.
pub(crate) struct Queues {
    pub(crate) collector: Collector,
    pub(crate) bridge: Running,
    ministack: MiniStack,
}

impl Queues {
    /// With a directory of that name.
    pub(crate) async fn start(bench: &Bench, name: &str) -> Self {
        let directory = bench.directory(name);
        let ministack = MiniStack::start(bench.cluster.tools(), &directory, &[COMMANDS, RESULTS]).await.unwrap();
        let collector = bench.collector().await;
        let mut environment = ministack.environment();
        // A bridge that is told to end lets its last receive call come back first.
        environment.push(("GUMSHOE_RECEIVE_WAIT".to_owned(), "1".to_owned()));
        let options = BridgeOptions {
            command_queue: ministack.queue_url(COMMANDS),
            result_queues: vec![("engine".to_owned(), ministack.queue_url(RESULTS))],
            collectors: vec![("test".to_owned(), format!("https://{}", collector.address))],
            certificates: bench.certificates.clone(),
            environment,
            arguments: Vec::new(),
        };
        let mut bridge = options.start(&bench.binaries).unwrap();
        bridge.ready().await.unwrap();
        Self { collector, bridge, ministack }
    }

    /// Sends a command and awaits its whole answer.
    pub(crate) async fn answer(&self, command: &Command) -> Answer {
        let url = self.ministack.queue_url(COMMANDS);
        let body = encode_command(command, Timestamp::now());
        self.ministack.client().send_message().queue_url(url).message_body(body).send().await.unwrap();
        let results = Results { client: self.ministack.client().clone(), url: self.ministack.queue_url(RESULTS) };
        answer(&results, &command.id).await
    }

    /// Awaits the moment when a queue holds nothing, neither visible nor in flight.
    async fn empty(&self, queue: &str) {
        let url = self.ministack.queue_url(queue);
        let call = || self.ministack.client().get_queue_attributes().queue_url(&url);
        gumshoe_devstack::eventually(&format!("the queue {queue} is empty"), async || {
            let all = call().attribute_names(aws_sdk_sqs::types::QueueAttributeName::All).send().await.unwrap();
            let attributes = all.attributes.unwrap();
            let held = |name: &str| {
                let name = aws_sdk_sqs::types::QueueAttributeName::from(name);
                attributes.get(&name).map(String::as_str)
            };
            let none = held("ApproximateNumberOfMessages") == Some("0")
                && held("ApproximateNumberOfMessagesNotVisible") == Some("0");
            none.then_some(())
        })
        .await
        .unwrap();
    }
}

fn log_of(pod: &str, container: &str) -> ReadLogsRequest {
    ReadLogsRequest {
        namespace: "shop".to_owned(),
        pod: pod.to_owned(),
        containers: vec![container.to_owned()],
        ..ReadLogsRequest::default()
    }
}

#[test]
fn a_command_brings_pods_events_and_logs_and_is_deleted() {
    on_the_bench(async |bench| {
        let queues = Queues::start(bench, "command").await;
        let (api, worker) = (pod_of(bench, "api").await, pod_of(bench, "worker").await);
        let about = InvolvedObject { kind: "Pod".into(), name: api.clone(), ..InvolvedObject::default() };
        let namespaces = vec!["shop".to_owned()];
        let events = ListEventsRequest { namespaces, involved_object: Some(about), ..ListEventsRequest::default() };
        let queries = || {
            vec![
                list_pods("pods", &[]),
                get_pod("pod", "shop", &api),
                list_events("events", events.clone()),
                read_logs("previous", ReadLogsRequest { previous: true, ..log_of(&api, "api") }),
                read_logs("metrics", log_of(&worker, "metrics")),
                read_logs(
                    "long",
                    ReadLogsRequest {
                        whole_log: true,
                        namespace: bench.long_log.namespace.to_owned(),
                        ..log_of(bench.long_log.pod, bench.long_log.container)
                    },
                ),
            ]
        };
        let mut number = 0;
        let oracle = async || {
            let pods = kubectl(bench, &["get", "pods", "-A", "--no-headers"]).await;
            let events = kubectl(
                bench,
                &[
                    "get",
                    "events",
                    "-n",
                    "shop",
                    "-o",
                    "name",
                    "--field-selector",
                    &format!("involvedObject.name={api}"),
                ],
            )
            .await;
            let name = |row: &str| row.split_whitespace().take(2).collect::<Vec<_>>().join("/");
            (pods.lines().map(name).collect::<Vec<_>>(), events.lines().count())
        };
        let ours = async || {
            number += 1;
            queues.answer(&command(&format!("cmd-{number}"), queries())).await
        };
        let ((pods, events), answer, _) = settled(oracle, ours, |before, after| before == after).await;

        assert_eq!((answer.status(), answer.runs), (EndStatus::Succeeded, 1), "{:?}", answer.end());
        assert_eq!(answer.run.verdict(), Verdict::Complete);
        assert_eq!(answer.run.investigation_id(), "inv-1");
        assert_eq!(answer.run.accepted().unwrap().query_ids.len(), 6);
        assert_eq!(names(&answer.pods("pods")), pods);
        assert_eq!(names(&answer.pods("pod")), [format!("shop/{api}")]);
        assert_eq!(answer.events("events").len(), events);
        let previous = kubectl_logs(bench, &["-n", "shop", &api, "--previous"]).await.unwrap();
        assert_eq!(joined(&answer.lines("previous")), previous);
        assert!(String::from_utf8(previous).unwrap().contains("PAYMENT_GATEWAY_URL"));
        let metrics = kubectl_logs(bench, &["-n", "shop", &worker, "-c", "metrics"]).await.unwrap();
        assert_eq!(joined(&answer.lines("metrics")), metrics);
        // 3 MB: many messages.
        let long = kubectl_logs(bench, &["-n", bench.long_log.namespace, bench.long_log.pod]).await.unwrap();
        assert!(joined(&answer.lines("long")) == long);
        assert!(answer.end().pages > 12, "{:?}", answer.end());

        queues.empty(COMMANDS).await;
        queues.empty(RESULTS).await;
    });
}

/// Bytes that are not UTF-8, NUL, U+FFFF and escapes, which SQS refuses in a message.
#[test]
fn no_character_of_a_log_is_lost_in_the_queue() {
    on_the_bench(async |bench| {
        let queues = Queues::start(bench, "characters").await;
        let (worker, cart) = (pod_of(bench, "worker").await, pod_of(bench, "cart").await);
        let orders = ReadLogsRequest { tail_lines: Some(10), ..log_of(&worker, "orders") };
        let queries = vec![read_logs("orders", orders), read_logs("cart", log_of(&cart, "cart"))];
        let answer = queues.answer(&command("cmd", queries)).await;
        assert_eq!(answer.status(), EndStatus::Succeeded, "{:?}", answer.end());
        let orders = kubectl_logs(bench, &["-n", "shop", &worker, "-c", "orders", "--tail=10"]).await.unwrap();
        for awkward in [&b"Ren\xe9"[..], b"\x00", "\u{ffff}".as_bytes(), b"\x1b", b"\r"] {
            assert!(orders.windows(awkward.len()).any(|window| window == awkward), "{awkward:?}");
        }
        assert_eq!(joined(&answer.lines("orders")), orders);
        let cart = kubectl_logs(bench, &["-n", "shop", &cart]).await.unwrap();
        assert_eq!(joined(&answer.lines("cart")), cart);
    });
}

#[test]
fn gumshoe_run_sends_a_command_and_prints_its_result() {
    on_the_bench(async |bench| {
        let queues = Queues::start(bench, "run").await;
        let urls = [("COMMAND", COMMANDS), ("REPLY", RESULTS)]
            .map(|(kind, queue)| (format!("GUMSHOE_{kind}_QUEUE"), queues.ministack.queue_url(queue)));
        let cli = queues
            .collector
            .cli
            .clone()
            .with_environment(urls.to_vec())
            .with_environment(queues.ministack.environment());
        let api = pod_of(bench, "api").await;
        let previous = format!("logs {api} -n shop --previous");
        let queries = [
            "--query",
            "get pods -n shop",
            "--query",
            &format!("get events -n shop --for pod/{api}"),
            "--query",
            &previous,
        ];
        let output = cli.run(&[&["run"], &queries[..]].concat()).await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", output.stderr);
        for words in ["CrashLoopBackOff", "BackOff", "PAYMENT_GATEWAY_URL"] {
            assert!(output.stdout.contains(words), "{words}: {}", output.stdout);
        }
        let output = cli.run(&["run", "--query", &previous, "-o", "json"]).await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", output.stderr);
        let results: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(results.last().unwrap()["end"]["status"], "END_STATUS_SUCCEEDED", "{results:?}");
        let lines = results.iter().filter_map(|result| result["page"]["readLogs"]["lines"].as_array()).flatten();
        let text: String = lines.map(|line| format!("{}\n", line["text"].as_str().unwrap_or_default())).collect();
        let theirs = kubectl_logs(bench, &["-n", "shop", &api, "--previous"]).await.unwrap();
        assert_eq!(text.as_bytes(), theirs);
        queues.empty(COMMANDS).await;
        queues.empty(RESULTS).await;
    });
}
