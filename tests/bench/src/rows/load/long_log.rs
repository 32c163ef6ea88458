//! A long log by way of the bridge, beside what its parts take: a gRPC client that drains it, and the SDK, which sends as many bytes of
//! results side by side.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use gumshoe_devstack::stack::{COMMANDS, RESULTS};
use gumshoe_proto::bridge::v1::query::Request;

use super::rig::{Rig, the_log};
use crate::client::whole;
use crate::pairs::{Pairs, median, seconds};
use crate::processor::time_of;
use crate::queues::command;
use crate::report::{Bar, Report, Row};

const PAIRS: usize = 3;
/// Bytes of results a second are to be at least 0.8 times the peer's, so the time is at most so many times its time.
const TIMES: f64 = 1.0 / 0.8;
/// The bytes that one call takes.
const BATCH_BYTES: usize = 1024 * 1024;
/// Calls of the peer at one time, as many as the bridge makes.
const CALLS: usize = 4;

pub(super) async fn measure(rig: &Rig, report: &mut Report) -> anyhow::Result<()> {
    let bytes = over_queue(rig).await?;
    let page = rig.answers.page()?;
    let (mut pairs, mut used) = (Pairs::default(), Vec::new());
    for pair in 1..=PAIRS {
        let before = time_of(rig.bridge.pid())?;
        let ours = seconds(async || over_queue(rig).await.map(drop)).await?;
        used.push((time_of(rig.bridge.pid())? - before).as_secs_f64());
        let peer = seconds(async || tokio::try_join!(drain(rig), send(rig, &page, bytes)).map(drop)).await?;
        eprintln!("pair {pair} of {PAIRS}: ours {ours:.2} s, the parts {peer:.2} s");
        pairs.add(ours, peer);
    }
    report.add(
        Row::with_ratio(
            "100 MB of log to the result queue, beside SDK and gRPC",
            pairs.ours(),
            Some(pairs.peer()),
            Some(pairs.ratio()),
            "s",
            Bar::Ratio(TIMES),
        ),
        format!("{} MB of results, for which the bridge needs {:.1} s of its core", bytes / 1_000_000, median(used)),
    );
    Ok(())
}

/// Says how many bytes of pages there were.
async fn over_queue(rig: &Rig) -> anyhow::Result<u64> {
    let (id, body) = command(Request::ReadLogs(the_log()));
    rig.stack.sqs.send(COMMANDS, body).await?;
    Ok(rig.answers.ended(&id).await?.end.bytes)
}

async fn drain(rig: &Rig) -> anyhow::Result<()> {
    let (read, end) = rig.client.read_logs(the_log(), |_| Ok(())).await?;
    whole(Some(end), read.items)
}

/// Sends so many bytes of pages in full batches.
async fn send(rig: &Rig, page: &str, bytes: u64) -> anyhow::Result<()> {
    let (client, url) = (rig.stack.sqs.client(), rig.stack.sqs.queue_url(RESULTS));
    let entry = |id: usize| SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(page).build();
    let batch = BATCH_BYTES / page.len();
    let calls = usize::try_from(bytes)?.div_ceil(batch * page.len());
    let call = async |_| {
        let entries = (0..batch).map(entry).collect::<Result<_, _>>()?;
        client.send_message_batch().queue_url(&url).set_entries(Some(entries)).send().await?;
        anyhow::Ok(())
    };
    stream::iter(0..calls).map(call).buffer_unordered(CALLS).try_for_each(|()| async { Ok(()) }).await
}
