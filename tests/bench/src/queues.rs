//! The embedded SQS server with a bridge before it.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, ensure};
use gumshoe_devstack::processes::BridgeOptions;
use gumshoe_devstack::sqs::{Call, Sqs};
use gumshoe_devstack::stack::{COMMANDS, RESULTS};
use gumshoe_proto::bridge::v1::{Command, EndStatus, Query, query, result::Kind};
use gumshoe_proto::collector::v1::GetPodRequest;
use gumshoe_proto::envelope::{decode_result, encode_command};

use crate::setup::Setup;

/// More than a command takes on a slow machine, where thousands wait before it.
const DEADLINE: Duration = Duration::from_secs(600);

/// The server, and how a bridge is started that works on its queues.
pub(crate) struct Queues {
    pub(crate) bridge_options: BridgeOptions,
    sqs: Sqs,
}

impl Queues {
    pub(crate) async fn start(setup: &Setup, collector: SocketAddr) -> anyhow::Result<Self> {
        let sqs = Sqs::start(&[COMMANDS, RESULTS]).await?;
        let bridge_options = BridgeOptions {
            command_queue: sqs.queue_url(COMMANDS),
            result_queues: vec![("default".to_owned(), sqs.queue_url(RESULTS))],
            collectors: vec![("default".to_owned(), format!("https://{collector}"))],
            certificates: setup.certificates.clone(),
            // It ends only after the receive call that is under way.
            environment: [sqs.environment(), vec![("GUMSHOE_RECEIVE_WAIT".to_owned(), "1".to_owned())]].concat(),
            arguments: Vec::new(),
        };
        Ok(Self { bridge_options, sqs })
    }

    /// Asks for a pod, and says how long it was from the moment when the command was accepted by the queue to that when its
    /// `End` was.
    pub(crate) async fn get_pod(&self, request: GetPodRequest) -> anyhow::Result<Duration> {
        let (id, body) = command(query::Request::GetPod(request));
        let began = Instant::now();
        self.sqs.send(COMMANDS, body).await?;
        let since = |call: &Call| call.answered.filter(|&answered| answered >= began);
        let sent = self.sqs.saw("the command is in its queue", |call| {
            call.queue == COMMANDS && is_send(call) && since(call).is_some()
        });
        let ended = self
            .sqs
            .saw("the End is in its queue", |call| call.queue == RESULTS && since(call).is_some() && ends(call, &id));
        let (sent, ended) = (sent.await?, ended.await?);
        let (sent, ended) = (sent.answered.context("answered")?, ended.answered.context("answered")?);
        ensure!(ended > sent, "the End came before its command");
        Ok(ended - sent)
    }
}

/// A command that asks this: its id, and its message.
pub(crate) fn command(request: query::Request) -> (String, String) {
    let id = ulid::Ulid::generate().to_string();
    let query = Query { id: "query".into(), request: Some(request), ..Query::default() };
    let command = Command {
        id: id.clone(),
        investigation_id: "bench".into(),
        deadline: Some((SystemTime::now() + DEADLINE).into()),
        queries: vec![query],
        ..Command::default()
    };
    (id, encode_command(&command, jiff::Timestamp::now()))
}

fn is_send(call: &Call) -> bool {
    call.operation.starts_with("SendMessage")
}

/// Whether a call sends the successful `End` of this command.
fn ends(call: &Call, command: &str) -> bool {
    let entries = call.input["Entries"].as_array().map_or(std::slice::from_ref(&call.input), Vec::as_slice);
    is_send(call)
        && entries.iter().filter_map(|entry| decode_result(entry["MessageBody"].as_str()?).ok()).any(|result| {
            result.command_id == command
                && matches!(result.kind, Some(Kind::End(end)) if end.status() == EndStatus::Succeeded)
        })
}
