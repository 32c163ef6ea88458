//! What both processes need for a whole investigation of a real cluster: sampled and printed, and bounded loosely enough for
//! an unoptimised build.

use std::io::Write;

use gumshoe_integration::{command, list_events, list_pods, read_logs};
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::{ListEventsRequest, ReadLogsRequest};

use crate::queues::Queues;
use crate::support::on_the_bench;

/// Several times what either needs.
const MOST: u64 = 128 << 20;
/// One after the other, so that what is not freed adds up.
const COMMANDS: usize = 5;

#[test]
fn memory_stays_within_bounds_and_is_printed() {
    on_the_bench(async |bench| {
        let queues = Queues::start(bench, "memory").await;
        let sample = || [&queues.collector.process, &queues.bridge].map(|process| process.memory().unwrap());
        let idle = sample();
        for number in 0..COMMANDS {
            let log = ReadLogsRequest {
                namespace: bench.long_log.namespace.to_owned(),
                pod: bench.long_log.pod.to_owned(),
                whole_log: true,
                ..ReadLogsRequest::default()
            };
            let events = list_events("events", ListEventsRequest::default());
            let queries = vec![list_pods("pods", &[]), events, read_logs("log", log)];
            let answer = queues.answer(&command(&format!("cmd-{number}"), queries)).await;
            assert_eq!(answer.status(), EndStatus::Succeeded, "{:?}", answer.end());
        }
        for ((name, idle), after) in ["collector", "bridge"].into_iter().zip(idle).zip(sample()) {
            // Not println: these figures are to be seen, and the harness shows nothing of a test that passes.
            let _ = writeln!(std::io::stderr(), "{name}: idle {idle}; after {COMMANDS} commands {after}");
            assert!(after.peak < MOST, "{name}: {after}");
        }
    });
}
