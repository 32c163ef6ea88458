//! The logs of many pods in the order of time, beside stern on the same pods.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use gumshoe_proto::collector::v1::ReadLogsRequest;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::mebibytes;
use crate::client::whole;
use crate::memory::peak_of;
use crate::pairs::Pairs;
use crate::report::{Bar, Report, Row};
use crate::setup::Setup;

const NAMESPACE: &str = "bench-logs";
const APP: &str = "chorus";
const PODS: usize = 20;
const PAIRS: usize = 5;
/// One after the other, of which the highest peak counts.
const READS: usize = 3;
/// What the collector may hold more than while idle, in MiB.
const MEBIBYTES_MORE: f64 = 16.0;
/// Of a log without a bound the newest bytes are held until it is known which those are: of all logs of a call 32 MiB.
const MEBIBYTES_MORE_NEWEST: f64 = 32.0 + MEBIBYTES_MORE;

pub(super) async fn measure(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let lines = setup.sizes.merged_lines;
    setup.cluster.write_logs(NAMESPACE, APP, PODS, lines).await?;
    let collector = setup.collector().await?;
    let request = ReadLogsRequest {
        namespace: NAMESPACE.to_owned(),
        label_selector: format!("app={APP}"),
        whole_log: true,
        ..ReadLogsRequest::default()
    };
    let ours = async || {
        let (mut latest, mut late) = (None, 0_u64);
        let client = collector.client(setup)?;
        let (read, end) = client
            .read_logs(request.clone(), |line| {
                let time = line.timestamp.map(|time| (time.seconds, time.nanos));
                late += u64::from(time < latest);
                latest = latest.max(time);
                Ok(())
            })
            .await?;
        whole(Some(end), read.items)?;
        ensure!(read.items == (PODS * lines) as u64, "{} lines of {PODS} times {lines}", read.items);
        anyhow::Ok(late)
    };
    let stern = async || stern(setup).await;
    let all = (PODS * lines) as f64;
    let (late, (said, stern_late)) = (ours().await?, stern().await?);
    let name = format!("lines of {PODS} logs that come before an earlier one");
    report.add(Row::new(name, late as f64, Some(stern_late as f64), "lines", Bar::AtMost(0.0)), "the peer is stern");
    let name = format!("lines that stern says of {PODS} logs, beside all");
    report.add(Row::new(name, said as f64, Some(all), "lines", Bar::Same), "both do the same work");
    let pairs = Pairs::of(PAIRS, async || ours().await.map(drop), async || stern().await.map(drop)).await?;
    let name = format!("{PODS} logs in the order of time, beside stern");
    let row = Row::with_ratio(name, pairs.ours(), Some(pairs.peer()), Some(pairs.ratio()), "s", Bar::Ratio(1.0));
    report.add(row, "");
    collector.process.stop().await?;
    let newest = ReadLogsRequest { whole_log: false, ..request.clone() };
    measure_memory(setup, "whole", request, MEBIBYTES_MORE, report).await?;
    measure_memory(setup, "the newest of", newest, MEBIBYTES_MORE_NEWEST, report).await
}

/// Says what the collector holds at its peak.
async fn measure_memory(
    setup: &Setup,
    what: &str,
    request: ReadLogsRequest,
    more: f64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let collector = setup.collector().await?;
    let idle = mebibytes(collector.process.memory()?.anonymous);
    let read = async {
        for _ in 0..READS {
            collector.client(setup)?.read_logs(request.clone(), |_| Ok(())).await?;
        }
        Ok(())
    };
    let ((), peak) = peak_of(collector.process.pid(), read).await?;
    let name = format!("collector during {what} {PODS} logs (RssAnon)");
    let row = Row::new(name, mebibytes(peak.anonymous), Some(idle), "MiB", Bar::More(more));
    report.add(row, "the peer is itself idle");
    collector.process.stop().await?;
    Ok(())
}

/// Says how many lines came, and how many of them after a later one.
async fn stern(setup: &Setup) -> anyhow::Result<(u64, u64)> {
    let mut command = Command::new(setup.cluster.tools().program("stern")?);
    command.arg("--kubeconfig").arg(setup.cluster.kubeconfig()?);
    command.args([
        "--namespace",
        NAMESPACE,
        "--selector",
        &format!("app={APP}"),
        "--no-follow",
        "--timestamps=default",
    ]);
    // It reads five logs at one time where it is not told otherwise.
    command.args(["--since=24h", "--tail=-1", "--max-log-requests=50", "--color=never", "--template={{.Message}}\n"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().context("run stern")?;
    let mut output = BufReader::with_capacity(1 << 20, child.stdout.take().context("a pipe that was asked for")?);
    let (mut count, mut late, mut latest, mut line) = (0, 0, Vec::new(), Vec::new());
    while output.read_until(b'\n', &mut line).await? > 0 {
        // Times of one offset and the same digits are in the order of their bytes.
        let time = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        count += 1;
        if time < latest.as_slice() {
            late += 1;
        } else {
            latest = time.to_vec();
        }
        line.clear();
    }
    ensure!(child.wait().await?.success(), "stern failed");
    Ok((count, late))
}
