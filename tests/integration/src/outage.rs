//! A result queue that is down while the pages of long logs flow.

use std::io::Write as _;
use std::time::Duration;

use gumshoe_devstack::proxy::Proxy;
use gumshoe_devstack::replay::{ContainerId, Shop, synthetic};
use gumshoe_devstack::sqs::{Action, Calls, Fault, Server};
use gumshoe_devstack::stack::{COMMANDS, RESULTS, Stack};
use gumshoe_proto::bridge::v1::EndStatus;
use gumshoe_proto::collector::v1::ReadLogsRequest;
use gumshoe_proto::envelope::encode_command;
use http::StatusCode;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::memory::peak_during;
use crate::{Results, answers, command, read_logs};

/// As many commands as a bridge works on at one time; each reads a log of 3 MiB.
const COMMAND_IDS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const LINES: usize = 750;
const LINE_BYTES: usize = 4 << 10;
/// MiB that may wait for the queue, in all commands together.
const BUFFER: [&str; 2] = ["--result-buffer", "2"];
/// Each of its bytes is there several times, as a page and in a call of the SDK; beside it is what is in the connections, and as much
/// again for the allocator.
const MOST_GROWTH: u64 = 28 << 20;
/// Reading has stopped when nothing was carried for so long.
const STILL: Duration = Duration::from_secs(2);
/// How long that may take to come.
const PATIENCE: Duration = Duration::from_secs(40);

/// The result queue fails from the first page on, until the bridge has stopped reading and `least` is over. Then all of it arrives.
pub async fn is_survived(server: Server, least: Duration) {
    let (pod, log) = (synthetic::pod("shop", "web-0"), synthetic::log_lines((0..LINES).map(text)));
    let shop = Shop::default().pod(&pod).unwrap().log(ContainerId::new("shop", "web-0", "app"), log);
    let mut stack = Stack::of(shop).sqs_server(server).bridge_arguments(&BUFFER).start_without_bridge().await.unwrap();
    let proxy = Proxy::to(stack.collector_address()).await.unwrap();
    stack.bridge_options.collectors[0].1 = format!("https://{}", proxy.address());
    stack.start_bridge().await.unwrap();
    let bridge = stack.bridge.as_ref().unwrap();

    let idle = bridge.memory().unwrap();
    let action = Action::Error { status: StatusCode::SERVICE_UNAVAILABLE, code: "ServiceUnavailable" };
    let matching = Calls::of("SendMessageBatch").on_queue(RESULTS);
    let failed = stack.sqs.faults().push(Fault { matching, times: usize::MAX, action });
    let request = ReadLogsRequest {
        namespace: "shop".to_owned(),
        pod: "web-0".to_owned(),
        whole_log: true,
        ..ReadLogsRequest::default()
    };
    for id in COMMAND_IDS {
        let command = command(id, vec![read_logs("log", request.clone())]);
        stack.sqs.send(COMMANDS, encode_command(&command, jiff::Timestamp::now())).await.unwrap();
    }
    failed.times(1).await.unwrap();
    let down = async {
        let since = Instant::now();
        let read = timeout(PATIENCE, still(&proxy)).await.expect("the bridge stops reading");
        sleep_until(since + least).await;
        (read, proxy.carried_back(), since.elapsed())
    };
    let ((read, read_at_the_end, time), during) = peak_during(bridge, down).await;
    stack.sqs.faults().clear();

    let results = Results { client: stack.sqs.client().clone(), url: stack.sqs.queue_url(RESULTS) };
    let (answers, after) = peak_during(bridge, answers(&results, &COMMAND_IDS)).await;
    for answer in answers {
        assert_eq!((answer.status(), answer.runs), (EndStatus::Succeeded, 1), "{:?}", answer.end());
        let lines = answer.lines("log");
        assert!(lines.len() == LINES && lines.iter().enumerate().all(|(number, line)| line.text == text(number)));
    }
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let _ = writeln!(
        std::io::stderr(),
        "bridge, the result queue down for {time:.1?}: idle {idle}; + {:.1} MiB anonymous while it is, + {:.1} behind it; {:.1} MiB read, {:.1} at the end",
        mebibytes(during.saturating_sub(idle.anonymous)),
        mebibytes(after.saturating_sub(idle.anonymous)),
        mebibytes(read),
        mebibytes(read_at_the_end),
    );
    let half = (COMMAND_IDS.len() * LINES * LINE_BYTES / 2) as u64;
    assert!(read_at_the_end < half, "{read_at_the_end} bytes were read while none could be sent");
    assert!(during.max(after) < idle.anonymous + MOST_GROWTH, "{idle} {during} {after}");
}

fn text(number: usize) -> String {
    format!("{number:0LINE_BYTES$}")
}

/// Awaits the moment when nothing was carried for a while, behind something that was; says how much.
async fn still(proxy: &Proxy) -> u64 {
    let (mut carried, mut since) = (proxy.carried_back(), Instant::now());
    loop {
        sleep(STILL / 20).await;
        let now = proxy.carried_back();
        if now != carried {
            (carried, since) = (now, Instant::now());
        } else if since.elapsed() >= STILL && carried > LINE_BYTES as u64 {
            return carried;
        }
    }
}
