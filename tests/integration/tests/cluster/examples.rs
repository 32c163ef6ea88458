//! The programs in docs/examples, as they are, with boto3 and the AWS command line: against the embedded queues and the recorded shop.
//! They are here since they need what tests/tools/setup.sh installs; the control plane they do not.

use std::env;
use std::process::{Output, Stdio};
use std::time::Duration;

use gumshoe_devstack::replay::{ContainerId, Resource, Shop};
use gumshoe_devstack::sqs::{Action, Calls, Fault, Sqs};
use gumshoe_devstack::stack::{COMMANDS, RESULTS, Stack};
use gumshoe_devstack::tools::{Tools, workspace};
use gumshoe_proto::bridge::v1::{End, EndStatus, Page, Part, QueryOutcome, Result as RunResult, page, result};
use gumshoe_proto::collector::v1::{LogLine, ReadLogsResponse};
use gumshoe_proto::envelope::{decode_command, encode_result};
use gumshoe_proto::json;
use gumshoe_proto::run::{PageDigest, RunDigest};
use jiff::Timestamp;
use serde_json::Value;
use tokio::process::{Child, Command};

const PROGRAMS: [&str; 2] = ["investigate.py", "investigate.sh"];
/// Each call of the AWS command line takes a second, and an End of a command that was not run is believed after five.
const PATIENCE: Duration = Duration::from_secs(100);

/// Starts a program as its head says.
fn start(sqs: &Sqs, program: &str, deadline_seconds: u32, queries: &[&str]) -> Child {
    let tools = Tools::find().unwrap();
    let installed = [tools.python_program("aws").unwrap(), tools.program("jq").unwrap()];
    let directories = installed.iter().map(|program| program.parent().unwrap().to_owned());
    let inherited = env::var_os("PATH").unwrap();
    let mut command = Command::new(workspace().join("docs/examples").join(program));
    command.args(queries).envs(sqs.environment());
    command.env("PATH", env::join_paths(directories.chain(env::split_paths(&inherited))).unwrap());
    // What botocore calls AWS_REGION. Of a region that is, version 1 of the command line takes the endpoint from a table of its own.
    command.env("AWS_DEFAULT_REGION", "test-1");
    command.env("COMMAND_QUEUE", sqs.queue_url(COMMANDS)).env("RESULT_QUEUE", sqs.queue_url(RESULTS));
    command.env("DEADLINE_SECONDS", deadline_seconds.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

/// Awaits its end: whether it found that nothing is missing, the pages that it printed, and the `End`.
async fn printed(program: Child) -> (bool, Vec<Value>, Value) {
    let output = tokio::time::timeout(PATIENCE, program.wait_with_output()).await;
    let Output { status, stdout, stderr } = output.expect("the program ends").unwrap();
    let mut lines: Vec<Value> =
        serde_json::Deserializer::from_slice(&stdout).into_iter().map(|line| line.unwrap()).collect();
    let end = lines.pop().unwrap_or_else(|| panic!("{status}: {}", String::from_utf8_lossy(&stderr)));
    (status.success(), lines, end)
}

fn items<'a>(pages: &'a [Value], query: &'a str, response: &'a str, items: &'a str) -> impl Iterator<Item = &'a Value> {
    let pages = pages.iter().filter(move |page| page["queryId"] == query);
    pages.flat_map(move |page| page[response][items].as_array().into_iter().flatten())
}

#[tokio::test]
async fn each_example_prints_a_whole_answer_of_which_everything_came_twice() {
    let shop = Shop::recorded().unwrap();
    let ContainerId { namespace, pod, container, .. } = Shop::recorded_crash().unwrap();
    let stack = Stack::of(shop.clone()).start().await.unwrap();
    let log = format!("logs {pod} -n {namespace} -c {container}");
    for program in PROGRAMS {
        let matching = Calls::of("SendMessageBatch").on_queue(RESULTS);
        let repeated = stack.sqs.faults().push(Fault { matching, times: 1, action: Action::SwallowAnswer });
        let (nothing_missing, pages, end) = printed(start(&stack.sqs, program, 60, &["get pods -A", &log])).await;
        repeated.times(1).await.unwrap();
        assert!(nothing_missing, "{program}: {end}");
        assert_eq!(end["status"], "END_STATUS_SUCCEEDED");
        assert_eq!(end["pages"], pages.len());
        assert!(pages.is_sorted_by_key(|page| (page["queryId"].as_str(), page["number"].as_u64())), "{pages:?}");
        assert_eq!(items(&pages, "q1", "listPods", "items").count(), shop.items(Resource::PODS).count());
        let mut lines = items(&pages, "q2", "readLogs", "lines").filter_map(|line| line["text"].as_str());
        assert!(lines.any(|line| line.starts_with("panic: ")), "{pages:?}");
    }
}

#[tokio::test]
async fn each_example_says_why_a_command_was_not_run() {
    let stack = Stack::of(Shop::default()).start().await.unwrap();
    for program in PROGRAMS {
        let (nothing_missing, pages, end) = printed(start(&stack.sqs, program, 0, &["get pods"])).await;
        assert!(!nothing_missing && pages.is_empty(), "{program}: {pages:?}");
        assert_eq!(end["status"], "END_STATUS_EXPIRED", "{program}: {end}");
        assert_eq!(end["error"]["reason"], "DEADLINE", "{program}: {end}");
    }
}

/// The messages of a run: a page, two with the parts of a response, and the `End`.
fn mk_run(command_id: &str, run: &str) -> [String; 4] {
    let result = |seq, kind| {
        let (command_id, run, investigation_id) = (command_id.to_owned(), run.to_owned(), "example".to_owned());
        encode_result(&RunResult { command_id, run, seq, investigation_id, kind: Some(kind) }, Timestamp::now())
    };
    let page = |seq, page: Page| result(seq, result::Kind::Page(Page { query_id: "q1".into(), number: seq, ..page }));
    let response = |text: &str| ReadLogsResponse {
        lines: vec![LogLine { text: format!("{run} {text}"), ..LogLine::default() }],
        ..ReadLogsResponse::default()
    };
    let in_one = Page { response: Some(page::Response::ReadLogs(response("1"))), ..Page::default() };
    // Cut within a character.
    let long = json::to_string(&response("2 é")).into_bytes();
    let (head, tail) = long.split_at(long.iter().position(|byte| !byte.is_ascii()).unwrap() + 1);
    let part = |number, data: &[u8]| Page {
        part: Some(Part { response: "readLogs".into(), number, of: 2, data: data.to_vec().into(), ..Part::default() }),
        ..Page::default()
    };
    let pages = [page(1, in_one), page(2, part(1, head)), page(3, part(2, tail))];
    let mut digest = RunDigest::default();
    pages.iter().for_each(|body| digest.add(&PageDigest::of(body)));
    let outcome = QueryOutcome { query_id: "q1".into(), pages: 3, ..QueryOutcome::default() };
    let end = End {
        status: EndStatus::Succeeded.into(),
        pages: digest.pages(),
        bytes: digest.bytes(),
        sha256: digest.sha256().to_vec().into(),
        queries: vec![outcome],
        ..End::default()
    };
    let [first, second, third] = pages;
    [first, second, third, result(4, result::Kind::End(end))]
}

/// An `End` of a command that was not run.
fn mk_refusal(command_id: &str) -> String {
    let sha256 = RunDigest::default().sha256().to_vec().into();
    let end = result::Kind::End(End { status: EndStatus::Failed.into(), sha256, ..End::default() });
    let (command_id, run, seq) = (command_id.to_owned(), "run-0".to_owned(), 1);
    let refusal = RunResult { command_id, run, seq, investigation_id: "example".into(), kind: Some(end) };
    encode_result(&refusal, Timestamp::now())
}

#[tokio::test]
async fn each_example_finds_the_whole_run_among_others() {
    for program in PROGRAMS {
        let sqs = Sqs::start(&[COMMANDS, RESULTS]).await.unwrap();
        let running = start(&sqs, program, 60, &["logs web-0"]);
        let sent =
            sqs.saw("a command", |call| (&*call.operation, &*call.queue) == ("SendMessage", COMMANDS)).await.unwrap();
        let id = decode_command(sent.input["MessageBody"].as_str().unwrap()).unwrap().id;
        let [lost, middle, _, lacking] = mk_run(&id, "run-1");
        let [first, second, third, not_its_end] = mk_run(&id, "run-2");
        let altered = first.replace("run-2 1", "run-2 2");
        let [one, two, three, end] = mk_run(&id, "run-3");
        let [.., of_others] = mk_run("another", "run-4");
        let mine = [
            mk_refusal(&id),
            lost,
            middle,
            lacking,
            altered,
            second,
            third,
            not_its_end,
            end,
            three,
            two.clone(),
            two,
            one,
        ];
        for body in ["no result".to_owned(), of_others].into_iter().chain(mine) {
            sqs.send(RESULTS, body).await.unwrap();
        }
        let (nothing_missing, pages, _) = printed(running).await;
        let lines: Vec<_> = items(&pages, "q1", "readLogs", "lines").filter_map(|line| line["text"].as_str()).collect();
        assert_eq!((nothing_missing, lines), (true, vec!["run-3 1", "run-3 2 é"]), "{program}");
        assert!(sqs.holds(RESULTS).await.unwrap() >= 2, "{program} takes what is of others");
    }
}
