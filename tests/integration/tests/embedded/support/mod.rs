//! What the tests have in common: synthetic shops, and the way to a stack's queues and collector.

pub(crate) use gumshoe_integration::{
    Answer, Client, command, get_pod, kubectl, list_events, list_pods, names, read_logs, texts,
};

use gumshoe_devstack::replay::{Shop, synthetic};
use gumshoe_devstack::stack::{COMMANDS, RESULTS, Stack};
use gumshoe_integration::Results;
use gumshoe_proto::bridge::v1::{Command, End};
use gumshoe_proto::envelope::encode_command;

/// Puts a command into the queue.
pub(crate) async fn send(stack: &Stack, command: &Command) {
    stack.sqs.send(COMMANDS, encode_command(command, jiff::Timestamp::now())).await.unwrap();
}

/// Awaits the whole answer to a command.
pub(crate) async fn answer(stack: &Stack, command_id: &str) -> Answer {
    gumshoe_integration::answer(&results(stack, RESULTS), command_id).await
}

/// Awaits the next answer of any command, and says which one it is of: for commands that have no id of their own.
pub(crate) async fn raw_answer(stack: &Stack, queue: &str) -> (String, End) {
    gumshoe_integration::raw_answer(&results(stack, queue)).await
}

fn results(stack: &Stack, queue: &str) -> Results {
    Results { client: stack.sqs.client().clone(), url: stack.sqs.queue_url(queue) }
}

/// With the client's certificate.
pub(crate) fn client_of(stack: &Stack) -> Client {
    Client::new(stack.collector_address(), &stack.certificates)
}

/// A shop of so many pods in the namespace `shop`, each large enough that the list does not fit into one page.
pub(crate) fn mk_shop(pods: usize) -> Shop {
    (0..pods).fold(Shop::default(), |shop, number| shop.pod(&mk_pod("shop", number)).unwrap())
}

/// A pod with an annotation of 2 KiB.
pub(crate) fn mk_pod(namespace: &str, number: usize) -> k8s_pb::api::core::v1::Pod {
    let mut pod = synthetic::pod(namespace, &format!("web-{number:05}"));
    let metadata = pod.metadata.get_or_insert_default();
    metadata.annotations.insert("example.com/notes".to_owned(), "n".repeat(2048));
    pod
}

/// What `mk_shop` holds.
pub(crate) fn expected_names(pods: usize) -> Vec<String> {
    (0..pods).map(|number| format!("shop/web-{number:05}")).collect()
}
