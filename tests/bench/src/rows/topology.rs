//! The topology of one deployment in a namespace of many objects, beside curl of the same requests.

use std::time::Instant;

use gumshoe_devstack::cluster::crowd;
use gumshoe_proto::collector::v1::DiscoverTopologyRequest;

use super::mebibytes;
use crate::memory::peak_of;
use crate::pairs::{median, seconds};
use crate::report::{Bar, Report, Row};
use crate::setup::Setup;

/// Walks that count, and curls beside them.
const WALKS: usize = 20;
/// What a walk may take.
const MILLISECONDS: f64 = 150.0;
/// What the collector may hold more than between walks, in MiB.
const MEBIBYTES_MORE: f64 = 16.0;
/// What it asks for, but for the nodes: each of them by itself.
const LISTS: [(&str, &str); 7] = [
    ("/api/v1", "pods"),
    ("/apis/apps/v1", "replicasets"),
    ("/api/v1", "services"),
    ("/apis/discovery.k8s.io/v1", "endpointslices"),
    ("/apis/networking.k8s.io/v1", "ingresses"),
    ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    ("/api/v1", "persistentvolumeclaims"),
];
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

pub(super) async fn measure(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    setup.cluster.put_up_crowd().await?;
    let collector = setup.collector().await?;
    let client = collector.client(setup)?;
    let request = DiscoverTopologyRequest {
        namespace: crowd::NAMESPACE.into(),
        kind: "Deployment".into(),
        name: crowd::DEPLOYMENT.into(),
        ..DiscoverTopologyRequest::default()
    };
    // The first pays for connections and for what the API server has not yet in memory.
    client.discover_topology(request.clone()).await?;
    let (mut walks, mut curls) = (Vec::new(), Vec::new());
    let idle = mebibytes(collector.process.memory()?.anonymous);
    let walking = async {
        for _ in 0..WALKS {
            let began = Instant::now();
            client.discover_topology(request.clone()).await?;
            walks.push(began.elapsed().as_secs_f64() * 1000.0);
            curls.push(seconds(async || curl(setup).await).await? * 1000.0);
        }
        Ok(())
    };
    let ((), peak) = peak_of(collector.process.pid(), walking).await?;
    let row = Row::new(
        "collector during these walks (RssAnon)",
        mebibytes(peak.anonymous),
        Some(idle),
        "MiB",
        Bar::More(MEBIBYTES_MORE),
    );
    report.add(row, "the peer is itself between them");
    let name = format!("topology of a deployment among {} objects, p50 of {WALKS}", crowd::OBJECTS);
    let row = Row::new(name, median(walks), Some(median(curls)), "ms", Bar::AtMost(MILLISECONDS));
    report.add(row, "the peer is curl of the same lists, one after the other");
    collector.process.stop().await?;
    Ok(())
}

async fn curl(setup: &Setup) -> anyhow::Result<()> {
    let path = |root: &str, plural: &str| format!("{root}/namespaces/{}/{plural}", crowd::NAMESPACE);
    let deployment = format!("{}/{}", path("/apis/apps/v1", "deployments"), crowd::DEPLOYMENT);
    setup.curl.get(&deployment, PROTOBUF).await?;
    for (root, plural) in LISTS {
        setup.curl.get(&path(root, plural), PROTOBUF).await?;
    }
    setup.curl.get(&path("/api/v1", "configmaps"), METADATA).await.map(drop)
}
