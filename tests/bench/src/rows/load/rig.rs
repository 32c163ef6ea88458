//! What is under load, and what is around it.

use gumshoe_devstack::processes::Running;
use gumshoe_devstack::replay::{ContainerId, Shop, synthetic};
use gumshoe_devstack::stack::Stack;
use gumshoe_proto::collector::v1::{GetPodRequest, ReadLogsRequest};

use super::answers::Answers;
use crate::client::Client;
use crate::processor::on_one_core;

const NAMESPACE: &str = "shop";
const POD: &str = "chatty";
/// Of the log: 100 MB.
const LINES: usize = 1_000_000;
const LINE_BYTES: usize = 100;

/// A bridge on one core, with everything around it.
pub(super) struct Rig {
    pub(super) stack: Stack,
    pub(super) bridge: Running,
    pub(super) client: Client,
    pub(super) answers: Answers,
}

impl Rig {
    pub(super) async fn start(stack: Stack) -> anyhow::Result<Self> {
        let client = Client::new(&stack.certificates, stack.collector_address())?;
        let answers = Answers::of(&stack.sqs);
        let bridge = start_bridge(&stack).await?;
        Ok(Self { stack, bridge, client, answers })
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.bridge.stop().await?;
        self.stack.stop().await
    }
}

/// Everything but the bridge.
pub(super) async fn start_stack() -> anyhow::Result<Stack> {
    let stack = Stack::of(shop()?).start_without_bridge().await?;
    // There will be many, of large bodies.
    stack.sqs.forget_calls();
    Ok(stack)
}

/// A bridge that is ready and has one core.
pub(super) async fn start_bridge(stack: &Stack) -> anyhow::Result<Running> {
    let mut bridge = on_one_core(|| stack.bridge_options.start(&stack.binaries))??;
    bridge.ready().await?;
    Ok(bridge)
}

/// A small request.
pub(super) fn a_pod() -> GetPodRequest {
    GetPodRequest { namespace: NAMESPACE.to_owned(), name: POD.to_owned(), ..GetPodRequest::default() }
}

/// A large one.
pub(super) fn the_log() -> ReadLogsRequest {
    let (namespace, pod) = (NAMESPACE.to_owned(), POD.to_owned());
    ReadLogsRequest { namespace, pod, whole_log: true, ..ReadLogsRequest::default() }
}

fn shop() -> anyhow::Result<Shop> {
    let log = synthetic::log_lines((0..LINES).map(line));
    Ok(Shop::default().pod(&synthetic::pod(NAMESPACE, POD))?.log(ContainerId::new(NAMESPACE, POD, "app"), log))
}

/// 99 bytes as services write them, and a line feed.
fn line(number: usize) -> String {
    let text =
        format!("level=info msg=\"request served\" id={number:08} path=/api/v1/orders status=200 duration=12ms ");
    format!("{text:x<width$}", width = LINE_BYTES - 1)
}
