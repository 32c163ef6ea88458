//! The whole of a long log beside curl, its newest MiB beside its whole, and what the collector holds meanwhile.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context as _, ensure};
use gumshoe_devstack::cluster::LongLog;
use gumshoe_proto::collector::v1::ReadLogsRequest;

use super::mebibytes;
use crate::client::{Client, whole};
use crate::memory::{Peak, peak_of};
use crate::pairs::{Pairs, seconds};
use crate::report::{Bar, Report, Row};
use crate::setup::Setup;

/// The issue's own number; one pair takes most of a minute.
const PAIRS: usize = 5;
/// What the collector may hold more than while idle, in MiB.
const MEBIBYTES_MORE: f64 = 8.0;
const NEWEST: i64 = 1024 * 1024;

pub(super) async fn measure(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("writing a log of {} lines", setup.sizes.log_lines);
    let log = setup.cluster.write_long_log(setup.sizes.log_lines).await?;
    let collector = setup.collector().await?;
    let client = collector.client(setup)?;
    let idle = collector.process.memory()?;
    let (read, Peak { resident, anonymous }) = peak_of(collector.process.pid(), read_whole(&client, &log)).await?;
    let expected = Some(real(log.lines));
    report.add(Row::new("lines of the whole log", real(read), expected, "lines", Bar::Same), "");
    let row =
        |name, ours, idle| Row::new(name, mebibytes(ours), Some(mebibytes(idle)), "MiB", Bar::More(MEBIBYTES_MORE));
    let itself = "the peer is itself idle";
    report.add(row("collector during ReadLogs of it (RssAnon)", anonymous, idle.anonymous), itself);
    report.add(row("collector during ReadLogs of it (RSS, VmHWM)", resident, idle.resident), itself);
    measure_time(setup, &client, &log, report).await?;
    measure_newest(&client, &log, report).await?;
    collector.process.stop().await?;
    Ok(())
}

async fn measure_time(setup: &Setup, client: &Client, log: &LongLog, report: &mut Report) -> anyhow::Result<()> {
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?container={}&timestamps=true",
        log.namespace, log.pod, log.container
    );
    let (mut beside_curl, mut beside_whole) = (Pairs::default(), Pairs::default());
    for pair in 0..PAIRS {
        let peer = async || setup.curl.get(&path, "*/*").await.map(drop);
        let ours = async || read_whole(client, log).await.map(drop);
        let newest = seconds(async || client.read_logs(newest(log), |_| Ok(())).await.map(drop)).await?;
        // Each goes first in turn, so that neither always finds the file in the page cache as the other left it.
        let (ours, peer) = if pair % 2 == 0 {
            let ours = seconds(ours).await?;
            (ours, seconds(peer).await?)
        } else {
            let peer = seconds(peer).await?;
            (seconds(ours).await?, peer)
        };
        eprintln!("pair {} of {PAIRS}: ours {ours:.2} s, curl {peer:.2} s, newest MiB {newest:.3} s", pair + 1);
        beside_curl.add(ours, peer);
        beside_whole.add(newest, ours);
    }
    let mut row = |name: &str, pairs: &Pairs, bar| {
        report.add(
            Row::with_ratio(name, pairs.ours(), Some(pairs.peer()), Some(pairs.ratio()), "s", Bar::Ratio(bar)),
            "",
        );
    };
    row("ReadLogs of the whole log, beside curl of /log", &beside_curl, 1.15);
    row("ReadLogs of its newest MiB, beside its whole", &beside_whole, 0.1);
    Ok(())
}

/// Says how many lines there were.
async fn read_whole(client: &Client, log: &LongLog) -> anyhow::Result<u64> {
    let request = ReadLogsRequest { whole_log: true, ..request(log) };
    let (read, end) = client.read_logs(request, |_| Ok(())).await?;
    whole(Some(end), read.items)?;
    Ok(read.items)
}

/// The newest MiB against the end of the file, to the byte.
async fn measure_newest(client: &Client, log: &LongLog, report: &mut Report) -> anyhow::Result<()> {
    let mut text = Vec::new();
    let (read, _) = client
        .read_logs(newest(log), |line| {
            text.extend_from_slice(&line.text);
            text.push(b'\n');
            Ok(())
        })
        .await?;
    let file = end_of_file(&log.file, 4 * NEWEST)?;
    ensure!(file.len() > text.len(), "the end of the file that was read is too short to compare with");
    let first = file.len() - text.len();
    let (line, equal) =
        (file[..first].iter().rev().skip(1).take_while(|&&byte| byte != b'\n').count() + 1, file[first..] == text);
    let equal = if equal { read.bytes } else { 0 };
    report.add(
        Row::new(
            "bytes of the newest MiB that are the end of the file",
            real(equal),
            Some(real(text.len())),
            "bytes",
            Bar::Same,
        ),
        "",
    );
    // One line more would be too much.
    let least = real(NEWEST) - real(line);
    let all = text.len() <= usize::try_from(NEWEST)? && real(text.len()) > least;
    report.add(
        Row::new("the newest MiB is as many whole lines as fit", f64::from(u8::from(all)), Some(1.0), "", Bar::Same),
        "",
    );
    Ok(())
}

/// The texts at the end of a file in the format of the container runtimes: `<time> <stream> F <text>`.
fn end_of_file(path: &Path, bytes: i64) -> anyhow::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
    let length = i64::try_from(file.metadata()?.len())?;
    file.seek(SeekFrom::End(-bytes.min(length)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let mut text = Vec::new();
    // The first line may be half of one.
    for line in end.split_inclusive(|&byte| byte == b'\n').skip(1) {
        text.extend(line.splitn(4, |&byte| byte == b' ').nth(3).context("a line with a text")?);
    }
    Ok(text)
}

fn newest(log: &LongLog) -> ReadLogsRequest {
    ReadLogsRequest { newest_bytes: Some(NEWEST), ..request(log) }
}

fn request(log: &LongLog) -> ReadLogsRequest {
    let (namespace, pod) = (log.namespace.to_owned(), log.pod.to_owned());
    ReadLogsRequest { namespace, pod, containers: vec![log.container.to_owned()], ..ReadLogsRequest::default() }
}

/// For the table.
fn real(number: impl TryInto<i64>) -> f64 {
    number.try_into().map_or(f64::NAN, |number: i64| number as f64)
}
