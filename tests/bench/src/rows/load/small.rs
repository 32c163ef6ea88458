//! Commands that ask for one pod each: how many a second, and how long one takes at half that rate.

use std::time::{Duration, Instant, SystemTime};

use anyhow::ensure;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use gumshoe_devstack::stack::{COMMANDS, Stack};
use gumshoe_proto::bridge::v1::query::Request;
use tokio::task::JoinSet;

use super::rig::{Rig, a_pod};
use crate::pairs::percentile;
use crate::processor::time_of;
use crate::queues::command;
use crate::report::{Bar, Report, Row};

const A_SECOND: f64 = 300.0;
/// What a command may cost more than the call itself, at half of that rate.
const MILLISECONDS_MORE: f64 = 60.0;
/// Commands that wait when the bridge begins: more than it answers in the warm-up and the window.
const BACKLOG: usize = 30_000;
/// Answers before those that count.
const WARM_UP: usize = 1_000;
/// The most that one call takes.
const BATCH: usize = 10;
const WINDOW: Duration = Duration::from_secs(10);
/// How long commands come at half the rate, the first tenth of which does not count.
const STEADY: Duration = Duration::from_secs(20);
/// Between calls straight to the collector meanwhile.
const STRAIGHT_EVERY: Duration = Duration::from_millis(100);

pub(super) async fn measure(rig: &Rig, report: &mut Report) -> anyhow::Result<()> {
    let rate = sustained(rig, report).await?;
    latency(rig, rate / 2.0, report).await
}

/// How many commands are answered in a second while more of them wait.
#[allow(clippy::cast_precision_loss)]
async fn sustained(rig: &Rig, report: &mut Report) -> anyhow::Result<f64> {
    rig.answers.reach(WARM_UP).await?;
    let (from, began, cpu) = (rig.answers.count(), Instant::now(), time_of(rig.bridge.pid())?);
    tokio::time::sleep(WINDOW).await;
    let (answered, took) = (rig.answers.count() - from, began.elapsed());
    let cpu = time_of(rig.bridge.pid())? - cpu;
    ensure!(rig.answers.failed() == 0, "{} commands failed", rig.answers.failed());
    ensure!(rig.stack.sqs.holds(COMMANDS).await? > 0, "the bridge was faster than {BACKLOG} commands last for");
    let rate = answered as f64 / took.as_secs_f64();
    let note = format!(
        "the bridge uses {:.0} % of its core, {:.2} ms a command",
        cpu.as_secs_f64() / took.as_secs_f64() * 100.0,
        cpu.as_secs_f64() * 1000.0 / answered as f64
    );
    report.add(Row::new("commands with one GetPod, sustained", rate, None, "1/s", Bar::AtLeast(A_SECOND)), note);
    let (client, url) = (rig.stack.sqs.client(), rig.stack.sqs.queue_url(COMMANDS));
    client.purge_queue().queue_url(url).send().await?;
    Ok(rate)
}

/// Puts commands into the queue, before there is a bridge.
pub(super) async fn fill(stack: &Stack) -> anyhow::Result<()> {
    let (client, url) = (stack.sqs.client(), stack.sqs.queue_url(COMMANDS));
    for _ in 0..BACKLOG / BATCH {
        let entry = |id: usize| {
            let (_, body) = command(Request::GetPod(a_pod()));
            SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body).build()
        };
        let entries = (0..BATCH).map(entry).collect::<Result<_, _>>()?;
        client.send_message_batch().queue_url(&url).set_entries(Some(entries)).send().await?;
    }
    Ok(())
}

/// How long a command takes from the moment when SQS has acknowledged it to that when SQS takes its `End`. Commands come by the clock,
/// however long those before them take.
async fn latency(rig: &Rig, rate: f64, report: &mut Report) -> anyhow::Result<()> {
    let commands = send_steadily(rig, rate);
    let (commands, straight) = tokio::try_join!(commands, call_straight(rig))?;
    let mut latencies = Vec::new();
    for (id, acknowledged) in &commands {
        let ended = rig.answers.ended(id).await?;
        latencies.push(ended.at.duration_since(*acknowledged).unwrap_or_default());
    }
    let latencies = &latencies[latencies.len() / 10..];
    let peer = percentile(&straight, 50) * 1000.0;
    for (percent, bar) in [(50, Bar::None), (99, Bar::More(MILLISECONDS_MORE))] {
        let name = format!("such a command at {rate:.0} a second, p{percent}");
        let ours = percentile(latencies, percent) * 1000.0;
        report.add(Row::new(name, ours, Some(peer), "ms", bar), "the peer is the same call over gRPC meanwhile, p50");
    }
    Ok(())
}

/// Sends commands by the clock; gives their ids and when each was acknowledged.
async fn send_steadily(rig: &Rig, rate: f64) -> anyhow::Result<Vec<(String, SystemTime)>> {
    let began = Instant::now();
    let mut clock = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    let (mut sends, mut sent) = (JoinSet::new(), Vec::new());
    while began.elapsed() < STEADY {
        clock.tick().await;
        let (id, body) = command(Request::GetPod(a_pod()));
        let (client, url) = (rig.stack.sqs.client(), rig.stack.sqs.queue_url(COMMANDS));
        let call = client.send_message().queue_url(url).message_body(body);
        sends.spawn(async move { call.send().await.map(|_| (id, SystemTime::now())) });
        while let Some(done) = sends.try_join_next() {
            sent.push(done??);
        }
    }
    while let Some(done) = sends.join_next().await {
        sent.push(done??);
    }
    let achieved = sent.len() as f64 / began.elapsed().as_secs_f64();
    ensure!(achieved > 0.95 * rate, "only {achieved:.0} commands a second could be sent, not {rate:.0}");
    Ok(sent)
}

/// Calls the collector itself now and then; says how long each call took.
async fn call_straight(rig: &Rig) -> anyhow::Result<Vec<Duration>> {
    let mut clock = tokio::time::interval(STRAIGHT_EVERY);
    let (began, mut took) = (Instant::now(), Vec::new());
    while began.elapsed() < STEADY {
        clock.tick().await;
        let called = Instant::now();
        rig.client.get_pod(a_pod()).await?;
        took.push(called.elapsed());
    }
    Ok(took)
}
