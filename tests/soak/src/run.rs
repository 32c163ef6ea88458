//! One run: the parts, the commands, the faults, and the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use aws_sdk_sqs::types::QueueAttributeName;
use clap::ValueEnum as _;
use fastrand::Rng;
use gumshoe_devstack::proxy::Proxy;
use gumshoe_devstack::sqs::Server;
use gumshoe_devstack::stack::{COMMANDS, RESULTS, Stack};
use gumshoe_proto::bridge::v1::Command;
use gumshoe_proto::envelope::encode_command;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::chaos;
use crate::plan::{Ask, Plan};
use crate::processes::Processes;
use crate::reader::{Asked, query_id};
use crate::report::Report;

/// A command may be received by bridges that are killed, again and again: that it is given up for that is not what is asked here.
const MAX_RECEIVE_COUNT: u32 = 100;
const DEAD_LETTERS: &str = "gumshoe-dead-letters";
/// The shortest lease that the bridge takes: for so long waits what a bridge had that was killed.
const LEASE: &str = "45";
/// Of the commands; longer than any soak.
const DEADLINE: Duration = Duration::from_secs(3600);
/// Of a hundred commands, so many are sent twice.
const SENT_TWICE: u8 = 5;
/// Where no room comes for another command for so long, the soak ends, and what is open is lost.
const PATIENCE: Duration = Duration::from_secs(240);
/// Between two lines on how far it is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What is to be done.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "gumshoe-soak", about = "Many commands while everything fails", max_term_width = 120)]
pub struct Options {
    /// Which SQS server is behind the faults [default: one after the other]
    #[arg(long)]
    pub server: Option<Server>,
    /// Commands in all
    #[arg(long, default_value_t = 1000)]
    pub commands: usize,
    /// Of them, so many in the queue or in work at one time
    #[arg(long, default_value_t = 24)]
    pub at_once: usize,
    /// Bytes of the largest log; sizes are log-uniform from 1 KiB
    #[arg(long, default_value_t = 20 << 20)]
    pub largest: u64,
    /// Seconds between two kills, half as many more or less
    #[arg(long, default_value_t = 5)]
    pub kill_every: u64,
    /// What the random numbers begin with [default: another one each time]
    #[arg(long)]
    pub seed: Option<u64>,
}

impl Options {
    /// The servers to run on, one after the other.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        self.server.as_ref().map_or(Server::value_variants(), std::slice::from_ref)
    }
}

/// Sends the commands and awaits their answers, while all kinds of things go wrong. `tell` hears how far it is.
///
/// # Errors
/// A part does not come up. What goes wrong with commands is in the report.
pub async fn soak(options: &Options, server: Server, tell: &mut dyn FnMut(String)) -> anyhow::Result<Report> {
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    tell(format!(
        "{server:?}: seed {seed}; two bridges with a lease of {LEASE} s, maxReceiveCount {MAX_RECEIVE_COUNT}, a kill every {} s",
        options.kill_every
    ));
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::of(options.largest, &mut rng)?;
    let stack = Stack::of(plan.shop.clone()).sqs_server(server).bridge_arguments(&["--visibility-timeout", LEASE]);
    let mut stack = stack.start_without_bridge().await?;
    give_up_late(&stack).await?;
    stack.sqs.forget_calls();
    let proxy = Proxy::to(stack.collector_address()).await?;
    for (_, origin) in &mut stack.bridge_options.collectors {
        *origin = format!("https://{}", proxy.address());
    }
    let mut processes = Processes::of(&mut stack)?;
    let (asked, faults) = (Asked::of(&plan), AtomicUsize::default());
    let receiving = || asked.receive(&stack.sqs);
    let telling = async {
        loop {
            sleep(TELL_EVERY).await;
            tell(format!("{} of {} answered, {} MiB", asked.answered(), options.commands, asked.bytes() >> 20));
        }
    };
    tokio::select! {
        sent = send_all(options, &plan, &asked, &stack, rng.fork()) => sent?,
        () = chaos::faults(&stack.sqs, &stack.replay, rng.fork(), |struck| _ = faults.fetch_add(struck, Ordering::Relaxed)) => {}
        () = chaos::connections(&proxy, rng.fork()) => {}
        failed = chaos::redeliveries(&stack.sqs, rng.fork()) => failed?,
        failed = processes.kill(options.kill_every, &stack, rng.fork()) => failed?,
        _ = async { tokio::join!(receiving(), receiving(), receiving(), receiving()) } => {}
        () = telling => {}
    }
    let (report, wrong) = asked.report();
    wrong.into_iter().for_each(&mut *tell);
    let (collector_kills, bridge_kills) = processes.kills();
    let sent = stack.sqs.messages_taken(RESULTS);
    let report = Report { sent, collector_kills, bridge_kills, faults: faults.into_inner(), ..report };
    tell(format!(
        "{bridge_kills} kills of a bridge, {collector_kills} of the collector, {} faults that struck, {} MiB of results",
        report.faults,
        report.bytes >> 20
    ));
    Ok(report)
}

async fn give_up_late(stack: &Stack) -> anyhow::Result<()> {
    stack.sqs.create_queue(DEAD_LETTERS, []).await?;
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{DEAD_LETTERS}");
    let policy = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{MAX_RECEIVE_COUNT}}}"#);
    let call = stack.sqs.client().set_queue_attributes().queue_url(stack.sqs.queue_url(COMMANDS));
    call.attributes(QueueAttributeName::RedrivePolicy, policy).send().await.context("give the queue dead letters")?;
    Ok(())
}

/// Sends all commands, and waits until all are answered or no more answers come.
async fn send_all(
    options: &Options,
    plan: &Plan,
    asked: &Asked<'_>,
    stack: &Stack,
    mut rng: Rng,
) -> anyhow::Result<()> {
    let room = Arc::new(Semaphore::new(options.at_once));
    for number in 0..options.commands {
        let Ok(permit) = timeout(PATIENCE, room.clone().acquire_owned()).await else { return Ok(()) };
        let asks = plan.asks(&mut rng);
        let command = command(number, &asks);
        asked.add(&command.id, asks, permit?);
        let body = encode_command(&command, jiff::Timestamp::now());
        let times = if rng.u8(..100) < SENT_TWICE { 2 } else { 1 };
        for _ in 0..times {
            stack.sqs.send(COMMANDS, body.clone()).await?;
        }
    }
    for _ in 0..options.at_once {
        match timeout(PATIENCE, room.acquire()).await {
            Ok(permit) => permit?.forget(),
            Err(_elapsed) => return Ok(()),
        }
    }
    Ok(())
}

fn command(number: usize, asks: &[Ask]) -> Command {
    Command {
        id: format!("soak-{number:04}"),
        investigation_id: format!("inv-{}", number % 7),
        deadline: Some((SystemTime::now() + DEADLINE).into()),
        queries: asks.iter().enumerate().map(|(index, ask)| ask.query(query_id(index))).collect(),
        ..Command::default()
    }
}
