//! A command over SQS beside the same call straight over gRPC.

use std::time::Instant;

use gumshoe_proto::collector::v1::GetPodRequest;

use crate::pairs::percentile;
use crate::queues::Queues;
use crate::report::{Bar, Report, Row};
use crate::setup::Setup;

/// What the way over two queues may cost more than the call itself.
const MILLISECONDS_MORE: f64 = 25.0;
/// Commands and calls before those that count.
const WARM_UP: usize = 10;

pub(super) async fn measure(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let collector = setup.collector().await?;
    let queues = Queues::start(setup, collector.address).await?;
    let mut bridge = queues.bridge_options.start(&setup.binaries)?;
    bridge.ready().await?;
    let client = collector.client(setup)?;
    let (namespace, name) = setup.any_pod().await?;
    let request = GetPodRequest { namespace, name, ..Default::default() };
    let (mut over_queues, mut straight) = (Vec::new(), Vec::new());
    for _ in 0..setup.sizes.commands + WARM_UP {
        over_queues.push(queues.get_pod(request.clone()).await?);
        let began = Instant::now();
        client.get_pod(request.clone()).await?;
        straight.push(began.elapsed());
    }
    for (percent, bar) in [(50, Bar::More(MILLISECONDS_MORE)), (99, Bar::None)] {
        let of = |values: &[_]| percentile(&values[WARM_UP..], percent) * 1000.0;
        let name = format!("command with one GetPod over SQS, p{percent}");
        report.add(
            Row::new(name, of(&over_queues), Some(of(&straight)), "ms", bar),
            "the peer is the same call over gRPC",
        );
    }
    bridge.stop().await?;
    collector.process.stop().await?;
    Ok(())
}
