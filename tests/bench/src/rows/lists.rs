//! `ListPods` over all namespaces beside curl and kubectl, and what the collector holds during it.

use gumshoe_proto::collector::v1::ListPodsRequest;

use super::mebibytes;
use crate::memory::{Peak, peak_of};
use crate::pairs::Pairs;
use crate::peers::kubectl;
use crate::report::{Bar, Report, Row};
use crate::setup::Setup;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// Of what takes many seconds: enough for a median.
const FEW_PAIRS: usize = 3;
/// One list after the other, of which the highest peak counts: in a single one it depends on who of server and client happens to be
/// slower.
const LISTS: usize = 5;
/// What the collector may hold more than while idle, in MiB.
const MEBIBYTES_MORE: f64 = 16.0;
/// What counts as the same memory, in MiB: allocators keep pages of their own.
const MEBIBYTES_OF_NOISE: f64 = 2.0;

pub(super) async fn measure(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let few = measure_memory(setup, setup.sizes.few_pods, report).await?;
    let many = measure_memory(setup, setup.sizes.pods, report).await?;
    let name = format!("peak RssAnon at {} pods, beside {}", setup.sizes.pods, setup.sizes.few_pods);
    report.add(Row::new(name, many, Some(few), "MiB", Bar::More(MEBIBYTES_OF_NOISE)), "");
    measure_time(setup, report).await
}

/// Says how much RssAnon was at its peak.
async fn measure_memory(setup: &Setup, pods: usize, report: &mut Report) -> anyhow::Result<f64> {
    setup.cluster.seed(pods).await?;
    let collector = setup.collector().await?;
    let idle = collector.process.memory()?;
    let lists = async {
        for _ in 0..LISTS {
            collector.client(setup)?.list(ListPodsRequest::default()).await?;
        }
        Ok(())
    };
    let ((), Peak { resident, anonymous }) = peak_of(collector.process.pid(), lists).await?;
    let what = format!("collector during ListPods of {pods}");
    let row =
        |name, ours, idle| Row::new(name, mebibytes(ours), Some(mebibytes(idle)), "MiB", Bar::More(MEBIBYTES_MORE));
    report.add(row(format!("{what} (RssAnon)"), anonymous, idle.anonymous), "the peer is itself idle");
    report.add(row(format!("{what} (RSS, VmHWM)"), resident, idle.resident), "the peer is itself idle");
    collector.process.stop().await?;
    Ok(mebibytes(anonymous))
}

async fn measure_time(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let collector = setup.collector().await?;
    let ours = async || collector.client(setup)?.list(ListPodsRequest::default()).await.map(drop);
    let mut row = |peer: &str, pairs: &Pairs, bar| {
        let name = format!("ListPods of {}, beside {peer}", setup.sizes.pods);
        report.add(
            Row::with_ratio(name, pairs.ours(), Some(pairs.peer()), Some(pairs.ratio()), "s", Bar::Ratio(bar)),
            "",
        );
    };
    let floor = async || setup.curl.get("/api/v1/pods", PROTOBUF).await.map(drop);
    row("curl of protobuf", &Pairs::of(setup.sizes.pairs, ours, floor).await?, 1.3);
    let table = async || kubectl(&setup.cluster, &["get", "pods", "-A"]).await;
    row("kubectl get pods -A", &Pairs::of(FEW_PAIRS, ours, table).await?, 0.2);
    let json = async || kubectl(&setup.cluster, &["get", "pods", "-A", "-o", "json"]).await;
    row("kubectl get pods -A -o json", &Pairs::of(FEW_PAIRS, ours, json).await?, 0.06);
    collector.process.stop().await?;
    Ok(())
}
