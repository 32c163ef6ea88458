//! The IAM policies of deploy/terraform allow the calls that the programs were seen to make, and no others; docs/sqs.md says the same.
//!
//! Not whether AWS takes the files: that needs Terraform, and its AWS provider.

use std::collections::BTreeSet;

use gumshoe_devstack::replay::Shop;
use gumshoe_devstack::sqs::{Action, Call, Calls, Fault};
use gumshoe_devstack::stack::{COMMANDS, RESULTS, Stack};
use gumshoe_devstack::tools::workspace;
use gumshoe_proto::bridge::v1::EndStatus;
use serde_json::{Value, json};

use crate::support::{answer, command, list_pods, mk_shop, send};

/// The queue, and the action on it.
type Right = (&'static str, String);

/// Signs the calls of the program that is watched.
const WATCHED: &str = "AKIDWATCHED";

#[tokio::test]
async fn the_bridge_may_do_what_it_does() {
    let mut stack = Stack::of(mk_shop(1)).start_without_bridge().await.unwrap();
    stack.bridge_options.environment.push(("AWS_ACCESS_KEY_ID".to_owned(), WATCHED.to_owned()));
    stack.bridge_options.arguments.extend(["--visibility-timeout", "45s"].map(str::to_owned));
    stack.start_bridge().await.unwrap();
    let hides = |call: &Call, extends: bool| {
        call.operation == "ChangeMessageVisibilityBatch"
            && (call.input["Entries"][0]["VisibilityTimeout"] == 45) == extends
    };
    // The command waits for the collector until its lease is extended, then its run comes to nothing, and it is given back.
    stack.kill_collector().await.unwrap();
    send(&stack, &command("cmd", vec![list_pods("pods", &[])])).await;
    stack.sqs.saw("the lease is extended", |call| hides(call, true)).await.unwrap();
    let refused = Action::FailEntries { first: 10, sender_fault: true, code: "InvalidMessageContents" };
    stack.sqs.faults().push(Fault { matching: Calls::of("SendMessageBatch"), times: 1, action: refused });
    stack.start_collector().await.unwrap();
    stack.sqs.saw("the command is given back", |call| hides(call, false)).await.unwrap();
    assert_eq!(answer(&stack, "cmd").await.status(), EndStatus::Succeeded);
    stack.sqs.drained(COMMANDS).await.unwrap();

    let seen = seen(&stack);
    assert_eq!(allowed(&["bridge"]), seen, "deploy/terraform/roles.tf on the left");
    assert_eq!(documented(&["bridge"]), seen, "docs/sqs.md on the left");
}

#[tokio::test]
async fn a_producer_and_a_consumer_may_do_what_gumshoe_run_does() {
    let stack = Stack::of(Shop::recorded().unwrap()).start().await.unwrap();
    // It gives back what is of others.
    stack.sqs.send(RESULTS, "somebody else's").await.unwrap();
    let cli = stack.cli().with_environment(vec![("AWS_ACCESS_KEY_ID".to_owned(), WATCHED.to_owned())]);
    let output = cli.run(&["run", "--query", "get pods -n payments"]).await.unwrap();
    assert!(output.status.success(), "{}", output.stderr);

    let (who, seen) = (["producer", "consumer"], seen(&stack));
    assert_eq!(allowed(&who), seen, "deploy/terraform/roles.tf on the left");
    assert_eq!(documented(&who), seen, "docs/sqs.md on the left");
}

#[test]
fn a_role_may_use_the_key_of_the_queues_as_documented() {
    for who in ["bridge", "producer", "consumer"] {
        let policy = policy(who);
        let statement = &policy["dynamic"]["statement"];
        assert_eq!(statement["for_each"], "${var.kms_key_arn == null ? [] : [var.kms_key_arn]}", "{who}");
        let allowed: BTreeSet<_> = strings(&statement["content"]["actions"]).collect();
        let rows = documented_rows();
        let documented: BTreeSet<_> =
            rows.iter().filter(|row| row[0] == who).flat_map(|row| actions(&row[3])).collect();
        assert_eq!(allowed, documented, "{who}");
    }
}

#[test]
fn every_queue_refuses_calls_without_tls() {
    let module = module();
    let queues = module["locals"]["queues"].to_string();
    for name in module["resource"]["aws_sqs_queue"].as_object().unwrap().keys() {
        assert!(references(&queues).any(|queue| queue == format!("aws_sqs_queue.{name}")), "{name}");
    }
    assert_eq!(module["resource"]["aws_sqs_queue_policy"]["tls_only"]["for_each"], "${local.queues}");
    let statement = &policy("tls_only")["statement"];
    let denied = json!({"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]});
    let everybody = json!({"type": "*", "identifiers": ["*"]});
    assert_eq!((&statement["effect"], &statement["actions"]), (&json!("Deny"), &json!(["sqs:*"])));
    assert_eq!((&statement["condition"], &statement["principals"]), (&denied, &everybody));
}

/// Terraform would say so; nothing else here does.
#[test]
fn everything_that_the_files_refer_to_is_declared() {
    let module = module();
    let declares = |path: &[&str]| path.iter().try_fold(&module, |at, name| at.get(*name)).is_some();
    for (file, text) in files() {
        for reference in references(&text) {
            let declared = match reference.split('.').collect::<Vec<_>>()[..] {
                ["var", name, ..] => declares(&["variable", name]),
                ["local", name, ..] => declares(&["locals", name]),
                ["data", kind, name, ..] => declares(&["data", kind, name]),
                [kind, name, ..] if kind.starts_with("aws_") => declares(&["resource", kind, name]),
                _ => true,
            };
            assert!(declared, "{file} refers to {reference}");
        }
    }
}

/// The rights that the watched calls needed: an action is named as the call, one of a batch as that of a single message.
fn seen(stack: &Stack) -> BTreeSet<Right> {
    let calls = stack.sqs.calls().into_iter().filter(|call| call.access_key_id == WATCHED);
    calls
        .map(|call| {
            let queue = match call.queue.as_str() {
                COMMANDS => "commands",
                RESULTS => "results",
                other => panic!("a call about {other:?}: {call:?}"),
            };
            (queue, format!("sqs:{}", call.operation.trim_end_matches("Batch")))
        })
        .collect()
}

/// The rights by the policies in the module.
fn allowed(who: &[&str]) -> BTreeSet<Right> {
    let statements = who.iter().flat_map(|who| match policy(who)["statement"].clone() {
        Value::Array(several) => several,
        one => vec![one],
    });
    let rights = statements.flat_map(|statement| {
        let resources = statement["resources"].to_string();
        let about = |queue: &&str| resources.contains(&format!("aws_sqs_queue.{queue}"));
        let queues: Vec<_> = ["commands", "results"].into_iter().filter(about).collect();
        assert_eq!(queues.len(), 1, "a statement is about one kind of queue: {statement}");
        strings(&statement["actions"]).map(move |action| (queues[0], action)).collect::<Vec<_>>()
    });
    rights.collect()
}

/// The rights by the table in docs/sqs.md.
fn documented(who: &[&str]) -> BTreeSet<Right> {
    let rows = documented_rows().into_iter().filter(|row| who.contains(&row[0].as_str()));
    let rights = rows.flat_map(|row| {
        let queue = if row[1].starts_with("command") { "commands" } else { "results" };
        actions(&row[2]).into_iter().map(move |action| (queue, action))
    });
    rights.collect()
}

/// Who, the queue, the actions on it, the actions on its key.
fn documented_rows() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(workspace().join("docs/sqs.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| Who |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn actions(cell: &str) -> Vec<String> {
    cell.split(", ").map(|action| action.trim_matches('`').to_owned()).collect()
}

fn strings(list: &Value) -> impl Iterator<Item = String> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned())
}

/// What may be a reference: `var.name`, `aws_sqs_queue.commands.arn`.
fn references(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
}

fn policy(who: &str) -> Value {
    module()["data"]["aws_iam_policy_document"][who].clone()
}

/// All files of the module as one, as Terraform reads them.
fn module() -> Value {
    files().into_iter().fold(Value::Null, |module, (file, text)| {
        merged(module, hcl::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}")))
    })
}

fn merged(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Null, other) => other,
        (Value::Object(mut one), Value::Object(other)) => {
            for (name, value) in other {
                let before = one.remove(&name).unwrap_or_default();
                one.insert(name, merged(before, value));
            }
            one.into()
        }
        (one, other) => panic!("declared twice: {one} and {other}"),
    }
}

fn files() -> Vec<(String, String)> {
    let directory = std::fs::read_dir(workspace().join("deploy/terraform")).unwrap();
    let files = directory.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|it| it == "tf"));
    files.map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}
